using System.Runtime.InteropServices;

namespace SeqRuntime.Decoding;

/// <summary>
/// The two networks of a transducer besides its encoder. The prediction network reads the tokens so far and has a slot for each
/// hypothesis. The joint network scores labels from a row of the encoder and a prediction.
/// </summary>
internal sealed class Transducer : IDisposable
{
    private readonly RowGraph _predict;
    private readonly RowGraph _joint;
    private readonly LogProbabilityRows _scores;
    private readonly (int Input, int Output, bool IsEncoder)[] _links;
    private readonly int _token;
    private readonly int _logits;
    private readonly int[] _context;

    public Transducer(SeqModel model, DecodingInfo info, FrameEncoder encoder, int width, int slots, long workLimit, DecoderMemory memory)
    {
        var predict = info.Graph(DecodingKeys.Predict);
        var joint = info.Graph(DecodingKeys.Joint);
        var token = info.Text(DecodingKeys.Token) ?? (predict.Inputs.Count == 1 ? predict.Inputs[0].Name : info.Need(DecodingKeys.Token));
        _predict = Rows(model, predict, token, width, slots, workLimit, memory);
        try
        {
            _token = _predict.Session.Inputs[token].Index;
            if (!PortIO.IsNumeric(_predict.Session.Inputs[_token].Type) || predict.Inputs.Count != 1) throw new ArgumentException($"The prediction network must have one input, the token '{token}', of type int32, int64 or float32.");
            ContextLength = PortIO.Count(_predict.Session.Inputs[_token].Shape);
            if (ContextLength == 0) throw new ArgumentException($"The prediction network's token '{token}' has no elements; it must have at least one.");
            _context = memory.Array<int>("contexts", width, ContextLength);
            var links = info.Links().ToDictionary(l => l.Target, l => l.Output);
            var first = joint.Inputs.FirstOrDefault(i => links.ContainsKey(i.Name))?.Name ?? throw new ArgumentException("The metadata do not say what fills the inputs of the joint network.");
            _joint = Rows(model, joint, first, width, 0, workLimit, memory);
            _links = [.. joint.Inputs.Select(i => MakeLink(i.Name, links, encoder))];
            _logits = _joint.Session.Outputs[info.Text(DecodingKeys.Logits) ?? (joint.Outputs.Count == 1 ? joint.Outputs[0].Name : info.Need(DecodingKeys.Logits))].Index;
            if (_joint.Session.Outputs[_logits].Type != ElementType.Float32) throw new ArgumentException("The joint network's logits must be float32.");
            _scores = new LogProbabilityRows(model.Kernels, info, width, _joint.Session.Output<float>(_logits).Length, memory);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int Vocabulary => _scores.Vocabulary;

    /// <summary>Tokens that the prediction network reads at a time.</summary>
    public int ContextLength { get; }

    /// <summary>The encoder output that holds the frames.</summary>
    public int FrameOutput => Array.Find(_links, l => l.IsEncoder).Output;

    /// <summary>Resets slot 0 to the states before the first token.</summary>
    public void Begin()
    {
        _predict.Begin();
        _predict.SaveStates([0]);
    }

    /// <summary>Log probabilities of a row after <see cref="Score"/>.</summary>
    public ReadOnlySpan<float> this[int row] => _scores[row];

    /// <summary>The last tokens of row <paramref name="row"/>, to be written before <see cref="Predict"/>.</summary>
    public Span<int> Context(int row) => _context.AsSpan(row * ContextLength, ContextLength);

    /// <summary>Reads one more token of each hypothesis. States come from one slot; the new states and the prediction go to another.</summary>
    public void Predict(ReadOnlySpan<int> from, ReadOnlySpan<int> to)
    {
        for (var start = 0; start < from.Length; start += _predict.MaxRows)
        {
            var rows = Math.Min(_predict.MaxRows, from.Length - start);
            _predict.Load(from.Slice(start, rows));
            PortIO.Write(_predict.Session, _token, _context.AsSpan(start * ContextLength, rows * ContextLength));
            _predict.Session.Run();
            _predict.Save(to.Slice(start, rows));
        }
    }

    /// <summary>Scores the labels of each hypothesis for one row of the encoder.</summary>
    public void Score(FrameEncoder encoder, int frame, ReadOnlySpan<int> slots)
    {
        for (var start = 0; start < slots.Length; start += _joint.MaxRows)
        {
            var rows = Math.Min(_joint.MaxRows, slots.Length - start);
            _joint.SetRows(rows);
            foreach (var link in _links)
            {
                for (var row = 0; row < rows; row++)
                    _joint.SetInput(link.Input, row, link.IsEncoder ? MemoryMarshal.AsBytes(encoder.Row(link.Output, frame)) : _predict.Output(link.Output, slots[start + row]));
            }

            _joint.Session.Run();
            var logits = _joint.Session.Output<float>(_logits);
            for (var row = 0; row < rows; row++) _scores.Set(start + row, logits.Slice(row * Vocabulary, Vocabulary));
        }
    }

    public void Dispose()
    {
        _predict.Dispose();
        _joint?.Dispose();
    }

    /// <param name="model">The model.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="counted">Input whose symbolic dimension, if any, is the number of hypotheses.</param>
    /// <param name="width">Hypotheses at once.</param>
    /// <param name="slots">Number of hypotheses whose states and outputs are kept.</param>
    /// <param name="workLimit">Work limit of the session.</param>
    /// <param name="memory">The decoder's memory.</param>
    private static RowGraph Rows(SeqModel model, SeqGraphInfo graph, string counted, int width, int slots, long workLimit, DecoderMemory memory)
    {
        var input = graph.Inputs.FirstOrDefault(i => i.Name == counted) ?? throw new ArgumentException($"Graph '{graph.Name}' has no input '{counted}', although the metadata refer to it.");
        var options = new SeqSessionOptions { MemoryLimitBytes = memory.Left, WorkLimit = workLimit };
        return new RowGraph(model, graph, RowGraph.BatchOf(input), width, slots, keepsOutputs: true, options, $"{nameof(FrameDecoderOptions.BeamWidth)} = {width}", memory);
    }

    private (int Input, int Output, bool IsEncoder) MakeLink(string input, Dictionary<string, string> links, FrameEncoder encoder)
    {
        if (!links.TryGetValue(input, out var source)) throw new ArgumentException($"Nothing fills the joint network's input '{input}'; link it to an output of the encoder or of the prediction network.");
        var isEncoder = encoder.Graph.Outputs.Any(o => o.Name == source);
        return (_joint.Session.Inputs[input].Index, isEncoder ? encoder.RowsOutput(source) : _predict.Session.Outputs[source].Index, isEncoder);
    }
}
