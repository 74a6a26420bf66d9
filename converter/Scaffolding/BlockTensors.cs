using System.Globalization;
using System.Text.RegularExpressions;

namespace SeqRuntime.Converter.Scaffolding;

/// <summary>The tensors of equal Transformer blocks, and those around them.</summary>
internal sealed partial class BlockTensors
{
    private readonly Dictionary<(int Block, string Module, string Role), TensorRole> _inside;

    private BlockTensors(BlockNames names, string list, int count, Dictionary<(int, string, string), TensorRole> inside, List<TensorRole> around) => (Names, List, Count, _inside, Around) = (names, list, count, inside, around);

    public BlockNames Names { get; }

    /// <summary>The name in front of the blocks' numbers.</summary>
    public string List { get; }

    /// <summary>The number of blocks.</summary>
    public int Count { get; }

    /// <summary>The tensors that are in no block.</summary>
    public IReadOnlyList<TensorRole> Around { get; }

    /// <summary>The elements of the features.</summary>
    public int Width => this[0, Names.Norms[0]]!.Shape[0];

    /// <summary>All lists of blocks, each with a number from 0 on.</summary>
    public static IEnumerable<BlockTensors> Of(IReadOnlyList<TensorRole> tensors)
    {
        var lists = new Dictionary<string, Dictionary<(int, string, string), TensorRole>>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (Block().Match(tensor.Module) is not { Success: true } found) continue;
            if (!lists.TryGetValue(found.Groups["list"].Value, out var inside)) lists[found.Groups["list"].Value] = inside = [];
            inside.TryAdd((int.Parse(found.Groups["number"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture), found.Groups["rest"].Value, tensor.Role), tensor);
        }

        foreach (var (list, inside) in lists)
        {
            var count = inside.Keys.Max(key => key.Item1) + 1;
            if (count > inside.Count || BlockNames.Of(inside.Where(part => part.Key is (0, _, "weight")).ToDictionary(part => part.Key.Item2, part => part.Value.Shape, StringComparer.Ordinal)) is not { } names) continue;
            var taken = inside.Values.ToHashSet<TensorRole>(ReferenceEqualityComparer.Instance);
            var blocks = new BlockTensors(names, list, count, inside, [.. tensors.Where(tensor => !taken.Contains(tensor))]);
            if (Enumerable.Range(0, count).All(blocks.HasShapes)) yield return blocks;
        }
    }

    /// <summary>A tensor of a block. Null if there is none.</summary>
    public TensorRole? this[int block, string module, string role = "weight"] => _inside.GetValueOrDefault((block, module, role));

    /// <summary>The number of heads whose projections are apart.</summary>
    public int HeadsApart(int block)
    {
        var count = 0;
        while (this[block, Names.Projections[0].Replace("*", count.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)] is not null) count++;
        return count;
    }

    /// <summary>Weights of a block that its names do not have, such as norms of queries. Buffers are not among them.</summary>
    public List<TensorRole> Others()
    {
        HashSet<string> known = [.. Names.Norms, .. Names.Inner, Names.Out, .. Names.Projections];
        return [.. _inside.Where(part => part.Key.Role == "weight" && part.Value.Shape.Count is 1 or 2 && !known.Contains(part.Key.Module) && !Names.Projections.Any(projection => projection.Contains('*', StringComparison.Ordinal) && part.Key.Module.StartsWith(projection[..projection.IndexOf('*', StringComparison.Ordinal)], StringComparison.Ordinal))).Select(part => part.Value)];
    }

    /// <summary>Whether the sizes of a block continue as its names say.</summary>
    private bool HasShapes(int block)
    {
        var width = Width;
        bool Is(string module, long inputs, long outputs) => this[block, module] is { Shape: [var a, var b] } && (Names.IsTurned ? (a, b) : (b, a)) is var (taken, given) && taken == inputs && (outputs < 0 ? given > 0 : given == outputs);
        int Given(string module) => this[block, module]!.Shape[Names.IsTurned ? 1 : 0];
        if (width < 1 || !Names.Norms.All(norm => this[block, norm] is { Shape: [var size] } && size == width)) return false;
        if (!Names.Projections.All(module => Is(module.Replace('*', '0'), width, Names.IsFused ? 3L * width : -1))) return false;
        var all = Names.IsFused ? width : Names.IsApart ? (long)HeadsApart(block) * Given(Names.Projections[2].Replace('*', '0')) : Given(Names.Projections[0]);
        if (!Is(Names.Out, all, width) || !Is(Names.Inner[0], width, -1)) return false;
        var inner = Given(Names.Inner[0]);
        if (!Names.Inner[..^1].All(module => Is(module, width, inner)) || !Is(Names.Inner[^1], inner, width)) return false;
        if (Names.IsFused) return true;
        if (Names.IsApart) return Enumerable.Range(0, HeadsApart(block)).All(head => Names.Projections.All(part => Is(part.Replace("*", head.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal), width, Given(part.Replace('*', '0')))));
        // Keys and values have fewer heads, or as many.
        return Given(Names.Projections[1]) == Given(Names.Projections[2]) && all % Given(Names.Projections[1]) == 0;
    }

    [GeneratedRegex(@"^(?<list>(?:(?!\d+\.)[^.]+\.)*)(?<number>\d{1,4})\.(?<rest>.+)$")]
    private static partial Regex Block();
}
