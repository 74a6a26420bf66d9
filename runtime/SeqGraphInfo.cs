namespace SeqRuntime;

/// <summary>What a graph takes, gives and keeps.</summary>
/// <param name="Name">The graph's name: <c>main</c>, <c>encoder</c> …</param>
/// <param name="Inputs">Values the caller sets.</param>
/// <param name="Outputs">Values the caller reads. Sizes are known only where a session has inferred them; here they are empty.</param>
/// <param name="States">Values the session keeps from run to run.</param>
/// <param name="Symbols">Names of the symbolic dimensions.</param>
public sealed record SeqGraphInfo(
    string Name,
    IReadOnlyList<SeqValueInfo> Inputs,
    IReadOnlyList<SeqValueInfo> Outputs,
    IReadOnlyList<SeqValueInfo> States,
    IReadOnlyList<string> Symbols);

/// <summary>A named tensor of a graph.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Element type; 0 where only a session knows it.</param>
/// <param name="Dimensions">Its dimensions, outermost first.</param>
public sealed record SeqValueInfo(string Name, ElementType Type, IReadOnlyList<SeqDimension> Dimensions);

/// <summary>One dimension: a size, or a symbol whose size each session sets.</summary>
/// <param name="Size">The size; -1 for a symbol.</param>
/// <param name="Symbol">The symbol's name, or null.</param>
public readonly record struct SeqDimension(int Size, string? Symbol)
{
    /// <summary>The size as a number, or the symbol's name.</summary>
    public override string ToString() => Symbol ?? Size.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
