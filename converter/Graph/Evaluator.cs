using SeqRuntime.Converter.Lowering;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Graph;

/// <summary>
/// Runs the runtime's own operators over a graph at conversion: shapes of all values, and contents of those that follow from
/// constants and shapes. Symbolic dimensions are tried at several sizes; what comes out the same each time does not depend on them.
/// </summary>
internal sealed unsafe class Evaluator
{
    /// <summary>Most elements of a folded value, and most multiplications of a folded product.</summary>
    private const int LargestFold = 1 << 24;
    private const long LargestProduct = 1L << 31;

    /// <summary>Most bytes of all folded values: a small file that asks for more is not folded further.</summary>
    private const long Budget = 1L << 29;

    private readonly List<byte[]> _memory = [];
    private readonly Dictionary<string, Tensor[]> _values = [];
    private readonly Dictionary<Tensor, IrTensor> _constants = [];
    private readonly KernelSet _kernels = KernelRegistry.Choose();
    private readonly int _probes;
    private readonly Evaluator? _outer;
    private long _allocated;

    public Evaluator(IrGraph graph, IReadOnlyList<Sizes> sizes)
    {
        _probes = sizes.Count;
        foreach (var port in graph.Inputs) SetPort(port.Value, port.Type, port.Shape, sizes);
        foreach (var state in graph.States) SetPort(state.Value, state.Type, state.Shape, sizes);
        foreach (var (name, tensor) in graph.Constants) SetConstant(name, tensor);
    }

    /// <summary>Whether something that is known was not computed because it is too large.</summary>
    public bool IsCurtailed { get; private set; }

    /// <summary>Bytes computed so far.</summary>
    public long Computed => _allocated;

    /// <summary>An evaluator of an inner graph, which sees the values around it.</summary>
    public Evaluator(Evaluator outer)
    {
        _outer = outer;
        _probes = outer._probes;
    }

    /// <summary>How many sizes of the symbolic dimensions are tried at once.</summary>
    public int Probes => _probes;

    public bool Has(string value) => _values.ContainsKey(value) || (_outer?.Has(value) ?? false);

    /// <summary>Adds a value of the same type and shape as another, whose content is not known.</summary>
    public void SetUnknown(string name, string like) => _values[name] = Array.ConvertAll(Values(like), other =>
    {
        var tensor = new Tensor { Name = name };
        tensor.Set(other.Type, other.Shape);
        return tensor;
    });

    /// <summary>Adds a single number that is not known.</summary>
    public void SetUnknown(string name, ElementType type) => SetPort(name, type, [], []);

    /// <summary>The one number that a value holds at one of the sizes that are tried; null where it is not known or none.</summary>
    public double? NumberOf(string value, int probe) => NumbersOf(value, probe) is [var number] ? number : null;

    /// <summary>The few numbers that a value holds at one of the sizes that are tried; null where they are not known or many.</summary>
    public double[]? NumbersOf(string value, int probe)
    {
        if (!Has(value) || Values(value)[probe] is not { IsKnown: true, Count: >= 1 and <= Shape.MaxRank } tensor) return null;
        return tensor.Type switch
        {
            ElementType.Float32 => Numbers<float>(tensor),
            ElementType.Float64 => Numbers<double>(tensor),
            ElementType.Int64 => Numbers<long>(tensor),
            ElementType.Int32 => Numbers<int>(tensor),
            ElementType.Int8 => Numbers<sbyte>(tensor),
            _ => Numbers<byte>(tensor),
        };
    }

    private static double[] Numbers<T>(Tensor tensor)
        where T : unmanaged, System.Numerics.INumber<T> => Array.ConvertAll(new ReadOnlySpan<T>(tensor.Data, (int)tensor.Count).ToArray(), double.CreateChecked);

    private Tensor[] Values(string name) => _values.TryGetValue(name, out var own) || _outer is null ? own ?? _values[name] : _outer.Values(name);

    private IrTensor? ConstantBehind(Tensor tensor) => _constants.TryGetValue(tensor, out var constant) ? constant : _outer?.ConstantBehind(tensor);

    public void SetConstant(string name, IrTensor constant)
    {
        var tensor = new Tensor { Name = name };
        tensor.Set(constant.Type, new Shape(constant.Shape));
        tensor.Data = constant.Pointer;
        tensor.IsKnown = true;
        _constants[tensor] = constant;
        var probes = new Tensor[_probes];
        Array.Fill(probes, tensor);
        _values[name] = probes;
    }

    /// <summary>Infers a node's outputs, and computes them where that needs no input data.</summary>
    public void Evaluate(IrNode node)
    {
        var probes = new Tensor?[_probes][];
        for (var p = 0; p < _probes; p++)
        {
            var inputs = node.Inputs.Select(i => i.Length == 0 ? null : Values(i)[p]).ToArray();
            if (p > 0 && node.Inputs.TrueForAll(i => i.Length == 0 || ReferenceEquals(Values(i)[p], Values(i)[0])))
            {
                probes[p] = probes[0];
                continue;
            }

            probes[p] = node.Outputs.Select(o => o.Length == 0 ? null : new Tensor { Name = o }).ToArray();
            if (ShapeRules.TryInfer(node, inputs, probes[p])) continue;
            var (kind, attributes) = OperatorMap.Map(node);
            Evaluate(OperatorFactory.Create(kind, attributes), kind, inputs, probes[p]);
        }

        for (var o = 0; o < node.Outputs.Count; o++)
        {
            if (node.Outputs[o].Length > 0) _values[node.Outputs[o]] = [.. probes.Select(p => p[o]!)];
        }
    }

