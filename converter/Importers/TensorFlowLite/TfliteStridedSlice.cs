namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>STRIDED_SLICE: a part of each axis with TensorFlow's masks.</summary>
internal static class TfliteStridedSlice
{
    public static string Write(TfliteCall call)
    {
        var (graph, o) = (call.Graph, call.Options);
        if (call.Tensor(1).Shape is not [var count] || call.Tensor(2).Shape is not [var others] || others != count) throw call.Fault("its beginnings and ends are not vectors of equal length");
        var steps = call.Integers(3);
        if (steps.Length != count || count > 31) throw call.Fault($"it has {count} beginnings and {steps.Length} strides");
        for (var input = 1; input < 3; input++)
        {
            if (call.IsConstant(input) && call.Integers(input).Length != count) throw call.Fault("its beginnings and ends do not have the sizes of their tensors; the file is damaged");
        }

        bool Is(int field, int i) => (o.Int(field) >> i & 1) != 0;
        var rank = call.Tensor(0).Rank;
        var named = Enumerable.Range(0, count).Count(i => !Is(2, i) && !Is(3, i));
        if (named > rank) throw call.Fault($"it has {named} parts of an input of {rank} dimensions");

        var value = call.Value(0);
        var (begins, ends, axes, strides) = (new List<string>(), new List<string>(), new List<long>(), new List<long>());
        var (known, knownEnds) = (new List<long?>(), new List<long?>());
        var (looked, removed, added) = (new List<(int Axis, string Index)>(), new List<long>(), new List<long>());
        var (axis, place) = (0, 0);
        for (var i = 0; i < count; i++)
        {
            if (Is(2, i))
            {
                (axis, place) = (axis + rank - named, place + rank - named);
                continue;
            }

            if (Is(3, i))
            {
                added.Add(place++);
                continue;
            }

            if (Is(4, i))
            {
                if (call.IsConstant(1))
                {
                    var at = call.Integers(1)[i];
                    Add(axis, at, at == -1 ? long.MaxValue : at + 1, 1);
                    removed.Add(axis);
                }
                else
                {
                    looked.Add((axis, Element(1, i, isScalar: true)));
                }

                axis++;
                continue;
            }

            var isBackward = steps[i] < 0;
            if (steps[i] == 0) throw call.Fault("a stride is 0");
            long? begin = Is(0, i) ? (isBackward ? -1 : 0) : call.IsConstant(1) ? call.Integers(1)[i] : null;
            long? end = Is(1, i) ? (isBackward ? long.MinValue : long.MaxValue) : call.IsConstant(2) ? call.Integers(2)[i] : null;
            if (o.Flag(5) && !Is(1, i)) end = begin is { } b && end is { } e ? b + e : throw call.Fault("ends that are counted from beginnings known only at run time are not supported");
            Add(axis, begin, end, steps[i]);
            if (begin is null) begins[^1] = Element(1, i, isScalar: false);
            if (end is null) ends[^1] = Element(2, i, isScalar: false);
            (axis, place) = (axis + 1, place + 1);
        }

        if (axes.Count > 0) value = graph.Op("Slice", [value, Joined(begins, known), Joined(ends, knownEnds), graph.Axes([.. axes]), graph.Axes([.. strides])]);
        if (removed.Count > 0) value = graph.Op("Squeeze", [value, graph.Axes([.. removed])]);
        foreach (var (at, index) in looked.AsEnumerable().Reverse()) value = graph.Op("Gather", [value, index], ("axis", (long)(at - removed.Count(r => r < at))));
        return added.Count == 0 ? value : graph.Op("Unsqueeze", [value, graph.Axes([.. added])]);

        void Add(int at, long? begin, long? end, long stride)
        {
            if (begin == 0 && end == long.MaxValue && stride == 1) return;
            axes.Add(at);
            strides.Add(stride);
            known.Add(begin);
            knownEnds.Add(end);
            begins.Add("");
            ends.Add("");
        }

        string Element(int input, int i, bool isScalar)
        {
            var one = graph.Op("Slice", [call.Vector(input), graph.Axes(i), graph.Axes(i + 1), graph.Axes(0)]);
            return isScalar ? graph.Squeeze(one, 0) : one;
        }

        string Joined(List<string> parts, List<long?> numbers)
        {
            if (numbers.TrueForAll(n => n is not null)) return graph.Axes([.. numbers.Select(n => n!.Value)]);
            string[] all = [.. parts.Select((part, i) => numbers[i] is { } number ? graph.Axes(number) : part)];
            return all.Length == 1 ? all[0] : graph.Op("Concat", all, ("axis", 0L));
        }
    }
}
