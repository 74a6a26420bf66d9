using SeqRuntime.Converter.Lowering;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Operators;

namespace SeqRuntime.Converter.Graph;

/// <summary>
/// Runs the runtime's own operators over a graph at conversion: shapes of all values, and contents of those that follow from
/// constants and shapes. Symbolic dimensions are tried at two sizes each; what comes out the same both times does not depend on them.
/// </summary>
internal sealed unsafe class Evaluator
{
    private const int LargestFold = 1 << 24;
    private readonly List<byte[]> _memory = [];
    private readonly Dictionary<string, Tensor[]> _values = [];
    private readonly int _probes;

    public Evaluator(IrGraph graph, int[] sizes)
    {
        _probes = sizes.Length;
        foreach (var port in graph.Inputs) SetPort(port.Value, port.Type, port.Shape, sizes);
        foreach (var state in graph.States) SetPort(state.Value, state.Type, state.Shape, sizes);
        foreach (var (name, tensor) in graph.Constants) SetConstant(name, tensor);
    }

    public bool Has(string value) => _values.ContainsKey(value);

    public void SetConstant(string name, IrTensor constant)
    {
        var tensor = new Tensor { Name = name };
        tensor.Set(constant.Type, new Shape(constant.Shape));
        tensor.Data = Allocate(constant.Data.Length);
        constant.Data.CopyTo(new Span<byte>(tensor.Data, constant.Data.Length));
        tensor.IsKnown = true;
        var probes = new Tensor[_probes];
        Array.Fill(probes, tensor);
        _values[name] = probes;
    }

    public void Alias(string name, string of) => _values[name] = _values[of];

    /// <summary>Infers a node's outputs, and computes them where that needs no input data.</summary>
    public void Evaluate(IrNode node)
    {
        var probes = new Tensor?[_probes][];
        for (var p = 0; p < _probes; p++)
        {
            var inputs = node.Inputs.Select(i => i.Length == 0 ? null : _values[i][p]).ToArray();
            probes[p] = node.Outputs.Select(o => o.Length == 0 ? null : new Tensor { Name = o }).ToArray();
            if (ShapeRules.TryInfer(node, inputs, probes[p])) continue;
            var (kind, attributes) = OperatorMap.Map(node);
            Evaluate(OperatorFactory.Create(kind, attributes), inputs, probes[p]);
        }

        for (var o = 0; o < node.Outputs.Count; o++)
        {
            if (node.Outputs[o].Length > 0) _values[node.Outputs[o]] = [.. probes.Select(p => p[o]!)];
        }
    }

    public IrShape ShapeOf(string value)
    {
        var probes = _values[value];
        var sizes = probes[0].Shape.AsSpan().ToArray();
        foreach (var probe in probes)
        {
            if (probe.Rank != sizes.Length) throw new ConversionException($"'{value}' has {sizes.Length} dimensions at one size of the symbolic dimensions and {probe.Rank} at another; fix them with --dim.");
            for (var i = 0; i < sizes.Length; i++)
            {
                if (probe.Shape[i] != sizes[i]) sizes[i] = -1;
            }
        }

        return new IrShape(probes[0].Type, sizes);
    }

    /// <summary>The value's content if it is known and does not depend on symbolic dimensions.</summary>
    public IrTensor? KnownContent(string value)
    {
        var probes = _values[value];
        var first = probes[0];
        foreach (var probe in probes)
        {
            if (!probe.IsKnown || !probe.Shape.Equals(first.Shape) || !Bytes(probe).SequenceEqual(Bytes(first))) return null;
        }

        return new IrTensor(first.Type, first.Shape.AsSpan().ToArray(), Bytes(first).ToArray());
    }

    private static ReadOnlySpan<byte> Bytes(Tensor tensor) => new(tensor.Data, (int)tensor.Bytes);

    private void SetPort(string name, ElementType type, IrDim[] shape, int[] sizes) => _values[name] = [.. sizes.Select(size =>
    {
        var tensor = new Tensor { Name = name };
        tensor.Set(type, new Shape([.. shape.Select(d => d.Symbol is null ? d.Size : size)]));
        return tensor;
    })];

    private void Evaluate(Operator op, Tensor?[] inputs, Tensor?[] outputs)
    {
        var context = new NodeContext(KernelRegistry.Portable, inputs, outputs);
        op.Infer(context);
        var known = op.DependsOnShapesOnly || Array.TrueForAll(inputs, i => i is null || i.IsKnown);
        if (!known || outputs.Any(o => o is { Count: > LargestFold })) return;
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

    private byte* Allocate(long bytes)
    {
        var array = GC.AllocateArray<byte>(checked((int)bytes + 2 * KernelSet.ReadSlack), pinned: true);
        _memory.Add(array);
        fixed (byte* start = array) return start;
    }
}
