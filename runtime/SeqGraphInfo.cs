using System.Globalization;

namespace SeqRuntime;

/// <summary>What a graph takes, gives and keeps, as its file declares it (<see cref="SeqModel.Graphs"/>).</summary>
public sealed class SeqGraphInfo
{
    internal SeqGraphInfo(string name, IReadOnlyList<SeqPortInfo> inputs, IReadOnlyList<SeqPortInfo> outputs, IReadOnlyList<SeqPortInfo> states, IReadOnlyList<string> symbols) =>
        (Name, Inputs, Outputs, States, Symbols) = (name, inputs, outputs, states, symbols);

    /// <summary>The graph's name: <c>main</c>, <c>encoder</c> …</summary>
    public string Name { get; }

    /// <summary>Values that the caller sets.</summary>
    public IReadOnlyList<SeqPortInfo> Inputs { get; }

    /// <summary>Values that the caller reads. A file does not declare the type and shape of what a graph computes; a session knows them (<see cref="SeqSession.Outputs"/>).</summary>
    public IReadOnlyList<SeqPortInfo> Outputs { get; }

    /// <summary>Values that a session keeps from run to run.</summary>
    public IReadOnlyList<SeqPortInfo> States { get; }

    /// <summary>Names of the symbolic dimensions.</summary>
    public IReadOnlyList<string> Symbols { get; }

    /// <summary>The graph's name.</summary>
    public override string ToString() => Name;
}

/// <summary>An input, output or state as a graph's file declares it. What it is in a session, at the current sizes, <see cref="SeqPort"/> says.</summary>
public sealed class SeqPortInfo
{
    internal SeqPortInfo(string name, int index, ElementType? type, IReadOnlyList<SeqDimension>? dimensions) =>
        (Name, Index, Type, Dimensions) = (name, index, type, dimensions);

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its place in the list of inputs, outputs or states, from 0.</summary>
    public int Index { get; }

    /// <summary>Type of its elements; null for an output whose type only a session knows. Inputs and states always have one.</summary>
    public ElementType? Type { get; }

    /// <summary>Its dimensions, outermost first; null for an output whose shape only a session knows. Inputs and states always have them.</summary>
    public IReadOnlyList<SeqDimension>? Dimensions { get; }

    /// <summary>Name, type and dimensions: <c>x Float32 [1, T]</c>.</summary>
    public override string ToString() => Dimensions is null ? Name : $"{Name} {Type} [{string.Join(", ", Dimensions)}]";
}

/// <summary>One dimension: a fixed size, or a symbol whose size each session sets.</summary>
public readonly record struct SeqDimension
{
    internal SeqDimension(int size) => Size = size;

    internal SeqDimension(string symbol) => Symbol = symbol;

    /// <summary>The size; null for a symbol.</summary>
    public int? Size { get; }

    /// <summary>The symbol's name; null for a fixed size.</summary>
    public string? Symbol { get; }

    /// <summary>The size as a number, or the symbol's name.</summary>
    public override string ToString() => Symbol ?? Size?.ToString(CultureInfo.InvariantCulture) ?? "";
}
