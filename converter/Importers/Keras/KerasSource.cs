using System.Text;
using System.Text.Json;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>The architecture and the weights of a Keras model, from the files that hold them.</summary>
/// <param name="Path">The file of the architecture, for messages.</param>
/// <param name="Model">The architecture: an object with <c>class_name</c> and <c>config</c>.</param>
/// <param name="Weights">The weights.</param>
/// <param name="WeightsPath">The file of the weights, for messages.</param>
/// <param name="Version">The Keras version that wrote it.</param>
/// <param name="Bytes">The bytes of the weights.</param>
internal sealed record KerasSource(string Path, JsonElement Model, HdfFile Weights, string WeightsPath, KerasVersion Version, long Bytes)
{
    /// <summary>A whole model in HDF5. Its attribute <c>model_config</c> is the architecture.</summary>
    /// <exception cref="ConversionException">The file is damaged, or has weights only.</exception>
    public static KerasSource OfHdf(string path, byte[] content)
    {
        var file = HdfFile.Read(content, path);
        if (!file.Attributes.TryGetValue("model_config", out var config)) throw new ConversionException($"{path}: {WithoutArchitecture(path, file)}");
        var version = file.Attributes.GetValueOrDefault("keras_version");
        var model = Parse(Encoding.UTF8.GetBytes(config), $"{path}: model_config");
        Keras1.Refuse(path, model, version, file);
        return new KerasSource(path, model, file, path, KerasVersion.Parse(version, file.Attributes.GetValueOrDefault("backend")), content.Length);
    }

    /// <summary>A <c>.keras</c> archive: the architecture, the version, and the weights as HDF5.</summary>
    /// <exception cref="ConversionException">The archive or one of its entries is damaged or missing.</exception>
    public static KerasSource OfArchive(string path, byte[] content)
    {
        var archive = new KerasArchive(path, content);
        var model = Parse(archive.Architecture, $"{path}: config.json");
        var version = archive.Metadata is { } metadata ? Json.TextOf(Json.Optional(Parse(metadata, $"{path}: metadata.json"), "keras_version")) : null;
        var weights = archive.Weights;
        return new KerasSource(path, model, HdfFile.Read(weights, path), path, KerasVersion.Parse(version ?? KerasVersion.Newest, null), weights.Length);
    }

    /// <summary>An architecture in JSON (<c>model.to_json()</c>), and weights in another file.</summary>
    /// <param name="path">The architecture.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="weightsPath">The weights.</param>
    /// <param name="weights">Their bytes: HDF5, or a <c>.keras</c> archive.</param>
    /// <exception cref="ConversionException">A file is damaged.</exception>
    public static KerasSource OfParts(string path, byte[] content, string weightsPath, byte[] weights)
    {
        var kind = FileKinds.Of(weights);
        if (kind == FileKind.KerasArchive) weights = new KerasArchive(weightsPath, weights).Weights;
        else if (kind != FileKind.Hdf5) throw new ConversionException($"{weightsPath}: {(kind.Use == KindUse.Wrapped ? kind.No(weightsPath, "a weight file of Keras").Split(": ", 2)[1] : $"this is {kind.What}, and the weights of a Keras architecture are HDF5 (.h5) or a .keras archive")}");
        var file = HdfFile.Read(weights, weightsPath);
        var model = Parse(content, path);
        var written = Json.TextOf(Json.Optional(model, "keras_version"));
        var version = written ?? file.Attributes.GetValueOrDefault("keras_version");
        Keras1.Refuse(path, model, version, file);
        // Keras 3 writes no version here.
        version ??= model.TryGetProperty("module", out _) || file.Tensors.Keys.Any(name => KerasVariables.Split(name) is not null) ? KerasVersion.Newest : null;
        return new KerasSource(path, model, file, weightsPath, KerasVersion.Parse(version, file.Attributes.GetValueOrDefault("backend") ?? Json.TextOf(Json.Optional(model, "backend"))), weights.Length);
    }

    private static JsonElement Parse(byte[] content, string where)
    {
        using var document = JsonText.Parse(content, where);
        return document.RootElement.Clone();
    }

    private static string WithoutArchitecture(string path, HdfFile file)
    {
        var name = System.IO.Path.GetFileName(path);
        Keras1.Refuse(path, default, file.Attributes.GetValueOrDefault("keras_version"), file);
        var stem = System.IO.Path.GetFileNameWithoutExtension(path);
        return $"the file has weights but no architecture (no model_config). Give the architecture that model.to_json() wrote, with these weights: seqconvert convert architecture.json --weights-file {name} -o {stem}.seq. Without it, draft a description of the layers: seqconvert scaffold {name} -o {stem}.json. Or save the whole model (model.save).";
    }
}
