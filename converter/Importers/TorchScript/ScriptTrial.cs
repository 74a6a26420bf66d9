using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>
/// Follows a model's forward for one choice of ranks. A module that sets attributes, such as states that it makes in its first call, is called until they
/// settle; the first call must compute what a later one does with zeros in them.
/// </summary>
internal sealed class ScriptTrial(ScriptCode code, ScriptFunction forward, ScriptInputs inputs, string name, Budget budget, string path)
{
    private const int MostCalls = 4;

    /// <summary>Calls forward for a choice of ranks and lengths of lists.</summary>
    public ScriptCall Run((int Rank, int Count)[] arrangement)
    {
        while (true)
        {
            var before = code.States.Count;
            var call = Settled(arrangement);
            // Buffers that were seen to be overwritten are states from the start.
            if (code.States.Count == before) return call;
        }
    }

    private ScriptCall Settled((int Rank, int Count)[] arrangement)
    {
        var first = Call(arrangement, null, [], []);
        if (first.Fault is not null) return first;
        if (first.Run.Attributes.Count > 0) return Later(arrangement, first);
        return inputs.Optional.Count > 0 ? WithStates(arrangement, first) ?? first : first;
    }

    /// <summary>The calls after the first, whose attributes hold what the call before has set.</summary>
    private ScriptCall Later((int Rank, int Count)[] arrangement, ScriptCall first)
    {
        var paths = Paths();
        try
        {
            var notes = new List<string>();
            var call = Bounded(first);
            for (var round = 0; round < MostCalls; round++)
            {
                var begin = call.Run.Attributes.ToDictionary(pair => pair.Key, pair => Kept(pair.Value, call, pair.Key.Name, notes));
                var sizes = call.Sizes;
                var taken = call.Given.Select(input => input.Input!).ToHashSet(StringComparer.Ordinal);
                call = Call(arrangement, sizes, begin.ToDictionary(pair => pair.Key, pair => State(pair.Value, paths.GetValueOrDefault(pair.Key.Owner, "") + pair.Key.Name, taken)), []);
                if (call.Fault is not null) return call;
                if (Bounded(call).Run.Attributes.Count != begin.Count || !call.Run.Attributes.All(pair => begin.TryGetValue(pair.Key, out var kept) && Sign(kept) == Sign(pair.Value))) continue;
                var (again, zero) = (Call(arrangement, sizes, [], []), Call(arrangement, sizes, begin.ToDictionary(pair => pair.Key, pair => Zero(pair.Value)), []));
                if (again.Fault is not null || zero.Fault is not null || !ScriptSameness.Of(again, zero)) return first with { Fault = first.Run.Fault($"forward sets attributes of the module ({string.Join(", ", begin.Keys.Select(key => $"'{key.Name}'").Order(StringComparer.Ordinal))}), and its first call computes something else than a later one with zeros in them; export a module that takes them as inputs and returns them") };
                call.Composer.Notes.AddRange(notes.Distinct());
                call.Composer.Notes.Add($"attributes that forward sets are states, which begin with zeros: {string.Join(", ", begin.Where(pair => ScriptInputs.In(pair.Value).Any()).Select(pair => $"'{paths.GetValueOrDefault(pair.Key.Owner, "")}{pair.Key.Name}'"))}");
                return call;
            }

            return first with { Fault = first.Run.Fault($"forward sets attributes of the module to other values in each call: {string.Join(", ", first.Run.Attributes.Keys.Select(key => $"'{key.Name}'").Order(StringComparer.Ordinal))}") };
        }
        catch (ConversionException fault)
        {
            return first with { Fault = fault };
        }
    }

    /// <summary>A call whose attributes hold few values. Lists may hold one another many times, which this refuses.</summary>
    private static ScriptCall Bounded(ScriptCall call)
    {
        foreach (var value in call.Run.Attributes.Values) _ = ScriptInputs.In(value);
        return call;
    }

