namespace SeqRuntime.Tests.Importers;

/// <summary>The weights, inputs and results of small Keras models: 3 features, 4 units.</summary>
internal static class KerasRuns
{
    public const int Features = 3;
    public const int Units = 4;

    /// <summary>Adds the random weights of a recurrent layer. A GRU that resets after the product has two rows of biases.</summary>
    public static (double[] Kernel, double[] Recurrent, double[] Bias) Recurrent(KerasFile file, string kind, bool resetAfter, string path)
    {
        var gates = kind switch { "LSTM" => 4, "GRU" => 3, _ => 1 };
        return (file.Weight(path + "/kernel", Features, gates * Units), file.Weight(path + "/recurrent_kernel", Units, gates * Units), resetAfter ? file.Weight(path + "/bias", 2, gates * Units) : file.Weight(path + "/bias", gates * Units));
    }

    /// <summary>Random steps. A masked one is -1 everywhere.</summary>
    public static double[][] Rows(int seed, int steps, bool[]? mask = null)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, steps).Select(t => Numbers.Random(random, Features).Select(v => mask is null || mask[t] ? (double)v : -1).ToArray())];
    }

    /// <summary>The first output of one run. The batch is 1, and every other symbol the number of the first input's steps.</summary>
    public static float[] Run(SeqModel model, params double[][][] inputs)
    {
        using var session = Session(model, inputs);
        session.Run();
        return session.Output<float>(0).ToArray();
    }

    /// <summary>A session with these inputs.</summary>
    public static SeqSession Session(SeqModel model, params double[][][] inputs)
    {
        var sizes = new SeqSessionOptions();
        foreach (var symbol in model.Graphs[0].Symbols) sizes.MaxSizes[symbol] = symbol == "N" ? 1 : inputs[0].Length;
        var session = model.CreateSession(graph: null, sizes);
        for (var i = 0; i < inputs.Length; i++) Flat(inputs[i]).CopyTo(session.Input<float>(i));
        return session;
    }

    public static float[] Flat(double[][] rows) => [.. rows.SelectMany(row => row).Select(v => (float)v)];

    public static void Equal(double[][] expected, float[] actual) => Numbers.Near(expected.SelectMany(row => row), actual, tolerance: 2e-6);

    public static string Json(bool value) => value ? "true" : "false";
}
