using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Measuring;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Converter.Samples;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Measuring;

/// <summary>Conversions that measure their outputs: the figures are those of an independent run, and they stand in result and file.</summary>
public sealed class MeasuredConversionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(WeightKind.Int8, 0.001, 0.03)]
    [InlineData(WeightKind.Int4, 0.01, 0.3)]
    [InlineData(WeightKind.Float16, 0.00001, 0.001)]
    public void The_error_is_that_of_running_both_models(WeightKind kind, double least, double most)
    {
        var model = Stream();
        var frames = Enumerable.Range(0, 40 * 24).Select(i => MathF.Sin(i * 0.37f)).ToArray();
        using (var stream = File.Create(_folder["x.npy"])) NpyWriter.Write(stream, NpyArray.From([40, 1, 1, 24], frames));
        var result = Convert(model, new ConversionOptions { Weights = kind, Stateful = true, Samples = [(null, _folder["x.npy"])] });

        var graph = Assert.Single(result.Measured!.Graphs);
        Assert.True(graph.IsGiven);
        Assert.Equal((1, 40L, "x.npy"), (graph.Sequences, graph.Steps, graph.Inputs));
        var output = Assert.Single(graph.Outputs);
        using var exact = model.Load(new ConversionOptions { Stateful = true });
        using var rounded = SeqModel.Load(result.File);
        using SeqSession first = exact.CreateSession(), second = rounded.CreateSession();
        double errors = 0, squares = 0, largest = 0;
        for (var frame = 0; frame < 40; frame++)
        {
            frames.AsSpan(frame * 24, 24).CopyTo(first.Input<float>(0));
            frames.AsSpan(frame * 24, 24).CopyTo(second.Input<float>(0));
            first.Run();
            second.Run();
            for (var i = 0; i < 32; i++)
            {
                var error = (double)second.Output<float>(0)[i] - first.Output<float>(0)[i];
                errors += error * error;
                squares += (double)first.Output<float>(0)[i] * first.Output<float>(0)[i];
                largest = Math.Max(largest, Math.Abs(error));
            }
        }

        Assert.Equal(Math.Sqrt(errors / squares), output.RelativeRms!.Value, 12);
        Assert.Equal(largest / Math.Sqrt(squares / (40 * 32)), output.Worst!.Value, 12);
        Assert.InRange(output.RelativeRms.Value, least, most);
        Assert.Equal(ErrorSum.Parts, output.Drift.Count);
    }

    [Fact]
    public void Figures_and_file_are_the_same_each_time()
    {
        var options = new ConversionOptions { Weights = WeightKind.Int8, Stateful = true };
        var (first, second) = (Convert(Stream(), options), Convert(Stream(), options));
        Assert.Equal(first.File, second.File);
        Assert.Equal(first.Measured!.Graphs[0].Outputs[0].RelativeRms, second.Measured!.Graphs[0].Outputs[0].RelativeRms);
        Assert.True(first.Measured.Graphs[0].Steps >= GeneratedSamples.Least);
    }

    [Fact]
    public void The_file_holds_what_was_measured_and_no_temporary_file_is_left()
    {
        var before = Directory.GetFiles(Path.GetTempPath(), "seqconvert-*");
        var result = Convert(Stream(), new ConversionOptions { Weights = WeightKind.Int8, Stateful = true });
        Assert.Empty(Directory.GetFiles(Path.GetTempPath(), "seqconvert-*").Except(before));
        using var loaded = SeqModel.Load(result.File);
        Assert.Matches("^[0-9]+ steps in 1 sequence of generated inputs$", loaded.Metadata["measured:main"]);
        Assert.Matches(@"^[0-9.]+% \(worst [0-9.]+%\)$", loaded.Metadata["output-error:main:y"]);
    }

    [Fact]
    public void Without_rounded_weights_nothing_is_measured()
    {
        Assert.Null(Convert(Stream(), new ConversionOptions()).Measured);
        // All its matrices are small and stay fp32.
        var small = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 4).Random("w", 1, 1, 4, 4).Node("MatMul", "x w", "y").Output("y");
        Assert.Null(Convert(small, new ConversionOptions { Weights = WeightKind.Int8 }).Measured);
        Assert.NotNull(Convert(Stream(), new ConversionOptions { WeightsOf = [new WeightOverride("w", WeightKind.Int8)] }).Measured);
    }

    [Fact]
    public void A_softmax_is_a_choice_and_a_sigmoid_of_one_number_is_a_decision()
    {
        var choice = Convert(new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 64).Random("w", 1, 1, 64, 16).Node("MatMul", "x w", "z").Node("Softmax", "z", "y", ("axis", -1)).Output("y"), new ConversionOptions { Weights = WeightKind.Int4 }).Measured!;
        Assert.Equal("largest of each row", choice.Graphs[0].Outputs[0].Choice);
        Assert.InRange(choice.Graphs[0].Outputs[0].Agreement!.Value, 0.5, 1);
        var decision = Convert(new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 64).Random("w", 1, 1, 64, 16).Node("MatMul", "x w", "z").Node("Sigmoid", "z", "y").Output("y"), new ConversionOptions { Weights = WeightKind.Int8 }).Measured!;
        Assert.Equal("decisions at 0.5", decision.Graphs[0].Outputs[0].Choice);
    }

    /// <summary>The table has fewer rows than the graph lets generated tokens be, because a product hides the index's range.</summary>
    [Fact]
    public void A_model_that_refuses_generated_inputs_still_converts_and_says_why()
    {
        var model = new OnnxBuilder().Input("ids", OnnxBuilder.Int64, 1, 8).Constant("far", [], 1000L).Random("table", 1, 1, 64, 32)
            .Node("Mul", "ids far", "scaled").Node("Gather", "table scaled", "y").Output("y");
        var result = Convert(model, new ConversionOptions { Weights = WeightKind.Int8, WeightsOf = [new WeightOverride("*", WeightKind.Int8)] });
        var graph = Assert.Single(result.Measured!.Graphs);
        Assert.EndsWith("; give --samples", graph.NotMeasured, StringComparison.Ordinal);
        Assert.Contains("1000", graph.NotMeasured, StringComparison.Ordinal);
        Assert.Null(result.Measured.Largest);
        using var loaded = SeqModel.Load(result.File);
        Assert.Equal("no", loaded.Metadata["measured:main"]);
    }

    [Fact]
    public void Caches_are_filled_up_to_their_size_and_begin_anew()
    {
        var options = new ConversionOptions { Weights = WeightKind.Int8, CacheSteps = 20 };
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 1, 32).Input("past", OnnxBuilder.Float, 1, "P", 32).Random("w", 1, 0.3f, 32, 32).Node("MatMul", "x w", "k")
            .Node("Concat", "past k", "present", ("axis", 1)).Constant("axes", [1], 1L).Node("ReduceMean", "present", "y", ("axes", new long[] { 1 })).Output("y").Output("present");
        var measured = Convert(model, options).Measured!;
        var graph = Assert.Single(measured.Graphs);
        Assert.Null(graph.NotMeasured);
        Assert.True(graph.Sequences > 1);
        Assert.True(graph.Steps >= GeneratedSamples.Least);
    }

    [Fact]
    public void Samples_that_do_not_fit_are_a_fault_of_the_command()
    {
        File.WriteAllBytes(_folder["x.raw"], new byte[8]);
        var fault = Assert.Throws<ConversionException>(() => Convert(Stream(), new ConversionOptions { Weights = WeightKind.Int8, Stateful = true, Samples = [(null, _folder["x.raw"])] }));
        Assert.Contains("the array is [2]", fault.Message, StringComparison.Ordinal);
    }

    private static OnnxBuilder Stream() => new OnnxBuilder().Input("x", OnnxBuilder.Float, 1, 1, 24).Random("w", 1, 0.4f, 1, 128, 24).Random("r", 2, 0.3f, 1, 128, 32).Node("LSTM", "x w r", "y", ("hidden_size", 32)).Output("y");

    private static ConversionResult Convert(OnnxBuilder model, ConversionOptions options)
    {
        using var file = new TemporaryModel(model.Model.ToByteArray());
        return MeasuredConversion.Convert([("main", file.Path)], options);
    }
}
