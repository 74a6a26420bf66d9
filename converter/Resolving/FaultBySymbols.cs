using System.Text.RegularExpressions;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Resolving;

/// <summary>Finds how the numbers in a fault depend on the tried sizes, words the fault with symbols, and finds sizes that avoid it.</summary>
internal static partial class FaultBySymbols
{
    private const int Near = 1;
    private const int Far = 16;
    private const int MostPointed = 48;

    /// <summary>The fault with symbols instead of the numbers that depend on them. If some numbers have no symbol, the sizes are appended.</summary>
    public static ConversionException Tell(Trial trial, Func<Sizes, Trial> attempt)
    {
        var fault = (ShapeFault)trial.Fault!;
        var sizes = trial.Sizes;
        var words = Number().Split(fault.Message);
        var isTold = true;
        var slopes = sizes.Symbols.Select(symbol => Numbers(attempt(sizes.With(symbol, sizes[symbol] + 1)), words)).ToList();
        var texts = (string[])words.Clone();
        for (var i = 0; i < words.Length; i++)
        {
            if (!long.TryParse(words[i], out var number)) continue;
            var moving = sizes.Symbols.Zip(slopes).Where(s => s.Second is null || s.Second[i] != number).ToList();
            if (moving.Count == 0 || (moving.TrueForAll(m => m.Second is null))) continue;
            var terms = moving.Where(m => m.Second is not null).ToList();
            texts[i] = Term(number, terms.ConvertAll(t => (t.First, Slope: t.Second![i] - number)), sizes) ?? words[i];
            isTold &= texts[i] != words[i];
        }

        isTold &= slopes.TrueForAll(s => s is not null);
        var message = string.Concat(texts);
        return new ShapeFault(isTold || sizes.Symbols.Count == 0 ? message : $"{fault.Message} (at {sizes})", fault.InnerException!, fault.Left, fault.Settings);
    }

    /// <summary>Sizes of a dimension at which two numbers of the fault become equal, and the numbers themselves, because their multiples may fit.</summary>
    public static IEnumerable<int> PointedTo(string symbol, Sizes at, Func<Sizes, Trial> attempt)
    {
        if (attempt(at) is not { IsMisfit: true } trial) return [];
        var words = Number().Split(trial.Fault!.Message);
        var found = new List<long>();
        foreach (var distance in (int[])[Near, Far])
        {
            if (Numbers(attempt(at.With(symbol, at[symbol] + distance)), words) is not { } moved) continue;
            var numbers = words.Select((word, i) => long.TryParse(word, out var number) ? (Now: number, Slope: (moved[i] - number) / (double)distance) : (Now: -1L, Slope: 0)).Where(n => n.Now >= 0).Distinct().ToList();
            foreach (var moving in numbers.Where(n => n.Slope != 0))
            {
                foreach (var other in numbers.Where(n => n.Slope != moving.Slope))
                {
                    var size = at[symbol] + (other.Now - moving.Now) / (moving.Slope - other.Slope);
                    if (size is < 1 or > 1 << 20) continue;
                    var width = Math.Abs(moving.Slope) < 1 ? (int)Math.Min(8, Math.Ceiling(1 / Math.Abs(moving.Slope))) : 1;
                    for (var near = -width; near <= width; near++) found.Add((long)Math.Round(size) + near);
                }
            }
        }

        foreach (var word in words.Where(w => int.TryParse(w, out _)).Select(int.Parse)) found.AddRange([word, 2L * word, word + 1L]);
        return found.Where(size => size is > 0 and < 1 << 20).Distinct().Take(MostPointed).Select(size => (int)size);
    }

    /// <summary>The numbers in another trial's fault, by word position. Null if it is a different fault.</summary>
    private static long[]? Numbers(Trial other, string[] words)
    {
        if (other.Fault is not ShapeFault fault) return null;
        var others = Number().Split(fault.Message);
        if (others.Length != words.Length) return null;
        var numbers = new long[words.Length];
        for (var i = 0; i < words.Length; i++)
        {
            var isNumber = long.TryParse(others[i], out numbers[i]) && long.TryParse(words[i], out _);
            if (!isNumber && others[i] != words[i]) return null;
        }

        return numbers;
    }

    /// <summary>A number as a linear term in the one symbol that it depends on, or as a product of two symbols. Null if it is neither.</summary>
    private static string? Term(long number, List<(string Symbol, long Slope)> terms, Sizes sizes)
    {
        if (terms is [var one])
        {
            var rest = number - one.Slope * sizes[one.Symbol];
            var sign = rest == 0 ? "" : rest > 0 ? $"+{rest}" : $"{rest}";
            return one.Slope < 0 ? null : $"{Times(one.Slope)}{one.Symbol}{sign}";
        }

        if (terms is not [var a, var b]) return null;
        var factor = number / ((long)sizes[a.Symbol] * sizes[b.Symbol]);
        return factor * sizes[a.Symbol] * sizes[b.Symbol] == number && a.Slope == factor * sizes[b.Symbol] && b.Slope == factor * sizes[a.Symbol] ? $"{Times(factor)}{a.Symbol}*{b.Symbol}" : null;
    }

    private static string Times(long factor) => factor == 1 ? "" : $"{factor}*";

    [GeneratedRegex(@"(?<![\w'./~-])([0-9]+)(?![\w'])")]
    private static partial Regex Number();
}
