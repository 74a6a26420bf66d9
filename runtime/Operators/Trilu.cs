using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>The upper (column ≥ row + k) or lower (column ≤ row + k) triangle of each matrix, zeros elsewhere.</summary>
/// <remarks>Inputs: X […, rows, columns] of any type; optional k, an int32 or int64 scalar (default 0). Upper (default 1). The output may overwrite X.</remarks>
internal sealed unsafe class Trilu(Attributes attributes) : Operator
{
    private readonly bool _isUpper = attributes.Bool(AttributeKey.Upper, true);

    public override bool CanRunAtInference => true;

    public override bool CanOverwrite(int input) => input == 0;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        if (x.Rank < 2) throw OperatorError.Rank(x, "matrices");
        if (context.Optional(1) is { } k && Indices.Require(k).Count != 1) throw OperatorError.Rank(k, "one number");
        context.Output(0).Set(x.Type, x.Shape);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        if (y.Count == 0) return;
        int rows = x.Shape[x.Rank - 2], columns = x.Shape[x.Rank - 1], width = x.Type.Size();
        var k = Math.Clamp(context.Optional(1)?.Integer(0) ?? 0, int.MinValue, int.MaxValue);
        var bytes = (long)columns * width;
        var count = x.Count / columns;
        for (var i = 0; i < count; i++)
        {
            var row = i % rows;
            var start = _isUpper ? Math.Clamp(row + k, 0, columns) * width : 0;
            var end = _isUpper ? bytes : Math.Clamp(row + k + 1, 0, columns) * width;
            byte* from = x.Data + i * bytes, to = y.Data + i * bytes;
            new Span<byte>(to, (int)start).Clear();
            Buffer.MemoryCopy(from + start, to + start, end - start, end - start);
            new Span<byte>(to + end, (int)(bytes - end)).Clear();
        }
    }
}
