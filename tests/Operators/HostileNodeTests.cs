using SeqRuntime.Format;
using SeqRuntime.Kernels.Sets;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

/// <summary>
/// Random nodes over random inputs: for any file, a node computes or is refused. Everything runs twice, with different bytes around the
/// inputs and in new memory, so that a read outside a tensor, or of memory never written, gives different results.
/// </summary>
public unsafe class HostileNodeTests
{
    private const int LargestOutput = 1 << 16;

    private static readonly OpKind[] s_kinds = [.. Enum.GetValues<OpKind>().Where(k => k is <= OpKind.Clip)];
    private static readonly ElementType[] s_types = Enum.GetValues<ElementType>();

    [Fact]
    public void Every_node_computes_or_is_refused()
    {
        var random = new Random(1);
        var computed = new int[256];
        for (var i = 0; i < 80_000; i++)
        {
            var kind = s_kinds[random.Next(s_kinds.Length)];
            var node = random.Next();
            var first = Run(kind, node, 0xA5, out var description);
            var second = Run(kind, node, 0x5C, out _);
            Assert.True(first is null == second is null && (first is null || first.SequenceEqual(second!)), $"node {i}: {description} depends on memory outside its inputs");
            if (first is not null) computed[(int)kind]++;
        }

        foreach (var kind in s_kinds) Assert.True(computed[(int)kind] > 0, $"no random {kind} was ever valid");
    }

    /// <summary>The outputs' bytes. Null if the node is refused.</summary>
    private static byte[]? Run(OpKind kind, int seed, byte around, out string description)
    {
        var random = new Random(seed);
        var memory = new List<GuardedMemory<byte>>();
        description = kind.ToString();
        try
        {
            var op = OperatorTable.Create(kind, RandomAttributes(kind, random));
            var typical = s_types[random.Next(s_types.Length)];
            if (random.Next(2) == 0) typical = ElementType.Float32;
            var shape = Nd.Shape(random, random.Next(0, 4));
            var inputs = Enumerable.Range(0, random.Next(1, 6)).Select(n => Input(n, typical, shape, random, around, memory)).ToArray();
            description = $"{kind}({string.Join(", ", inputs.Select(t => t is null ? "-" : $"{t.Type} {t.Shape}"))})";
            var outputs = Enumerable.Range(0, random.Next(1, 4)).Select(_ => random.Next(9) == 0 ? null : new Tensor { Name = "output" }).ToArray();
            var context = new NodeContext(KernelRegistry.Portable, inputs, outputs);
            op.Infer(context);
            if (outputs.Any(o => o?.Type > 0 && o.Bytes > LargestOutput)) return null;
            var scratch = op.ScratchBytes(context);
            if (scratch > 1 << 20) return null;
            context.Scratch = Allocate(scratch, around, memory);
            foreach (var output in outputs)
            {
                if (output is not null) output.Data = Allocate(output.Bytes, around, memory);
            }

            if (op.IsView) Buffer.MemoryCopy(inputs[0]!.Data, outputs[0]!.Data, outputs[0]!.Bytes, inputs[0]!.Bytes);
            try
            {
                op.Execute(context);
            }
            catch (ArgumentException)
            {
                return null;
            }

            foreach (var block in memory) block.Check(description);
            var result = new List<byte>();
            foreach (var output in outputs)
            {
                // An output that the operator does not have keeps no type.
                if (output is null || output.Type == 0) continue;
                result.AddRange(new Span<byte>(output.Data, (int)output.Bytes));
            }

            return [.. result];
        }
        catch (Exception refused) when (refused is ArgumentException or SeqFormatException or OverflowException)
        {
            return null;
        }
        finally
        {
            foreach (var block in memory) block.Dispose();
        }
    }

