using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>PyTorch's operators that make new tensors.</summary>
internal sealed class ScriptMakers(ScriptOperators operators, ScriptRun run, GraphComposer graph)
{
    /// <summary>The result. Null for other operators.</summary>
    public object? Call(string name, ScriptArguments args)
    {
        switch (name)
        {
            case "zeros" or "ones" or "empty" when args[0, "size"] is IList<object?> list: return Filled(list, name == "ones" ? 1 : 0, args);
            case "new_zeros" or "new_ones" or "new_empty" when args[1, "size"] is IList<object?> list: return Filled(list, name == "new_ones" ? 1 : 0, args, args[0, "self"] as ScriptTensor);
            case "full" when args[0, "size"] is IList<object?> list: return Filled(list, args.Number(1, "fill_value", 0), args);
            case "new_full" when args[1, "size"] is IList<object?> list: return Filled(list, args.Number(2, "fill_value", 0), args, args[0, "self"] as ScriptTensor);
            case "zeros_like" or "ones_like" or "empty_like" or "full_like":
                var like = args.Tensor(0, args[0, "input"] is ScriptTensor ? "input" : "self");
                return new ScriptTensor(like.Sizes) { Filled = name == "full_like" ? (float)args.Number(1, "fill_value", 0) : name == "ones_like" ? 1 : 0, Type = TypeOf(args) ?? like.Type };
            case "tensor" or "scalar_tensor" or "as_tensor":
                return args[0, "data"] is ScriptTensor same ? same : Constant(args);
            case "arange": return Range(args);
            case "rand" or "randn" or "rand_like" or "randn_like" or "bernoulli" or "multinomial" or "normal" or "normal_" or "uniform_":
                throw run.Fault($"{args.Function} draws random numbers, which is not known here");
            default: return null;
        }
    }

    /// <summary>The type that a call asks for. Null if it asks for none.</summary>
    private static ElementType? TypeOf(ScriptArguments args) => args[99, "dtype"] switch { 3L or 4L => ElementType.Int64, 11L => ElementType.Bool, long => ElementType.Float32, _ => null };

    private ScriptTensor Filled(IList<object?> sizes, double value, ScriptArguments args, ScriptTensor? like = null) => new([.. sizes.Select(size => size switch
    {
        ScriptSize known => known,
        long number and >= 0 and <= int.MaxValue => new ScriptSize((int)number),
        _ => throw run.Fault("a size is no known number"),
    })])
    {
        Filled = (float)value,
        Type = TypeOf(args) ?? like?.Type ?? ElementType.Float32,
    };

    private ScriptTensor Constant(ScriptArguments args)
    {
        var (numbers, isWhole) = (new List<float>(), true);
        var shape = new List<int>();
        Flatten(args[0, "data"], 0);
        var type = TypeOf(args) ?? (isWhole ? ElementType.Int64 : ElementType.Float32);
        var tensor = type == ElementType.Int64 ? IrTensor.Of<long>([.. shape], [.. numbers.Select(number => (long)number)]) : type == ElementType.Bool ? IrTensor.Of<bool>([.. shape], [.. numbers.Select(number => number != 0)]) : IrTensor.Of<float>([.. shape], [.. numbers]);
        return new ScriptTensor([.. shape.Select(size => new ScriptSize(size))]) { Value = graph.Constant("constant", tensor), Type = type };

        void Flatten(object? value, int depth)
        {
            const int mostAxes = 6, most = 1 << 16;
            run.Visit();
            switch (value)
            {
                case IList<object?> list when depth < mostAxes:
                    if (shape.Count == depth && numbers.Count == 0) shape.Add(list.Count);
                    else if (shape.Count <= depth || shape[depth] != list.Count) throw run.Fault($"{args.Function} of lists of different lengths");
                    foreach (var item in list) Flatten(item, depth + 1);
                    break;
                case long or double or bool or ScriptSize { Number: not null } when depth == shape.Count && numbers.Count < most:
                    isWhole &= value is long or ScriptSize;
                    numbers.Add(value switch { long number => number, double number => (float)number, ScriptSize size => size.Number!.Value, _ => value is true ? 1 : 0 });
                    break;
                default: throw run.Fault($"{args.Function} of something that is no known number");
            }
        }
    }

    private ScriptTensor Range(ScriptArguments args)
    {
        // (end), (start, end) or (start, end, step).
        var given = Enumerable.Range(0, args.Count).Select(i => args[i, ""]).TakeWhile(value => value is long or double or ScriptSize or ScriptIndex).Take(3).ToList();
        var (start, end, step) = given.Count switch { 1 => (0L, given[0], 1L), 2 => (given[0], given[1], 1L), 3 => (given[0], given[1], given[2]), _ => throw run.Fault($"{args.Function} has no known end") };
        if (start is double || end is double || step is double) throw run.Fault($"{args.Function} of real numbers is not known here");
        if (start is ScriptSize { Number: { } from }) start = (long)from;
        if (end is ScriptSize { Number: { } to }) end = (long)to;
        var count = new ScriptSize();
        if ((start, end, step) is (long first, long last, long by))
        {
            const long most = 1 << 24;
            if (by is 0 or < -most or > most || first is < -most or > most || last is < -most or > most) throw run.Fault($"{args.Function} is too long");
            count = new ScriptSize((int)Math.Max(0, by > 0 ? (last - first + by - 1) / by : (first - last - by - 1) / -by));
        }
        else if (start is 0L && step is 1L && end is ScriptSize open)
        {
            count = open;
        }

        var range = operators.Node("Range", [count], [operators.Integer(start), operators.Integer(end), operators.Integer(step)]) with { Type = ElementType.Int64 };
        return TypeOf(args) is { } type ? operators.Cast(range, type) : range;
    }
}
