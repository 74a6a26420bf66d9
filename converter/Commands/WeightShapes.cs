using SeqRuntime.Format;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;

namespace SeqRuntime.Converter.Commands;

/// <summary>Shapes of packed weights without padding rows: [outputs, inputs], for a convolution followed by its kernel sizes.</summary>
internal sealed class WeightShapes
{
    private readonly Dictionary<Tensor, int[]> _shapes = [];

    public WeightShapes(LoadedModel model)
    {
        foreach (var graph in model.Graphs)
        {
            foreach (var node in graph.Nodes)
            {
                // W and R of each direction.
                if (node.Operator is Recurrent layer)
                {
                    for (var i = 0; i < 2 * layer.Directions; i++) Add(graph, node, layer.WeightIndex(i / 2, i % 2), w => [layer.Form.Gates * layer.Hidden, w.Layout.Columns]);
                }

                if (node.Operator is not Conv) continue;
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
