using System.Globalization;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Decoding;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>
/// Checks that the decoding document fits the graphs. Errors use the document's terms: its members, and the names and shapes of the
/// graphs' inputs and outputs.
/// </summary>
internal sealed partial class DecodingCheck
{
    private readonly List<IrGraph> _graphs;
    private readonly IReadOnlyDictionary<string, string> _metadata;
    private readonly IReadOnlyDictionary<string, string[]> _tables;
    private readonly List<string> _faults = [];
    private readonly List<string> _notes = [];

    private DecodingCheck(List<IrGraph> graphs, IReadOnlyDictionary<string, string> metadata, IReadOnlyDictionary<string, string[]> tables) => (_graphs, _metadata, _tables) = (graphs, metadata, tables);

    /// <param name="graphs">Resolved graphs.</param>
    /// <param name="metadata">Says which graph and value has which role.</param>
    /// <param name="tables">Texts of tokens.</param>
    /// <param name="notes">Receives oddities that do no harm.</param>
    /// <returns>Most tokens that a language model holds; null if nothing limits them, and for other kinds.</returns>
    /// <exception cref="ConversionException">Something does not fit; the message lists everything that does not.</exception>
    public static int? Run(List<IrGraph> graphs, IReadOnlyDictionary<string, string> metadata, IReadOnlyDictionary<string, string[]> tables, List<string> notes)
    {
        var check = new DecodingCheck(graphs, metadata, tables);
        switch (metadata.GetValueOrDefault(DecodingKeys.Kind))
        {
            case DecodingKeys.EncoderDecoder: check.EncoderDecoder(); break;
            case DecodingKeys.Ctc: check.Ctc(); break;
            case DecodingKeys.Transducer: check.Transducer(); break;
            case DecodingKeys.LanguageModel: check.LanguageModel(); break;
        }

        check.OthersHaveNone();

        if (check._faults.Count > 0) throw new ConversionException($"decoding: {string.Join("; ", check._faults)}.");
        notes.AddRange(check._notes);
        return check._context;
    }

    private void EncoderDecoder()
    {
        var (encoder, step) = (Graph(DecodingKeys.Encoder), Graph(DecodingKeys.Step));
        if (encoder is not null && Input(encoder, DecodingKeys.Source) is { } source && IsOfTokens(encoder, source) && IsOneRow(encoder, source)) OthersAreFilled(encoder, source);
        if (step is null || Input(step, DecodingKeys.Token) is not { } token || !IsOfTokens(step, token) || !IsOneRow(step, token)) return;
        var filled = new HashSet<string> { token.Name };
        foreach (var key in (string[])[DecodingKeys.Mask, DecodingKeys.Position])
        {
            if (_metadata.GetValueOrDefault(key) is { } name && Port(step.Inputs, step, "input", key, name) is not null) filled.Add(name);
        }

        if (!Links().Any())
            _faults.Add($"\"links\" is missing: it says which output of graph '{DecodingName(DecodingKeys.Encoder)}' fills which input or state ({Described([.. step.Inputs.Where(i => !filled.Contains(i.Name)), .. States(step)])}) of graph '{step.Name}'");
        var batch = token.Shape.FirstOrDefault(d => d.Symbol is not null).Symbol;
        foreach (var (target, from) in Links())
        {
            if (encoder is null || Linked(step, target, from, [encoder]) is not var (into, output)) continue;
            filled.Add(target);
            Fits(encoder, from, output, step, into, batch);
        }

        Unfilled(step, filled, "\"links\" (an output of the encoder), \"mask\" or \"position\"");
        if (_metadata.GetValueOrDefault(DecodingKeys.Alignment) is { } alignment) Port(step.Outputs, step, "output", DecodingKeys.Alignment, alignment);
        NoteLimit(step);
        if (Scores(step) is not { } scores) return;
        if (Number(DecodingKeys.Begin) is null) _faults.Add("\"begin\" is missing; give the first token of a target");
        Within(DecodingKeys.Begin, scores, step);
        Within(DecodingKeys.End, scores, step);
        TableHolds(scores, step);
    }

