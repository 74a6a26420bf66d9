using System.Buffers.Binary;
using SeqRuntime.Format;

namespace SeqRuntime.Sessions.Planning;

/// <summary>
/// The header of saved states: it identifies the graph, the model and the sizes, so that other states are refused. A model is
/// identified by its weights and graphs: converting the same source with other options gives another model.
/// </summary>
internal readonly struct StateMark(ulong graph, ulong sizes)
{
    public const int Bytes = 2 * sizeof(ulong);

    /// <summary>The mark of a plan's states at its current sizes. The number of steps of growing states does not count. Allocates nothing.</summary>
    public static StateMark Of(GraphPlan plan)
    {
        var sizes = SplitMix.Add(0, (ulong)plan.StateBytes);
        var states = plan.Graph.States;
        for (var i = 0; i < states.Length; i++)
        {
            sizes = SplitMix.Add(sizes, (ulong)plan.StateOffset(i));
            var shape = plan.Values[states[i].Value].Shape;
            for (var axis = 0; axis < shape.Rank; axis++) sizes = SplitMix.Add(sizes, (ulong)(axis == plan.Caches.Axes[i] ? plan.MaxSizes[plan.Caches.SymbolOf(i)] : shape[axis]));
        }

        return new StateMark(plan.Graph.Mark, sizes);
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, graph);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[sizeof(ulong)..], sizes);
    }

    /// <param name="source">Saved states.</param>
    /// <param name="name">Name of the expected graph.</param>
    /// <exception cref="ArgumentException">The states are of another graph, model or size.</exception>
    public void Check(ReadOnlySpan<byte> source, string name)
    {
        if (BinaryPrimitives.ReadUInt64LittleEndian(source) != graph) throw SessionError.StateOfAnother(name);
        if (BinaryPrimitives.ReadUInt64LittleEndian(source[sizeof(ulong)..]) != sizes) throw SessionError.StateOfOtherSizes(name);
    }
}
