using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Planning;

/// <summary>
/// The values of a graph; their shapes are inferred from the sizes of its symbols. A node whose outputs depend only on shapes and constants
/// runs during inference only. Its outputs lie in a small block, because inference runs before a session has its block.
/// </summary>
internal sealed unsafe class Inference
{
    /// <summary>Most bytes of a value computed during shape inference.</summary>
    public const int KnownBytes = KnownElements * sizeof(long);
    private const int KnownElements = 64;
    private const int Scratch = 4096;

    /// <summary>Most operations during shape inference, for one node and for all of them together.</summary>
    private const double KnownWork = 1e6;
    private const double AllKnownWork = 1e8;

    private readonly LoadedGraph _graph;
    private readonly Tensor[] _modelTensors;
    private readonly Caches _caches;
    private readonly SessionMemory _known;
    private double _knownWork;

    public Inference(LoadedGraph graph, Tensor[] modelTensors, Caches caches, KernelSet kernels, long memoryLimit)
    {
        (_graph, _modelTensors, _caches) = (graph, modelTensors, caches);
        Values = [.. graph.Values.Select(value => value.Constant ?? new Tensor { Name = value.Name, Format = TensorFormat.Dense })];
        Contexts = [.. graph.Nodes.Select(node => new NodeContext(kernels, Pick(node.Inputs), Pick(node.Outputs)))];
        IsKnownNode = FindKnownNodes();
        var known = 0L;
        for (var i = 0; i < IsKnownNode.Length; i++) known += IsKnownNode[i] ? graph.Nodes[i].Outputs.Length : 0;
        BlockBytes = Scratch + Math.Max(known, 1) * (KnownBytes + KernelSet.ReadSlack);
        if (BlockBytes > memoryLimit) throw SessionError.Memory(graph.Name, BlockBytes, memoryLimit);
        _known = new SessionMemory(BlockBytes);
        PlaceKnown();
    }

    public Tensor[] Values { get; }

    public NodeContext[] Contexts { get; }

    /// <summary>Nodes that run during shape inference.</summary>
    public bool[] IsKnownNode { get; }

    /// <summary>Bytes of the block of known values.</summary>
    public long BlockBytes { get; }

    /// <summary>Sets input and state shapes from the sizes of the symbols.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void SetShapes(ReadOnlySpan<int> sizes)
    {
        foreach (var input in _graph.Inputs) SetShape(input, sizes);
        foreach (var state in _graph.States) SetShape(state.Value, sizes);
    }

    /// <summary>Infers all shapes, and finds the nodes whose values are small enough to be computed during inference.</summary>
    public void InferFirst()
    {
        for (var i = 0; i < Contexts.Length; i++)
        {
            var node = _graph.Nodes[i];
            var context = Contexts[i];
            try
            {
                node.Operator.Infer(context);
                for (var o = 0; o < context.OutputCount; o++)
                {
                    if (context.OptionalOutput(o) is { } output && output.Type.Size() == 0) throw new SeqFormatException($"'{output.Name}' is output {o} of the node, but its operator has no such output.");
                }

                if (!IsKnownNode[i]) continue;
                // A large one, such as a causal mask, is not run here, and its work does not count.
                IsKnownNode[i] = IsSmall(node, context);
                if (!IsKnownNode[i]) continue;
                _knownWork += node.Operator.Work(context);
                IsKnownNode[i] = _knownWork <= AllKnownWork;
                if (IsKnownNode[i]) RunKnown(i);
            }
            catch (Exception fault) when (fault is ArgumentException or OverflowException or SeqFormatException)
            {
                throw _graph.At(i, fault);
            }
        }

        CheckStates();
    }

    /// <summary>Infers all shapes within the memory planned for the largest sizes. Allocates nothing.</summary>
    /// <param name="isView">Nodes planned as views, which must still be views.</param>
    /// <param name="scratchBytes">Planned bytes of scratch.</param>
    public void InferAgain(bool[] isView, long scratchBytes)
    {
        for (var i = 0; i < Contexts.Length; i++)
        {
            try
            {
                var context = Contexts[i];
                _graph.Nodes[i].Operator.Infer(context);
                if (isView[i] && !_graph.Nodes[i].Operator.IsViewAt(context)) throw new ArgumentException("The node moves elements at these sizes, but not at the largest sizes. Create the session with other MaxSizes.");
                for (var o = 0; o < context.OutputCount; o++)
                {
                    if (context.OptionalOutput(o) is { } output && output.Bytes > output.Capacity)
                        throw new ArgumentException($"'{output.Name}' of shape {output.Shape} needs {output.Bytes} bytes; {output.Capacity} were planned for the largest sizes.");
                }

                var scratch = _graph.Nodes[i].Operator.ScratchBytes(context);
                var planned = IsKnownNode[i] ? Scratch : scratchBytes;
                if (scratch > planned) throw new ArgumentException($"The node needs {scratch} bytes of scratch memory; {planned} were planned for the largest sizes.");
                if (IsKnownNode[i]) RunKnown(i);
            }
            catch (Exception fault) when (fault is ArgumentException or OverflowException or SeqFormatException)
            {
                throw _graph.At(i, fault);
            }
        }
    }

