using SeqRuntime.Converter.Graph;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Evaluation;

/// <summary>
/// Runs the runtime's own operators over a graph at conversion. It finds the shapes of all values, and the contents of values that follow
/// from constants and shapes. It tries several sizes of the symbolic dimensions (probes). A result that is equal at all probes does not depend on them.
/// </summary>
internal sealed unsafe class Evaluator : IDisposable
{
    /// <summary>Limit of the elements of a folded value.</summary>
    private const int LargestFold = 1 << 24;

    /// <summary>Work for each element of a folded value, and for each multiplication of a product.</summary>
    private const int ElementWork = 8;

    private readonly Budget _budget;
    private readonly Dictionary<Tensor, NativeBlock> _memory = [];
    private readonly HashSet<NativeBlock> _shown = [];
    private readonly Dictionary<string, Tensor[]> _values = [];
    private readonly Dictionary<Tensor, IrTensor> _constants = [];
    private readonly KernelSet _kernels = KernelRegistry.Choose();
    private readonly int _probes;
    private readonly Evaluator? _outer;
    private bool _isCurtailed;

    public Evaluator(IrGraph graph, IReadOnlyList<Sizes> sizes)
    {
        (_probes, _budget) = (sizes.Count, graph.Budget);
        foreach (var port in graph.Inputs) SetPort(port.Value, port.Type, port.Shape, sizes);
        foreach (var state in graph.States) SetPort(state.Value, state.Type, state.Shape, sizes);
        foreach (var (name, tensor) in graph.Constants) SetConstant(name, tensor);
    }

    /// <summary>Whether a known value was not computed because it is too large.</summary>
    public bool IsCurtailed => Whole._isCurtailed;

    /// <summary>Creates an evaluator of an inner graph, which sees the outer graph's values.</summary>
    public Evaluator(Evaluator outer)
    {
        (_outer, _probes, _budget) = (outer, outer._probes, outer._budget);
    }

    /// <summary>The number of probes: sizes of the symbolic dimensions that are tried at once.</summary>
    public int Probes => _probes;

    public bool Has(string value) => _values.ContainsKey(value) || (_outer?.Has(value) ?? false);

    /// <summary>Adds a value of unknown content with the type and shape of another.</summary>
    public void SetUnknown(string name, string like) => _values[name] = Array.ConvertAll(Values(like), other =>
    {
        var tensor = new Tensor { Name = name };
        tensor.Set(other.Type, other.Shape);
        return tensor;
    });

    /// <summary>Adds a scalar of unknown content.</summary>
    public void SetUnknown(string name, ElementType type) => SetPort(name, type, [], []);

    /// <summary>The single number that a value holds at one probe. Null if it is unknown or not a single number.</summary>
    public double? NumberOf(string value, int probe) => NumbersOf(value, probe) is [var number] ? number : null;

    /// <summary>The few numbers that a value holds at one probe. Null if they are unknown or many.</summary>
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

    private Tensor[] Values(string name)
    {
        if (name.Length == 0) throw new ShapeFault("a required input is missing.");
        for (var around = this; around is not null; around = around._outer)
        {
            if (around._values.TryGetValue(name, out var values)) return values;
        }

        throw new ShapeFault($"'{name}' is not a tensor that an earlier node computes.");
    }

    private IrTensor? ConstantBehind(Tensor tensor) => _constants.TryGetValue(tensor, out var constant) ? constant : _outer?.ConstantBehind(tensor);

    public void SetConstant(string name, IrTensor constant)
    {
        var tensor = new Tensor { Name = name };
        Set(tensor, constant.Type, constant.Shape);
        tensor.Data = constant.Pointer;
        tensor.IsKnown = true;
        _constants[tensor] = constant;
        foreach (var computed in _values.GetValueOrDefault(name, [])) Free(computed);
        var probes = new Tensor[_probes];
        Array.Fill(probes, tensor);
        _values[name] = probes;
    }

    /// <summary>Bytes of the values computed so far and of the counted constants.</summary>
    public long Bytes { get; private set; }

    public void Dispose()
    {
        foreach (var memory in _memory.Values) memory.Dispose();
    }

    /// <summary>Counts a constant that does not come from the file.</summary>
    /// <exception cref="ConversionException">The constants exceed the bytes that a model of this size needs.</exception>
    public void Count(IrNode node, IrTensor constant)
    {
        Take(constant.Data.Length);
        if (Whole.Bytes > _budget.MostBytes) throw new ConversionException($"node {node}: the constants that follow from this file take more than {_budget.MostBytes >> 20} MiB. Reduce their sizes, or store them in the file.");
        _budget.Spend(constant.Data.Length * (long)ElementWork, node);
    }

    /// <summary>Infers a node's outputs, and computes them if they do not depend on input data.</summary>
    /// <exception cref="ShapeFault">The operator refuses its inputs or attributes.</exception>
    public void Evaluate(IrNode node)
    {
        try
        {
            Infer(node);
        }
        catch (Exception fault) when (ShapeFault.IsRefusal(fault))
        {
            throw new ShapeFault(fault.Message, fault);
        }
    }

