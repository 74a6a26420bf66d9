using SeqRuntime;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace BitHash;

/// <summary>Runs a graph over pseudo-random inputs through the public session and hashes every output of every run, and the states at the end.</summary>
internal static class ModelRun
{
    /// <summary>Writes the model as a file in memory and runs its graph <c>main</c>.</summary>
    public static ulong Hash(KernelSet kernels, SeqModelBuilder builder, int runs = 1)
    {
        using var model = SeqModel.Load(SeqWriter.ToArray(builder), new SeqModelOptions { KernelSet = kernels.Name });
        return Hash(model, graph: null, runs, new SeqSessionOptions());
    }

    public static ulong Hash(SeqModel model, string? graph, int runs, SeqSessionOptions options)
    {
        using var session = model.CreateSession(graph, options);
        var numbers = new Numbers(99);
        var hash = new BitHasher();
        for (var run = 0; run < runs; run++)
        {
            for (var i = 0; i < session.Inputs.Count; i++) Fill(session, i, numbers);
            session.Run();
            for (var i = 0; i < session.Outputs.Count; i++) Add(session, i, ref hash);
        }

        hash.AddBytes(session.StateBlock);
        return hash.Value;
    }

    private static void Fill(SeqSession session, int input, Numbers numbers)
    {
        switch (session.Inputs[input].Type)
        {
            case ElementType.Float32:
                foreach (ref var value in session.Input<float>(input)) value = numbers.Float();
                break;
            case ElementType.Int32:
                foreach (ref var value in session.Input<int>(input)) value = (int)(numbers.Next() & 1);
                break;
            case ElementType.Int64:
                foreach (ref var value in session.Input<long>(input)) value = (long)(numbers.Next() & 1);
                break;
            case ElementType.Float64:
                foreach (ref var value in session.Input<double>(input)) value = numbers.Float();
                break;
            default:
                break;
        }
    }

    private static void Add(SeqSession session, int output, ref BitHasher hash)
    {
        switch (session.Outputs[output].Type)
        {
            case ElementType.Float32: hash.Add(session.Output<float>(output)); break;
            case ElementType.Int32: hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(session.Output<int>(output))); break;
            case ElementType.Int64: hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(session.Output<long>(output))); break;
            case ElementType.Float64: hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(session.Output<double>(output))); break;
            case ElementType.Int8: hash.Add(session.Output<sbyte>(output)); break;
            default: hash.AddBytes(session.Output<byte>(output)); break;
        }
    }
}