    /// <summary>The call with inputs in the place of None that the last results replace: the states of a caller. Null if they are no states that begin with zeros.</summary>
    private ScriptCall? WithStates((int Rank, int Count)[] arrangement, ScriptCall first)
    {
        if (first.Result is not IList<object?> results) return null;
        for (var count = Math.Min(inputs.Optional.Count, results.Count - 1); count > 0; count--)
        {
            ScriptParameter[] own = [.. inputs.Optional[^count..]];
            if (own[^1] != forward.Parameters[^1] || !own.Zip(results.Skip(results.Count - count)).All(pair => ScriptInputs.Fits(pair.First, pair.Second))) continue;
            var next = own.Zip(results.Skip(results.Count - count), (parameter, result) => (parameter.Name, Result: result)).ToDictionary(pair => pair.Name, pair => pair.Result);
            var zero = Call(arrangement, first.Sizes, [], next, isZero: true, like: first);
            if (zero.Fault is not null || !ScriptSameness.Of(first, zero)) continue;
            var call = Call(arrangement, first.Sizes, [], next, like: first);
            if (call.Fault is not null || call.Result is not IList<object?> after || after.Count != results.Count) continue;
            var pairs = own.Zip(after.Skip(results.Count - count), (parameter, result) => (Before: ScriptInputs.In(call.Parameters[parameter.Name]).ToList(), After: ScriptInputs.In(result).ToList())).ToList();
            if (!pairs.All(pair => pair.Before.Count == pair.After.Count && pair.Before.Zip(pair.After).All(both => both.First.Rank == both.Second.Rank && both.First.Sizes.Zip(both.Second.Sizes).All(size => size.First.Join(size.Second))))) continue;
            foreach (var (before, result) in pairs.SelectMany(pair => pair.Before.Zip(pair.After))) call.Names[result] = $"{before.Input}_out";
            call.Composer.Notes.Add($"{string.Join(", ", own.Select(parameter => $"'{parameter.Name}'"))} may be None, which counts as zeros: {(own.Length == 1 ? "it is an input" : "they are inputs")} here, and the last results are the next content");
            return call;
        }

        return null;
    }

    /// <param name="arrangement">Ranks, and lengths of lists.</param>
    /// <param name="sizes">Sizes of inputs that are known from an earlier call.</param>
    /// <param name="begin">What attributes hold.</param>
    /// <param name="optional">Parameters that may be None, and the results like which their values are.</param>
    /// <param name="isZero">Whether these are zeros instead of inputs.</param>
    /// <param name="like">The call with those results.</param>
    private ScriptCall Call((int Rank, int Count)[] arrangement, int?[]? sizes, Dictionary<(PickledModule Owner, string Name), object?> begin, Dictionary<string, object?> optional, bool isZero = false, ScriptCall? like = null)
    {
        const int mostInputs = 64;
        var composer = new GraphComposer(name, code.File.Weights, budget, path);
        var run = new ScriptRun(code, composer);
        var given = new List<ScriptTensor>();
        var parameters = new Dictionary<string, object?>(inputs.Numbers, StringComparer.Ordinal);
        var call = new ScriptCall(run, composer, given, parameters, arrangement) { Begin = begin };
        try
        {
            foreach (var (parameter, (rank, count)) in inputs.Tensors.Zip(arrangement))
            {
                parameters[parameter.Name] = inputs.Value(parameter, count, input => Input(input, [.. Enumerable.Range(0, rank).Select(_ => new ScriptSize())]));
            }

            if (sizes is not null)
            {
                foreach (var (size, known) in given.SelectMany(tensor => tensor.Sizes).Zip(sizes))
                {
                    if (known is { } number) _ = size.Join(new ScriptSize(number));
                }
            }

            foreach (var parameter in inputs.Optional)
            {
                var results = new Queue<ScriptTensor>(ScriptInputs.In(optional.GetValueOrDefault(parameter.Name)));
                parameters[parameter.Name] = results.Count == 0 ? null : inputs.Value(parameter, 1, input => Like(input, results.Dequeue()));
            }

            foreach (var (attribute, value) in begin)
            {
                foreach (var state in ScriptInputs.In(value).Where(state => state.Value is not null)) composer.Declare(state.Value!);
                run.Begin(attribute, value);
            }

            return call with { Result = run.Call(forward, code.File.Root, [], parameters) };
        }
        catch (ConversionException fault)
        {
            return call with { Fault = fault };
        }

        ScriptTensor Input(string input, ScriptSize[] of)
        {
            var tensor = run.Told(new ScriptTensor(of) { Value = input, Input = input });
            composer.Declare(input);
            given.Add(tensor);
            return given.Count <= mostInputs ? tensor : throw run.Fault($"forward takes more than {mostInputs} tensors");
        }

        ScriptTensor Like(string input, ScriptTensor result)
        {
            var known = like!.Given.SelectMany(tensor => tensor.Sizes).ToList();
            var own = given.Take(like.Given.Count).SelectMany(tensor => tensor.Sizes).ToList();
            ScriptSize[] of = [.. result.Sizes.Select(size => size.Number is { } number ? new ScriptSize(number) : known.FindIndex(size.Is) is >= 0 and var place && place < own.Count ? own[place] : new ScriptSize())];
            return isZero ? new ScriptTensor(of) { Filled = 0 } : Input(input, of);
        }
    }

