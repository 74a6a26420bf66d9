using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Planning;

/// <summary>Finds the nodes whose scratch already holds what they would prepare: no node between them and the one that prepared it uses scratch.</summary>
internal static class SharedPreparation
{
    /// <summary>Marks such nodes.</summary>
    /// <param name="steps">The nodes of a run, in order, all with the same scratch.</param>
    public static void Mark(IEnumerable<(Operator Operator, NodeContext Context)> steps)
    {
        (Operator Operator, NodeContext Context)? last = null;
        foreach (var step in steps)
        {
            if (last is { } before && before.Operator.GetType() == step.Operator.GetType()) step.Context.IsPrepared = step.Operator.SharesPreparation(before.Context, step.Context);
            if (step.Operator.ScratchBytes(step.Context) > 0) last = step;
        }
    }
}
