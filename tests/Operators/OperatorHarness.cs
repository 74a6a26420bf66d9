using System.Runtime.InteropServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

/// <summary>
/// Runs one operator outside a session on every kernel set of this machine, and requires equal bits from all (any NaN equals any NaN).
/// Memory is guarded: a write outside of outputs and scratch fails the test.
/// </summary>
internal sealed unsafe class OperatorHarness
{
    /// <summary>Neither NaN nor -1: a mask or an output that is written outside or never must show.</summary>
    private const byte Around = 0xA5;

    private readonly List<Tensor?> _inputs = [];
    private readonly HashSet<int> _omitted = [];

    public OperatorHarness Dense<T>(int[] shape, params T[] data)
        where T : unmanaged
    {
        var tensor = new Tensor { Name = $"input{_inputs.Count}", Format = TensorFormat.Dense };
        tensor.Set(ElementTypes.Of<T>(), new Shape(shape));
        Assert.Equal(tensor.Count, data.Length);
        tensor.Data = new GuardedMemory<byte>((int)tensor.Bytes, around: Around).Pointer;
        tensor.Capacity = tensor.Bytes;
        data.CopyTo(tensor.AsSpan<T>());
        tensor.IsKnown = true;
        _inputs.Add(tensor);
        return this;
    }

    /// <summary>Makes the content of the last input unknown when shapes are inferred, as if another node computed it.</summary>
    public OperatorHarness Computed()
    {
        _inputs[^1]!.IsKnown = false;
        return this;
    }

    public OperatorHarness Packed(TensorFormat format, int rows, int columns, params byte[][] matrices)
    {
        var model = new SeqModelBuilder();
        var definition = model.Tensors[model.AddPacked("packed", format, rows, columns, matrices)];
        var bytes = definition.Data.Length;
        var data = new GuardedMemory<byte>(bytes, around: Around).Pointer;
        Marshal.Copy(definition.Data.ToArray(), 0, (nint)data, bytes);
        var tensor = Tensor.Of(new StoredTensor
        {
            Name = $"input{_inputs.Count}",
            Format = format,
            Type = ElementType.Float32,
            Shape = new Shape(rows, columns),
            Layout = new WeightLayout(format, rows, columns),
            Count = matrices.Length,
            Bytes = bytes,
            Data = data,
        });
        _inputs.Add(tensor);
        return this;
    }

    public OperatorHarness Absent()
    {
        _inputs.Add(null);
        return this;
    }

    /// <summary>Omits an output, as if nothing reads it. Its result is empty.</summary>
    public OperatorHarness Omit(int output)
    {
        _omitted.Add(output);
        return this;
    }

    /// <summary>Infers and executes. Returns each output of the portable kernels, after all other sets gave the same bits.</summary>
    public Result[] Run(Operator op, int outputs = 1)
    {
        var expected = RunOn(KernelRegistry.Portable, op, outputs);
        foreach (var kernels in KernelRegistry.Runnable)
        {
            var actual = RunOn(kernels, op, outputs);
            for (var i = 0; i < outputs; i++)
            {
                Assert.Equal(expected[i].Type, actual[i].Type);
                Assert.Equal(expected[i].Shape, actual[i].Shape);
                Assert.True(expected[i].SameBits(actual[i]), $"output {i}: {kernels.Name} differs in bits from portable");
            }
        }

        return expected;
    }

    private Result[] RunOn(KernelSet kernels, Operator op, int count)
    {
        var outputs = new Tensor?[count];
        for (var i = 0; i < count; i++) outputs[i] = _omitted.Contains(i) ? null : new Tensor { Name = $"output{i}", Format = TensorFormat.Dense };
        var context = new NodeContext(kernels, [.. _inputs], outputs);
        var scratch = 0L;
        op.Infer(context); // the first inference makes what the operator keeps
        Allocation.None(() =>
        {
            op.Infer(context);
            scratch = op.ScratchBytes(context);
        });
        using var rest = new GuardedMemory<byte>((int)scratch, around: Around);
        context.Scratch = rest.Pointer;
        var memory = Array.ConvertAll(outputs, output => output is null ? null : new GuardedMemory<byte>((int)output.Bytes, around: Around));
        for (var i = 0; i < count; i++)
        {
            if (outputs[i] is not { } output) continue;
            output.Data = memory[i]!.Pointer;
            output.Capacity = output.Bytes;
        }

        if (op.IsView) Buffer.MemoryCopy(context.Input(0).Data, outputs[0]!.Data, outputs[0]!.Bytes, context.Input(0).Bytes);
        Allocation.None(() => op.Execute(context));

        rest.Check($"scratch by {kernels.Name}");
        var results = new Result[count];
        for (var i = 0; i < count; i++)
        {
            if (outputs[i] is not { } tensor)
            {
                results[i] = new Result(ElementType.Float32, [], []);
                continue;
            }

            memory[i]!.Check($"output {i} by {kernels.Name}");
            results[i] = new Result(tensor.Type, tensor.Shape.AsSpan().ToArray(), memory[i]!.Span.ToArray());
            memory[i]!.Dispose();
        }

        return results;
    }

    internal sealed record Result(ElementType Type, int[] Shape, byte[] Bytes)
    {
        public T[] As<T>()
            where T : unmanaged
        {
            Assert.Equal(ElementTypes.Of<T>(), Type);
            return MemoryMarshal.Cast<byte, T>(Bytes).ToArray();
        }

        public bool SameBits(Result other)
        {
            if (Type != ElementType.Float32) return Bytes.AsSpan().SequenceEqual(other.Bytes);
            var a = MemoryMarshal.Cast<byte, float>(Bytes);
            var b = MemoryMarshal.Cast<byte, float>(other.Bytes);
            for (var i = 0; i < a.Length; i++)
            {
                if (!Numbers.SameBits(a[i], b[i])) return false;
            }

            return true;
        }
    }
}
