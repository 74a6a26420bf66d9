using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace BitHash;

/// <summary>The hashed cases in a fixed order. Each computes on a given kernel set and returns the hash of its outputs.</summary>
internal sealed class CaseList
{
    /// <summary>The packed formats of 2.0.</summary>
    public static IEnumerable<TensorFormat> Formats => WeightFormats.All.Where(format => format.Minor == 0).Select(format => format.Number);

    /// <summary>Those that came later: they have a hash of their own, so that the first one stays what it was.</summary>
    public static IEnumerable<TensorFormat> LaterFormats => WeightFormats.All.Where(format => format.Minor > 0).Select(format => format.Number);

    public List<(string Name, Func<KernelSet, ulong> Run)> Items { get; } = [];

    public void Add(string name, Func<KernelSet, ulong> run) => Items.Add((name, run));
}
