using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph;

/// <summary>The search for cells does not allocate memory in proportion to a claimed shape.</summary>
public class WideShapesTests
{
    [Fact]
    public void Activations_of_a_billion_values_are_no_cells()
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
            // The memory for it may be refused; another test covers that.
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200 << 20);
    }
}
