using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph;

/// <summary>Looking for cells takes no memory by what a shape says.</summary>
public class WideShapesTests
{
    [Fact]
    public void ActivationsOfABillionValuesAreNoCells()
    {
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 1).Constant("shape", [2], 1L, 300_000_000L)
            .Node("Tanh", "x", "a").Node("Expand", "a shape", "b").Node("Tanh", "b", "c").Node("ReduceSum", "c", "y").Output("y");
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            _ = model.Convert(new ConversionOptions());
        }
        catch (ConversionException)
        {
            // Its memory may be refused; that is another test's.
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200 << 20);
    }
}
