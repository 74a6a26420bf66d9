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
            case "sort" when self is ScriptTensor { Rank: 1, Input: not null } lengths && args[2, "descending"] is true:
                result = new object?[] { lengths with { IsSorted = true }, new ScriptOrder(lengths.Sizes[0]) };
                return true;
            case "to" or "empty_like" or "contiguous" or "cpu" or "scatter_" or "scatter" or "detach" or "argsort" when self is ScriptOrder:
                result = self;
                return true;
            case "to" or "cpu" or "contiguous" or "long" or "int" or "detach" when self is ScriptTensor { IsSorted: true, Rank: 1 }:
                result = self;
                return true;
            case "index_select" when self is ScriptTensor tensor && args[2, "index"] is ScriptOrder:
                result = tensor with { IsSorted = !tensor.IsSorted };
                return true;
            case "index" when self is ScriptTensor tensor && args[1, "indices"] is IList<object?> indices && indices.Any(index => index is ScriptOrder):
                result = tensor with { IsSorted = !tensor.IsSorted };
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
        if (x.Rank != 3 || lengths is not { Rank: 1 }) throw run.Fault($"a packed sequence of {x} is not known here");
        if (x.IsSorted != lengths.IsSorted) throw run.Fault("a packed sequence has its sequences in the order of their lengths, but not the lengths, or the reverse");
        if (lengths.Input is { } input) run.Indices.Add(input);
        var isSorted = x.IsSorted;
        x = x with { IsSorted = false };
        if (!isBatchFirst) x = run.Turned(x);
        x = x with { IsSorted = isSorted };
        if (!x.Sizes[0].Join(lengths.Sizes[0])) throw run.Fault($"a packed sequence has {lengths} lengths for {x}");
        return [new ScriptPacked(x, lengths, false), new ScriptPacked(x, lengths, true)];
    }

    private object?[] Padded(ScriptPacked packed, ScriptArguments args)
    {
        if (args.Number(3, "padding_value", 0) != 0) throw run.Fault("a packed sequence is padded with another number than 0");
        if (!_isNoted) run.Graph.Notes.Add("sequences of a packed sequence come out with as many steps as they come in with; PyTorch cuts them to the longest length");
        _isNoted = true;
        var isSorted = packed.Padded.IsSorted;
        var padded = packed.Padded with { IsSorted = false };
        if (!args.Flag(2, "batch_first")) padded = run.Turned(padded);
        return [padded with { IsSorted = isSorted }, packed.Lengths];
    }
}
