using System.Buffers.Binary;
using SeqRuntime.Format;

namespace SeqRuntime.Sessions.Planning;

/// <summary>
/// What saved states begin with: which graph of which model they are of, and at which sizes, so that others are refused. A model is
/// told by its weights and graphs: what was converted otherwise from the same source is another.
/// </summary>
internal readonly struct StateMark(ulong graph, ulong sizes)
{
    public const int Bytes = 2 * sizeof(ulong);

    /// <summary>The mark of a plan's states at its current sizes; of a state that grows, however many steps it has. Allocates nothing.</summary>
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
    /// <param name="name">Of the graph that they are to be of.</param>
    /// <exception cref="ArgumentException">They are of others.</exception>
    public void Check(ReadOnlySpan<byte> source, string name)
    {
        if (BinaryPrimitives.ReadUInt64LittleEndian(source) != graph) throw SessionError.StateOfAnother(name);
        if (BinaryPrimitives.ReadUInt64LittleEndian(source[sizeof(ulong)..]) != sizes) throw SessionError.StateOfOtherSizes(name);
    }
}
