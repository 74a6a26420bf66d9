using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Importers.RandomModels;

/// <summary>The result of a random model.</summary>
/// <param name="Kind">The kind of result.</param>
/// <param name="Text">The reason or the difference.</param>
/// <param name="States">The number of states to find.</param>
/// <param name="Found">The number of states found.</param>
internal readonly record struct RandomOutcome(RandomOutcomeKind Kind, string Text = "", int States = 0, int Found = 0);

internal enum RandomOutcomeKind
{
    Same,

    /// <summary>The converter refuses the model.</summary>
    Refused,

    /// <summary>ONNX Runtime does not load or run the model, so the generator should not have made it.</summary>
    Invalid,

    /// <summary>The difference is no larger than ONNX Runtime's own when inputs change in their last bits.</summary>
    Sensitive,

    /// <summary>ONNX Runtime fails because its memory plan gives a value the place of another that turns out larger.</summary>
    TheirFault,

    Different,
}

/// <summary>Runs a random model here and in ONNX Runtime for every trial and step, and compares all outputs and states.</summary>
/// <param name="model">The model.</param>
/// <param name="theirs">A model that ONNX Runtime gets instead, to check that a difference is found.</param>
internal sealed class RandomCase(RandomModel model, ModelProto? theirs = null)
{
    /// <summary>Relative to the largest output, or to 1 if that is smaller.</summary>
    private const double Tolerance = 1e-5;

    /// <summary>Whether the converter must find the states itself.</summary>
    private readonly bool _finds = model.IsStepped && model.Seed % 2 == 0;
    private IReadOnlyList<(RandomPort Input, string Output)> _states = model.States;

    public RandomOutcome Run()
    {
        SeqModel ours;
        try
        {
            using var file = new TemporaryModel(model.Ours.ToByteArray());
            var options = new ConversionOptions { AutoStates = _finds, States = _finds ? new Dictionary<string, string>() : model.States.ToDictionary(s => s.Input.Name, s => s.Output) };
            var result = Conversion.Convert([("main", file.Path)], options);
            ours = SeqModel.Load(SeqWriter.ToArray(result.Model));
            if (result.Graphs[0].States.FirstOrDefault(s => !model.States.Exists(t => t.Input.Name == s.Input) && !Begins(s.Input)) is { } wrong)
                return new RandomOutcome(RandomOutcomeKind.Different, $"the input '{wrong.Input}' became a state carried from '{wrong.Output}' ({wrong.Reason})");
            _states = [.. result.Graphs[0].States.Select(s => (model.Inputs.First(i => i.Name == s.Input), s.Output))];
        }
        catch (ConversionException fault)
        {
            return new RandomOutcome(RandomOutcomeKind.Refused, fault.Message);
        }

        using (ours)
        {
            try
            {
                // Whichever output the converter paired with the model's state, it is compared with the right one.
                using var peer = new RandomPeer(model, theirs ?? model.Theirs, [.. _states.Select(s => model.States.Find(t => t.Input == s.Input) is { Input: { } } own ? own : s)]);
                var symbols = ours.Graphs[0].Inputs.SelectMany(i => i.Dimensions!).Select(d => d.Symbol).OfType<string>().ToHashSet(StringComparer.Ordinal);
                using var session = ours.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = symbols.ToDictionary(s => s, s => model.Symbols[s].Most) });
                for (var trial = 0; trial < model.Trials; trial++)
                {
                    foreach (var symbol in symbols) session.SetSize(symbol, model.Symbols[symbol].Sizes[trial]);
                    if (Compare(session, peer, trial) is { } outcome) return outcome;
                }

                return new RandomOutcome(RandomOutcomeKind.Same, "", _finds ? model.States.Count : 0, _finds ? model.States.Count(s => _states.Any(t => t.Input == s.Input)) : 0);
            }
            catch (OnnxRuntimeException fault)
            {
                return new RandomOutcome(fault.Message.Contains("attempting to re-use buffer", StringComparison.Ordinal) ? RandomOutcomeKind.TheirFault : RandomOutcomeKind.Invalid, fault.Message.ReplaceLineEndings(" "));
            }
            catch (Exception fault) when (fault is ArgumentException or SeqDataException)
            {
                return new RandomOutcome(RandomOutcomeKind.Different, "here: " + fault.Message.ReplaceLineEndings(" "));
            }
        }
    }

    /// <summary>Whether the initial state of a loop, cell or layer is an input. Such an input may be a state, although the model gets it in each run.</summary>
    private static bool Begins(string input) => input.StartsWith("start", StringComparison.Ordinal) || input.StartsWith('h');

    private RandomOutcome? Compare(SeqSession session, RandomPeer peer, int trial)
    {
        session.ResetState();
        peer.Reset();
        var random = new Random(model.Seed + trial);
        for (var step = 0; step < model.Steps; step++)
        {
            var data = model.Inputs.ToDictionary(p => p.Name, p => p.Data(random, p.Shape(trial)));
            foreach (var state in _states) data.Remove(state.Input.Name);
            for (var i = 0; i < session.Inputs.Count; i++) Fill(session, i, data[session.Inputs[i].Name]);
            session.Run();
            var expected = peer.Run(data, trial);
            for (var index = 0; index < session.Outputs.Count; index++)
            {
                var name = session.Outputs[index].Name;
                if (!session.Outputs[index].Shape.SequenceEqual(expected[name].Shape)) return new RandomOutcome(RandomOutcomeKind.Different, $"trial {trial}: '{name}' has shape [{string.Join(", ", session.Outputs[index].Shape.ToArray())}], there [{string.Join(", ", expected[name].Shape)}]");
                if (Difference(session.Output<float>(index), expected[name].Data) is not { } difference) continue;
                var sensitive = peer.Sensitivity(data, trial, name);
                return new RandomOutcome(difference.Relative <= 4 * sensitive ? RandomOutcomeKind.Sensitive : RandomOutcomeKind.Different, $"trial {trial}, step {step}: '{name}' {difference.Text}; ONNX Runtime's own change by the last bits {sensitive:G3}");
            }
        }

        return null;
    }

    private static void Fill(SeqSession session, int index, Array data)
    {
        switch (data)
        {
            case float[] values: values.CopyTo(session.Input<float>(index)); break;
            case long[] values: values.CopyTo(session.Input<long>(index)); break;
            case int[] values: values.CopyTo(session.Input<int>(index)); break;
            default: ((bool[])data).CopyTo(session.Input<bool>(index)); break;
        }
    }

    /// <summary>Null if they agree.</summary>
    public static (double Relative, string Text)? Difference(ReadOnlySpan<float> ours, ReadOnlySpan<float> theirs)
    {
        double range = 1, most = 0;
        foreach (var value in theirs)
        {
            if (float.IsFinite(value)) range = Math.Max(range, Math.Abs(value));
        }

        var where = 0;
        for (var i = 0; i < ours.Length; i++)
        {
            var difference = ours[i].Equals(theirs[i]) ? 0 : float.IsFinite(ours[i]) && float.IsFinite(theirs[i]) ? Math.Abs((double)ours[i] - theirs[i]) : double.PositiveInfinity;
            if (difference > most) (most, where) = (difference, i);
        }

        return most <= Tolerance * range ? null : (most / range, $"differs by {most / range:G3} of its range at {where} of {ours.Length}: {ours[where]}, there {theirs[where]}");
    }
}
