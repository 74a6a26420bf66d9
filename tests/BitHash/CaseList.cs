using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace BitHash;

/// <summary>The hashed cases in a fixed order. Each computes on a given kernel set and returns the hash of its outputs.</summary>
internal sealed class CaseList
{
    /// <summary>Every packed format.</summary>
    public static TensorFormat[] Formats { get; } = [.. Enum.GetValues<TensorFormat>().Where(format => format != TensorFormat.Dense)];

    public List<(string Name, Func<KernelSet, ulong> Run)> Items { get; } = [];

    public void Add(string name, Func<KernelSet, ulong> run) => Items.Add((name, run));
}
