using SeqRuntime.Converter;

namespace SeqRuntime.Perf.Comparing;

/// <summary>Our models, converted from the same bytes that the peers load.</summary>
internal static class Ours
{
    /// <summary>A session that is stepped repeatedly, with inputs set once.</summary>
    /// <param name="onnx">The model.</param>
    /// <param name="weights">How weights are stored.</param>
    /// <param name="sets">Inputs that become constants.</param>
    /// <param name="shape">Shape of the first input: sizes of its symbolic dimensions.</param>
    /// <param name="states">State inputs and outputs.</param>
    /// <param name="x">Content of the first input.</param>
    public static (SeqModel Model, SeqSession Session, long WeightBytes) Session(
        byte[] onnx, WeightKind weights, (string Name, long Value)[] sets, long[] shape, (string Input, string Output, long[] Shape)[] states, float[] x)
    {
        var (model, bytes) = Model(onnx, new ConversionOptions
        {
            Weights = weights,
            Sets = sets.ToDictionary(s => s.Name, s => s.Value.ToString()),
            States = states.ToDictionary(s => s.Input, s => s.Output),
        });
        var symbols = model.Graphs[0].Inputs[0].Dimensions!.Select((d, i) => (d.Symbol, Size: shape.Length > i ? (int)shape[i] : 1)).Where(d => d.Symbol is not null).DistinctBy(d => d.Symbol);
        var session = model.CreateSession(null, new SeqSessionOptions { MaxSizes = symbols.ToDictionary(d => d.Symbol!, d => d.Size) });
        x.CopyTo(session.Input<float>(0));
        return (model, session, bytes);
    }

    /// <summary>A model of one graph, and the bytes of its packed weights.</summary>
    public static (SeqModel Model, long WeightBytes) Model(byte[] onnx, ConversionOptions options)
    {
        var (file, bytes) = Convert(onnx, options);
        return (Load(file), bytes);
    }

    /// <summary>Loads the model memory-mapped, like a program, because an array need not start at a cache line.</summary>
    public static SeqModel Load(byte[] file)
    {
        var path = Path.Combine(Path.GetTempPath(), $"seqruntime-perf-{Environment.ProcessId}-{Guid.NewGuid():N}.seq");
        File.WriteAllBytes(path, file);
        try
        {
            return SeqModel.Load(path);
        }
        finally
        {
            // The mapping remains until the model is disposed. If the system cannot delete a mapped file, it stays in the temporary folder.
            try
            {
                File.Delete(path);
            }
            catch (IOException)
            {
            }
        }
    }

    /// <summary>The converted file, and the bytes of its packed weights.</summary>
    public static (byte[] File, long WeightBytes) Convert(byte[] onnx, ConversionOptions options)
    {
        var folder = Directory.CreateTempSubdirectory("seqruntime-perf");
        try
        {
            var path = Path.Combine(folder.FullName, "model.onnx");
            File.WriteAllBytes(path, onnx);
            var result = SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", path)], options);
            return (result.File, result.Tensors.Where(t => t.Format.StartsWith("packed", StringComparison.Ordinal)).Sum(t => t.Bytes));
        }
        finally
        {
            folder.Delete(true);
        }
    }
}
