using System.Globalization;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// A part of a tensor by its name, as in PyTorch and NumPy: <c>attn.weight[:, 512:]</c>. Each axis has a range <c>from:to</c>. An
/// omitted end is the end of the axis; a negative end counts from it. Axes without a range are whole. <c>.T</c> after it reverses the order of the
/// axes: <c>dense.kernel.T</c>. So a description can separate weights that a framework stores in one matrix, such as those of Luong's concat
/// attention, and turn those that it stores the other way round.
/// </summary>
internal static class TensorSlice
{
    /// <summary>The name without its ranges, and the ranges. They are null if there are none.</summary>
    public static (string Name, string? Ranges) Split(string name) =>
        name.EndsWith(']') && name.LastIndexOf('[') is > 0 and var open ? (name[..open], name[(open + 1)..^1]) : (name, null);

    /// <summary>The name without its ".T", if it has one.</summary>
    public static string? Turned(string name) => name.EndsWith(".T", StringComparison.Ordinal) ? name[..^2] : null;

    /// <summary>The tensor with its axes in reverse order.</summary>
    public static IrTensor Turn(IrTensor tensor) => tensor.Permuted([.. Enumerable.Range(0, tensor.Shape.Length).Reverse()]);

    /// <exception cref="FormatException">The ranges do not fit this tensor; the message says why.</exception>
    public static IrTensor Take(IrTensor tensor, string ranges)
    {
        var parts = ranges.Split(',', StringSplitOptions.TrimEntries);
        if (parts.Length > tensor.Shape.Length) throw new FormatException($"[{ranges}] has more ranges than the tensor has axes ({tensor.Shape.Length})");
        var from = tensor.ToFloats();
        for (var axis = 0; axis < parts.Length; axis++)
        {
            var (start, end) = Range(parts[axis], tensor.Shape[axis]);
            var inner = tensor.Shape[(axis + 1)..].Aggregate(1, (a, b) => a * b);
            var outer = tensor.Shape[..axis].Aggregate(1, (a, b) => a * b);
            var to = new float[outer * (end - start) * inner];
            for (var o = 0; o < outer; o++)
                from.AsSpan((o * tensor.Shape[axis] + start) * inner, (end - start) * inner).CopyTo(to.AsSpan(o * (end - start) * inner));
            tensor = IrTensor.Of<float>([.. tensor.Shape[..axis], end - start, .. tensor.Shape[(axis + 1)..]], to);
            from = to;
        }

        return tensor;
    }

    private static (int Start, int End) Range(string range, int size)
    {
        if (range.Split(':', StringSplitOptions.TrimEntries) is not [var first, var last] || !Read(first, 0, out var start) || !Read(last, size, out var end))
            throw new FormatException($"'{range}' is not a range; write from:to");
        return start < end ? (start, end) : throw new FormatException($"the range '{range}' selects nothing of an axis of size {size}");

        bool Read(string text, int otherwise, out int value)
        {
            value = otherwise;
            if (text.Length == 0) return true;
            if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)) return false;
            value = Math.Clamp(value < 0 && value >= -size ? value + size : value, 0, size);
            return true;
        }
    }
}
