using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Graph.States;

/// <summary>Runs a model over a whole sequence, and over its parts with kept states. Both must give the same results.</summary>
internal static class Chunks
{
    private static readonly int[][] s_cuts = [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [4, 3, 1, 3], [2, 9]];

    /// <param name="load">Converts with options.</param>
    /// <param name="inputs">For each input the time axis, or -1 if it has none.</param>
    /// <param name="outputs">For each output the time axis, or -1 if it is the last step's.</param>
    /// <param name="batch">Size of all other symbolic dimensions.</param>
    /// <param name="time">Name of the time dimension.</param>
    public static void AreAsTheWhole(Func<ConversionOptions, SeqModel> load, int[] inputs, int[] outputs, int batch = 1, string time = "T")
    {
        var length = s_cuts[0].Length;
        using var whole = load(new ConversionOptions());
        using var parts = load(new ConversionOptions { Stateful = true });
        Assert.NotEmpty(parts.Graphs[0].States);
        var sizes = new SeqSessionOptions();
        foreach (var symbol in whole.Graphs[0].Symbols) sizes.MaxSizes[symbol] = symbol == time ? length : batch;
        using var all = whole.CreateSession(graph: null, sizes);
        var given = Fill(all);
        all.Run();
        using var session = parts.CreateSession(graph: null, sizes);
        foreach (var cut in s_cuts)
        {
            session.ResetState();
            var done = 0;
            foreach (var steps in cut)
            {
                if (parts.Graphs[0].Symbols.Contains(time)) session.SetSize(time, steps);
                for (var i = 0; i < inputs.Length; i++)
                {
                    if (session.Inputs[i].Type == ElementType.Float32) Part(given[i], all.Inputs[i].Shape, inputs[i], done, steps).CopyTo(session.Input<float>(i));
                    else Array.ConvertAll(Part(given[i], all.Inputs[i].Shape, inputs[i], done, steps), v => (long)v).CopyTo(session.Input<long>(i));
                }

                session.Run();
                done += steps;
                for (var o = 0; o < outputs.Length; o++)
                {
                    if (outputs[o] < 0 && done < length) continue;
                    var expected = Part(all.Output<float>(o).ToArray(), all.Outputs[o].Shape, outputs[o], done - steps, steps);
                    var actual = session.Output<float>(o).ToArray();
                    Assert.Equal(expected.Length, actual.Length);
                    for (var k = 0; k < actual.Length; k++) Assert.True(Math.Abs(expected[k] - actual[k]) < 1e-5f * (1 + Math.Abs(expected[k])), $"output {o} at step {done}: {actual[k]}, not {expected[k]}");
                }
            }
        }
    }

    private static float[][] Fill(SeqSession session)
    {
        var random = new Random(3);
        var given = new float[session.Inputs.Count][];
        for (var i = 0; i < given.Length; i++)
        {
            if (session.Inputs[i].Type == ElementType.Float32)
            {
                given[i] = [.. session.Input<float>(i).ToArray().Select(_ => random.NextSingle() * 2 - 1)];
                given[i].CopyTo(session.Input<float>(i));
            }
            else
            {
                given[i] = [.. session.Input<long>(i).ToArray().Select(_ => (float)random.Next(5))];
                Array.ConvertAll(given[i], v => (long)v).CopyTo(session.Input<long>(i));
            }
        }

        return given;
    }

    private static float[] Part(float[] all, ReadOnlySpan<int> shape, int axis, int from, int steps)
    {
        if (axis < 0) return all;
        var inner = 1;
        for (var i = axis + 1; i < shape.Length; i++) inner *= shape[i];
        var block = inner * shape[axis];
        return [.. all.Chunk(block).SelectMany(b => b.Skip(from * inner).Take(steps * inner))];
    }
}
