using System.Text;
using System.Text.Json;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.Measuring;

/// <summary>Conversions of large models: memory in proportion to the source, and progress that moves.</summary>
public sealed class LargeConversionTests : IDisposable
{
    /// <summary>Units of an LSTM whose weights take 34 MB.</summary>
    private const int Units = 1024;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>All that is allocated, also what is free again soon. Each copy of the weights counts 1.</summary>
    [Theory]
    [InlineData(WeightKind.Float32, 6.5)]
    [InlineData(WeightKind.Int8, 9)]
    public void Bytes_that_a_conversion_allocates_are_a_few_times_the_weights(WeightKind kind, double most)
    {
        var path = Model();
        var weights = 2 * 4L * Units * Units * sizeof(float);
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var result = MeasuredConversion.Convert([("main", path)], new ConversionOptions { Weights = kind });
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / (double)weights, 1, most);
        Assert.InRange(result.Stored.Length / (double)weights, kind == WeightKind.Float32 ? 1 : 0.25, kind == WeightKind.Float32 ? 1.01 : 0.26);
    }

    [Fact]
    public void The_model_holds_nothing_of_the_source_once_it_is_stored()
    {
        using var result = MeasuredConversion.Convert([("main", Model())], new ConversionOptions());
        GC.Collect();
        Assert.All(result.Model.Tensors.Where(tensor => tensor.Data.Length > Units * sizeof(float) * 4), tensor => Assert.True(tensor.Data.Parts().First().Length <= 1 << 20));
        using var file = new MemoryStream();
        result.Stored.CopyTo(file);
        Assert.Equal(file.ToArray(), Format.SeqWriterTests.Written(result.Model));
    }

    [Fact]
    public void Progress_moves_within_rounding_packing_and_measuring_and_never_back()
    {
        var log = new Log();
        using var result = MeasuredConversion.Convert([("main", Model())], new ConversionOptions { Weights = WeightKind.Int8 }, log);
        Assert.Equal(log.All.Select(p => p.Fraction), log.All.Select(p => p.Fraction).Order());
        int Steps(string stage) => log.All.Where(p => p.Stage.EndsWith(stage, StringComparison.Ordinal)).Select(p => p.Fraction).Distinct().Count();
        Assert.InRange(Steps("rounding weights"), 100, 2000);
        Assert.InRange(Steps("packing weights in fp32"), 2, 2000);
        Assert.InRange(Steps("measuring outputs"), 20, 3000);
        Assert.InRange(log.All[^1].Fraction, 0.999, 1);
    }

    private string Model()
    {
        var random = new Random(1);
        var tensors = new (string Name, int[] Shape)[] { ("rnn.weight_ih_l0", [4 * Units, Units]), ("rnn.weight_hh_l0", [4 * Units, Units]), ("rnn.bias_ih_l0", [4 * Units]), ("rnn.bias_hh_l0", [4 * Units]) };
        var head = new Dictionary<string, object>();
        var data = new MemoryStream();
        foreach (var (name, shape) in tensors)
        {
            var start = data.Length;
            var values = Enumerable.Range(0, Numbers.Count(shape)).Select(_ => (float)(random.NextDouble() - 0.5) * 0.06f).ToArray();
            data.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
            head[name] = new { dtype = "F32", shape, data_offsets = new[] { start, data.Length } };
        }

        var text = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(head));
        File.WriteAllBytes(_folder["large.safetensors"], [.. BitConverter.GetBytes((long)text.Length), .. text, .. data.ToArray()]);
        File.WriteAllText(_folder["large.json"], $$$"""
            {"weights": "large.safetensors", "graphs": {"main": {"inputs": {"x": {"shape": [1, "T", {{{Units}}}]}}, "states": {"h": {"shape": [1, 1, {{{Units}}}], "update": "h_next"}, "c": {"shape": [1, 1, {{{Units}}}], "update": "c_next"}},
            "layers": [{"kind": "lstm", "input": "x", "initial": "h", "final": "h_next", "initial_cell": "c", "final_cell": "c_next", "weights": "rnn", "output": "y"}], "outputs": {"y": "y"}} } }
            """);
        return _folder["large.json"];
    }

    private sealed class Log : IProgress<ConversionProgress>
    {
        private readonly List<ConversionProgress> _all = [];

        public List<ConversionProgress> All
        {
            get
            {
                lock (_all) return [.. _all];
            }
        }

        public void Report(ConversionProgress value)
        {
            lock (_all) _all.Add(value);
        }
    }
}
