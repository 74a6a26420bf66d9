using System.Globalization;
using System.Text;

namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>A TorchScript archive: its tensors, its objects, and the text of its code.</summary>
/// <param name="weights">The tensors by their path in the objects, and the constants as CONSTANTS.c0 ….</param>
/// <param name="root">The outermost module.</param>
/// <param name="names">The names of views of storages.</param>
/// <param name="source">Reads an entry of the code folder. Null if there is none.</param>
internal sealed class TorchScriptFile(WeightSet weights, PickledModule root, IReadOnlyDictionary<string, string> names, Func<string, string?> source)
{
    /// <summary>The name of constants in code.</summary>
    public const string Constants = "CONSTANTS";

    public WeightSet Weights { get; } = weights;

    public PickledModule Root { get; } = root;

    /// <summary>The text of the source file that has a class or function of this qualified name, and the entry's name. Null if there is none.</summary>
    public (string Entry, string Text)? SourceOf(string qualified)
    {
        var cut = qualified.LastIndexOf('.');
        if (cut < 0) return null;
        var entry = $"code/{qualified[..cut].Replace('.', '/')}.py";
        return source(entry) is { } text ? (entry, text) : null;
    }

    /// <summary>The name of a tensor. Null if no module has it.</summary>
    public string? NameOf(TorchTensor tensor) => names.GetValueOrDefault(Key(tensor));

    /// <summary>What tells one view of the storages from another.</summary>
    public static string Key(TorchTensor tensor) =>
        string.Create(CultureInfo.InvariantCulture, $"{tensor.Storage.Folder}/{tensor.Storage.Key}:{tensor.Offset}:{string.Join(',', tensor.Shape)}:{string.Join(',', tensor.Strides)}:{tensor.Type}");

    /// <summary>A text in UTF-8.</summary>
    public static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);
}