    private void Ctc()
    {
        var encoder = _metadata.ContainsKey(DecodingKeys.Encoder) || _graphs.Count > 1 ? Graph(DecodingKeys.Encoder) : _graphs[0];
        if (encoder is null || Input(encoder, DecodingKeys.Source) is not { } source || !IsOfFrames(encoder, source)) return;
        OthersAreFilled(encoder, source);
        if (Scores(encoder) is not { } scores) return;
        Within(DecodingKeys.Blank, scores, encoder);
        TableHolds(scores, encoder);
    }

    private void Transducer()
    {
        var (encoder, predict, joint) = (Graph(DecodingKeys.Encoder), Graph(DecodingKeys.Predict), Graph(DecodingKeys.Joint));
        if (encoder is not null && Input(encoder, DecodingKeys.Source) is { } source && IsOfFrames(encoder, source)) OthersAreFilled(encoder, source);
        if (predict is not null && Input(predict, DecodingKeys.Token) is { } token && IsOfTokens(predict, token) && token.Shape.SkipLast(1).Any(d => d.Size > 1)) Batch(predict, token);
        if (joint is null) return;
        var filled = new HashSet<string>();
        foreach (var (target, from) in Links())
        {
            if (encoder is null || predict is null || Linked(joint, target, from, [encoder, predict]) is not var (into, output)) continue;
            filled.Add(target);
            var owner = encoder.Outputs.Exists(o => o.Name == from) ? encoder : predict;
            var (last, own) = (output.Sizes.LastOrDefault(-1), into.Shape.Length > 0 ? into.Shape[^1].Size : -1);
            if (last > 0 && own > 0 && last != own) _faults.Add($"\"links\": '{from}' {output} of graph '{owner.Name}' does not fit input {Described(into)} of graph '{joint.Name}': their rows have {last} and {own} numbers");
        }

        Unfilled(joint, filled, "\"links\" (an output of the encoder or the prediction)");
        if (Scores(joint) is not { } scores) return;
        Within(DecodingKeys.Blank, scores, joint);
        Within(DecodingKeys.Begin, scores, joint);
        TableHolds(scores, joint);
    }

    /// <summary>The graph that a member names.</summary>
    private IrGraph? Graph(string key)
    {
        var names = string.Join(", ", _graphs.Select(g => $"'{g.Name}'"));
        if (!_metadata.TryGetValue(key, out var name)) _faults.Add($"{Member(key)} is missing; give one of the graphs {names}");
        else if (!_graphs.Exists(g => g.Name == name)) _faults.Add($"{Member(key)} names graph '{name}', which does not exist; give one of {names}");
        return _graphs.Find(g => g.Name == name);
    }

    /// <summary>The input that a member names, or the only input.</summary>
    private IrPort? Input(IrGraph graph, string key)
    {
        if (_metadata.GetValueOrDefault(key) is { } name) return Port(graph.Inputs, graph, "input", key, name);
        if (graph.Inputs is [var only]) return only;
        _faults.Add($"{Member(key)} is missing; give one of the inputs {Described(graph.Inputs)} of graph '{graph.Name}'");
        return null;
    }

    private IrPort? Port(List<IrPort> ports, IrGraph graph, string what, string key, string name)
    {
        if (ports.Find(p => p.Name == name) is { } port) return port;
        _faults.Add($"{Member(key)} names '{name}', which is not an {what} of graph '{graph.Name}'; it has {(what == "input" ? Described(ports) : Outputs(graph))}");
        return null;
    }

    private bool IsOfTokens(IrGraph graph, IrPort port)
    {
        if (port.Type is ElementType.Int32 or ElementType.Int64 or ElementType.Float32) return true;
        _faults.Add($"input {Described(port)} of graph '{graph.Name}' holds {port.Type.Name()}; tokens must be int32, int64 or float32");
        return false;
    }

    /// <summary>Whether the input takes one sentence's source tokens, or its previous token.</summary>
    private bool IsOneRow(IrGraph graph, IrPort port)
    {
        var isOpen = Array.Exists(port.Shape, d => d.Symbol is not null);
        if (port.Shape.Count(d => d.Size > 1) <= (isOpen || _metadata.GetValueOrDefault(DecodingKeys.Step) == graph.Name ? 0 : 1)) return true;
        if (port.Shape[0].Size > 1 && port.Shape.Length > 1) Batch(graph, port);
        else _faults.Add($"input {Described(port)} of graph '{graph.Name}' holds {port.Shape.Aggregate(1L, (a, b) => a * Math.Max(b.Size, 1))} tokens at once; it must hold {(isOpen ? "a row of tokens of symbolic length" : "one token")}");
        return false;
    }

