using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Audio;

/// <summary>An activation of Neural Amp Modeler: a name, or an object with a type and constants.</summary>
/// <param name="Emit">Writes its nodes and returns the result.</param>
/// <param name="Of">Its value for a number in a channel.</param>
internal sealed record NamFunction(Func<AudioGraph, string, Sound, string> Emit, Func<double, int, double> Of)
{
    public static NamFunction Sigmoid { get; } = Plain("Sigmoid", x => 1 / (1 + Math.Exp(-x)));

    public static NamFunction Read(JsonElement value, string what)
    {
        const float slope = 0.01f;
        if (value.ValueKind == JsonValueKind.String) return Named(Json.Text(value, what), what, null);
        var constants = new Members(value, what);
        var function = Named(constants.Text("type"), what, constants);
        NamReader.RefuseUnread(constants);
        return function;

        static NamFunction Named(string name, string what, Members? constants) => name switch
        {
            "Tanh" => Plain("Tanh", Math.Tanh),
            "Sigmoid" => Sigmoid,
            "ReLU" => Plain("Relu", x => Math.Max(x, 0)),
            "SiLU" => Plain("Swish", x => x / (1 + Math.Exp(-x))),
            "Hardswish" => Plain("HardSwish", x => x * Math.Clamp(x + 3, 0, 6) / 6),
            "Softsign" => Plain("Softsign", x => x / (1 + Math.Abs(x))),
            "Hardtanh" => new((graph, _, x) => Clip(graph.Composer, x.Name, -1, 1), (x, _) => Math.Clamp(x, -1, 1)),
            "LeakyReLU" => Sloped([constants?.Float("negative_slope", slope) ?? slope]),
            "PReLU" => Sloped(constants?.Has("negative_slopes") == true && !constants.Has("negative_slope") ? Slopes(constants) : [constants?.Float("negative_slope", slope) ?? slope]),
            "LeakyHardtanh" or "LeakyHardTanh" => Leaky(constants?.Float("min_val", -1) ?? -1, constants?.Float("max_val", 1) ?? 1, constants?.Float("min_slope", slope) ?? slope, constants?.Float("max_slope", slope) ?? slope),
            "Fasttanh" => throw new ConversionException($"{what} is 'Fasttanh', an approximation that this converter does not compute; \"Tanh\" in its place is the exact function, which differs by up to 0.01"),
            _ => throw new ConversionException($"{what} is '{name}', which is unknown; it must be Tanh, Hardtanh, ReLU, LeakyReLU, PReLU, Sigmoid, SiLU, Hardswish, LeakyHardtanh or Softsign"),
        };

        static float[] Slopes(Members constants) => constants.Tensor("negative_slopes") is { Shape: [> 0] } list ? list.ToFloats() : throw constants.Fault("'negative_slopes' must be a list of numbers");
    }

    private static NamFunction Plain(string op, Func<double, double> of) => new((graph, _, x) => graph.Composer.Op(op, [x.Name]), (x, _) => of(x));

    /// <summary>One slope below zero for all channels, or one for each.</summary>
    private static NamFunction Sloped(float[] slopes) => new(
        (graph, prefix, x) => slopes.Length == 1 ? graph.Composer.Op("LeakyRelu", [x.Name], ("alpha", slopes[0]))
            : slopes.Length == x.Channels ? graph.Composer.Op("PRelu", [x.Name, graph.Composer.Constant($"{prefix}slopes", IrTensor.Of<float>([slopes.Length, 1], slopes))])
            : throw new ConversionException($"a PReLU has {slopes.Length} slopes for {x.Channels} channels"),
        (x, channel) => x >= 0 ? x : x * slopes[slopes.Length == 1 ? 0 : channel]);

    /// <summary>x between two limits, and lines of given slopes beyond them.</summary>
    private static NamFunction Leaky(float least, float most, float below, float above)
    {
        if (!(least <= most)) throw new ConversionException($"a LeakyHardtanh has min_val {least} above max_val {most}");
        return new(
            (graph, _, x) =>
            {
                var composer = graph.Composer;
                string Over(string a, float b, string c) => composer.Op("Mul", [composer.Op("Sub", [a, c]), composer.Scalar(b)]);
                var inner = Clip(composer, x.Name, least, most);
                var high = Over(Clip(composer, x.Name, most, float.MaxValue), above, composer.Scalar(most));
                var low = Over(Clip(composer, x.Name, float.MinValue, least), below, composer.Scalar(least));
                return composer.Op("Add", [composer.Op("Add", [inner, high]), low]);
            },
            (x, _) => x < least ? (x - least) * below + least : x > most ? (x - most) * above + most : x);
    }

    private static string Clip(GraphComposer composer, string x, float least, float most) => composer.Op("Clip", [x, composer.Scalar(least), composer.Scalar(most)]);
}
