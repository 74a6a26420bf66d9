using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>The code of an archive, parsed where it is used.</summary>
/// <param name="file">The archive.</param>
/// <param name="path">The file's name for messages.</param>
internal sealed class ScriptCode(TorchScriptFile file, string path)
{
    private readonly Dictionary<string, ScriptSource?> _sources = new(StringComparer.Ordinal);

    public TorchScriptFile File { get; } = file;

    /// <summary>Buffers that the code overwrites.</summary>
    public HashSet<string> States { get; } = new(StringComparer.Ordinal);

    public ScriptFunction? Method(PickledModule module, string name) => SourceOf(module.Class)?.Methods.GetValueOrDefault((Last(module.Class), name));

    public ScriptFunction? Function(string qualified) => SourceOf(qualified)?.Functions.GetValueOrDefault(Last(qualified));

    /// <summary>The fields of a named tuple. Null for other classes.</summary>
    public IReadOnlyList<(string Name, ScriptExpression Type)>? Tuple(string qualified) => SourceOf(qualified)?.Tuples.GetValueOrDefault(Last(qualified));

    /// <summary>Statements that all attempts together have executed.</summary>
    public int Spent { get; set; }

    /// <summary>Values of lists that all attempts together have visited.</summary>
    public int Visited { get; set; }

    /// <summary>What is not understood, where, and the ways out.</summary>
    public ConversionException Fault(string entry, int line, string what)
    {
        var (name, stem) = (Path.GetFileName(path), Path.GetFileNameWithoutExtension(path));
        return new ConversionException($"{path}: {entry}, line {line}: {what}. The code of a TorchScript model is followed where its decisions are known and it calls known functions. Otherwise export the model as ONNX, python -c \"import torch; torch.onnx.export(torch.jit.load('{name}', map_location='cpu').eval(), (torch.zeros(SHAPE),), '{stem}.onnx', dynamo=False)\"; or draft a description of its layers, seqconvert scaffold {name} -o {stem}.json.");
    }

    private static string Last(string qualified) => qualified[(qualified.LastIndexOf('.') + 1)..];

    private ScriptSource? SourceOf(string qualified)
    {
        var key = qualified[..Math.Max(0, qualified.LastIndexOf('.'))];
        if (!_sources.TryGetValue(key, out var source)) _sources[key] = source = File.SourceOf(qualified) is var (entry, text) ? ScriptParser.Parse(entry, text, Fault) : null;
        return source;
    }
}
