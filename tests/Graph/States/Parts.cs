using SeqRuntime.Converter;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Tests.Graph.States;

/// <summary>Parts of stateful models as exporters write them, and the states that were found.</summary>
internal static class Parts
{
    private const int Float = OnnxBuilder.Float;

    /// <summary>A recurrent layer over <paramref name="inputs"/> (x, then initial states, "-" for omitted ones) with <paramref name="outputs"/> (Y, Y_h, Y_c).</summary>
    public static OnnxBuilder Layer(this OnnxBuilder model, string kind, int seed, int size, int hidden, string inputs, string outputs, string direction = "forward")
    {
        var gates = kind switch { "LSTM" => 4, "GRU" => 3, _ => 1 };
        var directions = direction == "bidirectional" ? 2 : 1;
        var id = $"{kind}{seed}{outputs.Split(' ')[0]}";
        var given = inputs.Split(' ');
        var states = given.Length > 1 ? " - " + string.Join(' ', given[1..]) : "";
        return model.Random(id + "w", seed, 0.5f, directions, gates * hidden, size).Random(id + "r", seed + 1, 0.5f, directions, gates * hidden, hidden).Random(id + "b", seed + 2, 0.3f, directions, 2 * gates * hidden)
            .Node(kind, $"{given[0]} {id}w {id}r {id}b{states}", outputs, ("hidden_size", hidden), ("direction", direction));
    }

    public static OnnxBuilder Integers(this OnnxBuilder model, string name, params long[] values) => model.Constant(name, [values.Length], values);

    /// <summary>The product with a random matrix of <paramref name="rows"/> × <paramref name="columns"/>.</summary>
    public static OnnxBuilder Matrix(this OnnxBuilder model, int seed, string input, string output, int rows, int columns) =>
        model.Random(output + ".w", seed, 0.5f, rows, columns).Node("MatMul", $"{input} {output}.w", output);

    public static OnnxBuilder In(this OnnxBuilder model, string name, params object[] shape) => model.Input(name, Float, shape);

    public static OnnxBuilder Out(this OnnxBuilder model, string name, params object[] shape) => model.Output(name, Float, shape);

    /// <summary>The states of the only graph: pairs of input and output.</summary>
    public static (string Input, string Output)[] Pairs(this OnnxBuilder model, ConversionOptions? options = null) =>
        [.. model.Convert(options).Graphs[0].States.Select(s => (s.Input, s.Output)).Order()];

    public static IReadOnlyList<string> Notes(this OnnxBuilder model, ConversionOptions? options = null) => model.Convert(options).Graphs[0].Notes;

    public static string[] OutputsLeft(this OnnxBuilder model, ConversionOptions? options = null)
    {
        using var loaded = model.Load(options);
        return [.. loaded.Graphs[0].Outputs.Select(o => o.Name)];
    }
}
