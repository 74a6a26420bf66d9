using System.Globalization;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.Importers.AudioFormats;

/// <summary>Converts models of audio and streams samples through them.</summary>
internal static class AudioRuns
{
    /// <summary>Sizes of blocks: single samples, and more than the reach of small convolutions.</summary>
    private static readonly int[] s_blocks = [1, 1, 7, 1, 64, 3, 2, 200];

    public static ConversionResult Convert(string content, ConversionOptions? options = null)
    {
        using var folder = new TemporaryFolder();
        return Conversion.Convert([("main", folder.Write("model.json", content))], options ?? new ConversionOptions());
    }

    public static ConversionResult ConvertFile(string path) => Conversion.Convert([("main", path)], new ConversionOptions());

    public static string Refusal(string content) => Assert.Throws<ConversionException>(() => Convert(content)).Message;

    public static string Notes(string content) => string.Join('\n', Convert(content).Graphs[0].Notes);

    /// <summary>All outputs of a stream that comes in blocks of many sizes. Then the same in one run, from the beginning again: its numbers must agree.</summary>
    public static float[] Stream(byte[] file, float[] input, int output = 0)
    {
        using var model = SeqModel.Load(file);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = input.Length } });
        session.SetSize("T", 1);
        var channels = session.Input<float>(0).Length;
        var steps = input.Length / channels;
        var outputs = new List<float>();
        for (int at = 0, block = 0; at < steps; block++)
        {
            var size = Math.Min(s_blocks[block % s_blocks.Length], steps - at);
            Run(session, input.AsSpan(at * channels, size * channels), size);
            outputs.AddRange(session.Output<float>(output));
            at += size;
        }

        session.ResetState();
        Run(session, input, steps);
        Numbers.Near([.. outputs], session.Output<float>(output), tolerance: 1e-6, relative: 1e-5);
        return [.. outputs];
    }

    public static float[] Stream(string content, float[] input, int output = 0) => Stream(Convert(content).File, input, output);

    /// <summary>The numbers of a table with commas.</summary>
    public static double[][] Table(string path) =>
        [.. File.ReadLines(Models.Need(path)).Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split(',').Select(word => double.Parse(word, CultureInfo.InvariantCulture)).ToArray())];

    /// <summary>Whether all are within 1e-4 of the range of the expected numbers.</summary>
    public static void InRange(IReadOnlyCollection<double> expected, ReadOnlySpan<float> actual) => Numbers.Near(expected, actual, tolerance: 1e-4 * (expected.Max() - expected.Min()));

    public static float[] Floats(double[][] rows) => [.. rows.SelectMany(row => row).Select(v => (float)v)];

    /// <summary>Random steps.</summary>
    public static double[][] Steps(int seed, int steps, int channels)
    {
        var models = new AudioModels(seed);
        return [.. Enumerable.Range(0, steps).Select(_ => models.Numbers(channels, scale: 1))];
    }

    private static void Run(SeqSession session, ReadOnlySpan<float> input, int steps)
    {
        session.SetSize("T", steps);
        input.CopyTo(session.Input<float>(0));
        session.Run();
    }
}
