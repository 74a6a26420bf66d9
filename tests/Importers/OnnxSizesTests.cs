namespace SeqRuntime.Tests.Importers;

/// <summary>What a model does at sizes of its symbolic dimensions that the converter did not try.</summary>
public sealed class OnnxSizesTests
{
    /// <summary>Sizes up to the end are whole, larger ones are cut.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(9)]
    public void ASliceToAConstantEndCutsWhatIsLonger(int time)
    {
        using var model = new OnnxBuilder()
            .Input("x", OnnxBuilder.Float, "T", 2)
            .Constant<long>("starts", [2], 0, 0)
            .Constant<long>("ends", [2], 4, long.MaxValue)
            .Constant<long>("axes", [2], 0, -1)
            .Node("Slice", "x starts ends axes", "y")
            .Output("y", OnnxBuilder.Float, "S", 2)
            .Load();
        using var session = model.CreateSession(options: new SeqSessionOptions { MaxSizes = { ["T"] = time } });
        session.Input<float>(0).Fill(1);
        session.Run();
        Assert.Equal([Math.Min(time, 4), 2], session.OutputShape(0).ToArray());
    }
}
