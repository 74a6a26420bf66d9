using SeqRuntime.Converter;
using SeqRuntime.Converter.IO;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Lowering;

/// <summary>Fewer bits for a whole model never make its file larger, and the report is correct: random models of small and large layers of every kind.</summary>
public class FewerBitsSmallerFileTests
{
    [Fact]
    public void Of_random_models()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var model = Model(new Random(seed));
            var before = long.MaxValue;
            foreach (var kind in (WeightKind[])[WeightKind.Float32, WeightKind.Float16, WeightKind.Int8, WeightKind.Int4])
            {
                var converted = model.Convert(new ConversionOptions { Weights = kind });
                var bytes = converted.Model.Tensors.Sum(t => (long)t.Data.Length);
                Assert.True(bytes <= before, $"seed {seed}: {bytes} bytes in {kind.Name()}, {before} in more bits");
                Assert.Equal(bytes, converted.Tensors.Sum(t => t.Bytes));
                var isQuantized = converted.Tensors.Any(t => t.Weights is not (null or WeightKind.Float32));
                Assert.Equal(kind != WeightKind.Float32 && !isQuantized, converted.WeightNotes.Any(n => n.StartsWith("nothing quantized", StringComparison.Ordinal)));
                before = bytes;
            }
        }
    }

    private static OnnxBuilder Model(Random random)
    {
        int Size() => random.Next(3) == 0 ? random.Next(1, 6) : random.Next(6, 70);
        float Range() => random.Next(6) == 0 ? 1e-7f : 1;
        var model = new OnnxBuilder();
        int tokens = random.Next(2, 300), width = Size(), layers = random.Next(1, 5);
        model.Input("ids", OnnxBuilder.Int64, 6, 1).Random("table", random.Next(), Range(), tokens, width).Node("Gather", "table ids", "v0");
        for (var i = 0; i < layers; i++)
        {
            var (x, y, units) = ($"v{i}", $"v{i + 1}", Size());
            switch (random.Next(4))
            {
                case 0:
                    model.Random($"w{i}", random.Next(), Range(), width, units).Node("MatMul", $"{x} w{i}", y);
                    width = units;
                    break;
                case 1:
                    var (op, gates) = random.Next(2) == 0 ? ("LSTM", 4) : ("GRU", 3);
                    model.Random($"w{i}", random.Next(), Range(), 1, gates * units, width).Random($"r{i}", random.Next(), Range(), 1, gates * units, units)
                        .Node(op, $"{x} w{i} r{i}", $"h{i}", ("hidden_size", units)).Constant($"a{i}", [1], 1L).Node("Squeeze", $"h{i} a{i}", y);
                    width = units;
                    break;
                case 2:
                    model.Random($"w{i}", random.Next(), Range(), units, width, 3).Node("Transpose", x, $"t{i}", ("perm", new long[] { 1, 2, 0 })).Node("Conv", $"t{i} w{i}", $"c{i}", ("pads", new long[] { 1, 1 }))
                        .Node("Transpose", $"c{i}", y, ("perm", new long[] { 2, 0, 1 }));
                    width = units;
                    break;
                default:
                    model.Node("Tanh", x, y);
                    break;
            }
        }

        return model.Output($"v{layers}");
    }
}
