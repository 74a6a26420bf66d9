using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>Constant index tables that name a part of a tensor become slices, short lists or int32, with the same results as ONNX Runtime.</summary>
public class OnnxIndexTablesTests
{
    private const int A = 4, B = 5, C = 6;

    /// <summary>Assigned places on each of the first axes. Exporters write one tuple for each place.</summary>
    public static TheoryData<string, string, string> Assigned => new()
    {
        { "1", "0 1 2 3 4", "0 1 2 3 4 5" }, // cache[1] = u
        { "0 1 2 3", "2", "0 1 2 3 4 5" }, // cache[:, 2] = u
        { "0 1 2 3", "0 1 2 3 4", "3 4 5" }, // cache[:, :, 3:] = u
        { "0 1 2 3", "1 3", "0 1 2 3 4 5" }, // cache[:, 1::2] = u
        { "0 1 2 3", "4 3 2 1 0", "0 1 2 3 4 5" }, // cache[:, ::-1] = u
        { "1 2", "1 2 3", "2 3" }, // a box inside
        { "0 1 2 3", "4 0 2", "1 5" }, // any places
        { "0 1 2 3", "-1", "-2 -1" }, // counted from the end
        { "2", "0 1 2 3 4", "" }, // the last axis whole
        { "3 1", "", "" },
    };

    [Theory]
    [MemberData(nameof(Assigned))]
    public void An_assignment_to_a_part_becomes_slices(string a, string b, string c)
    {
        foreach (var isFlat in (bool[])[false, true])
        {
            var (lists, table, shape) = Table(a, b, c, isFlat);
            long[] updates = [.. shape.SkipLast(1), .. (long[])[.. new long[] { A, B, C }.Skip(lists.Length)]];
            foreach (var reduction in (string[])["none", "add", "max"])
            {
                var model = new OnnxBuilder(18).Input("x", OnnxBuilder.Float, A, B, C).Input("u", OnnxBuilder.Float, [.. updates.Select(s => (object)(int)s)]).Constant("t", shape, table)
                    .Node("ScatterND", "x t u", "y", ("reduction", reduction)).Output("y");
                SameAsReference(model, table.Length > 8, [A, B, C], [.. updates.Select(s => (int)s)]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Assigned))]
    public void A_gathered_part_becomes_slices(string a, string b, string c)
    {
        foreach (var isFlat in (bool[])[false, true])
        {
            var (_, table, shape) = Table(a, b, c, isFlat);
            var model = new OnnxBuilder(18).Input("x", OnnxBuilder.Float, A, B, C).Constant("t", shape, table).Node("GatherND", "x t", "y").Output("y");
            SameAsReference(model, table.Length > 16, [A, B, C]);
        }
    }

    [Theory]
    [InlineData(0, "2 1")]
    [InlineData(1, "1 2 3")]
    [InlineData(2, "5 4 3 2 1 0")]
    [InlineData(-1, "0 5 2")]
    public void Elements_of_an_axis_become_slices(int axis, string places)
    {
        var list = Parsed(places);
        int[] shape = [A, B, C];
        shape[axis < 0 ? axis + 3 : axis] = list.Length;
        var stride = shape[((axis < 0 ? axis + 3 : axis) + 1)..].Aggregate(1, (p, q) => p * q);
        long[] table = [.. Enumerable.Range(0, shape[0] * shape[1] * shape[2]).Select(i => list[i / stride % list.Length])];
        long[] dims = [.. shape.Select(s => (long)s)];
        SameAsReference(new OnnxBuilder(18).Input("x", OnnxBuilder.Float, A, B, C).Constant("t", dims, table).Node("GatherElements", "x t", "y", ("axis", axis)).Output("y"), hasNoTable: true, [A, B, C]);
        SameAsReference(new OnnxBuilder(18).Input("x", OnnxBuilder.Float, A, B, C).Input("u", OnnxBuilder.Float, [.. shape.Select(s => (object)s)]).Constant("t", dims, table).Node("ScatterElements", "x t u", "y", ("axis", axis)).Output("y"), hasNoTable: true, [A, B, C], shape);
    }

    [Fact]
    public void A_long_run_of_places_is_a_slice() =>
        SameAsReference(new OnnxBuilder().Input("x", OnnxBuilder.Float, 2, 50).Constant("t", [4, 5], [.. Enumerable.Range(0, 20).Select(i => 40L - 2 * i)]).Node("Gather", "x t", "y", ("axis", 1)).Output("y"), hasNoTable: true, [2, 50]);

    /// <summary>Two assignments by equal tables, and one whose places do not follow the axes: one int32 table each.</summary>
    [Fact]
    public void Other_tables_are_stored_once_in_int32()
    {
        long[] table = [.. Enumerable.Range(0, 40).Select(i => (long)(i * 7 % 40))];
        var model = new OnnxBuilder().Input("x", OnnxBuilder.Float, 40, 2).Constant("t1", [8, 5], table).Constant("t2", [8, 5], table).Node("Gather", "x t1", "a").Node("Gather", "x t2", "b").Node("Add", "a b", "y").Output("y");
        var tensor = Assert.Single(model.Convert(new ConversionOptions { AutoStates = false }).Tensors);
        Assert.Equal("t1, t2 int32", $"{string.Join(", ", tensor.Names)} {tensor.Format}");
        SameAsReference(model, hasNoTable: false, [40, 2]);
    }

    /// <summary>A table of tuples [places on the axes…, tuple], or a list [tuples, tuple]. An axis without places is not named.</summary>
    private static (long[][] Lists, long[] Table, long[] Shape) Table(string a, string b, string c, bool isFlat)
    {
        long[][] lists = [.. new[] { a, b, c }.Where(t => t.Length > 0).Select(Parsed)];
        IEnumerable<long[]> tuples = [[]];
        foreach (var list in lists) tuples = tuples.SelectMany(t => list.Select(i => (long[])[.. t, i]));
        long[] table = [.. tuples.SelectMany(t => t)];
        return (lists, table, isFlat ? [table.Length / lists.Length, lists.Length] : [.. lists.Select(l => (long)l.Length), lists.Length]);
    }

    private static long[] Parsed(string text) => Array.ConvertAll(text.Split(' '), long.Parse);

    private static void SameAsReference(OnnxBuilder model, bool hasNoTable, params int[][] shapes)
    {
        var options = new ConversionOptions { AutoStates = false };
        if (hasNoTable) Assert.DoesNotContain(model.Convert(options).Tensors, t => t.Count > 8);
        var random = new Random(3);
        var inputs = shapes.Select((shape, i) => (model.Graph.Input[i].Name, shape, Numbers.Random(random, Numbers.Count(shape)))).ToArray();
        Assert.Equal(model.Reference(inputs), model.Run(options, [.. inputs.Select(i => i.Item3)]));
        Assert.DoesNotContain(model.Convert(options).Model.Tensors, t => t.Type == SeqRuntime.ElementType.Int64 && Numbers.Count(t.Shape) > 16);
    }
}
