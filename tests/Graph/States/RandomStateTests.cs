using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Graph.States;

/// <summary>Random models of one step. Exactly the true states are found, for any names, and stepping gives the same results as ONNX Runtime with its states fed back.</summary>
[Trait("Cases", "Random")]
public class RandomStateTests
{
    private const int Usual = 60;

    [Fact]
    public void The_pairs_found_are_the_true_ones()
    {
        var found = 0;
        foreach (var seed in LongRuns.Seeds(Usual))
        {
            var model = new RandomStepModel(seed);
            if (Convert(model, seed) is not { } converted) continue;
            var graph = converted.Graphs[0];
            foreach (var pair in graph.States)
            {
                Assert.True(model.States.Exists(s => s.In == pair.Input && s.Out == pair.Output), $"seed {seed}: '{pair.Output}' does not feed the state '{pair.Input}', but the converter says so ({pair.Reason})");
                found++;
            }

            foreach (var (input, output, isSure) in model.States)
            {
                if (graph.States.Any(s => s.Input == input)) continue;
                Assert.False(isSure, $"seed {seed}: the converter missed the state '{input}' fed by '{output}': {string.Join("; ", graph.Notes)}");
                Assert.True(graph.Notes.Any(n => n.Contains($"--state {input}={output}", StringComparison.Ordinal)), $"seed {seed}: no note suggests the state '{input}' fed by '{output}': {string.Join("; ", graph.Notes)}");
            }
        }

        Assert.True(found > 0);
    }

    /// <summary>Null if the converter rightly asks the user, because two outputs hold what one place of a stacked state leaves.</summary>
    private static ConversionResult? Convert(RandomStepModel model, int seed)
    {
        try
        {
            return model.Model.Convert();
        }
        catch (ConversionException refusal) when (refusal.Message.Contains("Choose: --state", StringComparison.Ordinal))
        {
            Assert.True(model.States.Exists(s => !s.IsSure && refusal.Message.Contains($"--state {s.In}={s.Out}", StringComparison.Ordinal)), $"seed {seed}: {refusal.Message}");
            return null;
        }
    }

    [Fact]
    public void Stepping_equals_feeding_states_back()
    {
        foreach (var seed in LongRuns.Seeds(Usual / 2))
        {
            var model = new RandomStepModel(seed);
            var steps = RandomStepModel.Steps(seed);
            if (Convert(model, seed) is not { } converted) continue;
            using var loaded = SeqModel.Load(converted.File);
            if (loaded.Graphs[0].States.Count != model.States.Count) continue;
            using var session = loaded.CreateSession();
            var expected = model.Reference(steps, "y");
            for (var t = 0; t < steps.Length; t++)
            {
                steps[t].CopyTo(session.Input<float>("x"));
                session.Run();
                var y = session.Output<float>("y");
                for (var i = 0; i < y.Length; i++) Assert.True(Math.Abs(expected[t][i] - y[i]) < 1e-4f * (1 + Math.Abs(expected[t][i])), $"seed {seed}, step {t}: {y[i]}, not {expected[t][i]}");
            }
        }
    }
}