    private bool IsOfFrames(IrGraph graph, IrPort port)
    {
        if (port.Type != ElementType.Float32)
        {
            _faults.Add($"input {Described(port)} of graph '{graph.Name}' holds {port.Type.Name()}; features must be float32");
            return false;
        }

        var time = Array.FindLastIndex(port.Shape, d => d.Symbol is not null);
        if (time <= 0 || time == port.Shape.Length - 1 || Array.TrueForAll(port.Shape[..time], d => d.Size <= 1)) return true;
        Batch(graph, port);
        return false;
    }

    private void Batch(IrGraph graph, IrPort port) =>
        _faults.Add($"graph '{graph.Name}' has a batch of {port.Shape.First(d => d.Size > 1).Size} (input{(graph.Inputs.Count == 1 ? "" : "s")} {Described(graph.Inputs)}{(graph.States.Count == 0 ? "" : $", state{(graph.States.Count == 1 ? "" : "s")} {Described(States(graph))}")}); decoders need a batch of 1, or a symbolic one");

    private void OthersAreFilled(IrGraph graph, IrPort source)
    {
        var filled = new HashSet<string> { source.Name };
        if (_metadata.GetValueOrDefault(DecodingKeys.SourcePosition) is { } position && Port(graph.Inputs, graph, "input", DecodingKeys.SourcePosition, position) is { } positions)
        {
            CheckPositions(graph, positions, source);
            filled.Add(position);
        }


        if (_metadata.GetValueOrDefault(DecodingKeys.SourceLength) is { } length && Port(graph.Inputs, graph, "input", DecodingKeys.SourceLength, length) is not null) filled.Add(length);
        foreach (var input in graph.Inputs.Where(i => !filled.Contains(i.Name)))
        {
            _faults.Add($"nothing fills input {Described(input)} of graph '{graph.Name}'; " + (Array.TrueForAll(input.Shape, d => d.Size == 1)
                ? "name it as \"source_length\" if it takes the number of tokens or frames"
                : _metadata[DecodingKeys.Kind] == DecodingKeys.EncoderDecoder ? "name it as \"source_position\" if it takes the positions of the tokens (0, 1 and so on); otherwise compute it inside the graph"
                : "a decoder supplies only frames and their number: compute the input inside the graph (positions are a layer 'positions' in a description, a range in other frameworks)"));
        }
    }

    private void Unfilled(IrGraph graph, HashSet<string> filled, string members)
    {
        foreach (var input in graph.Inputs.Where(i => !filled.Contains(i.Name))) _faults.Add($"nothing fills input {Described(input)} of graph '{graph.Name}'; fill it by {members}");
    }

