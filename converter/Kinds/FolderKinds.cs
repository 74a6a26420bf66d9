namespace SeqRuntime.Converter.Kinds;

/// <summary>Tells what a folder holds by the names of the files in it. Models are files: a folder is never converted, but the way out is named.</summary>
internal static class FolderKinds
{
    private const int MostEntries = 10_000;

    private static readonly string[] s_models = [".onnx", ".keras", ".h5", ".hdf5"];

    /// <summary>Why a folder cannot be converted, and what to do.</summary>
    public static string No(string path)
    {
        var names = Names(path);
        bool Has(string name) => names.Contains(name);
        bool Ends(string ending) => names.Exists(n => n.EndsWith(ending, StringComparison.OrdinalIgnoreCase));
        string In(string name) => Path.Combine(path, name);
        if (Has("saved_model.pb") || Has("saved_model.pbtxt")) return Unread(FileKind.SavedModel, path);
        if ((Has("Manifest.json") && Has("Data")) || Has("coremldata.bin") || Has("model.espresso.net")) return Unread(FileKind.CoreMl, path);
        if (Has("config.json") && Has("model.weights.h5")) return $"{path}: this is an unpacked Keras archive; give its architecture, which finds the weights beside it: seqconvert convert {In("config.json")}";
        if (Has("data.pkl")) return $"{path}: this is an unpacked PyTorch checkpoint; pack it again without compression (zip -0 -r model.pt {Path.GetFileName(Path.TrimEndingDirectorySeparator(path))}, in the folder around it) and name that file in a description (docs/from/pytorch.md)";
        if (Has("policy.pth")) return Unread(FileKind.StableBaselines, path);
        if (names.Exists(n => n.Contains(".data-00000-of-", StringComparison.Ordinal)) || (Has("checkpoint") && Ends(".index"))) return Unread(FileKind.TensorFlowCheckpoint, path);
        if (Has("model.json") && Ends(".bin")) return Unread(FileKind.TensorFlowJs, path);
        if (Ends(".pdmodel") || Has("__model__")) return Unread(FileKind.Paddle, path);
        if (Ends("-symbol.json")) return Unread(FileKind.Mxnet, path);
        if (Ends(".xml") && Ends(".bin")) return Unread(FileKind.OpenVino, path);
        if (Ends(".param") && Ends(".bin")) return Unread(FileKind.Ncnn, path);
        if (names.FindAll(n => s_models.Contains(Path.GetExtension(n).ToLowerInvariant())) is [var only]) return $"{path}: this is a directory; give the model in it: {In(only)}";
        if (Has("config.json") && (Ends(".safetensors") || Has("pytorch_model.bin"))) return $"{path}: this is a folder of Hugging Face's transformers, which is not supported. Export the model as ONNX (optimum-cli export onnx --model {path} onnx/), and convert that.";
        return $"{path}: this is a directory; give a file";
    }

    private static string Unread(FileKind kind, string path) => kind.No(Path.TrimEndingDirectorySeparator(path), "a model").Replace("its folder", "it", StringComparison.Ordinal).Replace("FOLDER", path, StringComparison.Ordinal);

    private static List<string> Names(string path)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(path).Take(MostEntries).Select(entry => Path.GetFileName(entry))];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
