using SeqRuntime.Format;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;
using SeqRuntime.Sessions.Planning;

namespace SeqRuntime.Converter.Commands;

/// <summary>The work of one run of a graph: the multiply-accumulates of its products, and the bytes of weights that it reads.</summary>
/// <param name="MultiplyAccumulates">Those of products, convolutions and recurrent layers, without padding. Elementwise operators have none.</param>
/// <param name="WeightBytes">Bytes of all constants that the run reads, each once. Of a table, only the rows that are looked up.</param>
internal sealed record StepCost(long MultiplyAccumulates, long WeightBytes)
{
    /// <summary>The cost at sizes at which a session can be planned.</summary>
    public static StepCost Of(SeqModel model, int graph, IReadOnlyDictionary<string, int> sizes)
    {
        var loaded = model.Loaded.Graphs[graph];
        var options = new SeqSessionOptions { MaxSizes = sizes.ToDictionary(), MemoryLimitBytes = long.MaxValue, WorkLimit = long.MaxValue };
        using var plan = new SessionPlan(loaded, model.Loaded.Tensors, KernelRegistry.Choose(), options);
        var (products, read) = (0.0, new Dictionary<Tensor, double>());
        for (var i = 0; i < loaded.Nodes.Length; i++)
        {
            if (plan.IsKnownNode[i]) continue;
            var (node, context) = (loaded.Nodes[i], plan.Contexts[i]);
            products += Products(node, context);
            foreach (var (input, index) in node.Inputs.Index())
            {
                if (index < 0 || loaded.Values[index].Constant is not { } tensor) continue;
                var bytes = tensor.Format == TensorFormat.Dense ? tensor.Bytes : tensor.Capacity;
                var part = IsTable(node, input) ? bytes * RowsRead(node, context, tensor) : bytes;
                read[tensor] = Math.Min(bytes, read.GetValueOrDefault(tensor) + part);
            }
        }

        return new StepCost(Rounded(products), Rounded(read.Values.Sum()));
    }

    private static long Rounded(double value) => value >= long.MaxValue ? long.MaxValue : (long)Math.Round(value);

    private static bool IsTable(LoadedNode node, int input) => node.Operator.UseOf(input) == WeightUse.Table || (node.Kind is OpKind.Gather && input == 0);

    /// <summary>The share of a table that one run looks up.</summary>
    private static double RowsRead(LoadedNode node, NodeContext context, Tensor table)
    {
        var indices = Math.Max(1.0, context.Input(1).Count);
        if (node.Kind == OpKind.Gather) return table.Count == 0 ? 0 : Math.Min(1, context.Output(0).Shape.Extent / (double)table.Count);
        return Math.Min(1, indices / (node.Kind == OpKind.ColumnEmbedding ? table.Layout.Columns : table.Layout.Rows));
    }

    private static double Products(LoadedNode node, NodeContext context) => node.Operator switch
    {
        Recurrent layer => context.Input(0).Shape[0] * (double)context.Input(0).Shape[1] * Enumerable.Range(0, layer.Directions).Sum(d => OfStep(layer, context, d)),
        Linear => context.Output(0).Shape.Extent * (double)context.Input(1).Layout.Columns,
        Conv or ConvTranspose => OfConvolution(node.Operator is Conv, context),
        MatMul when context.Input(0) is var a => context.Output(0).Shape.Extent * (double)a.Shape[a.Rank - 1],
        _ => 0,
    };

    /// <summary>One step of one direction: W and R of each gate, and a projection of the hidden state.</summary>
    private static double OfStep(Recurrent layer, NodeContext context, int direction)
    {
        double Columns(int offset) => context.Optional(layer.WeightIndex(direction, offset))?.Layout.Columns ?? 0;
        var gates = (double)layer.Form.Gates * layer.Hidden * (Columns(0) + (layer.Form.HasHidden ? Columns(1) : 0));
        return gates + (layer.Form.Weights > 4 && context.Optional(layer.WeightIndex(direction, 4)) is { } projection ? (double)projection.Layout.Rows * projection.Layout.Columns : 0);
    }

    /// <summary>Each output of a convolution is a product of a window; each input of a transposed one is multiplied by a window.</summary>
    private static double OfConvolution(bool isForward, NodeContext context)
    {
        var (x, w, y) = (context.Input(0), context.Input(1), context.Output(0));
        if (isForward) return y.Shape.Extent * (w.Format == TensorFormat.Dense ? w.Count / (double)Math.Max(1, w.Shape[0]) : w.Layout.Columns);
        return x.Shape.Extent * (w.Count / (double)Math.Max(1, w.Shape[0]));
    }
}
