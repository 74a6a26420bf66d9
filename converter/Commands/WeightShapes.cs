using SeqRuntime.Format;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;

namespace SeqRuntime.Converter.Commands;

/// <summary>Shapes of packed weights without the rows of zeros that fill them up: [outputs, inputs], of a convolution with its kernel's sizes behind.</summary>
internal sealed class WeightShapes
{
    private readonly Dictionary<Tensor, int[]> _shapes = [];

    public WeightShapes(LoadedModel model)
    {
        foreach (var graph in model.Graphs)
        {
            foreach (var node in graph.Nodes)
            {
                // W and R, of each direction.
                var (gates, first, step) = node.Kind switch { OpKind.Lstm => (4, 4, 5), OpKind.Gru => (3, 3, 3), OpKind.Rnn => (1, 3, 3), _ => (0, 0, 0) };
                for (var i = first; gates > 0 && i < node.Inputs.Length; i += step)
                {
                    for (var k = 0; k < 2; k++) Add(graph, node, i + k, w => [gates * node.Attributes.Int32(AttributeKey.Hidden, 0), w.Layout.Columns]);
                }

                if (node.Kind != OpKind.Conv) continue;
                var kernel = Array.ConvertAll(node.Attributes.Ints(AttributeKey.KernelShape), size => (int)size);
                Add(graph, node, 1, w => [w.Layout.Rows * w.PackedCount, w.Layout.Columns / kernel.Aggregate(1, (a, b) => a * b), .. kernel]);
            }
        }
    }

    public IReadOnlyList<int> Of(Tensor tensor) => _shapes.TryGetValue(tensor, out var shape) ? shape : tensor.Shape.AsSpan().ToArray();

    private void Add(LoadedGraph graph, LoadedNode node, int input, Func<Tensor, int[]> shape)
    {
        if (input < node.Inputs.Length && node.Inputs[input] >= 0 && graph.Values[node.Inputs[input]].Constant is { } tensor && tensor.Format != TensorFormat.Dense) _shapes[tensor] = shape(tensor);
    }
}
