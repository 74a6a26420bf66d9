using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>Reports inputs and states that no output depends on any more because the conversion resolved their readers.</summary>
internal static class UnreadInputs
{
    public static void Tell(IrGraph graph, List<string> notes)
    {
        var read = graph.Readers();
        foreach (var port in graph.Inputs.Where(i => !read.ContainsKey(i.Value))) notes.Add($"input '{port.Name}' has no effect: nothing reads it");
        foreach (var state in graph.States.Where(s => !read.ContainsKey(s.Value))) notes.Add($"state '{state.Name}' has no effect: nothing reads it");
    }
}
