using SeqRuntime.Format;

namespace SeqRuntime.Converter.Pipeline;

/// <summary>
/// A <c>.seq</c> file on its way: in memory if it is small, otherwise in a temporary file, which is mapped into memory to run it and deleted with
/// this object.
/// </summary>
internal sealed class ConvertedFile : IDisposable
{
    /// <summary>Larger files are not kept in memory.</summary>
    private const int MostInMemory = 16 << 20;

    private readonly byte[]? _bytes;
    private readonly string? _path;

    private ConvertedFile(byte[]? bytes, string? path) => (_bytes, _path) = (bytes, path);

    /// <summary>Its length in bytes.</summary>
    public long Length => _bytes?.Length ?? new FileInfo(_path!).Length;

    /// <summary>
    /// Writes a model, tensor after tensor. Then the model reads its tensors from this file, which must outlive it, and holds nothing of the
    /// source.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <exception cref="ConversionException">There is no room for the file.</exception>
    public static ConvertedFile Of(SeqModelBuilder model)
    {
        if (model.Tensors.Sum(tensor => (long)tensor.Data.Length) <= MostInMemory) return new ConvertedFile(SeqWriter.ToArray(model), null);
        var path = Path.Combine(Path.GetTempPath(), $"seqconvert-{Path.GetRandomFileName()}");
        var file = new ConvertedFile(null, path);
        try
        {
            using var stream = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None });
            var positions = SeqWriter.Write(model, stream);
            for (var i = 0; i < positions.Length; i++) model.Tensors[i] = model.Tensors[i] with { Data = file.Part(positions[i], model.Tensors[i].Data.Length) };
            return file;
        }
        catch (Exception fault)
        {
            file.Dispose();
            if (fault is IOException or UnauthorizedAccessException) throw new ConversionException($"the converted model cannot be kept in the folder for temporary files: {fault.Message}", fault);
            throw;
        }
    }

    public SeqModel Load()
    {
        var options = new SeqModelOptions { VerifyChecksums = false };
        return _bytes is null ? SeqModel.Load(_path!, options) : SeqModel.Load(_bytes, options);
    }

    /// <summary>Writes the file to a stream.</summary>
    public void CopyTo(Stream stream)
    {
        if (_bytes is not null)
        {
            stream.Write(_bytes);
            return;
        }

        using var file = File.OpenRead(_path!);
        file.CopyTo(stream, 1 << 20);
    }

    public byte[] ToArray() => _bytes ?? File.ReadAllBytes(_path!);

    public void Dispose()
    {
        if (_path is not null) File.Delete(_path);
    }

    /// <summary>A part of the file, read in pieces.</summary>
    private TensorBytes Part(long position, int length)
    {
        return new TensorBytes(length, Pieces);

        IEnumerable<ReadOnlyMemory<byte>> Pieces()
        {
            using var file = File.OpenRead(_path!);
            file.Position = position;
            var buffer = new byte[Math.Min(length, 1 << 20)];
            for (var left = length; left > 0;)
            {
                var piece = buffer.AsMemory(0, Math.Min(left, buffer.Length));
                file.ReadExactly(piece.Span);
                yield return piece;
                left -= piece.Length;
            }
        }
    }
}
