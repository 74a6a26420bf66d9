using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Converter.Weights;

/// <summary>Reads the named tensors of a file, chosen by its extension or content.</summary>
internal static class WeightFile
{
    /// <param name="path">The file that <see cref="ModelFolder.Find"/> returned.</param>
    /// <param name="files">Reads files.</param>
    /// <exception cref="ConversionException">The file is damaged or of an unknown kind.</exception>
    public static WeightSet Read(string path, SourceFiles files)
    {
        var kind = FileKinds.OfName(path);
        byte[] content = kind is FileKind.Unknown or FileKind.Safetensors or FileKind.Npz or FileKind.Hdf5 or FileKind.PyTorch || FileKinds.MayBeHdf5(kind, path) ? files.ReadFound(path) : [];
        if (kind == FileKind.Unknown) kind = FileKinds.OfContent(content);
        if (FileKinds.MayBeHdf5(kind, path) && FileKinds.OfContent(content) == FileKind.Hdf5) kind = FileKind.Hdf5;
        if (kind is FileKind.Safetensors or FileKind.Npz && FileKinds.OfContent(content) != kind && FileContent.But(content) is { Length: > 0 } but)
            throw new ConversionException($"{path}: this is not a {(kind == FileKind.Npz ? ".npz archive" : "safetensors file")}{but}.");
        return kind switch
        {
            FileKind.Safetensors => new WeightSet(path, SafetensorsReader.Read(content, path)),
            FileKind.Npz => new WeightSet(path, FromArchive(NpzArchive.Open(content, path))),
            FileKind.Hdf5 => KerasNames.Read(HdfFile.Read(content, path), path),
            FileKind.PyTorch => TorchFile.Read(content, path),
            _ => throw new ConversionException($"{path}: {FileKinds.Advice(kind, path) ?? "weight files of this kind are not supported; give .safetensors, .npz, .h5 or a PyTorch file (.pt, .pth)"}."),
        };
    }

    private static IEnumerable<WeightTensor> FromArchive(NpzArchive archive) =>
        archive.Names.Select(name => new WeightTensor(name, () => archive.ShapeOf(name), () => Tensor(archive.Read(name))));

    /// <summary>Floats become float32. Integers keep their type, so that messages can name it.</summary>
    private static IrTensor Tensor(NpyArray array) => array.Type switch
    {
        NpyType.Int64 => new IrTensor(ElementType.Int64, array.Shape, array.Data),
        NpyType.Int32 => new IrTensor(ElementType.Int32, array.Shape, array.Data),
        NpyType.Int16 => new IrTensor(ElementType.Int32, array.Shape, array.ConvertTo(NpyType.Int32)!.Data),
        NpyType.Int8 => new IrTensor(ElementType.Int8, array.Shape, array.Data),
        NpyType.UInt8 => new IrTensor(ElementType.UInt8, array.Shape, array.Data),
        NpyType.Float64 => IrTensor.OfDoubles(array.Shape, array.As<double>()),
        NpyType.Bool => new IrTensor(ElementType.Bool, array.Shape, array.Data),
        _ => IrTensor.Of<float>(array.Shape, array.ToFloats()),
    };
}
