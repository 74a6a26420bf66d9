using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

/// <summary>Each kind has a row and each row makes an operator; the uses that operators declare for their inputs.</summary>
public class OperatorTableTests
{
    /// <summary>Attributes with which every operator can be made.</summary>
    private static readonly Attributes s_attributes = new Attributes()
        .Set(AttributeKey.Hidden, 3).Set(AttributeKey.Direction, RecurrentDirection.Bidirectional).Set(AttributeKey.NumGroups, 1).Set(AttributeKey.KernelShape, new long[] { 3 });

    [Fact]
    public void Every_operator_is_made_by_a_row()
    {
        var made = Enum.GetValues<OpKind>().Select(kind => OperatorTable.Create(kind, s_attributes).GetType()).ToHashSet();
        var all = typeof(Operator).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Operator)) && !type.IsAbstract && type.Namespace == typeof(Operator).Namespace);
        Assert.Equal(all.Select(type => type.Name).Order(), made.Select(type => type.Name).Order());
    }

    [Fact]
    public void No_two_operators_have_one_name()
    {
        var names = Enum.GetValues<OpKind>().Select(OperatorTable.OnnxName).OfType<string>().ToList();
        Assert.Equal(names.Count, names.Distinct().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(39)]
    [InlineData(9999)]
    public void An_unknown_kind_is_refused_by_its_number(int kind)
    {
        var fault = Assert.Throws<SeqFormatException>(() => OperatorTable.Create((OpKind)kind, s_attributes));
        Assert.Contains($"Operator {kind} is unknown", fault.Message, StringComparison.Ordinal);
    }

    /// <summary>One character for each input: '-' for none, otherwise the first letter of its use.</summary>
    [Fact]
    public void Weights_are_known_by_input()
    {
        var expected = new Dictionary<OpKind, string>
        {
            [OpKind.MatMul] = "PP--------------",
            [OpKind.Linear] = "-P--------------",
            [OpKind.Conv] = "-P--------------",
            [OpKind.ConvTranspose] = "-P--------------",
            [OpKind.Embedding] = "T---------------",
            [OpKind.ColumnEmbedding] = "T---------------",
            [OpKind.Rnn] = "---PR-PR-PR-PR-P",
            [OpKind.Gru] = "---PR-PR-PR-PR-P",
            [OpKind.Mgu] = "---PR-PR-PR-PR-P",
            [OpKind.Sru] = "---P---P---P---P",
            [OpKind.ProjectedSru] = "---P---P---P---P",
            [OpKind.Lstm] = "----PR--RPR--RPR",
        };
        foreach (var kind in Enum.GetValues<OpKind>())
        {
            var op = OperatorTable.Create(kind, s_attributes);
            var uses = string.Concat(Enumerable.Range(0, 16).Select(input => op.UseOf(input) is WeightUse.None ? '-' : op.UseOf(input).ToString()[0]));
            Assert.Equal(expected.GetValueOrDefault(kind, new string('-', 16)), uses);
            Assert.Equal(uses.AsSpan().ContainsAny('P', 'R'), op.Multiplies(16));
        }
    }
}
