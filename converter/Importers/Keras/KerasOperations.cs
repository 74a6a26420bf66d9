using System.Text;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Writes the nodes of an operation.</summary>
internal delegate KerasValue[] KerasOperate(KerasArguments call);

/// <summary>
/// Operations between layers, whose arguments are in the file: TensorFlow's functions (TFOpLambda, SlicingOpLambda, TensorFlowOpLayer) and Keras
/// 3's operations. Both have the names of Python's functions here, such as expand_dims. None of them passes a mask on, as in Keras.
/// </summary>
internal sealed class KerasOperations
{
    /// <summary>Modules of TensorFlow and Keras whose functions are meant. Those of other modules have other meanings.</summary>
    private static readonly string[] s_modules = ["compat.v1.", "math.", "nn.", "linalg.", "__operators__.", "keras.backend.", "keras.activations.", "keras.ops.", "numpy."];

    private readonly KerasEmitter _emitter;
    private readonly Dictionary<string, KerasOperate> _operations;

    public KerasOperations(KerasEmitter emitter)
    {
        _emitter = emitter;
        (string Names, KerasOperate Emit)[] all = [.. new KerasArithmetic(emitter).Operations, .. new KerasReductions(emitter).Operations, .. new KerasMoves(emitter).Operations];
        _operations = all.SelectMany(row => row.Names.Split('|').Select(name => (name, row.Emit))).ToDictionary(row => row.name, row => row.Emit);
    }

    /// <summary>The names of all operations.</summary>
    public IEnumerable<string> Names => _operations.Keys;

    /// <summary>Whether a layer is an operation of a class that only operations have.</summary>
    public static bool IsOfTensorFlow(KerasLayer layer) => layer.Class is "TFOpLambda" or "SlicingOpLambda" or "TensorFlowOpLayer";

    public bool Knows(KerasLayer layer) => NameOf(layer) is { } name && _operations.ContainsKey(name);

    public KerasValue[] Emit(KerasLayer layer, KerasArguments call)
    {
        if (layer.Class == "TensorFlowOpLayer") call = KerasNodeDef.Arguments(layer, call);
        var result = NameOf(layer) is { } name && _operations.TryGetValue(name, out var emit) ? emit(call) : throw layer.Fault("it is not supported");
        call.CheckRead();
        return result;
    }

    /// <summary>The operation's name. Null if it is a function of another module.</summary>
    private static string? NameOf(KerasLayer layer)
    {
        if (layer.Class == "TensorFlowOpLayer") return KerasNodeDef.NameOf(layer);
        if (!IsOfTensorFlow(layer)) return Snake(layer.Class);
        if (layer.String("function") is not { } function) return layer.Class == "SlicingOpLambda" ? "getitem" : null;
        // The axis of Keras' own concatenate has another default.
        if (function == "keras.backend.concatenate") return "concatenate_last";
        while (Array.Find(s_modules, m => function.StartsWith(m, StringComparison.Ordinal)) is { } module) function = function[module.Length..];
        return function.Contains('.', StringComparison.Ordinal) ? null : function;
    }

    /// <summary>ExpandDims as expand_dims.</summary>
    private static string Snake(string name)
    {
        var text = new StringBuilder();
        foreach (var (i, c) in name.Index())
        {
            if (i > 0 && char.IsAsciiLetterUpper(c)) text.Append('_');
            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}