    private IEnumerable<(string Target, string From)> Links() =>
        _metadata.Where(m => m.Key.StartsWith(DecodingKeys.Link, StringComparison.Ordinal)).OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => (m.Key[DecodingKeys.Link.Length..], m.Value));

    /// <summary>Both ends of a link.</summary>
    private (IrPort Into, IrShape Output)? Linked(IrGraph graph, string target, string from, IrGraph[] sources)
    {
        var into = graph.Inputs.Find(i => i.Name == target) ?? States(graph).FirstOrDefault(s => s.Name == target);
        if (into is null) _faults.Add($"\"links\" names '{target}', which is not an input or state of graph '{graph.Name}'; it has {Described([.. graph.Inputs, .. States(graph)])}");
        var output = sources.SelectMany(s => s.Outputs.Where(o => o.Name == from).Select(o => s.ShapeOf(o.Value)).Concat(s.States.Where(o => o.Name == from).Select(o => s.ShapeOf(o.Value)))).FirstOrDefault();
        if (output is null) _faults.Add($"\"links\" fills '{target}' from '{from}', which is not an output of {string.Join(" or ", sources.Select(s => $"graph '{s.Name}', which has {string.Join(", ", s.Outputs.Select(o => $"'{o.Name}'"))}"))}");
        return into is null || output is null ? null : (into, output);
    }

    private void Fits(IrGraph encoder, string from, IrShape output, IrGraph step, IrPort into, string? batch)
    {
        var ends = $"'{from}' {output} of graph '{encoder.Name}' does not fit {Described(into)} of graph '{step.Name}'";
        if (output.Type != into.Type || into.Type.Size() != sizeof(float))
        {
            _faults.Add($"\"links\": {ends}: their types are {output.Type.Name()} and {into.Type.Name()}; both must be float32 or both int32");
            return;
        }

        // Elements are copied in order. A dimension that is symbolic on one side must be symbolic on the other, except the encoder's batch.
        var open = output.Sizes.Count(size => size < 0) - into.Shape.Count(d => d.Symbol is not null && d.Symbol != batch);
        if (open is 0 or 1 && output.Sizes.Where(size => size >= 0).Aggregate(1L, (a, b) => a * b) != into.Shape.Where(d => d.Symbol is null).Aggregate(1L, (a, b) => a * b.Size)) _faults.Add($"\"links\": {ends}");
    }

    /// <summary>The number of tokens that a graph scores, if it is known.</summary>
    private int? Scores(IrGraph graph)
    {
        IrPort? port;
        if (_metadata.GetValueOrDefault(DecodingKeys.Logits) is { } name) port = Port(graph.Outputs, graph, "output", DecodingKeys.Logits, name);
        else if (graph.Outputs is [var only]) port = only;
        else
        {
            _faults.Add($"\"logits\" is missing; give one of the outputs {Outputs(graph)} of graph '{graph.Name}'");
            return null;
        }

        if (port is null) return null;
        var shape = graph.ShapeOf(port.Value);
        if (shape.Type != ElementType.Float32) _faults.Add($"output '{port.Name}' of graph '{graph.Name}' holds {shape.Type.Name()}; scores must be float32");
        else if (shape.Rank == 0) _faults.Add($"output '{port.Name}' of graph '{graph.Name}' is a single number; it must be a row with one score for each token");
        else if (_metadata[DecodingKeys.Kind] != DecodingKeys.Ctc && shape.Sizes[..^1].Any(size => size > 1)) _faults.Add($"output '{port.Name}' {shape} of graph '{graph.Name}' must be one row with one score for each token");
        else if (shape.Sizes[^1] >= 0) return shape.Sizes[^1];
        return null;
    }

    private void Within(string key, int scores, IrGraph graph)
    {
        if (Number(key) is { } token && token >= scores) _faults.Add($"{Member(key)} is token {token}; the tokens of graph '{graph.Name}' are 0 to {scores - 1}");
    }

    private void TableHolds(int scores, IrGraph graph)
    {
        if (!_tables.TryGetValue(DecodingKeys.TargetTable, out var table) || table.Length == scores) return;
        var sizes = $"table '{DecodingKeys.TargetTable}' has {DecodingError.Count(table.Length, "text")}; graph '{graph.Name}' scores {DecodingError.Count(scores, "token")}";
        if (table.Length < scores) _faults.Add(sizes);
        else _notes.Add($"{sizes}; the last texts are never used");
    }

    private int? Number(string key) => int.TryParse(_metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>The member of the decoding document for a metadata key.</summary>
    private static string Member(string key) => $"\"{key[(DecodingKeys.Kind.Length + 1)..].Replace('-', '_')}\"";

    private string DecodingName(string key) => _metadata.GetValueOrDefault(key) ?? "";

    private static IEnumerable<IrPort> States(IrGraph graph) => graph.States.Select(s => new IrPort(s.Name, s.Value, s.Type, s.Shape));

    private static string Outputs(IrGraph graph) => string.Join(", ", graph.Outputs.Select(o => $"'{o.Name}' {graph.ShapeOf(o.Value)}"));

    private static string Described(IrPort port) => $"'{port.Name}' [{string.Join(", ", port.Shape)}]";

    private static string Described(IEnumerable<IrPort> ports) => string.Join(", ", ports.Select(Described));
}
