using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Operators;
using SeqRuntime.Sessions.Streams;

namespace SeqRuntime.Tests.Sessions.Streams;

/// <summary>Nodes that copy a view, for fewer streams than there is room for.</summary>
public sealed unsafe class BatchNodeTests
{
    private const int Capacity = 4, Rows = 2, Columns = 3;

    private static readonly long[] s_numbers = Numbered();

    public static TheoryData<string> Kinds => ["slice", "transpose"];

    /// <summary>The places of other streams lie outside of the memory here.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Only_the_streams_of_a_run_are_copied(string kind)
    {
        for (var streams = Capacity; streams >= 1; streams--)
        {
            var node = Make(kind, out var x, out var y);
            var data = Numbers.Random(new Random(streams), streams * Rows * Columns);
            using var input = new GuardedMemory<float>(data);
            using var output = new GuardedMemory<float>(streams * Size(kind), around: 0x5A); // What is around the input differs, so that a copy of it shows.
            x.Place((byte*)input.Pointer);
            y.Place((byte*)output.Pointer);
            node.Resize(Capacity);
            node.Resize(streams);
            node.Execute(streams);
            output.Check($"{kind}, {streams} streams");
            Numbers.AssertSameBits(Expected(kind, data), output.Span, kind);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Another_number_of_streams_allocates_nothing(string kind)
    {
        var node = Make(kind, out var x, out var y);
        using var input = new GuardedMemory<float>(Capacity * Rows * Columns);
        using var output = new GuardedMemory<float>(Capacity * Size(kind));
        x.Place((byte*)input.Pointer);
        y.Place((byte*)output.Pointer);
        Allocation.None(() =>
        {
            for (var streams = 1; streams <= Capacity; streams++)
            {
                node.Resize(streams);
                node.Execute(streams);
            }
        });
    }

    private static int Size(string kind) => kind == "slice" ? Rows * (Columns - 1) : Rows * Columns;

    private static float[] Expected(string kind, float[] x)
    {
        var y = new List<float>();
        for (var first = 0; first < x.Length; first += Rows * Columns)
        {
            var own = x.AsSpan(first, Rows * Columns);
            if (kind == "slice")
            {
                for (var row = 0; row < Rows; row++) y.AddRange(own.Slice(row * Columns + 1, Columns - 1));
                continue;
            }

            for (var i = 0; i < Rows * Columns; i++) y.Add(own[i % Rows * Columns + i / Rows]);
        }

        return [.. y];
    }

    /// <summary>A node by input [1, 2, 3]: all but the first column, or columns before rows.</summary>
    private static BatchNode Make(string kind, out StreamRows x, out StreamRows y)
    {
        var isSlice = kind == "slice";
        Operator op = isSlice ? new Slice() : new Transpose(new Attributes().Set(AttributeKey.Perm, new long[] { 0, 2, 1 }));
        var one = new Tensor { Name = "x" };
        one.Set(ElementType.Float32, new Shape(1, Rows, Columns));
        var result = new Tensor { Name = "y" };
        Tensor[] settings = isSlice ? [Known(1), Known(Columns), Known(2)] : [];
        var alone = new NodeContext(KernelRegistry.Portable, [one, .. settings], [result]);
        op.Infer(alone);
        (x, y) = (new StreamRows { Bytes = one.Bytes }, new StreamRows { Bytes = result.Bytes });
        StreamPort input = new(one, x, isOutput: false, Capacity, isGathered: false), output = new(result, y, isOutput: true, Capacity, isGathered: false);
        var all = new NodeContext(KernelRegistry.Portable, [input.All, .. settings], [output.All]);
        StreamPort?[] others = Array.ConvertAll(settings, _ => (StreamPort?)null);
        var node = new BatchNode(op, alone, [false, .. settings.Select(_ => true)], [input, .. others], [output], all, new SerialNode(op, 0, alone, []));
        Assert.True(node.IsTogether);
        return node;
    }

    /// <summary>Pinned memory whose element i is i.</summary>
    private static long[] Numbered()
    {
        var numbers = GC.AllocateArray<long>(Columns + 1, pinned: true);
        for (var i = 0; i < numbers.Length; i++) numbers[i] = i;
        return numbers;
    }

    private static Tensor Known(int value)
    {
        var tensor = new Tensor { Name = "constant", IsKnown = true };
        tensor.Set(ElementType.Int64, new Shape(1));
        tensor.Data = (byte*)Unsafe.AsPointer(ref s_numbers[value]);
        return tensor;
    }
}