    private static Attributes RandomAttributes(OpKind kind, Random random)
    {
        var attributes = new Attributes();
        void Maybe(AttributeKey key, Func<object> value)
        {
            if (random.Next(2) == 0) attributes.Set(key, value());
        }

        object Flag() => random.Next(2);
        Maybe(AttributeKey.Axis, () => random.Next(-4, 5));
        Maybe(AttributeKey.Perm, () => Enumerable.Range(0, random.Next(4)).Select(_ => (long)random.Next(-1, 4)).ToArray());
        Maybe(AttributeKey.KeepDims, Flag);
        Maybe(AttributeKey.NoopWithEmptyAxes, Flag);
        Maybe(AttributeKey.AllowZero, Flag);
        Maybe(AttributeKey.BatchDims, () => random.Next(-1, 3));
        Maybe(AttributeKey.Upper, Flag);
        Maybe(AttributeKey.Exclusive, Flag);
        Maybe(AttributeKey.Reverse, Flag);
        Maybe(AttributeKey.Largest, Flag);
        Maybe(AttributeKey.Start, () => random.Next(-5, 5));
        Maybe(AttributeKey.End, () => random.Next(-5, 5));
        Maybe(AttributeKey.To, () => (long)s_types[random.Next(s_types.Length)]);
        Maybe(AttributeKey.TimeAxis, Flag);
        Maybe(AttributeKey.BatchAxis, Flag);
        Maybe(AttributeKey.Mode, () => new[] { "constant", "reflect", "edge", "wrap", "?" }[random.Next(5)]);
        Maybe(AttributeKey.Reduction, () => new[] { "none", "add", "mul", "max", "min" }[random.Next(5)]);
        if (kind is OpKind.Unary) attributes.Set(AttributeKey.Function, random.Next(Enum.GetValues<UnaryFunction>().Length));
        if (kind is OpKind.Binary) attributes.Set(AttributeKey.Function, random.Next(Enum.GetValues<BinaryFunction>().Length));
        if (kind is OpKind.Reduce) attributes.Set(AttributeKey.Function, random.Next(Enum.GetValues<ReduceFunction>().Length));
        return attributes;
    }

    private static Tensor? Input(int n, ElementType typical, int[] shape, Random random, byte around, List<GuardedMemory<byte>> memory)
    {
        if (random.Next(n == 0 ? 50 : 8) == 0) return null;
        var type = n == 0 || random.Next(2) == 0 ? typical : random.Next(4) == 0 ? s_types[random.Next(s_types.Length)] : ElementType.Int64;
        var own = random.Next(4) switch
        {
            0 => shape,
            1 => Nd.Shape(random, random.Next(0, 4)),
            2 when n > 0 => Nd.Narrowed(random, shape),
            _ when n > 0 => [random.Next(2) == 0 ? shape.Length : random.Next(4)],
            _ => shape,
        };
        var tensor = new Tensor { Name = $"input{n}", Format = TensorFormat.Dense, IsKnown = random.Next(20) != 0 };
        tensor.Set(type, new Shape(own));
        tensor.Data = Allocate(tensor.Bytes, around, memory);
        var extreme = random.Next(20) == 0;
        for (var i = 0; i < tensor.Count; i++) Store(tensor, i, extreme && random.Next(3) == 0 ? Extreme(random) : random.Next(-2, 4));
        return tensor;
    }

    private static double Extreme(Random random) => random.Next(6) switch
    {
        0 => double.NaN,
        1 => double.PositiveInfinity,
        2 => long.MinValue,
        3 => int.MaxValue,
        4 => int.MinValue,
        _ => 65536,
    };

    private static void Store(Tensor tensor, int i, double value)
    {
        switch (tensor.Type)
        {
            case ElementType.Float32: tensor.AsSpan<float>()[i] = (float)value; break;
            case ElementType.Float64: tensor.AsSpan<double>()[i] = value; break;
            case ElementType.Int64: tensor.AsSpan<long>()[i] = long.CreateSaturating(value); break;
            case ElementType.Int32: tensor.AsSpan<int>()[i] = int.CreateSaturating(value); break;
            case ElementType.Bool: tensor.Data[i] = value > 0 ? (byte)1 : (byte)0; break;
            default: tensor.Data[i] = unchecked((byte)sbyte.CreateSaturating(value)); break;
        }
    }

    private static byte* Allocate(long bytes, byte around, List<GuardedMemory<byte>> memory)
    {
        memory.Add(new GuardedMemory<byte>(checked((int)bytes), around: around));
        return memory[^1].Pointer;
    }
}
