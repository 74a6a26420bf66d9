using System.Globalization;

namespace SeqRuntime;

/// <summary>What <see cref="SeqModel.Verify(CancellationToken)"/> found: whether this machine computes the bits that the converter recorded.</summary>
public sealed class SeqVerification
{
    internal SeqVerification(int runs, IReadOnlyList<SeqMismatch> mismatches) => (Runs, Mismatches) = (runs, mismatches);

    /// <summary>Whether all outputs and states have the recorded bits.</summary>
    public bool Passed => Mismatches.Count == 0;

    /// <summary>Number of runs compared, of all graphs together.</summary>
    public int Runs { get; }

    /// <summary>The outputs and states that differ, in the order of graphs and runs. A wrong state is usually wrong in all later runs too. Empty if all are equal.</summary>
    public IReadOnlyList<SeqMismatch> Mismatches { get; }

    /// <summary>The result in a sentence; if bits differ, with the first place.</summary>
    public override string ToString()
    {
        var runs = Runs.ToString(CultureInfo.InvariantCulture);
        return Passed ? runs + " recorded runs give the same bits" : string.Concat(Mismatches[0].ToString(), " does not have the recorded bits; in all ", runs, string.Concat(" runs ", Mismatches.Count.ToString(CultureInfo.InvariantCulture), " outputs and states differ"));
    }
}

/// <summary>An output or state whose bits are not those that the converter recorded.</summary>
public sealed class SeqMismatch
{
    internal SeqMismatch(string graph, IReadOnlyDictionary<string, int> sizes, int run, string name, bool isState) =>
        (GraphName, Sizes, Run, Name, IsState) = (graph, sizes, run, name, isState);

    /// <summary>Name of the graph.</summary>
    public string GraphName { get; }

    /// <summary>The size of each symbolic dimension in the run; for the steps of a cache the most that it holds.</summary>
    public IReadOnlyDictionary<string, int> Sizes { get; }

    /// <summary>Which run of these sizes, from 0. Runs keep the states of those before.</summary>
    public int Run { get; }

    /// <summary>Name of the output or state.</summary>
    public string Name { get; }

    /// <summary>Whether it is a state.</summary>
    public bool IsState { get; }

    /// <summary>Graph, sizes, run and name: <c>graph 'main' at T = 7, run 0, output 'y'</c>.</summary>
    public override string ToString()
    {
        var text = string.Concat("graph '", GraphName, "'");
        foreach (var (symbol, size) in Sizes) text = string.Concat(text, text.EndsWith('\'') ? " at " : ", ", symbol, string.Concat(" = ", size.ToString(CultureInfo.InvariantCulture)));
        return string.Concat(string.Concat(text, ", run ", Run.ToString(CultureInfo.InvariantCulture), IsState ? ", state '" : ", output '"), Name, "'");
    }
}
