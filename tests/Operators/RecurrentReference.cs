using SeqRuntime.Format;

namespace SeqRuntime.Tests.Operators;

/// <summary>One direction of a recurrent layer with random weights and the other values in its formulas.</summary>
internal sealed class RecurrentWeights
{
    public RecurrentWeights(Random random, TensorFormat format, int gates, int hidden, int inputs, int state)
    {
        (Gates, Hidden, Inputs, State) = (gates, hidden, inputs, state);
        Rows = gates * ((hidden + 3) / 4) * 4;
        PackedW = Weights.Pack(format, Interleave(Planes(random, gates, hidden * inputs, 1 / MathF.Sqrt(inputs)), inputs), Rows, inputs, out var w);
        PackedR = Weights.Pack(format, Interleave(Planes(random, gates, hidden * state, 1 / MathF.Sqrt(state)), state), Rows, state, out var r);
        W = Separate(w, inputs);
        R = Separate(r, state);
        InputBias = Planes(random, gates, hidden, 0.5f);
        StateBias = Planes(random, gates, hidden, 0.5f);
    }

    public int Gates { get; }

    public int Hidden { get; }

    public int Inputs { get; }

    public int State { get; }

    public int Rows { get; }

    /// <summary>By gate: [hidden, inputs].</summary>
    public float[][] W { get; }

    /// <summary>By gate: [hidden, state].</summary>
    public float[][] R { get; }

    public float[][] InputBias { get; }

    public float[][] StateBias { get; }

    public byte[] PackedW { get; }

    public byte[] PackedR { get; }

    /// <summary>Wb + Rb as one bias in packed order.</summary>
    public float[] SummedBias()
    {
        var sum = new float[Gates][];
        for (var g = 0; g < Gates; g++) sum[g] = [.. InputBias[g].Zip(StateBias[g], (a, b) => a + b)];
        return Interleave(sum, 1);
    }

    /// <summary>Gate planes [hidden, columns] to packed rows.</summary>
    public float[] Interleave(float[][] planes, int columns)
    {
        var result = new float[Rows * columns];
        for (var g = 0; g < Gates; g++)
        {
            for (var u = 0; u < Hidden; u++) planes[g].AsSpan(u * columns, columns).CopyTo(result.AsSpan(Row(g, u) * columns));
        }

        return result;
    }

    private float[][] Separate(float[] packed, int columns)
    {
        var result = new float[Gates][];
        for (var g = 0; g < Gates; g++)
        {
            result[g] = new float[Hidden * columns];
            for (var u = 0; u < Hidden; u++) packed.AsSpan(Row(g, u) * columns, columns).CopyTo(result[g].AsSpan(u * columns));
        }

        return result;
    }

    /// <summary>Blocks of 16 units, each with its gates one after the other. The last block has the remaining units, padded to 4.</summary>
    private int Row(int gate, int unit) => unit / 16 * 16 * Gates + gate * Math.Min(16, (Hidden + 3) / 4 * 4 - unit / 16 * 16) + unit % 16;

    private static float[][] Planes(Random random, int gates, int count, float scale)
    {
        var result = new float[gates][];
        for (var g = 0; g < gates; g++) result[g] = Numbers.Random(random, count, scale);
        return result;
    }

    /// <summary>W[gate]·x or R[gate]·h for one unit.</summary>
    public static double Dot(float[] matrix, int unit, ReadOnlySpan<double> x)
    {
        var sum = 0.0;
        for (var k = 0; k < x.Length; k++) sum += matrix[unit * x.Length + k] * x[k];
        return sum;
    }
}

/// <summary>An activation by ONNX's name in float64, from the formulas in the text of ONNX's RNN operator.</summary>
internal sealed record NamedActivation(string Name, float Alpha = float.NaN, float Beta = float.NaN)
{
    private static readonly NamedActivation[] All =
    [
        new("Relu"), new("Tanh"), new("Sigmoid"), new("Affine", Alpha: 0.7f, Beta: 0.1f), new("LeakyRelu"), new("LeakyRelu", 0.3f), new("ThresholdedRelu", 0.2f),
        new("ScaledTanh", Alpha: 1.2f, Beta: 0.8f), new("HardSigmoid"), new("HardSigmoid", Alpha: 0.3f, Beta: 0.4f), new("Elu"), new("elu", 0.5f), new("Softsign"), new("SOFTPLUS"),
    ];

    private static readonly NamedActivation[] Gates = [new("Sigmoid"), new("HardSigmoid"), new("hardsigmoid", Alpha: 0.3f, Beta: 0.4f), new("Tanh"), new("Softsign")];

    public static NamedActivation Pick(Random random) => All[random.Next(All.Length)];

    /// <summary>A suitable activation for a gate: bounded, so that no sequence diverges.</summary>
    public static NamedActivation PickGate(Random random) => Gates[random.Next(Gates.Length)];

