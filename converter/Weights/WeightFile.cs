using System.Text.Json;
using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Weights;

/// <summary>Reads the named tensors of a file, by the reader for its kind.</summary>
internal static class WeightFile
{
    /// <param name="path">The file that <see cref="ModelFolder.Find"/> returned.</param>
    /// <param name="files">Reads files.</param>
    /// <exception cref="ConversionException">The file is damaged or of an unknown kind.</exception>
    public static WeightSet Read(string path, SourceFiles files) => Read(path, files.ReadFound(path));

    /// <param name="path">The file.</param>
    /// <param name="content">Its bytes, unpacked.</param>
    /// <inheritdoc cref="Read(string, SourceFiles)"/>
    public static WeightSet Read(string path, byte[] content)
    {
        var kind = FileKinds.Of(content);
        if (kind == FileKind.Safetensors) return WithShortNames(new WeightSet(path, SafetensorsReader.Read(content, path)));
        if (kind == FileKind.Npz) return WithShortNames(new WeightSet(path, FromArchive(NpzArchive.Open(content, path))));
        if (kind == FileKind.Hdf5) return OfKeras(HdfFile.Read(content, path), path);
        if (kind == FileKind.KerasArchive) return OfKeras(HdfFile.Read(new KerasArchive(path, content).Weights, path), path);
        if (kind == FileKind.OldPyTorch) return TorchFile.ReadOld(content, path);
        if (kind == FileKind.PyTorch || kind == FileKind.PyTorchModule || kind == FileKind.TorchScript) return TorchFile.Read(content, path);
        if (kind == FileKind.StateDict || kind == FileKind.GuitarMl) return FromJson(content, path);
        throw new ConversionException(kind.NoWeights(path));
    }

    /// <summary>A state_dict, or the one in an object that holds it.</summary>
    private static WeightSet FromJson(byte[] content, string path)
    {
        // The document is not disposed: tensors are read from it when they are asked for.
        var root = JsonText.Parse(content, path).RootElement;
        var owner = root.TryGetProperty("state_dict", out var inner) ? inner : root;
        return owner.ValueKind == JsonValueKind.Object ? new WeightSet(path, JsonTensors.Of(owner)) : throw new ConversionException($"{path}: 'state_dict' is not an object.");
    }

    private static WeightSet OfKeras(HdfFile file, string path)
    {
        var weights = KerasNames.Read(file, path);
        weights.Layers = file.Layers;
        return weights;
    }

    /// <summary>Checkpoints of PyTorch are also saved in these formats.</summary>
    private static WeightSet WithShortNames(WeightSet weights)
    {
        ShortNames.Add(weights);
        return weights;
    }

    private static IEnumerable<WeightTensor> FromArchive(NpzArchive archive) =>
        archive.Names.Select(name => new WeightTensor(name, () => archive.ShapeOf(name), () => Tensor(archive.Read(name))));

    private static IrTensor Tensor(NpyArray array) => StoredTensor.Of(array.Type, array.Shape, array.Data);
}
