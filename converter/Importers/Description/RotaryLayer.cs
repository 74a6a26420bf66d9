using System.Globalization;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// Rotary positions: in each head of [N, T, heads · D], the pair i of step p is turned by the angle p · base^(-2i / D). Pairs are the elements
/// i and i + D/2 (Llama, GPT-NeoX), or 2i and 2i + 1 with <c>interleaved</c> (GPT-J). Su et al. 2021, arXiv:2104.09864.
/// </summary>
internal sealed record RotaryLayer : UnaryLayer
{
    public required int Heads { get; init; }

    public float Base { get; set; } = 10000;

    public bool Interleaved { get; set; }

    /// <summary>The value with the position of the first step: a number, or one for each sequence. Zero if omitted.</summary>
    public string? Position { get; set; }

    public override void Emit(GraphComposer graph) => graph.Op("Identity", [new Rotation(Base, Interleaved).Turn(graph, graph.Read(Input), Heads, Position, width: null)], Output);
}

/// <summary>The turning of queries and keys by their positions.</summary>
/// <param name="Base">The base of the frequencies.</param>
/// <param name="IsInterleaved">Whether neighbours are pairs.</param>
internal sealed record Rotation(float Base, bool IsInterleaved)
{
    /// <summary>The turned value, in its shape [N, T, heads · D].</summary>
    /// <param name="graph">Receives the nodes.</param>
    /// <param name="x">The value.</param>
    /// <param name="heads">Its heads.</param>
    /// <param name="position">The position of the first step, or null for zero.</param>
    /// <param name="width">D, if it is known.</param>
    public string Turn(GraphComposer graph, string x, int heads, string? position, int? width)
    {
        if (!(Base > 0) || !float.IsFinite(Base)) throw graph.Fault($"the base of its rotary positions is {Base.ToString(CultureInfo.InvariantCulture)}; it must be a number above 0");
        if (heads < 1) throw graph.Fault($"heads is {heads}; it must be at least 1");
        if (width is { } odd && odd % 2 != 0) throw graph.Fault($"its heads have {odd} elements, which are not pairs");
        var places = graph.Op("Cast", [graph.Unsqueeze(graph.Places(x, 1), 0)], ("to", 1L));
        if (position is not null) places = graph.Op("Add", [graph.Op("Reshape", [graph.Op("Cast", [graph.Read(position)], ("to", 1L)), graph.Axes(-1, 1)]), places]);
        // [N, T, 1, 1] times [D/2].
        var angles = graph.Op("Mul", [graph.Op("Unsqueeze", [places, graph.Axes(2, 3)]), Frequencies(graph, x, heads, width)]);
        var (cos, sin) = (graph.Op("Cos", [angles]), graph.Op("Sin", [angles]));
        var axis = IsInterleaved ? 4 : 3;
        var split = graph.Op("Reshape", [x, IsInterleaved ? graph.Axes(0, 0, heads, -1, 2) : graph.Axes(0, 0, heads, 2, -1)]);
        var (left, right) = graph.Halves(split, axis);
        var (a, b) = (graph.Squeeze(left, axis), graph.Squeeze(right, axis));
        var first = graph.Op("Sub", [graph.Op("Mul", [a, cos]), graph.Op("Mul", [b, sin])]);
        var second = graph.Op("Add", [graph.Op("Mul", [b, cos]), graph.Op("Mul", [a, sin])]);
        var joined = graph.Op("Concat", [graph.Unsqueeze(first, axis), graph.Unsqueeze(second, axis)], ("axis", (long)axis));
        return graph.Op("Reshape", [joined, graph.Axes(0, 0, -1)]);
    }

    /// <summary>base^(-2i / D) for each pair i.</summary>
    private string Frequencies(GraphComposer graph, string x, int heads, int? width)
    {
        if (width is { } known) return graph.Constant("frequencies", IrTensor.Of<float>([known / 2], [.. Enumerable.Range(0, known / 2).Select(i => (float)Math.Pow(Base, -2.0 * i / known))]));
        var size = graph.Op("Cast", [graph.Op("Div", [graph.Size(x, 2), graph.Number(heads)])], ("to", 1L));
        var pairs = graph.Op("Cast", [graph.Op("Range", [graph.Number(0), graph.Op("Div", [graph.Size(x, 2), graph.Number(2L * heads)]), graph.Number(1)])], ("to", 1L));
        return graph.Op("Pow", [graph.Scalar(Base), graph.Op("Div", [graph.Op("Mul", [pairs, graph.Scalar(-2)]), size])]);
    }
}
