using SeqRuntime.Format;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>A model with fp32 weights in a temporary file, which is mapped into memory and deleted with this object.</summary>
internal sealed class ExactFile : IDisposable
{
    private readonly string _path;

    private ExactFile(string path) => _path = path;

    /// <summary>Stores a prepared model. Its graphs are changed.</summary>
    /// <exception cref="ConversionException">There is no room for the file.</exception>
    public static ExactFile Of(PreparedModel prepared, ConversionOptions options)
    {
        var (model, _, _) = prepared.Lower(options with { Weights = WeightKind.Float32, WeightsOf = [], Keep = [] });
        var path = Path.Combine(Path.GetTempPath(), $"seqconvert-{Path.GetRandomFileName()}");
        var file = new ExactFile(path);
        try
        {
            using var stream = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None });
            SeqWriter.Write(model, stream);
            return file;
        }
        catch (Exception fault)
        {
            file.Dispose();
            if (fault is IOException or UnauthorizedAccessException) throw new ConversionException($"the model in fp32 cannot be kept in the folder for temporary files while outputs are measured: {fault.Message}", fault);
            throw;
        }
    }

    public SeqModel Load() => SeqModel.Load(_path, new SeqModelOptions { VerifyChecksums = false });

    public void Dispose() => File.Delete(_path);
}