    /// <exception cref="SeqFormatException">A state's update has another type or shape than the state.</exception>
    public void CheckStates()
    {
        for (var i = 0; i < _graph.States.Length; i++)
        {
            var state = _graph.States[i];
            var now = Values[state.Value];
            var next = Values[state.Update];
            if (next.Format != TensorFormat.Dense || now.Type != next.Type || (_caches.Axes[i] < 0 ? now.Count != next.Count : !_caches.Fits(i, Values)))
                throw new SeqFormatException($"graph '{_graph.Name}': state '{state.Name}' is {now.Type.Name()} {now.Shape}, but its next value is {next.Type.Name()} {next.Shape}.");
            if (state.Initial >= 0 && (_modelTensors[state.Initial].Format != TensorFormat.Dense || _modelTensors[state.Initial].Type != now.Type || _modelTensors[state.Initial].Count != now.Count))
                throw new SeqFormatException($"graph '{_graph.Name}': the initial value of state '{state.Name}' does not have the state's type and shape.");
        }
    }

    private Tensor?[] Pick(int[] indices) => Array.ConvertAll(indices, i => i < 0 ? null : Values[i]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SetShape(int value, ReadOnlySpan<int> sizes)
    {
        var declared = _graph.Values[value].Sizes;
        Span<int> actual = stackalloc int[Shape.MaxRank];
        for (var i = 0; i < declared.Length; i++) actual[i] = declared[i] < 0 ? sizes[-1 - declared[i]] : declared[i];
        try
        {
            Values[value].Set(_graph.Values[value].Type, new Shape(actual[..declared.Length]));
        }
        catch (ArgumentException fault)
        {
            throw new ArgumentException($"graph '{_graph.Name}', '{Values[value].Name}': {fault.Message}", fault);
        }
    }

    private bool[] FindKnownNodes()
    {
        var known = new bool[Values.Length];
        for (var i = 0; i < Values.Length; i++) known[i] = _graph.Values[i].Kind == ValueKind.Constant;
        var nodes = new bool[_graph.Nodes.Length];
        for (var i = 0; i < nodes.Length; i++)
        {
            var node = _graph.Nodes[i];
            nodes[i] = node.Operator.DependsOnShapesOnly || (node.Operator.CanRunAtInference && Array.TrueForAll(node.Inputs, input => input < 0 || known[input]));
            foreach (var output in node.Outputs)
            {
                if (output >= 0) known[output] = nodes[i];
            }
        }

        return nodes;
    }

    private void PlaceKnown()
    {
        var next = _known.Start + Scratch;
        for (var i = 0; i < Contexts.Length; i++)
        {
            if (!IsKnownNode[i]) continue;
            for (var o = 0; o < Contexts[i].OutputCount; o++, next += KnownBytes + KernelSet.ReadSlack)
            {
                if (Contexts[i].OptionalOutput(o) is not { } output) continue;
                output.Data = next;
                output.Capacity = KnownBytes;
            }
        }
    }

    /// <summary>Whether a node is small enough and all its inputs are known. The node of an input may have turned out too large.</summary>
    private bool IsSmall(LoadedNode node, NodeContext context)
    {
        if (node.Operator.ScratchBytes(context) > Scratch || node.Operator.Work(context) > KnownWork) return false;
        for (var o = 0; o < context.OutputCount; o++)
        {
            if (context.OptionalOutput(o) is { } output && (output.Count > KnownElements || output.Bytes > KnownBytes)) return false;
        }

        return node.Operator.DependsOnShapesOnly || Array.TrueForAll(node.Inputs, input => input < 0 || Values[input].IsKnown);
    }

    private void RunKnown(int index)
    {
        var node = _graph.Nodes[index];
        var context = Contexts[index];
        if (node.Operator.IsView)
        {
            context.Output(0).Data = context.Input(0).Data;
        }
        else
        {
            var scratch = context.Scratch;
            context.Scratch = _known.Start;
            node.Operator.Execute(context);
            context.Scratch = scratch;
        }

        for (var o = 0; o < context.OutputCount; o++)
        {
            if (context.OptionalOutput(o) is { } output) output.IsKnown = true;
        }
    }
}
