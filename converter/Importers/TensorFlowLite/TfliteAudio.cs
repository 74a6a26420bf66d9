using System.Numerics;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>TensorFlow's custom operators of keyword spotters: the spectrogram of a sound, and the cepstrum of its mel bands.</summary>
internal static class TfliteAudio
{
    private const int Longest = 1 << 16, MostElements = 1 << 22;

    public static Dictionary<string, Func<TfliteCall, string>> All { get; } = new()
    {
        ["AudioSpectrogram"] = Spectrogram,
        ["Mfcc"] = Cepstrum,
    };

    /// <summary>Spectra [channels, windows, bins] of a sound [samples, channels], by Hann windows that are filled up with zeros to a power of two.</summary>
    private static string Spectrogram(TfliteCall call)
    {
        var (graph, options, sound) = (call.Graph, FlexMap.Of(call.Custom, call.Fault), call.Tensor(0));
        var (window, stride) = (options.Whole("window_size", 2, Longest), options.Whole("stride", 1, Longest));
        if (sound.Shape is not [var samples, _] || (sound.Signature.Length > 0 && sound.Signature[0] < 0)) throw call.Fault($"its input has shape [{string.Join(", ", sound.Shape)}]; it must be [samples, channels] with a fixed number of samples");
        var count = 1 + (samples - window) / stride;
        if (samples < window || (long)count * window > MostElements) throw call.Fault($"windows of {window} do not fit a sound of {samples} samples");
        call.Scope.Context.Make((long)count * window * sizeof(long), $"{call.Op} '{call.Name}'");
        var size = Transformed(window);
        long[] places = [.. Enumerable.Range(0, count * window).Select(i => (long)(i / window) * stride + i % window)];
        var frames = graph.Op("Gather", [graph.Transpose(call.Value(0), 1, 0), graph.Constant("windows", IrTensor.Of([count, window], places))], ("axis", 1L));
        frames = graph.Op("Mul", [frames, graph.Constant("hann", IrTensor.Of<float>([window], [.. Enumerable.Range(0, window).Select(i => (float)(0.5 - 0.5 * Math.Cos(2 * Math.PI * i / window)))]))]);
        if (size > window) frames = graph.Op("Pad", [frames, graph.Axes(0, 0, 0, 0, 0, size - window)], ("mode", "constant"));
        var spectrum = graph.Op("DFT", [graph.Unsqueeze(frames, -1), graph.Number(size), graph.Number(-2)], ("onesided", 1L));
        var power = graph.Op("ReduceSum", [graph.Op("Mul", [spectrum, spectrum]), graph.Axes(-1)], ("keepdims", 0L));
        return options.Number("magnitude_squared") != 0 ? power : graph.Op("Sqrt", [power]);
    }

    /// <summary>
    /// Inputs: power spectra [channels, windows, bins], and the sound's rate. The magnitudes are summed in triangles over the mel scale; their
    /// logarithms are transformed by a DCT.
    /// </summary>
    private static string Cepstrum(TfliteCall call)
    {
        var (graph, options) = (call.Graph, FlexMap.Of(call.Custom, call.Fault));
        var (low, high) = (options.Number("lower_frequency_limit"), options.Number("upper_frequency_limit"));
        var (channels, coefficients) = (options.Whole("filterbank_channel_count", 1, Longest), options.Whole("dct_coefficient_count", 1, Longest));
        if (!(low >= 0 && high > low) || coefficients > channels) throw call.Fault($"its bands from {low} to {high} Hz with {coefficients} of {channels} coefficients are none");
        var bins = Bins(call);
        if (Math.Max((long)bins, coefficients) * channels > MostElements) throw call.Fault($"{channels} bands of {bins} bins are too many");
        call.Scope.Context.Make(((long)bins + coefficients) * channels * sizeof(float), $"{call.Op} '{call.Name}'");
        static double Mel(double frequency) => 1127 * Math.Log(1 + frequency / 700);
        var spacing = (Mel(high) - Mel(low)) / (channels + 1);
        string Column(string name, int count, Func<int, double> value, params int[] shape) => graph.Constant(name, IrTensor.Of<float>(shape, [.. Enumerable.Range(0, count).Select(i => (float)value(i))]));
        string Two(string op, string a, string b) => graph.Op(op, [a, b]);

        // The rate may be known only at run time, so the bands are computed from it.
        var hertz = Two("Mul", call.Cast(graph.Op("Reshape", [call.Value(1), graph.Axes(1, 1)]), ElementType.Float32), graph.Scalar((float)(0.5 / (bins - 1))));
        var bin = Column("bins", bins, i => i, bins, 1);
        var mel = Two("Mul", graph.Op("Log", [Two("Add", Two("Mul", Two("Mul", bin, hertz), graph.Scalar(1f / 700)), graph.Scalar(1))]), graph.Scalar(1127));
        var distance = graph.Op("Abs", [Two("Sub", mel, Column("centres", channels, c => Mel(low) + spacing * (c + 1), 1, channels))]);
        var bands = graph.Op("Relu", [Two("Sub", graph.Scalar(1), Two("Mul", distance, graph.Scalar((float)(1 / spacing))))]);
        var first = graph.Op("Floor", [Two("Add", graph.Scalar(1.5f), Two("Div", graph.Scalar((float)low), hertz))]);
        var last = graph.Op("Floor", [Two("Div", graph.Scalar((float)high), hertz)]);
        var isInside = Two("And", Two("GreaterOrEqual", bin, first), Two("LessOrEqual", bin, last));
        bands = Two("Mul", bands, call.Cast(isInside, ElementType.Float32));

        var energies = Two("MatMul", graph.Op("Sqrt", [call.Value(0)]), bands);
        var logarithms = graph.Op("Log", [Two("Max", energies, graph.Scalar(1e-12f))]);
        return Two("MatMul", logarithms, Column("dct", channels * coefficients, i => Math.Sqrt(2.0 / channels) * Math.Cos(Math.PI / channels * (i % coefficients) * (i / coefficients + 0.5)), channels, coefficients));
    }

    /// <summary>The bins of the spectra. Older converters leave the shapes of values open; then the spectrogram says it.</summary>
    private static int Bins(TfliteCall call)
    {
        if (call.Tensor(0).Shape is [_, _, > 1 and var bins]) return bins;
        if (call.Tensor(0).Rank == 0 && call.Scope.Makers.GetValueOrDefault(call.Place(0)) is { Op: "AudioSpectrogram" } maker) return (int)Transformed(FlexMap.Of(maker.Custom, maker.Fault).Whole("window_size", 2, Longest)) / 2 + 1;
        throw call.Fault($"its input has shape [{string.Join(", ", call.Tensor(0).Shape)}]; it must be [channels, windows, bins]");
    }

    private static long Transformed(int window) => BitOperations.RoundUpToPowerOf2((uint)window);
}
