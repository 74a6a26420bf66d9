using SeqRuntime.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>Windows that reach far into padding: their output is small, but a copy of the input with all of its padding would be huge. They are refused, even where the size of the copy overflows.</summary>
public class WindowMemoryTests
{
    private const int Taps = 3;
    private const int Far = 1 << 29;

    public static TheoryData<int, int, int, int> Windows
    {
        get
        {
            var data = new TheoryData<int, int, int, int>();
            for (var rank = 1; rank <= 3; rank++)
            {
                foreach (var channels in (int[])[1, 16])
                {
                    foreach (var outputs in (int[])[1, 2])
                    {
                        foreach (var stride in (int[])[1, 2]) data.Add(rank, channels, outputs, stride);
                    }
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Windows))]
    public void Windows_that_reach_far_into_padding_are_refused(int rank, int channels, int windows, int stride)
    {
        foreach (var isDepthwise in (bool[])[false, true])
        {
            var file = Model(rank, channels, windows, stride, isDepthwise);
            using var model = SeqModel.Load(file);
            foreach (var limit in (long[])[1 << 24, 1L << 30])
                Assert.Throws<ArgumentException>(() => model.CreateSession("main", new SeqSessionOptions { MemoryLimitBytes = limit }));
        }
    }

    /// <summary>A kernel of 3 taps an axis, 2²⁹ apart, and padding for the given number of windows.</summary>
    private static byte[] Model(int rank, int channels, int windows, int stride, bool isDepthwise)
    {
        const int Size = 4;
        int[] All(int value) => [.. Enumerable.Repeat(value, rank)];
        var pads = (Taps - 1) * Far + 1 + (windows - 1) * stride - Size;
        var model = new SeqModelBuilder();
        var graph = model.AddGraph("main");
        var shape = new[] { channels, isDepthwise ? 1 : channels }.Concat(All(Taps)).ToArray();
        var attributes = new Attributes()
            .Set(AttributeKey.KernelShape, All(Taps))
            .Set(AttributeKey.Dilations, All(Far))
            .Set(AttributeKey.Strides, All(stride))
            .Set(AttributeKey.Pads, All(pads / 2).Concat(All(pads - pads / 2)).ToArray())
            .Set(AttributeKey.Group, isDepthwise ? channels : 1);
        var x = graph.Input("x", ElementType.Float32, [.. new[] { 1, channels }.Concat(All(Size)).Cast<object>()]);
        graph.Output("y", graph.Node(OpKind.Conv, [x, graph.Constant<float>("w", shape, new float[shape.Aggregate(1, (a, b) => a * b)])], attributes));
        return SeqWriter.ToArray(model);
    }
}
