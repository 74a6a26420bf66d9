using System.Globalization;

namespace SeqRuntime;

/// <summary>The inputs, outputs and states of a graph, as its file declares them (<see cref="SeqModel.Graphs"/>).</summary>
public sealed class SeqGraphInfo
{
    internal SeqGraphInfo(string name, IReadOnlyList<SeqPortInfo> inputs, IReadOnlyList<SeqPortInfo> outputs, IReadOnlyList<SeqPortInfo> states, IReadOnlyList<string> symbols) =>
        (Name, Inputs, Outputs, States, Symbols) = (name, inputs, outputs, states, symbols);

    /// <summary>The graph's name: <c>main</c>, <c>encoder</c> …</summary>
    public string Name { get; }

    /// <summary>Values that the caller sets.</summary>
    public IReadOnlyList<SeqPortInfo> Inputs { get; }

    /// <summary>Values that the caller reads. A file does not declare their types and shapes; a session knows them (<see cref="SeqSession.Outputs"/>).</summary>
    public IReadOnlyList<SeqPortInfo> Outputs { get; }

    /// <summary>Values that a session keeps from run to run.</summary>
    public IReadOnlyList<SeqPortInfo> States { get; }

    /// <summary>Names of the symbolic dimensions.</summary>
    public IReadOnlyList<string> Symbols { get; }

    /// <summary>The graph's name.</summary>
    public override string ToString() => Name;
}

/// <summary>An input, output or state as a graph's file declares it. <see cref="SeqPort"/> describes it in a session, at the current sizes.</summary>
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

    /// <summary>Name, type and dimensions: <c>x float32 [1, T]</c>.</summary>
    public override string ToString()
    {
        if (Type is not { } type || Dimensions is null) return Name;
        var sizes = new string[Dimensions.Count];
        for (var i = 0; i < sizes.Length; i++) sizes[i] = Dimensions[i].ToString();
        return $"{Name} {type.Name()} [{string.Join(", ", sizes)}]";
    }
}

/// <summary>One dimension: a fixed size, or a symbol whose size each session sets.</summary>
public readonly struct SeqDimension : IEquatable<SeqDimension>
{
    internal SeqDimension(int size) => Size = size;

    internal SeqDimension(string symbol) => Symbol = symbol;

    /// <summary>The size; null for a symbol.</summary>
    public int? Size { get; }

    /// <summary>The symbol's name; null for a fixed size.</summary>
    public string? Symbol { get; }

    /// <summary>Whether both are the same size, or the same symbol.</summary>
    public static bool operator ==(SeqDimension left, SeqDimension right) => left.Equals(right);

    /// <summary>Whether they are different sizes or symbols.</summary>
    public static bool operator !=(SeqDimension left, SeqDimension right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(SeqDimension other) => Size == other.Size && Symbol == other.Symbol;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SeqDimension other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Symbol is null ? Size.GetValueOrDefault() : Symbol.GetHashCode(StringComparison.Ordinal);

    /// <summary>The size as a number, or the symbol's name.</summary>
    public override string ToString() => Symbol ?? Size?.ToString(CultureInfo.InvariantCulture) ?? "";
}
