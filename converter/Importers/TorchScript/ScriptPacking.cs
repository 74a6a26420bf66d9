namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>
/// Packed sequences. The graph keeps the padded tensor and the lengths. It also keeps the order of the sequences: PyTorch sorts them by length before
/// it packs them, and puts them back afterwards.
/// </summary>
internal sealed class ScriptPacking(ScriptRun run)
{
    private bool _isNoted;

    /// <summary>Computes an operator. False for others.</summary>
    public bool Call(string name, ScriptArguments args, out object? result)
    {
        result = null;
        var self = args[0, args[0, "input"] is not null ? "input" : "self"];
        switch (name)
        {
            case "sort" when self is ScriptTensor { Rank: 1, Input: { } by, Sorted: null } lengths && args[2, "descending"] is true:
                result = new object?[] { lengths with { Sorted = (by, 0) }, new ScriptOrder(by, lengths.Sizes[0]) };
                return true;
            case "to" or "contiguous" or "cpu" or "detach" when self is ScriptOrder { IsInverse: not null }:
                result = self;
                return true;
            case "empty_like" or "zeros_like" when self is ScriptOrder like:
                result = new ScriptOrder(like.By, like.Count) { IsInverse = null };
                return true;
            case "scatter_" or "scatter" when self is ScriptOrder { IsInverse: null } made && args.Int(1, "dim", 0) is 0 or -1 && args[2, "index"] is ScriptOrder { IsInverse: { } isInverse } index && index.By == made.By && IsRange(args[3, "src"], made.Count):
                if (name == "scatter") made = new ScriptOrder(made.By, made.Count);
                made.IsInverse = !isInverse;
                result = made;
                return true;
            case "argsort" when self is ScriptOrder { IsInverse: { } isInverse } sorted && args[2, "descending"] is null or false:
                result = new ScriptOrder(sorted.By, sorted.Count) { IsInverse = !isInverse };
                return true;
            case "to" or "cpu" or "contiguous" or "long" or "int" or "detach" when self is ScriptTensor { Sorted: not null, Rank: 1 }:
                result = self;
                return true;
            case "index_select" when self is ScriptTensor tensor && args[2, "index"] is ScriptOrder order:
                result = Ordered(tensor, args.Axis(1, "dim", tensor.Rank, 0), order);
                return true;
            case "index" when self is ScriptTensor tensor && args[1, "indices"] is IList<object?> indices && indices.OfType<ScriptOrder>().FirstOrDefault() is { } order:
                if (indices.Count(index => index is not null) > 1 || indices.Count > tensor.Rank) throw run.Fault("an order of sequences is an index beside others, which is not known here");
                result = Ordered(tensor, indices.IndexOf(order), order);
                return true;
            case "_pack_padded_sequence":
                result = Packed(args);
                return true;
            case "_pad_packed_sequence" when self is ScriptPacked packed:
                result = Padded(packed, args);
                return true;
            case "select" when self is ScriptPacked { IsSizes: true, Padded: var of } && args.Int(1, "dim", 0) == 0 && args.Int(2, "index", 0) == 0:
                result = ScriptScalars.Plain(of.Sizes[0]);
                return true;
            case "to" or "cpu" or "detach" or "contiguous" when self is ScriptPacked:
                result = self;
                return true;
            case "dim" or "size" or "ops.prim.dtype" or "ops.prim.device" or "ops.prim.is_cuda" or "lstm" or "gru" or "rnn_tanh" or "rnn_relu" or "__is__" or "__isnot__" or "int" or "numel" or "arange":
                return false;
            default:
                return self is ScriptPacked or ScriptOrder ? throw run.Fault($"{args.Function} of a packed sequence is not known here; only recurrent layers are") : false;
        }
    }

    private object?[] Packed(ScriptArguments args)
    {
        var (x, lengths, isBatchFirst) = (args.Tensor(0, "input"), args.Tensor(1, "lengths"), args.Flag(2, "batch_first"));
        var sequences = isBatchFirst ? 0 : 1;
        if (x.Sorted?.By != lengths.Sorted?.By) throw run.Fault("a packed sequence has its sequences in the order of their lengths, but not the lengths, or the reverse");
        if (x.Sorted is var (by, axis) && axis != sequences) throw run.Fault($"a packed sequence has its sequences along axis {sequences}, and axis {axis} is in the order of their lengths");
        if (x.Rank != 3 || lengths is not { Rank: 1 }) throw run.Fault($"a packed sequence of {x} is not known here");
        if (lengths.Input is { } input) run.Indices.Add(input);
        (string, int)? sorted = x.Sorted is var (order, _) ? (order, 0) : null;
        x = x with { Sorted = null };
        if (!isBatchFirst) x = run.Turned(x);
        x = x with { Sorted = sorted };
        if (!x.Sizes[0].Join(lengths.Sizes[0])) throw run.Fault($"a packed sequence has {lengths} lengths for {x}");
        return [new ScriptPacked(x, lengths, false), new ScriptPacked(x, lengths, true)];
    }

    private object?[] Padded(ScriptPacked packed, ScriptArguments args)
    {
        if (args.Number(3, "padding_value", 0) != 0) throw run.Fault("a packed sequence is padded with another number than 0");
        // Those that are not above 0 stand for none.
        if (args[4, "total_length"] is not (null or long and <= 0) and var total && !(total is ScriptSize size ? size.Is(packed.Padded.Sizes[1]) : total is long number && number == packed.Padded.Sizes[1].Number)) throw run.Fault($"a packed sequence of {packed.Padded.Sizes[1]} steps is padded to a total_length of {total}, and the graph keeps its steps; give the padded input's length, such as total_length=x.size(1)");
        if (!_isNoted) run.Graph.Notes.Add("sequences of a packed sequence come out with as many steps as they come in with; PyTorch cuts them to the longest length");
        _isNoted = true;
        var padded = packed.Padded with { Sorted = null };
        var isBatchFirst = args.Flag(2, "batch_first");
        if (!isBatchFirst) padded = run.Turned(padded);
        return [padded with { Sorted = packed.Padded.Sorted is var (by, _) ? (by, isBatchFirst ? 0 : 1) : null }, packed.Lengths];
    }

    /// <summary>A tensor with its sequences sorted, or put back.</summary>
    private ScriptTensor Ordered(ScriptTensor tensor, int axis, ScriptOrder order)
    {
        if (!tensor.Sizes[axis].Join(order.Count)) throw run.Fault($"the {order.Count} sequences of '{order.By}' are not those of axis {axis} of {tensor}");
        // One number is the same in any order.
        if (tensor is { Value: null, Filled: not null }) return tensor;
        (string, int)? sorted = (order.By, axis);
        if (order.IsInverse is not { } isInverse || tensor.Sorted != (isInverse ? sorted : null)) throw run.Fault(order.IsInverse == true ? "sequences are put back that are not in the order of their lengths along this axis" : "sequences are sorted twice by their lengths, or by an order that nothing has written");
        return tensor with { Sorted = isInverse ? null : sorted };
    }

    /// <summary>Whether a tensor is 0, 1, 2, up to the number of sequences.</summary>
    private bool IsRange(object? value, ScriptSize count) => value is ScriptTensor { Rank: 1, Value: { } name } range && range.Sizes[0].Is(count) && run.Graph.Graph.Nodes.Exists(node => node.Op == "Range" && node.Outputs.Contains(name));
}
