using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>start, start + delta, … before limit; three known scalars of one type (float32, int32 or int64).</summary>
internal sealed class NumberRange : Operator
{
    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var start = context.Known(0);
        for (var i = 0; i < 3; i++)
        {
            var input = context.Known(i);
            if (input.Type != start.Type || input.Type is not (ElementType.Float32 or ElementType.Int32 or ElementType.Int64)) throw OperatorError.Type(input, "float32, int32 or int64, the same for all three");
            if (input.Count != 1) throw OperatorError.Rank(input, "one number");
        }

        double delta = Number(context, 2);
        if (delta == 0) throw OperatorError.Value("A range has step 0.");
        var count = Math.Ceiling((Number(context, 1) - Number(context, 0)) / delta);
        if (!(count <= int.MaxValue)) throw OperatorError.Value($"A range has {count} elements.");
        context.Output(0).Set(start.Type, new Shape((int)Math.Max(0, count)));
    }

    public override void Execute(NodeContext context)
    {
        var y = context.Output(0);
        for (var i = 0; i < y.Count; i++)
        {
            switch (y.Type)
            {
                case ElementType.Float32: y.AsSpan<float>()[i] = context.Input(0).AsSpan<float>()[0] + i * context.Input(2).AsSpan<float>()[0]; break;
                case ElementType.Int32: y.AsSpan<int>()[i] = (int)(context.Input(0).Integer(0) + i * context.Input(2).Integer(0)); break;
                default: y.AsSpan<long>()[i] = context.Input(0).Integer(0) + i * context.Input(2).Integer(0); break;
            }
        }
    }

    private static double Number(NodeContext context, int input) => context.Input(input).Type == ElementType.Float32 ? context.Input(input).AsSpan<float>()[0] : context.Input(input).Integer(0);
}