    /// <summary>Lets a value's content be unknown, so that what reads it stays.</summary>
    public void Forget(string value)
    {
        foreach (var tensor in Values(value)) tensor.IsKnown = false;
    }

    public IrShape ShapeOf(string value)
    {
        var probes = Values(value);
        var sizes = probes[0].Shape.AsSpan().ToArray();
        foreach (var probe in probes)
        {
            if (probe.Rank != sizes.Length) throw new ConversionException($"'{value}' has {sizes.Length} dimensions at one size of the symbolic dimensions and {probe.Rank} at another.");
            for (var i = 0; i < sizes.Length; i++)
            {
                if (probe.Shape[i] != sizes[i]) sizes[i] = -1;
            }
        }

        return new IrShape(probes[0].Type, sizes);
    }

    /// <summary>Whether the value is known at all sizes of the symbolic dimensions, and not the same.</summary>
    public bool FollowsFromSizes(string value) => Has(value) && Array.TrueForAll(Values(value), probe => probe.IsKnown) && KnownContent(value) is null;

    /// <summary>A dimension at each of the sizes of the symbolic dimensions that are tried.</summary>
    public int[] SizesOf(string value, int axis) => Array.ConvertAll(Values(value), probe => axis >= 0 && axis < probe.Rank ? probe.Shape[axis] : throw new ArgumentException($"'{value}' of shape {probe.Shape} has no dimension {axis}."));

    /// <summary>Whether two values have the same shape whatever the sizes of the symbolic dimensions that were tried.</summary>
    public bool SameShape(string a, string b) => Values(a).Zip(Values(b)).All(pair => pair.First.Shape.Equals(pair.Second.Shape));

    /// <summary>The value's content if it is known and does not depend on symbolic dimensions.</summary>
    public IrTensor? KnownContent(string value)
    {
        var probes = Values(value);
        var first = probes[0];
        if (ConstantBehind(first) is { } constant) return constant;
        foreach (var probe in probes)
        {
            if (!probe.IsKnown || !probe.Shape.Equals(first.Shape) || (probe != first && !Bytes(probe).SequenceEqual(Bytes(first)))) return null;
        }

        return new IrTensor(first.Type, first.Shape.AsSpan().ToArray(), Bytes(first).ToArray());
    }

    private static ReadOnlySpan<byte> Bytes(Tensor tensor) => new(tensor.Data, (int)tensor.Bytes);

    private void SetPort(string name, ElementType type, IrDim[] shape, IReadOnlyList<Sizes> sizes)
    {
        Tensor Make(Sizes? at)
        {
            var tensor = new Tensor { Name = name };
            tensor.Set(type, new Shape([.. shape.Select(d => d.Symbol is null ? d.Size : at![d.Symbol])]));
            return tensor;
        }

        if (Array.Exists(shape, d => d.Symbol is not null))
        {
            _values[name] = [.. sizes.Select(Make)];
            return;
        }

        var probes = new Tensor[_probes];
        Array.Fill(probes, Make(null));
        _values[name] = probes;
    }

    private void Evaluate(Operator op, OpKind kind, Tensor?[] inputs, Tensor?[] outputs)
    {
        var context = new NodeContext(_kernels, inputs, outputs);
        op.Infer(context);
        var known = op.DependsOnShapesOnly || Array.TrueForAll(inputs, i => i is null || i.IsKnown);
        if (!known) return;
        if (IsTooMuch(kind, inputs, outputs))
        {
            IsCurtailed = true;
            return;
        }

        context.Scratch = Allocate(op.ScratchBytes(context));
        foreach (var output in outputs)
        {
            if (output is null) continue;
            output.Data = op.IsView ? inputs[0]!.Data : Allocate(output.Bytes);
            output.Capacity = output.Bytes;
            output.IsKnown = true;
        }

        if (!op.IsView) op.Execute(context);
    }

    private bool IsTooMuch(OpKind kind, Tensor?[] inputs, Tensor?[] outputs)
    {
        var bytes = outputs.Sum(o => o?.Bytes ?? 0);
        if (Array.Exists(outputs, o => o is { Count: > LargestFold }) || _allocated + bytes > Budget) return true;
        var work = kind is OpKind.MatMul or OpKind.Conv or OpKind.ConvTranspose ? (long)(outputs[0]?.Count ?? 0) * (inputs[0]?.Count ?? 0) / Math.Max(1, inputs[0]!.Shape[0]) : 0;
        return work > LargestProduct;
    }

    private byte* Allocate(long bytes)
    {
        _allocated += bytes;
        var array = GC.AllocateArray<byte>(checked((int)bytes + 2 * KernelSet.ReadSlack), pinned: true);
        _memory.Add(array);
        fixed (byte* start = array) return start;
    }
}
