using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>
/// Moves the steps that count to the front for a recurrent layer with sequence lengths, and back. Values are [time, batch, …]. Steps that
/// count keep their order; masked steps follow them.
/// </summary>
internal sealed class StepPacking
{
    private static readonly IrShape s_numbers = new(ElementType.Int64, [-1, -1]);
    private static readonly IrShape s_values = new(ElementType.Float32, [-1, -1, -1]);

    private readonly Emitter _emitter;
    private readonly string _order;
    private readonly string _place;

    /// <param name="emitter">Receives the nodes.</param>
    /// <param name="mask">Which steps count: bool [batch, T].</param>
    public StepPacking(Emitter emitter, string mask)
    {
        _emitter = emitter;
        var counts = emitter.Add("Cast", [mask], s_numbers, ("to", 7L));
        var count = emitter.Add("ReduceSum", [counts, Vector(1)], s_numbers, ("keepdims", 0L));
        Lengths = emitter.Add("Cast", [count], s_numbers, ("to", 6L));
        // Sort the steps by time, with masked steps after all others.
        var steps = emitter.Add("Gather", [emitter.Add("Shape", [mask], s_numbers), Number(1)], s_numbers, ("axis", 0L));
        var times = emitter.Add("Range", [Number(0), steps, Number(1)], s_numbers);
        var keys = emitter.Add("Where", [mask, times, emitter.Add("Add", [times, steps], s_numbers)], s_numbers);
        _order = emitter.AddMany("TopK", [keys, emitter.Add("Unsqueeze", [steps, Vector(0)], s_numbers)], [s_numbers, s_numbers], ("largest", 0L))[1];
        // Each step reads the latest step that counts.
        var soFar = emitter.Add("CumSum", [counts, Number(1)], s_numbers);
        _place = emitter.Add("Max", [emitter.Add("Sub", [soFar, Number(1)], s_numbers), Number(0)], s_numbers);
        var isAny = emitter.Add("Transpose", [emitter.Add("Greater", [soFar, Number(0)], s_numbers)], s_numbers, ("perm", (long[])[1, 0]));
        IsAny = emitter.Add("Unsqueeze", [isAny, Vector(2)], s_values);
    }

    /// <summary>The number of steps that count, int32 [batch].</summary>
    public string Lengths { get; }

    /// <summary>Whether any step up to this one counts, [T, batch, 1].</summary>
    public string IsAny { get; }

    /// <summary>The steps that count, then the masked ones, [T, batch, features].</summary>
    public string Pack(string steps) => Take(steps, _order);

    /// <summary>Results of packed steps at the original places. A masked step takes the result of the last step that counts, or of the first one.</summary>
    public string Unpack(string packed) => Take(packed, _place);

    private string Take(string value, string places)
    {
        var byBatch = _emitter.Add("Transpose", [value], s_values, ("perm", (long[])[1, 0, 2]));
        var taken = _emitter.Add("GatherND", [byBatch, _emitter.Add("Unsqueeze", [places, Vector(2)], s_values)], s_values, ("batch_dims", 1L));
        return _emitter.Add("Transpose", [taken], s_values, ("perm", (long[])[1, 0, 2]));
    }

    private string Vector(long number) => _emitter.Constant(IrTensor.Vector(number));

    private string Number(long number) => _emitter.Constant(IrTensor.Of([], number));
}
