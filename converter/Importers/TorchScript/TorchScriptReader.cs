using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Weights;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>
/// Reads a TorchScript model whose code is straight: modules called one after another. The code is followed, not run. It does not tell the ranks of the
/// inputs, so each is tried; buffers that the code overwrites are states.
/// </summary>
internal static class TorchScriptReader
{
    private const int MostInputs = 3;
    private static readonly int[] s_ranks = [3, 2, 1, 4];

    /// <exception cref="ConversionException">The file is damaged, or its code is not understood; the message says where, and the ways out.</exception>
    public static ImportedModel Read(string path, byte[] content, string name, List<string> notes)
    {
        var file = TorchFile.ReadScript(content, path);
        var code = new ScriptCode(file, path);
        var forward = code.Method(file.Root, "forward") ?? throw code.Fault($"the class {file.Root.Class}", 0, "it has no method 'forward' that the archive holds");
        var inputs = forward.Parameters.Skip(1).TakeWhile(parameter => parameter.Default is null).ToList();
        if (inputs.Count is 0 or > MostInputs) throw code.Fault(forward.File, forward.Line, $"forward takes {inputs.Count} inputs, and 1 to {MostInputs} are known here");
        var budget = new Budget();
        budget.Holds(content.Length, nodes: 0);
        var attempts = Ranks(inputs.Count).Select(ranks => Attempt(code, forward, inputs, ranks, name, budget, path)).ToList();
        var good = attempts.FindAll(attempt => attempt.Fault is null);
        if (good.Count == 0) throw attempts.MaxBy(attempt => attempt.Statements)!.Fault!;
        // A layer over a sequence takes a batch of them; without one, a batch of rows.
        var best = good.Find(attempt => attempt.Ranks[0] == (attempt is { HasRecurrence: true, IsOfTokens: false } ? 3 : 2)) ?? good[0];
        if (good.Count > 1) notes.Add($"the code does not tell the rank of its inputs: {Shown(best)} is taken; it would also run with {string.Join(" or ", good.Where(other => other != best).Select(Shown))}");
        Constants.Check(best.Graph!);
        notes.AddRange(best.Notes);
        var unused = file.Weights.Unused().FindAll(weight => !code.States.Contains(weight.Name));
        if (UnusedWeights.Note(unused) is { } note) notes.Add(note);
        return new ImportedModel(best.Graph!) { HasStates = best.Graph!.States.Count > 0, Unused = unused };
    }

    private static string Shown(Trial attempt) => string.Join(", ", attempt.Graph!.Inputs.Select(input => $"{input.Name} [{string.Join(", ", input.Shape)}]"));

    private static IEnumerable<int[]> Ranks(int count) => count == 0 ? [[]] : Ranks(count - 1).SelectMany(_ => s_ranks, (rest, rank) => (int[])[rank, .. rest]);

    private static Trial Attempt(ScriptCode code, ScriptFunction forward, List<ScriptParameter> inputs, int[] ranks, string name, Budget budget, string path)
    {
        while (true)
        {
            var before = code.States.Count;
            var trial = Once(code, forward, inputs, ranks, name, budget, path);
            // Buffers that were seen to be overwritten are states from the start.
            if (code.States.Count == before) return trial;
        }
    }

    private static Trial Once(ScriptCode code, ScriptFunction forward, List<ScriptParameter> inputs, int[] ranks, string name, Budget budget, string path)
    {
        var composer = new GraphComposer(name, code.File.Weights, budget, path);
        var run = new ScriptRun(code, composer);
        ScriptTensor[] given = [.. inputs.Zip(ranks, (input, rank) => new ScriptTensor([.. Enumerable.Range(0, rank).Select(_ => new ScriptSize())]) { Value = input.Name, Input = input.Name })];
        try
        {
            foreach (var input in inputs) composer.Declare(input.Name);
            var result = run.Call(forward, code.File.Root, given);
            Outputs(composer.Graph, run, forward, result);
            Inputs(composer.Graph, run, given);
            States(composer.Graph, run, code);
            return new Trial(ranks, composer.Graph, null, run.Statements, run.HasRecurrence, run.Indices.Count > 0, composer.Notes);
        }
        catch (ConversionException fault)
        {
            return new Trial(ranks, null, fault, run.Statements, run.HasRecurrence, run.Indices.Count > 0, []);
        }
    }

    private static void Outputs(IrGraph graph, ScriptRun run, ScriptFunction forward, object? result)
    {
        const int most = 1024;
        var tensors = new List<ScriptTensor>();
        var visited = 0;
        Flatten(result, tensors);
        if (tensors.Count == 0) throw run.Fault("forward returns no tensor");
        foreach (var (i, tensor) in tensors.Index())
        {
            var output = tensors.Count == 1 ? "output" : $"output_{i + 1}";
            while (graph.Inputs.Exists(input => input.Name == output) || forward.Parameters.Any(parameter => parameter.Name == output)) output += "_";
            graph.Outputs.Add(new IrPort(output, run.Use(tensor), 0, []));
        }

        void Flatten(object? value, List<ScriptTensor> into)
        {
            // Lists may hold one another many times.
            if (++visited > most) throw run.Fault($"forward returns more than {most} values");
            switch (value)
            {
                case ScriptTensor tensor: into.Add(tensor); break;
                case IList<object?> list:
                    foreach (var item in list) Flatten(item, into);
                    break;
                case null: break;
                default: throw run.Fault("forward returns something that is no tensor");
            }
        }
    }

    private static void Inputs(IrGraph graph, ScriptRun run, ScriptTensor[] given)
    {
        var symbols = new HashSet<string>(StringComparer.Ordinal);
        foreach (var input in given)
        {
            foreach (var (axis, size) in input.Sizes.Index())
            {
                if (size.Number is null) size.Symbol = axis == 0 ? "N" : axis == 1 ? "T" : $"D{axis}";
                if (size.Symbol is { } symbol) symbols.Add(symbol);
            }

            // Two different sizes may not have one name.
            var seen = new List<ScriptSize>();
            IrDim Dimension(ScriptSize size)
            {
                if (size.Number is { } number) return new IrDim(number, null);
                var place = seen.FindIndex(size.Is);
                if (place < 0)
                {
                    place = seen.Count;
                    seen.Add(size);
                }

                var same = seen.Take(place).Count(other => other.Symbol == size.Symbol);
                return new IrDim(-1, same == 0 ? size.Symbol : $"{size.Symbol}{same + 1}");
            }

            graph.Inputs.Add(new IrPort(input.Input!, input.Input!, run.Indices.Contains(input.Input!) ? ElementType.Int64 : ElementType.Float32, Array.ConvertAll(input.Sizes, Dimension)));
        }
    }

    private static void States(IrGraph graph, ScriptRun run, ScriptCode code)
    {
        foreach (var (name, value) in run.Written)
        {
            var buffer = code.File.Weights.Read(name)!;
            if (buffer.Type != ElementType.Float32 || !run.Buffers.ContainsKey(name)) continue;
            var isZero = buffer.Floats.IndexOfAnyExcept(0f) < 0;
            graph.States.Add(new IrState(name, name, run.Use(value), name, ElementType.Float32, Array.ConvertAll(buffer.Shape, size => new IrDim(size, null)), isZero ? null : buffer, IsDescribed: true));
        }
    }

    /// <summary>What came of the inputs' ranks.</summary>
    private sealed record Trial(int[] Ranks, IrGraph? Graph, ConversionException? Fault, int Statements, bool HasRecurrence, bool IsOfTokens, List<string> Notes);
}
