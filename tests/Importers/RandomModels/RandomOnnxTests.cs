using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Google.Protobuf;

namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>
/// Random ONNX models compared with ONNX Runtime: some in every test run, or as many as requested by
/// <c>SEQRUNTIME_CASES=20000 dotnet test tests -c Release --filter Cases=Random</c>.
/// </summary>
[Trait("Cases", "Random")]
public sealed partial class RandomOnnxTests(ITestOutputHelper output)
{
    [Fact]
    public void Random_models_give_what_ONNX_runtime_gives()
    {
        var outcomes = new ConcurrentDictionary<int, RandomOutcome>();
        Parallel.ForEach(LongRuns.Seeds(500), new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, seed => outcomes[seed] = new RandomCase(new RandomModel(seed)).Run());

        foreach (var kind in outcomes.GroupBy(o => o.Value.Kind).OrderBy(g => g.Key))
        {
            output.WriteLine($"{kind.Key}: {kind.Count()} of {outcomes.Count}");
            if (kind.Key == RandomOutcomeKind.Same) continue;
            foreach (var reason in kind.GroupBy(o => Reason(o.Value.Text)).OrderByDescending(g => g.Count()))
            {
                output.WriteLine($"  {reason.Count(),5}  {reason.Key}  (seeds {string.Join(", ", reason.Select(o => o.Key).Order().Take(5))})");
            }
        }

        var (states, found) = (outcomes.Values.Sum(o => o.States), outcomes.Values.Sum(o => o.Found));
        output.WriteLine($"States that the graph shows: {found} of {states} found");
        int Count(RandomOutcomeKind kind) => outcomes.Values.Count(o => o.Kind == kind);
        var wrong = outcomes.Where(o => o.Value.Kind is RandomOutcomeKind.Different or RandomOutcomeKind.Invalid).OrderBy(o => o.Key).Take(10).Select(o => $"seed {o.Key}: {o.Value.Text}");
        Assert.True(Count(RandomOutcomeKind.Different) + Count(RandomOutcomeKind.Invalid) == 0, string.Join('\n', wrong));
        Assert.DoesNotContain(outcomes.Values, o => o.Kind == RandomOutcomeKind.Refused && o.Text.Contains("damaged", StringComparison.Ordinal));
        Assert.InRange(Count(RandomOutcomeKind.Refused) + Count(RandomOutcomeKind.Sensitive) + Count(RandomOutcomeKind.TheirFault), 0, Math.Max(5, outcomes.Count / 20));
    }

    /// <summary>One weight in a hundred is a hundredth larger in ONNX Runtime's model.</summary>
    [Fact]
    public void A_small_difference_is_found()
    {
        var found = 0;
        for (var seed = 1; seed <= 40; seed++)
        {
            var model = new RandomModel(seed);
            var theirs = model.Theirs.Clone();
            if (theirs.Graph.Initializer.FirstOrDefault(t => t.DataType == OnnxBuilder.Float && t.Dims.Count >= 2) is not { } weights) continue;
            var values = MemoryMarshal.Cast<byte, float>(weights.RawData.ToByteArray()).ToArray();
            for (var i = 0; i < values.Length; i += 100) values[i] *= 1.01f;
            weights.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan()));
            if (new RandomCase(model, theirs).Run().Kind == RandomOutcomeKind.Different) found++;
        }

        Assert.InRange(found, 10, 40);
    }

    /// <summary>Without names and numbers.</summary>
    private static string Reason(string text) => Numbers().Replace(text.ReplaceLineEndings(" "), "#") is var reason && reason.Length > 260 ? reason[..260] : reason;

    [GeneratedRegex(@"/[^ ]*model\.onnx|\d+(\.\d+)?(E-?\d+)?")]
    private static partial Regex Numbers();
}