    private void Infer(IrNode node)
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
            Evaluate(node, OperatorTable.Create(kind, attributes), inputs, probes[p]);
        }

        for (var o = 0; o < node.Outputs.Count; o++)
        {
            if (node.Outputs[o].Length == 0) continue;
            if (probes[0][o]!.Type == 0) throw new ShapeFault($"the operator has no output {o} ('{node.Outputs[o]}').");
            _values[node.Outputs[o]] = [.. probes.Select(p => p[o]!)];
        }
    }

    /// <summary>Makes a value's content unknown, so that its readers are not folded.</summary>
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
            if (probe.Rank != sizes.Length) throw new ConversionException($"'{value}' has {sizes.Length} dimensions at some sizes of the symbolic dimensions and {probe.Rank} at others.");
            for (var i = 0; i < sizes.Length; i++)
            {
                if (probe.Shape[i] != sizes[i]) sizes[i] = -1;
            }
        }

        return new IrShape(probes[0].Type, sizes);
    }

    /// <summary>Whether the value is known at all probes and differs between them.</summary>
    public bool FollowsFromSizes(string value) => Has(value) && Array.TrueForAll(Values(value), probe => probe.IsKnown) && KnownContent(value) is null;

    /// <summary>A dimension's size at each probe.</summary>
    public int[] SizesOf(string value, int axis) => Array.ConvertAll(Values(value), probe => axis >= 0 && axis < probe.Rank ? probe.Shape[axis] : throw new ShapeFault($"'{value}' of shape {probe.Shape} has no dimension {axis}."));

    /// <summary>Whether two values have the same shape at all probes.</summary>
    public bool SameShape(string a, string b) => Values(a).Zip(Values(b)).All(pair => pair.First.Shape.Equals(pair.Second.Shape));

    /// <summary>The value's content if it is known and does not depend on symbolic dimensions.</summary>
    public IrTensor? KnownContent(string value)
    {
        var probes = Values(value);
        var first = probes[0];
        if (ConstantBehind(first) is { } constant) return constant;
        foreach (var probe in probes)
        {
            if (!probe.IsKnown || !probe.Shape.Equals(first.Shape) || (probe != first && !Content(probe).SequenceEqual(Content(first)))) return null;
        }

        return new IrTensor(first.Type, first.Shape.AsSpan().ToArray(), Content(first).ToArray());
    }

    private static ReadOnlySpan<byte> Content(Tensor tensor) => new(tensor.Data, (int)tensor.Bytes);

    private void SetPort(string name, ElementType type, IrDim[] shape, IReadOnlyList<Sizes> sizes)
    {
        Tensor Make(Sizes? at)
        {
            var tensor = new Tensor { Name = name };
            Set(tensor, type, [.. shape.Select(d => d.Symbol is null ? d.Size : at![d.Symbol])]);
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

    private static void Set(Tensor tensor, ElementType type, int[] shape)
    {
        try
        {
            tensor.Set(type, new Shape(shape));
        }
        catch (Exception fault) when (ShapeFault.IsRefusal(fault))
        {
            throw new ShapeFault(fault.Message, fault);
        }
    }

    private void Evaluate(IrNode node, Operator op, Tensor?[] inputs, Tensor?[] outputs)
    {
        var context = new NodeContext(_kernels, inputs, outputs);
        op.Infer(context);
        var known = op.DependsOnShapesOnly || Array.TrueForAll(inputs, i => i is null || i.IsKnown);
        if (!known) return;
        var scratchBytes = op.IsView ? 0 : op.ScratchBytes(context);
        var work = Work(node, op, inputs, outputs);
        if (IsTooLarge(scratchBytes, outputs) || !_budget.Allows(work))
        {
            Whole._isCurtailed = true;
            return;
        }

        _budget.Spend(work, node);
        using var scratch = Allocate(scratchBytes);
        context.Scratch = scratch.Start;
        foreach (var output in outputs)
        {
            if (output is null) continue;
            output.Capacity = output.Bytes;
            output.IsKnown = true;
            if (op.IsView)
            {
                output.Data = inputs[0]!.Data;
                Share(inputs[0]!);
                continue;
            }

            _memory[output] = Allocate(output.Bytes);
            output.Data = _memory[output].Start;
            Take(output.Bytes);
        }

        if (!op.IsView) op.Execute(context);
    }

    /// <summary>The evaluator of the whole graph. All inner evaluators share its budget.</summary>
    private Evaluator Whole => _outer?.Whole ?? this;

    private void Take(long bytes) => Whole.Bytes += bytes;

    private bool IsTooLarge(long scratch, Tensor?[] outputs) =>
        scratch > int.MaxValue / 2 || Array.Exists(outputs, o => o is { Count: > LargestFold }) || Whole.Bytes + scratch + outputs.Sum(o => o?.Bytes ?? 0) > _budget.MostBytes;

    /// <summary>An estimate of an operator's work. A view moves no element, and Shape reads none.</summary>
    private static long Work(IrNode node, Operator op, Tensor?[] inputs, Tensor?[] outputs)
    {
        if (op.IsView) return 0;
        var elements = (op.DependsOnShapesOnly ? outputs : inputs.Concat(outputs)).Sum(t => (long)(t?.Count ?? 0));
        var perOutput = op switch
        {
            MatMul => inputs[0] is { Rank: > 0 } a ? a.Shape[a.Rank - 1] : 1,
            Pool => node.Ints("kernel_shape").Aggregate(1L, (product, taps) => Math.Min(product * Math.Clamp(taps, 1, int.MaxValue), uint.MaxValue)),
            _ => 1,
        };
        return (elements + (outputs[0]?.Count ?? 0) * perOutput) * ElementWork;
    }

    /// <summary>Keeps the memory behind a view until the end.</summary>
    private void Share(Tensor shown)
    {
        for (var around = this; around is not null; around = around._outer)
        {
            if (around._memory.TryGetValue(shown, out var memory)) around._shown.Add(memory);
        }
    }

    private void Free(Tensor tensor)
    {
        if (_memory.TryGetValue(tensor, out var memory) && !_shown.Contains(memory) && _memory.Remove(tensor)) memory.Dispose();
    }

    private static NativeBlock Allocate(long bytes) => new(bytes + KernelSet.ReadSlack);
}
