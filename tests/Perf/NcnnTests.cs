using SeqRuntime.Perf.Comparing;
using SeqRuntime.Perf.Peers;

namespace SeqRuntime.Tests.Perf;

/// <summary>
/// What ncnn is given is our layer. Its library is not in this repository; where the environment variable SEQRUNTIME_NCNN names it, its results are
/// compared too.
/// </summary>
public sealed class NcnnTests
{
    private const int Inputs = 48;
    private const int Units = 64;

    /// <summary>The library's path. Null where there is none.</summary>
    internal static string? Path { get; } = Environment.GetEnvironmentVariable("SEQRUNTIME_NCNN") is { Length: > 0 } path ? path : null;

    /// <summary>The library. Skips the test without it.</summary>
    internal static NcnnLibrary Need()
    {
        if (Path is null) Skips.Because("ncnn's library was not found; set SEQRUNTIME_NCNN to its path", "libncnn.so");
        return NcnnLibrary.Load(Path);
    }

    [Theory]
    [InlineData("LSTM", "fp32", 1e-5)]
    [InlineData("LSTM", "int8", 0.01)]
    [InlineData("GRU", "fp32", 1e-5)]
    [InlineData("GRU", "int8", 0.01)]
    public void A_layer_gives_what_ncnn_gives(string op, string storage, double tolerance)
    {
        var (layer, kind) = (new RecurrentLayer(op, Inputs, Units), Storage.Find(storage)!);
        using var ours = LayerContests.Start(layer, kind);
        using var theirs = LayerContests.StartNcnn(Need(), layer, kind);
        Assert.InRange(Difference(ours.Output!(), theirs.Output!()), 0, tolerance);
    }

    /// <summary>The formulas of ncnn's <c>lstm.cpp</c> and <c>gru.cpp</c> in plain loops, on the bytes that it is given.</summary>
    [Theory]
    [InlineData("LSTM", "fp32", 1e-5)]
    [InlineData("LSTM", "int8", 0.02)]
    [InlineData("GRU", "fp32", 1e-5)]
    [InlineData("GRU", "int8", 0.02)]
    public void The_file_for_ncnn_holds_our_layer(string op, string storage, double tolerance)
    {
        var (layer, kind) = (new RecurrentLayer(op, Inputs, Units), Storage.Find(storage)!);
        using var ours = LayerContests.Start(layer, kind);
        var file = new BinFile(layer, kind.IsInt8);
        var x = Signals.Wave(Inputs);
        var (h, c) = (new double[Units], new double[Units]);
        for (var run = 0; run < LayerContests.ComparedRuns; run++) (h, c) = op == "LSTM" ? file.Lstm(x, h, c) : (file.Gru(x, h), c);
        Assert.InRange(Difference(ours.Output!(), [.. h.Select(value => (float)value)]), 0, tolerance);
        Assert.Contains($"Peer layer 1 1 x y 0={Units} 1={layer.Gates * Units * Inputs}{(kind.IsInt8 ? " 8=2" : "")}\n", NcnnWeights.Graph(layer, kind.IsInt8, "Peer"), StringComparison.Ordinal);
    }

    private static double Difference(float[] a, float[] b)
    {
        Assert.Equal(Units, b.Length);
        return Math.Sqrt(a.Zip(b, (x, y) => (double)(x - y) * (x - y)).Sum() / b.Sum(y => (double)y * y));
    }

    /// <summary>The weights of a .bin file, read as ncnn's <c>load_model</c> reads them, and made fp32.</summary>
    private sealed class BinFile
    {
        private readonly float[] _w;
        private readonly float[] _bias;
        private readonly float[] _r;

        public BinFile(RecurrentLayer layer, bool isInt8)
        {
            using var reader = new BinaryReader(new MemoryStream(NcnnWeights.Write(layer, isInt8)));
            var rows = layer.Gates * Units;
            var tag = isInt8 ? 0x000D4B38 : 0;
            Assert.Equal(tag, reader.ReadInt32());
            _w = Matrix(rows * Inputs);
            Assert.Equal(0, reader.ReadInt32());
            _bias = Floats(4 * Units);
            Assert.Equal(tag, reader.ReadInt32());
            _r = Matrix(rows * Units);
            if (isInt8)
            {
                Divide(_w, Floats(rows));
                Divide(_r, Floats(rows));
            }

            Assert.Equal(reader.BaseStream.Length, reader.BaseStream.Position);

            float[] Floats(int count) => [.. Enumerable.Range(0, count).Select(_ => reader.ReadSingle())];
            float[] Matrix(int count) => isInt8 ? [.. Enumerable.Range(0, count).Select(_ => (float)reader.ReadSByte())] : Floats(count);
            static void Divide(float[] matrix, float[] scales)
            {
                for (var i = 0; i < matrix.Length; i++) matrix[i] /= scales[i / (matrix.Length / scales.Length)];
            }
        }

        public (double[] H, double[] C) Lstm(float[] x, double[] h, double[] c)
        {
            var (nextH, nextC) = (new double[Units], new double[Units]);
            for (var q = 0; q < Units; q++)
            {
                var (i, f, o, g) = (Gate(0), Gate(1), Gate(2), Gate(3));
                nextC[q] = Sigmoid(f) * c[q] + Sigmoid(i) * Math.Tanh(g);
                nextH[q] = Sigmoid(o) * Math.Tanh(nextC[q]);
                double Gate(int gate) => _bias[gate * Units + q] + Input(gate * Units + q, x) + State(gate * Units + q, h);
            }

            return (nextH, nextC);
        }

        public double[] Gru(float[] x, double[] h)
        {
            var next = new double[Units];
            for (var q = 0; q < Units; q++)
            {
                var (reset, update) = (Sigmoid(Gate(0)), Sigmoid(Gate(1)));
                var n = Math.Tanh(_bias[2 * Units + q] + Input(2 * Units + q, x) + reset * (_bias[3 * Units + q] + State(2 * Units + q, h)));
                next[q] = (1 - update) * n + update * h[q];
                double Gate(int gate) => _bias[gate * Units + q] + Input(gate * Units + q, x) + State(gate * Units + q, h);
            }

            return next;
        }

        private static double Sigmoid(double value) => 1 / (1 + Math.Exp(-value));

        private double Input(int row, float[] x) => x.Select((value, k) => (double)_w[row * Inputs + k] * value).Sum();

        private double State(int row, double[] h) => h.Select((value, k) => _r[row * Units + k] * value).Sum();
    }
}
