using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>An operator that is being written as nodes: its inputs, outputs and options.</summary>
internal sealed class TfliteCall(TfliteScope scope, TfliteOperator op)
{
    public TfliteScope Scope => scope;

    public GraphComposer Graph => scope.Graph;

    public string Op => op.Name;

    public FlatTable Options => op.Options;

    public FlatTable MoreOptions => op.MoreOptions;

    /// <summary>The options of a custom operator.</summary>
    public ReadOnlyMemory<byte> Custom => op.Custom;

    public int Inputs => op.Inputs.Length;

    public int Outputs => op.Outputs.Length;

    /// <summary>The place of an input among the subgraph's tensors. -1 if it is omitted.</summary>
    public int Place(int input) => input < op.Inputs.Length ? op.Inputs[input] : -1;

    public bool Has(int input) => Place(input) >= 0;

    /// <summary>The tensor of an input.</summary>
    public TfliteTensor Tensor(int input) => scope.Subgraph.Tensors[Has(input) ? op.Inputs[input] : throw Missing(input)];

    /// <summary>The tensor of an input that must have four dimensions.</summary>
    public TfliteTensor Image(int input) => Tensor(input) is { Rank: 4 } image ? image : throw Fault($"its input has shape [{string.Join(", ", Tensor(input).Shape)}]; it must be [batch, height, width, channels]");

    public TfliteTensor Result(int output = 0) => scope.Subgraph.Tensors[output < op.Outputs.Length ? op.Outputs[output] : throw Fault($"it has no output {output}; the file is damaged")];

    public string Name => TfliteNotes.Clean(Outputs > 0 ? Result().Name : "", op.Name.ToLowerInvariant());

    /// <summary>The value of an input.</summary>
    public string Value(int input) => scope.Find(Has(input) ? op.Inputs[input] : throw Missing(input)) ?? throw Fault($"nothing computes its input '{Tensor(input).Name}' before it; the file is damaged");

    public string? Optional(int input) => Has(input) ? Value(input) : null;

    /// <summary>Whether an input is a constant, or was computed from constants by moving them.</summary>
    public bool IsConstant(int input) => Has(input) && scope.Known(Value(input)) is not null;

    /// <summary>A constant input.</summary>
    public IrTensor Constant(int input) => scope.Known(Value(input)) ?? throw Fault($"its input '{Tensor(input).Name}' must be a constant");

    /// <summary>A constant input of integers.</summary>
    public long[] Integers(int input) => Constant(input) is { Type: not (ElementType.Float32 or ElementType.Float64) } constant ? constant.Integers() : throw Fault($"its input '{Tensor(input).Name}' must hold integers");

    /// <summary>An axis, counted from the first.</summary>
    public int Axis(long axis, int rank) => axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : throw Fault($"axis {axis} does not exist in a tensor of {rank} dimensions");

    /// <summary>An input of integers as int64, which shapes and indices need.</summary>
    public string Long(int input) => IsConstant(input) ? Graph.Constant(Name, IrTensor.Of<long>(Constant(input).Shape, Integers(input))) : Long(Value(input), Tensor(input));

    public string Long(string value, TfliteTensor tensor) => tensor.Element == ElementType.Int64 ? value : Cast(value, ElementType.Int64);

    /// <summary>The same as a vector, if it is a scalar.</summary>
    public string Vector(int input) => IsConstant(input) ? Graph.Axes(Integers(input)) : Tensor(input).Rank == 0 ? Graph.Op("Reshape", [Long(input), Graph.Axes(-1)]) : Long(input);

    public string Cast(string value, ElementType type) => Graph.Op("Cast", [value], ("to", (long)Expansion.Onnx(type)));

    /// <summary>Integers in the type that the file gives an output.</summary>
    public string As(string value, ElementType from, int output = 0) => Result(output).Element is var type && type != from && type != 0 ? Cast(value, type) : value;

    /// <summary>The value of an output. Null if it has none yet.</summary>
    public string? Find(int output) => scope.Find(op.Outputs[output]);

    /// <summary>Whether a value is a constant.</summary>
    public bool IsKnown(string value) => scope.Known(value) is not null;

    /// <summary>Defines an output.</summary>
    public void Set(int output, string value)
    {
        if (output < op.Outputs.Length) scope.Set(op.Outputs[output], value);
    }

    /// <summary>Makes a variable input hold a new value after the run.</summary>
    public void Keep(int input, string value) => scope.Keep(Place(input), value);

    /// <summary>The subgraph that an option names.</summary>
    public TfliteSubgraph Subgraph(int index) => scope.Context.Subgraph(index, this);

    public ConversionException Fault(string what) => new($"{Op} '{Name}': {what}.");

    private ConversionException Missing(int input) => Fault($"it has no input {input}; the file is damaged");
}
