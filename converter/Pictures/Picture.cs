namespace SeqRuntime.Converter.Pictures;

/// <summary>What a box of a picture stands for.</summary>
internal enum BoxKind
{
    Input,
    Output,
    State,

    /// <summary>A node without weights, or a chain of such nodes.</summary>
    Plain,

    /// <summary>A node with weights.</summary>
    Weights,

    /// <summary>Several nodes.</summary>
    Group,
}

/// <summary>A box: its lines of text, and where it lies once the picture is laid out.</summary>
/// <param name="kind">What it stands for.</param>
/// <param name="lines">Its text; the first line is the heading.</param>
/// <param name="note">What a pointer over it shows.</param>
internal sealed class Box(BoxKind kind, IReadOnlyList<string> lines, string note)
{
    public BoxKind Kind => kind;

    public IReadOnlyList<string> Lines => lines;

    public string Note => note;

    /// <summary>Left side.</summary>
    public double X { get; set; }

    /// <summary>Upper side.</summary>
    public double Y { get; set; }

    public double Width { get; init; }

    public double Height { get; init; }

    public double Center => X + Width / 2;
}

/// <summary>A line from one box to another.</summary>
/// <param name="From">Index of the first box.</param>
/// <param name="To">Index of the second box.</param>
internal readonly record struct Edge(int From, int To);

/// <summary>A graph to draw: boxes, lines that go forward, and lines that carry states back to the next run.</summary>
/// <param name="Name">Name of the graph.</param>
/// <param name="Boxes">The boxes. Forward lines go to boxes of a higher index.</param>
/// <param name="Edges">The forward lines.</param>
/// <param name="Loops">From the box that computes a state to the state.</param>
internal sealed record Picture(string Name, IReadOnlyList<Box> Boxes, IReadOnlyList<Edge> Edges, IReadOnlyList<Edge> Loops);
