using System.Numerics;
using System.Runtime.InteropServices;
using SeqRuntime.Format;

namespace SeqRuntime.Verifying;

/// <summary>Runs a graph on made-up inputs and sums up the bits of outputs and states: to record them, and to compare them with what was recorded.</summary>
internal static class GoldenRun
{
    private const uint NaN32 = 0x7FC00000;
    private const ulong NaN64 = 0x7FF8000000000000;

    /// <summary>Runs all recorded cases and compares the bits.</summary>
    /// <param name="model">The model.</param>
    /// <param name="graphs">What its file records.</param>
    /// <param name="limits">Limits of memory and work.</param>
    /// <param name="cancellationToken">Checked before each node of each run.</param>
    /// <exception cref="SeqFormatException">A recorded run is not possible, or all together take too long.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static SeqVerification Verify(SeqModel model, GoldenGraph[] graphs, SeqSessionOptions limits, CancellationToken cancellationToken)
    {
        var left = MostWork(limits);
        var runs = 0;
        var mismatches = new List<SeqMismatch>();
        foreach (var graph in graphs)
        {
            var info = model.Graphs[graph.Graph];
            foreach (var one in graph.Cases)
            {
                runs += one.Runs;
                var sums = Guarded(model, info, graph.Facts, one, limits, ref left, cancellationToken);
                var each = info.Outputs.Count + info.States.Count;
                for (var i = 0; i < sums.Length; i++)
                {
                    if (sums[i] == one.Sums[i]) continue;
                    var (port, isState) = (i % each, i % each >= info.Outputs.Count);
                    mismatches.Add(new SeqMismatch(info.Name, SizesOf(info, one), i / each, isState ? info.States[port - info.Outputs.Count].Name : info.Outputs[port].Name, isState));
                }
            }
        }

        return new SeqVerification(runs, mismatches);
    }

    /// <summary>Runs one case and returns, for each run, the checksums of all outputs and then of all states.</summary>
    /// <param name="model">The model.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="facts">What its inputs hold.</param>
    /// <param name="one">Sizes, seed and number of runs.</param>
    /// <param name="limits">Limits of memory and work.</param>
    /// <param name="left">Operations that all runs may still take.</param>
    /// <param name="cancellationToken">Checked before each node.</param>
    /// <exception cref="ArgumentException">No session can be made for the sizes, or the runs take too long.</exception>
    /// <exception cref="SeqDataException">The graph cannot use an input.</exception>
    public static uint[] Sums(SeqModel model, SeqGraphInfo graph, InputFact[] facts, GoldenCase one, SeqSessionOptions limits, ref double left, CancellationToken cancellationToken)
    {
        using var session = model.CreateSession(graph.Name, new SeqSessionOptions { MaxSizes = SizesOf(graph, one), MemoryLimitBytes = limits.MemoryLimitBytes, WorkLimit = limits.WorkLimit });
        left -= one.Runs * session.Work;
        if (left < 0) throw new ArgumentException("all recorded runs together take too many operations");
        var sums = new uint[one.Runs * (graph.Outputs.Count + graph.States.Count)];
        var at = 0;
        for (var run = 0; run < one.Runs; run++)
        {
            for (var i = 0; i < facts.Length; i++) GeneratedInput.Fill(session.Inputs[i].Type, facts[i], session.InputBytes(i), (one.Seed, run, i), one.Length);
            session.Run(cancellationToken);
            for (var i = 0; i < graph.Outputs.Count; i++) sums[at++] = Sum(session.Outputs[i].Type, session.OutputBytes(i));
            for (var i = 0; i < graph.States.Count; i++) sums[at++] = Sum(session.States[i].Type, session.StateContent(i));
        }

        return sums;
    }

    /// <summary>Operations that all runs of a file may take together.</summary>
    public static double MostWork(SeqSessionOptions limits) => 2.0 * limits.WorkLimit;

    private static uint[] Guarded(SeqModel model, SeqGraphInfo graph, InputFact[] facts, GoldenCase one, SeqSessionOptions limits, ref double left, CancellationToken cancellationToken)
    {
        try
        {
            return Sums(model, graph, facts, one, limits, ref left, cancellationToken);
        }
        catch (Exception fault) when (fault is ArgumentException or SeqDataException)
        {
            throw new SeqFormatException(string.Concat("A recorded run is not possible: ", fault.Message), fault);
        }
    }

    private static Dictionary<string, int> SizesOf(SeqGraphInfo graph, GoldenCase one)
    {
        var sizes = new Dictionary<string, int>();
        for (var i = 0; i < one.Sizes.Length; i++) sizes[graph.Symbols[i]] = one.Sizes[i];
        return sizes;
    }

    /// <summary>CRC-32C of elements. All NaNs count as equal, because processors differ in their payload and sign.</summary>
    private static uint Sum(ElementType type, ReadOnlySpan<byte> elements)
    {
        var sum = uint.MaxValue;
        switch (type)
        {
            case ElementType.Float32:
                foreach (var value in MemoryMarshal.Cast<byte, float>(elements)) sum = BitOperations.Crc32C(sum, float.IsNaN(value) ? NaN32 : BitConverter.SingleToUInt32Bits(value));
                return ~sum;
            case ElementType.Float64:
                foreach (var value in MemoryMarshal.Cast<byte, double>(elements)) sum = BitOperations.Crc32C(sum, double.IsNaN(value) ? NaN64 : BitConverter.DoubleToUInt64Bits(value));
                return ~sum;
            default:
                return SeqLayout.Checksum(elements);
        }
    }
}
