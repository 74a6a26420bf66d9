namespace SeqRuntime.Format;

/// <summary>Runs of a graph that its file records: what the inputs hold, and the checksums of what the runs gave. No record, whose methods would add to small programs.</summary>
/// <param name="graph">Index of the graph.</param>
/// <param name="facts">What each input holds.</param>
/// <param name="cases">Runs at different sizes.</param>
internal sealed class GoldenGraph(int graph, InputFact[] facts, GoldenCase[] cases)
{
    public int Graph => graph;

    public InputFact[] Facts => facts;

    public GoldenCase[] Cases => cases;
}

/// <summary>Runs that follow each other with kept states, from the graph's first states on.</summary>
/// <param name="sizes">Size of each symbolic dimension; for the steps of a cache the most that it holds.</param>
/// <param name="length">Length of the sequences, for inputs that tell it.</param>
/// <param name="seed">Which random inputs.</param>
/// <param name="runs">Number of runs.</param>
/// <param name="sums">For each run the checksums of all outputs, then of all states.</param>
internal sealed class GoldenCase(int[] sizes, int length, int seed, int runs, uint[] sums)
{
    public int[] Sizes => sizes;

    public int Length => length;

    public int Seed => seed;

    public int Runs => runs;

    public uint[] Sums => sums;
}

/// <summary>Writes and reads the section of recorded runs.</summary>
internal static class GoldenSection
{
    /// <summary>How inputs are made and outputs summed up. Another way gets another number.</summary>
    private const int Way = 1;

    /// <summary>Limit of the runs of a file.</summary>
    private const int MostRuns = 1024;

    public static void Write(CompactWriter writer, List<GoldenGraph> graphs)
    {
        writer.Number(Way);
        writer.List(graphs, static (w, graph) =>
        {
            w.Number(graph.Graph);
            foreach (var fact in graph.Facts)
            {
                w.Byte((byte)fact.Kind);
                if (fact.Kind != InputKind.Tokens) continue;
                w.Number(fact.Least);
                w.Number(fact.Most);
            }

            w.List(graph.Cases, static (w, one) =>
            {
                foreach (var size in one.Sizes) w.Number(size);
                w.Number(one.Length);
                w.Number(one.Seed);
                w.Number(one.Runs);
                foreach (var sum in one.Sums) w.Number(sum);
            });
        });
    }

    /// <summary>Reads the section. Sizes may still be too large for a session.</summary>
    /// <param name="reader">The section.</param>
    /// <param name="graphs">The graphs of the file.</param>
    public static GoldenGraph[] Read(SectionReader reader, StoredGraph[] graphs)
    {
        if (reader.Int32() is var way && way != Way) throw reader.Newer("another kind of recorded runs");
        var runs = 0;
        var found = new GoldenGraph[reader.Count(2)];
        for (var i = 0; i < found.Length; i++)
        {
            var index = reader.Index(graphs.Length, "graph");
            var facts = new InputFact[graphs[index].Inputs.Length];
            for (var input = 0; input < facts.Length; input++) facts[input] = ReadFact(ref reader);
            var cases = new GoldenCase[reader.Count(4)];
            for (var c = 0; c < cases.Length; c++)
            {
                cases[c] = ReadCase(ref reader, graphs[index]);
                runs += cases[c].Runs;
                if (runs > MostRuns) throw reader.Fault("too many recorded runs");
            }

            found[i] = new GoldenGraph(index, facts, cases);
        }

        reader.End();
        return found;
    }

    private static InputFact ReadFact(ref SectionReader reader)
    {
        var kind = (InputKind)reader.Byte();
        if (kind > InputKind.Bits) throw reader.Newer("another kind of inputs");
        if (kind != InputKind.Tokens) return new InputFact(kind);
        var fact = new InputFact(kind, reader.Int32(), reader.Int32());
        return fact.Least <= fact.Most ? fact : throw reader.Fault("the smallest token is above the largest");
    }

    private static GoldenCase ReadCase(ref SectionReader reader, StoredGraph graph)
    {
        var sizes = new int[graph.Symbols.Length];
        for (var i = 0; i < sizes.Length; i++) sizes[i] = AtLeastOne(ref reader);
        var length = AtLeastOne(ref reader);
        var seed = reader.Int32();
        var runs = AtLeastOne(ref reader);
        var each = graph.Outputs.Length + graph.States.Length;
        if ((long)runs * Math.Max(each, 1) > reader.Left) throw reader.Fault("more checksums than bytes");
        var sums = new uint[runs * each];
        for (var i = 0; i < sums.Length; i++) sums[i] = reader.Int64() is >= 0 and <= uint.MaxValue and var sum ? (uint)sum : throw reader.Fault("a checksum is out of range");
        return new GoldenCase(sizes, length, seed, runs, sums);
    }

    private static int AtLeastOne(ref SectionReader reader) => reader.Int32() is >= 1 and var value ? value : throw reader.Fault("a size or a number of runs is below 1");
}
