namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>Operators on lists, tuples and dicts, which are computed while the code is followed.</summary>
internal static class ScriptLists
{
    private const int MostItems = 4096;

    /// <summary>Computes an operator. False for others.</summary>
    public static bool Call(string name, ScriptArguments args, ScriptRun run, out object? result)
    {
        var (a, b) = (args[0, "self"], args[1, "other"]);
        result = null;
        switch (name)
        {
            case "__contains__" when a is ScriptRecord record && b is string key:
                result = record.Has(key);
                return true;
            case "__contains__" when a is IList<object?> list && b is long or string:
                result = ScriptScalars.Contains(list, b);
                return true;
            case "__getitem__" when Element(a, b, run, out result):
                return true;
            case "_set_item" when a is ScriptRecord record && b is string key:
                record[key] = args[2, "v"];
                result = record;
                return true;
            case "_set_item" when a is List<object?> list && b is long place && place >= -list.Count && place < list.Count:
                Check([], [args[2, "el"]], run);
                if (Holds(args[2, "el"], list, run, 0)) throw run.Fault("a list holds itself");
                list[(int)(place < 0 ? place + list.Count : place)] = args[2, "el"];
                result = list;
                return true;
            case "len" when a is IList<object?> list:
                result = (long)list.Count;
                return true;
            case "len" when a is ScriptSeries series:
                result = ScriptScalars.Plain(series.Of.Sizes[series.Axis]);
                return true;
            case "append" when a is ScriptSteps steps && b is ScriptTensor tensor:
                steps.Appended.Add(tensor);
                result = steps;
                return true;
            case "add" or "add_" when a is ScriptSteps steps && b is IList<object?> more && more.All(item => item is ScriptTensor):
                steps.Appended.AddRange(more.Cast<ScriptTensor>());
                result = steps;
                return true;
            case "append" when a is List<object?> and not ScriptRecord and var list:
                Check(list, [b], run);
                list.Add(b);
                result = list;
                return true;
            case "add" or "extend" or "add_" when a is IList<object?> first && b is IList<object?> second:
                var joined = name != "add" && a is List<object?> and not ScriptRecord and var own ? own : [.. first];
                Check(joined, second, run);
                joined.AddRange([.. second]);
                result = joined;
                return true;
            case "pop" when a is List<object?> { Count: > 0 } and not ScriptRecord and var list && (b ?? -1L) is long place && place >= -list.Count && place < list.Count:
                var at = (int)(place < 0 ? place + list.Count : place);
                result = list[at];
                list.RemoveAt(at);
                return true;
            case "reverse" when a is List<object?> and not ScriptRecord and var list:
                list.Reverse();
                result = list;
                return true;
            case "mul" when a is IList<object?> list && b is long times:
                if (times > MostItems || times * list.Count > MostItems) throw run.Fault($"a list has more than {MostItems} items");
                result = Enumerable.Range(0, (int)Math.Max(0, times)).SelectMany(_ => list).ToList();
                return true;
            case "slice" when a is IList<object?> list:
                var (start, end, step) = (args.Int(1, "start", 0), args.Int(2, "end", long.MaxValue), args.Int(3, "step", 1));
                if (step < 1) throw run.Fault("a list is sliced with a step below 1");
                var (from, to) = ((int)Math.Clamp(start < 0 ? start + list.Count : start, 0, list.Count), (int)Math.Clamp(end < 0 ? end + list.Count : end, 0, list.Count));
                result = list.Skip(from).Take(Math.Max(0, to - from)).Where((_, i) => i % step == 0).ToList();
                return true;
            case "list" when a is IList<object?> list:
                result = list.ToList();
                return true;
            case "keys" when a is ScriptRecord record:
                result = record.Names.Cast<object?>().ToList();
                return true;
            case "values" when a is ScriptRecord record:
                result = record.ToList();
                return true;
            default:
                return false;
        }
    }

    /// <summary>An element of a list or of a tensor's axis. False if it is none.</summary>
    public static bool Element(object? of, object? at, ScriptRun run, out object? element)
    {
        element = null;
        switch (of, at)
        {
            case (ScriptRecord record, string key) when record.Has(key):
                element = record[key];
                return true;
            case (IList<object?> list, long place) when place >= -list.Count && place < list.Count:
                element = list[(int)(place < 0 ? place + list.Count : place)];
                return true;
            case (ScriptSeries series, long or ScriptIndex or ScriptSize):
                element = run.Element(series.Of, series.Axis, at);
                return true;
            default:
                return false;
        }
    }

    private static void Check(List<object?> list, IList<object?> more, ScriptRun run)
    {
        if (list.Count + more.Count > MostItems) throw run.Fault($"a list has more than {MostItems} items");
        if (more.Any(item => Holds(item, list, run, 0))) throw run.Fault("a list holds itself, or lists are nested too deep");
    }

    /// <summary>Whether a value holds a list, or is nested too deep to tell.</summary>
    private static bool Holds(object? value, IList<object?> list, ScriptRun run, int depth)
    {
        const int mostDeep = 6;
        run.Visit();
        return value is IList<object?> items && (depth > mostDeep || ReferenceEquals(items, list) || items.Any(item => Holds(item, list, run, depth + 1)));
    }
}