    public double Apply(double x)
    {
        double alpha = Alpha, beta = Beta;
        return Name.ToUpperInvariant() switch
        {
            "RELU" => Math.Max(0, x),
            "TANH" => Math.Tanh(x),
            "SIGMOID" => 1 / (1 + Math.Exp(-x)),
            "AFFINE" => alpha * x + beta,
            "LEAKYRELU" => x >= 0 ? x : (double.IsNaN(alpha) ? 0.01 : alpha) * x,
            "THRESHOLDEDRELU" => x > alpha ? x : 0,
            "SCALEDTANH" => alpha * Math.Tanh(beta * x),
            "HARDSIGMOID" => Math.Clamp((double.IsNaN(alpha) ? 0.2 : alpha) * x + (double.IsNaN(beta) ? 0.5 : beta), 0, 1),
            "ELU" => x >= 0 ? x : (double.IsNaN(alpha) ? 1 : alpha) * (Math.Exp(x) - 1),
            "SOFTSIGN" => x / (1 + Math.Abs(x)),
            "SOFTPLUS" => Math.Log(1 + Math.Exp(x)),
            _ => throw new ArgumentException(Name),
        };
    }
}

/// <summary>Sizes, inputs and direction of a random recurrent layer. Runs a cell over it in float64 by ONNX's text.</summary>
internal sealed class RecurrentCase
{
    public delegate void Cell(int d, double[] x, double[] h, double[] c);

    public RecurrentCase(Random random, int steps, int batch, int inputs, int hidden, int state, int direction, bool lengths, bool initial)
    {
        (Steps, Batch, Inputs, Hidden, State, Direction) = (steps, batch, inputs, hidden, state, direction);
        X = Numbers.Random(random, steps * batch * inputs);
        if (lengths) Lengths = [.. Enumerable.Range(0, batch).Select(i => i == 0 ? steps : random.Next(0, steps + 1))];
        if (!initial) return;
        InitialH = Numbers.Random(random, Directions * batch * state, 0.9f);
        InitialC = Numbers.Random(random, Directions * batch * hidden, 1.5f);
    }

    public int Steps { get; }

    public int Batch { get; }

    public int Inputs { get; }

    public int Hidden { get; }

    public int State { get; }

    public int Direction { get; }

    public int Directions => Direction == 2 ? 2 : 1;

    public float[] X { get; }

    public int[]? Lengths { get; }

    public float[]? InitialH { get; set; }

    public float[]? InitialC { get; set; }

    /// <summary>A random case: small sizes, now and then longer than one chunk of steps.</summary>
    public static RecurrentCase Random(Random random, int? state = null, bool mayBeLong = true)
    {
        var hidden = random.Next(1, 41);
        var steps = random.Next(8) == 0 && mayBeLong ? random.Next(100, 160) : random.Next(1, 9);
        return new RecurrentCase(
            random, steps, random.Next(1, 5), random.Next(1, 24), hidden, state ?? hidden, random.Next(3), random.Next(2) == 0, random.Next(2) == 0);
    }

    /// <summary>Y, Y_h, Y_c.</summary>
    public (double[] Y, double[] H, double[] C) Run(Cell cell)
    {
        var y = new double[Steps * Directions * Batch * State];
        var lastH = new double[Directions * Batch * State];
        var lastC = new double[Directions * Batch * Hidden];
        for (var d = 0; d < Directions; d++)
        {
            for (var n = 0; n < Batch; n++)
            {
                var row = d * Batch + n;
                var h = Slice(InitialH, row, State);
                var c = Slice(InitialC, row, Hidden);
                var length = Lengths?[n] ?? Steps;
                for (var s = 0; s < length; s++)
                {
                    var t = Direction == 1 || d == 1 ? length - 1 - s : s;
                    cell(d, Slice(X, t * Batch + n, Inputs), h, c);
                    h.CopyTo(y, ((t * Directions + d) * Batch + n) * State);
                }

                h.CopyTo(lastH, row * State);
                c.CopyTo(lastC, row * Hidden);
            }
        }

        return (y, lastH, lastC);
    }

    /// <summary>X, sequence_lens and initial_h as inputs 0, 1, 2.</summary>
    public OperatorHarness Harness()
    {
        var harness = new OperatorHarness().Dense([Steps, Batch, Inputs], X);
        if (Lengths is null) harness.Absent();
        else harness.Dense([Batch], Lengths);
        return Optional(harness, InitialH, Directions, Batch, State);
    }

    public static OperatorHarness Optional(OperatorHarness harness, float[]? data, params int[] shape) =>
        data is null ? harness.Absent() : harness.Dense(shape, data);

    private static double[] Slice(float[]? data, int row, int size) =>
        data is null ? new double[size] : Array.ConvertAll(data.AsSpan(row * size, size).ToArray(), v => (double)v);
}
