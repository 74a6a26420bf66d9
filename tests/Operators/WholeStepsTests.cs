using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

/// <summary>A row that is alone takes whole steps, with fp16 and bf16 weights if they are small, rows of a batch take separate products and cells. The bits are the same.</summary>
public class WholeStepsTests
{
    private const int Most = 130;

    public static TheoryData<string, int> Layers
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var op in (string[])["LSTM", "GRU", "RNN"])
            {
                data.Add(op, (int)TensorFormat.PackedInt8);
                data.Add(op, (int)TensorFormat.NarrowInt8);
                data.Add(op, (int)TensorFormat.PackedFloat32);
                data.Add(op, (int)TensorFormat.PackedFloat16);
                data.Add(op, (int)TensorFormat.PackedBFloat16);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_row_alone_has_the_bits_it_has_in_a_batch(string op, int packing)
    {
        var random = new Random(packing);
        for (var hidden = 1; hidden <= Most; hidden++)
        {
            // Every seventh layer starts without states: its first step takes no whole step, the others do.
            var steps = hidden % 2 == 0 ? 1 : 1 + hidden % 5;
            var test = new RecurrentCase(random, steps, batch: 2, inputs: random.Next(1, 70), hidden, hidden, direction: hidden % 3, lengths: hidden % 5 == 0, initial: hidden % 7 != 0);
            Spoil(random, test);
            var layer = new Layer(random, op, (TensorFormat)packing, test, isBiased: hidden % 4 != 0);
            var together = layer.Run(test.X, test.Lengths, test.InitialH, test.InitialC, 2);
            for (var row = 0; row < 2; row++)
            {
                var alone = layer.Run(Row(test.X, row, test.Inputs)!, test.Lengths is { } lengths ? [lengths[row]] : null, Row(test.InitialH, row, hidden), Row(test.InitialC, row, hidden), 1);
                for (var i = 0; i < alone.Length; i++) Numbers.AssertSameBits(Row(together[i], row, hidden), alone[i], $"{op}, {test.Inputs} → {hidden}, {steps} steps, direction {test.Direction}, output {i}");
            }
        }
    }

    /// <summary>Steep rows, NaN and zeros among the inputs, states outside [-1, 1], small ones and NaN.</summary>
    private static void Spoil(Random random, RecurrentCase test)
    {
        for (var i = 0; i < test.X.Length; i += test.Inputs)
        {
            var row = test.X.AsSpan(i, test.Inputs);
            if (random.Next(3) == 0) row[random.Next(row.Length)] = 30;
            if (random.Next(6) == 0) row[random.Next(row.Length)] = float.NaN;
            if (random.Next(8) == 0) row.Clear();
        }

        if (test.InitialH is not { } states) return;
        for (var i = 0; i < states.Length; i += test.State)
        {
            var row = states.AsSpan(i, test.State);
            switch (random.Next(4))
            {
                case 0: row[random.Next(row.Length)] = -3; break;
                case 1: row[random.Next(row.Length)] = float.NaN; break;
                case 2: row.Clear(); break;
                default: break;
            }
        }
    }

    /// <summary>One row of two, in blocks of <paramref name="size"/>.</summary>
    private static float[]? Row(float[]? all, int row, int size) => all is null ? null : [.. all.Chunk(size).Where((_, i) => i % 2 == row).SelectMany(block => block)];

    private sealed class Layer(Random random, string op, TensorFormat format, RecurrentCase test, bool isBiased)
    {
        private readonly int _gates = op switch { "LSTM" => 4, "GRU" => 3, _ => 1 };
        private readonly RecurrentWeights[] _weights = [.. Enumerable.Range(0, test.Directions).Select(_ => new RecurrentWeights(random, format, op switch { "LSTM" => 4, "GRU" => 3, _ => 1 }, test.Hidden, test.Inputs, test.Hidden))];

        public float[][] Run(float[] x, int[]? lengths, float[]? h, float[]? c, int batch)
        {
            var harness = new OperatorHarness().Dense([test.Steps, batch, test.Inputs], x);
            if (lengths is null) harness.Absent();
            else harness.Dense([batch], lengths);
            RecurrentCase.Optional(harness, h, test.Directions, batch, test.Hidden);
            if (_gates == 4) RecurrentCase.Optional(harness, c, test.Directions, batch, test.Hidden);
            foreach (var w in _weights)
            {
                harness.Packed(format, w.Rows, w.Inputs, w.PackedW).Packed(format, w.Rows, w.State, w.PackedR);
                if (!isBiased) harness.Absent();
                else if (_gates == 3) harness.Dense([2, w.Rows], [.. w.Interleave(w.InputBias, 1), .. w.Interleave(w.StateBias, 1)]);
                else harness.Dense([w.Rows], w.SummedBias());
                if (_gates == 4) harness.Absent().Absent();
            }

            var attributes = new Attributes().Set(AttributeKey.Hidden, test.Hidden).Set(AttributeKey.Direction, test.Direction);
            Operator layer = _gates switch
            {
                4 => new Lstm(attributes),
                3 => new Gru(attributes.Set(AttributeKey.LinearBeforeReset, true)),
                _ => new Rnn(attributes),
            };
            return [.. harness.Run(layer, _gates == 4 ? 3 : 2).Select(result => result.As<float>())];
        }
    }
}
