using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Weights;

/// <summary>Reads the named tensors of a file, by the reader for its kind.</summary>
internal static class WeightFile
{
    /// <summary>The members under which an object may hold a state_dict.</summary>
    public static IReadOnlyList<string> StateDictKeys { get; } = ["state_dict", "model_state_dict"];

    /// <param name="path">The file that <see cref="ModelFolder.Find"/> returned.</param>
    /// <param name="files">Reads files.</param>
    /// <param name="find">Finds the files that an index of weights names, as <see cref="ModelFolder.Find"/> does. Null for those in the file's own folder.</param>
    /// <exception cref="ConversionException">The file is damaged or of an unknown kind.</exception>
    public static WeightSet Read(string path, SourceFiles files, Func<string, Func<string, ConversionException>, string>? find = null) => Read(path, files.ReadFound(path), files, find);

    /// <param name="path">The file.</param>
    /// <param name="content">Its bytes, unpacked.</param>
    /// <param name="files">Reads files.</param>
    /// <param name="find">Finds the files that an index of weights names.</param>
    /// <inheritdoc cref="Read(string, SourceFiles, Func{string, Func{string, ConversionException}, string})"/>
    public static WeightSet Read(string path, byte[] content, SourceFiles files, Func<string, Func<string, ConversionException>, string>? find = null)
    {
        if (FileKinds.Of(content) != FileKind.WeightIndex) return Read(path, content);
        var weights = WeightIndex.Read(path, content, files, find ?? files.FolderOf(path).Find, Read);
        ShortNames.Add(weights);
        return weights;
    }

    /// <summary>Reads a file that is no index of others.</summary>
    /// <inheritdoc cref="Read(string, SourceFiles, Func{string, Func{string, ConversionException}, string})"/>
    public static WeightSet Read(string path, byte[] content)
    {
        var kind = FileKinds.Of(content);
        if (kind == FileKind.Safetensors) return Joined(path, SafetensorsReader.Read(content, path));
        if (kind == FileKind.Npz) return Joined(path, [.. FromArchive(NpzArchive.Open(content, path))]);
        if (kind == FileKind.Hdf5) return OfKeras(HdfFile.Read(content, path), path);
        if (kind == FileKind.KerasArchive) return OfKeras(HdfFile.Read(new KerasArchive(path, content).Weights, path), path);
        if (kind == FileKind.OldPyTorch) return TorchFile.ReadOld(content, path);
        if (kind == FileKind.PyTorch || kind == FileKind.PyTorchModule || kind == FileKind.TorchScript) return TorchFile.Read(content, path);
        if (kind == FileKind.StateDict || kind == FileKind.GuitarMl) return FromJson(content, path);
        throw new ConversionException(kind == FileKind.WeightIndex ? $"{path}: this is {kind.What}; give a file that holds weights itself" : kind.NoWeights(path));
    }

    /// <summary>A state_dict, or the one in an object that holds it.</summary>
    private static WeightSet FromJson(byte[] content, string path)
    {
        // The document is not disposed: tensors are read from it when they are asked for.
        var root = JsonText.Parse(content, path).RootElement;
        var key = StateDictKeys.FirstOrDefault(name => root.TryGetProperty(name, out _));
        var owner = key is null ? root : root.GetProperty(key);
        return owner.ValueKind == JsonValueKind.Object ? Joined(path, [.. JsonTensors.Of(owner)]) : throw new ConversionException($"{path}: '{key}' is not an object.");
    }

    private static WeightSet OfKeras(HdfFile file, string path)
    {
        var weights = KerasNames.Read(file, path);
        weights.Layers = file.Layers;
        return weights;
    }

    /// <summary>Checkpoints of PyTorch are also saved in these formats: with its pairs of weight_norm, and the names that wrappers add.</summary>
    private static WeightSet Joined(string path, List<WeightTensor> tensors)
    {
        var weights = new WeightSet(path, WeightNorm.Join(tensors));
        ShortNames.Add(weights);
        return weights;
    }

    private static IEnumerable<WeightTensor> FromArchive(NpzArchive archive) =>
        archive.Names.Select(name => new WeightTensor(name, () => archive.ShapeOf(name), () => Tensor(archive.Read(name))));

    private static IrTensor Tensor(NpyArray array) => StoredTensor.Of(array.Type, array.Shape, array.Data);
}