    /// <summary>What an attribute keeps for the next call: numbers, and the shapes of tensors. A size that is not known is that of a batch, which is 1.</summary>
    private static object? Kept(object? value, ScriptCall call, string attribute, List<string> notes)
    {
        switch (value)
        {
            case ScriptTensor tensor: return new ScriptTensor([.. tensor.Sizes.Select(size => new ScriptSize(One(size)))]) { Type = tensor.Type };
            case ScriptSize size: return (long)One(size);
            case ScriptRecord record: return new ScriptRecord(record.Names, [.. record.Select(item => Kept(item, call, attribute, notes))]);
            case object?[] tuple: return Array.ConvertAll(tuple, item => Kept(item, call, attribute, notes));
            case List<object?> list: return list.ConvertAll(item => Kept(item, call, attribute, notes));
            case null or long or double or bool or string or ScriptOther or PickledModule: return value;
            default: throw call.Run.Fault($"the attribute '{attribute}' is set to what is not known");
        }

        int One(ScriptSize size)
        {
            if (size.Number is { } number) return number;
            if (!call.Given.Exists(input => input.Rank > 0 && input.Sizes[0].Is(size))) throw call.Run.Fault($"the attribute '{attribute}' is set to a tensor of a size that is not known");
            _ = size.Join(new ScriptSize(1));
            notes.Add("the batch is 1, because the module keeps states of its size");
            return 1;
        }
    }

    private static object? State(object? value, string name, HashSet<string> taken)
    {
        switch (value)
        {
            case ScriptTensor tensor:
                while (!taken.Add(name)) name += "_";
                return tensor with { Value = name };
            case ScriptRecord record: return new ScriptRecord(record.Names, [.. record.Select((item, i) => State(item, $"{name}_{record.Names[i]}", taken))]);
            case object?[] tuple: return tuple.Select((item, i) => State(item, $"{name}_{i + 1}", taken)).ToArray();
            case List<object?> list: return list.Select((item, i) => State(item, $"{name}_{i + 1}", taken)).ToList();
            default: return value;
        }
    }

    private static object? Zero(object? value) => value switch
    {
        ScriptTensor tensor => tensor with { Filled = 0 },
        ScriptRecord record => new ScriptRecord(record.Names, [.. record.Select(Zero)]),
        object?[] tuple => Array.ConvertAll(tuple, Zero),
        List<object?> list => list.ConvertAll(Zero),
        _ => value,
    };

    /// <summary>Tells values from one another by their numbers and shapes.</summary>
    private static string Sign(object? value) => value switch
    {
        ScriptTensor tensor => tensor.ToString(),
        IList<object?> list => $"({string.Join("; ", list.Select(Sign))})",
        ScriptSize { Number: { } number } => number.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{value}"),
    };

    /// <summary>The path of each module.</summary>
    private Dictionary<PickledModule, string> Paths()
    {
        var paths = new Dictionary<PickledModule, string>(ReferenceEqualityComparer.Instance) { [code.File.Root] = "" };
        var open = new Queue<PickledModule>([code.File.Root]);
        while (open.TryDequeue(out var module))
        {
            foreach (var (key, value) in module.Attributes.Items)
            {
                if (key is string part && value is PickledModule inner && paths.TryAdd(inner, $"{paths[module]}{part}.")) open.Enqueue(inner);
            }
        }

        return paths;
    }
}

/// <summary>A call of forward, and what came of it.</summary>
/// <param name="Run">What was executed.</param>
/// <param name="Composer">The graph.</param>
/// <param name="Given">Tensors that are inputs.</param>
/// <param name="Parameters">The values of forward's parameters.</param>
/// <param name="Arrangement">Ranks, and lengths of lists.</param>
internal sealed record ScriptCall(ScriptRun Run, GraphComposer Composer, List<ScriptTensor> Given, Dictionary<string, object?> Parameters, (int Rank, int Count)[] Arrangement)
{
    public object? Result { get; init; }

    /// <summary>Why the code could not be followed.</summary>
    public ConversionException? Fault { get; init; }

    /// <summary>What attributes held before the call.</summary>
    public IReadOnlyDictionary<(PickledModule Owner, string Name), object?> Begin { get; init; } = new Dictionary<(PickledModule Owner, string Name), object?>();

    /// <summary>Names of results that are the next content of inputs.</summary>
    public Dictionary<ScriptTensor, string> Names { get; } = new(ReferenceEqualityComparer.Instance);

    /// <summary>The sizes of the inputs that are known.</summary>
    public int?[] Sizes => [.. Given.SelectMany(tensor => tensor.Sizes).Select(size => size.Number)];
}
