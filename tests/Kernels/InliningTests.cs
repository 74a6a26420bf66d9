using System.Collections.Concurrent;
using System.Diagnostics.Tracing;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Tests.Kernels;

/// <summary>
/// The compiler inlines every operation on vectors into the loops of products, steps and cells. It stops without a word when a method has too many
/// locals, and a loop of calls is ten to thirty times as slow.
/// </summary>
public sealed class InliningTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void Loops_of_kernels_call_no_operation_on_vectors()
    {
        using var listener = new Listener();

        // The compiler tells what it inlines when it compiles, so a fresh copy of the library and of this test does the work.
        var copies = new Copies();
        var test = copies.LoadFromAssemblyPath(typeof(InliningTests).Assembly.Location);
        test.GetType(typeof(InliningTests).FullName!)!.GetMethod(nameof(Work), BindingFlags.Static | BindingFlags.NonPublic)!.Invoke(null, null);

        // Reports come late, but in order: those on the last method mean that all have come.
        Assert.True(listener.Last.Wait(Patience), "The runtime did not report what it inlined.");
        Assert.True(listener.Failures.IsEmpty, string.Join('\n', listener.Failures.Distinct().Order(StringComparer.Ordinal)));
    }

    /// <summary>Products of each format, whole steps and cells, of all sets; then <see cref="Last"/>.</summary>
    private static unsafe void Work()
    {
        using var memory = new GuardedMemory<float>(1 << 16);
        using var outputs = new GuardedMemory<float>(1 << 12);
        using var q = new GuardedMemory<sbyte>(1 << 12);
        float* from = memory.Pointer, to = outputs.Pointer;
        foreach (var kernels in KernelRegistry.Runnable)
        {
            foreach (var rows in (int[])[16, 32, 48, 64, 96, 192])
            {
                foreach (var count in (int[])[1, 2, 3, 4, 6, 7])
                {
                    const int Columns = 32;
                    var y = new OutputRange(to, rows, rows, from);
                    foreach (var format in (TensorFormat[])[TensorFormat.PackedFloat32, TensorFormat.PackedFloat16, TensorFormat.PackedBFloat16])
                        kernels.Multiply(PackedMatrix.Whole((byte*)from, new WeightLayout(format, rows, Columns)), new FloatRows(from, Columns, count), y);
                    kernels.QuantizeRows(from, Columns, count, Columns, 0, q.Pointer, to);
                    foreach (var format in (TensorFormat[])[TensorFormat.PackedInt8, TensorFormat.GroupedInt8, TensorFormat.PackedInt4])
                        kernels.Multiply(PackedMatrix.Whole((byte*)from, new WeightLayout(format, rows, Columns)), new QuantizedRows(q.Pointer, KernelSet.QuantizedStride(Columns), from, count), y);
                }
            }

            kernels.LstmCell(from, from, to, to + 64, 64);
            kernels.GruCell(from, from, from, to, 64);
            foreach (var gates in (int[])[4, 3])
            {
                foreach (var format in (TensorFormat[])[TensorFormat.PackedFloat32, TensorFormat.PackedInt8])
                {
                    var matrix = PackedMatrix.Whole((byte*)from, new WeightLayout(format, gates * 64, 64));
                    kernels.WholeStep(new RecurrentStep { Recurrence = matrix, State = q.Pointer, Bias = from, RecurrentBias = from, Hidden = from, HiddenOut = to, Cell = gates == 4 ? from : null, CellOut = gates == 4 ? to + 64 : null, Units = 64, Gates = gates });
                }
            }
        }

        Last();
    }

    /// <summary>The last method to be compiled; it inlines one.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static int Last() => Inlined();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Inlined() => Environment.ProcessId;

    /// <summary>Loads this test and the library once more; the rest is shared.</summary>
    private sealed class Copies() : AssemblyLoadContext(nameof(InliningTests))
    {
        protected override Assembly? Load(AssemblyName name) => name.Name == typeof(SeqModel).Assembly.GetName().Name ? LoadFromAssemblyPath(typeof(SeqModel).Assembly.Location) : null;
    }

    /// <summary>Hears what the compiler does not inline.</summary>
    private sealed class Listener : EventListener
    {
        private const EventKeywords Jit = (EventKeywords)0x1000;

        /// <summary>Parts of the names of types whose methods are operations on vectors.</summary>
        private static readonly string[] Operations = ["Kernels.Sets.", "LaneMath`", "CellFormulas`", "Weights`", "Float16Bits`"];

        public ConcurrentQueue<string> Failures { get; } = [];

        /// <summary>Set by the report on the last method.</summary>
        public ManualResetEventSlim Last { get; } = new();

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "Microsoft-Windows-DotNETRuntime") EnableEvents(eventSource, EventLevel.Verbose, Jit);
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (eventData.EventName?.StartsWith("MethodJitInliningSucceeded", StringComparison.Ordinal) == true && Of("InlineeName") == nameof(Inlined)) Last.Set();
            if (eventData.EventName?.StartsWith("MethodJitInliningFailed", StringComparison.Ordinal) != true) return;
            var (loop, inlinee, reason) = (Of("MethodBeingCompiledNamespace"), Of("InlineeNamespace").Split('[')[0], Of("FailReason"));
            if (!loop.StartsWith("SeqRuntime.Kernels.", StringComparison.Ordinal) || !Operations.Any(inlinee.Contains)) return;
            if (loop.Contains("SeqRuntime.Tests.", StringComparison.Ordinal)) return;
            if (!reason.Contains("too many locals", StringComparison.Ordinal) && !reason.Contains("budget", StringComparison.Ordinal) && !reason.Contains("too deep", StringComparison.Ordinal)) return;
            Failures.Enqueue($"{loop}.{Of("MethodBeingCompiledName")} calls {inlinee}.{Of("InlineeName")}: {reason}");

            string Of(string name) => eventData.PayloadNames?.IndexOf(name) is >= 0 and var at ? eventData.Payload![at]!.ToString()! : "";
        }
    }
}
