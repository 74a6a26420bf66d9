using System.Diagnostics;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Weights.Torch;

namespace SeqRuntime.Tests.Importers;

/// <summary>Truncated, mutated and hostile pickles give tensors or a ConversionException that names the file; never another exception, a crash or a hang.</summary>
public sealed class HostileTorchTests(ITestOutputHelper output)
{
    private const int Mutations = 20_000;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly TorchCheckpoint _checkpoint = new(protocol: 2);

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Mutated_pickles_are_refused_or_read(int protocol)
    {
        var checkpoint = new TorchCheckpoint(protocol);
        var pickle = Sample(checkpoint);
        Assert.True(Try(checkpoint, pickle, "the whole pickle"));
        var refused = 0;
        for (var length = 0; length < pickle.Length; length++) refused += Try(checkpoint, pickle[..length], $"cut at {length}") ? 0 : 1;
        Assert.Equal(pickle.Length, refused);
        for (var seed = 0; seed < Mutations; seed++)
        {
            var random = new Random(seed);
            var bytes = (byte[])pickle.Clone();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                var at = random.Next(bytes.Length);
                switch (random.Next(4))
                {
                    case 0: bytes[at] = (byte)random.Next(256); break;
                    case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                    case 2: bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length - 1, at + random.Next(1, 9))..]]; break;
                    default: bytes = [.. bytes[..at], bytes[random.Next(bytes.Length)], .. bytes[at..]]; break;
                }
            }

            refused += Try(checkpoint, bytes, $"mutation {seed}") ? 0 : 1;
        }

        output.WriteLine($"{Mutations} mutations and {pickle.Length} truncations: {refused} refused");
        Assert.InRange(refused, Mutations / 10, Mutations + pickle.Length);
    }

    [Fact]
    public void Mutated_files_are_refused_or_read()
    {
        var file = _checkpoint.Zip(Sample(_checkpoint));
        var refused = 0;
        for (var seed = 0; seed < Mutations / 4; seed++)
        {
            var random = new Random(seed);
            var bytes = (byte[])file.Clone();
            for (var change = random.Next(1, 4); change > 0; change--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            refused += TryFile(random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes, $"mutation {seed}") ? 0 : 1;
        }

        output.WriteLine($"{refused} refused");
        Assert.InRange(refused, Mutations / 40, Mutations / 4);
    }

    /// <summary>Two of the last, 60 times: 2⁶⁰ paths. Deep nesting, lists in themselves, and a long list in many places.</summary>
    [Theory]
    [InlineData("]q\0", "h\0\u0086q\0", 60, "it holds more than 4000000 values")]
    [InlineData("]", "\u0085", 500_000, "nested more than 64 levels deep")]
    [InlineData("]q\0", "h\0a", 100, "nested more than 64 levels deep")]
    [InlineData("]q\0", "(h\0h\0h\0h\0e", 300_000, "nested more than 64 levels deep")]
    [InlineData("(]q\0(N22222222222222222222222222222222222222222222222222e", "h\0", 300_000, "it holds more than 4000000 values")]
    [InlineData("}q\0(", "h\0h\0", 300_000, "a name has more than 256 characters")]
    public void Containers_without_end_are_refused(string start, string again, int times, string says)
    {
        var pickle = new List<byte> { 0x80, 2 };
        pickle.AddRange(System.Text.Encoding.Latin1.GetBytes(start));
        for (var i = 0; i < times; i++) pickle.AddRange(System.Text.Encoding.Latin1.GetBytes(again));
        pickle.AddRange(start[0] == '(' ? "t."u8 : start.EndsWith('(') ? "u."u8 : "."u8);
        Assert.Contains(says, Refusal(_checkpoint.Zip([.. pickle]), start), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(")]
    [InlineData("]")]
    [InlineData("}")]
    [InlineData("N2")]
    [InlineData("\u0088\u0085")]
    public void Opcodes_without_end_are_refused(string opcode)
    {
        var once = System.Text.Encoding.Latin1.GetBytes(opcode);
        var pickle = new byte[5_000_000 / once.Length * once.Length];
        for (var i = 0; i < pickle.Length; i += once.Length) once.CopyTo(pickle, i);
        Assert.Contains("there are more than 4000000 opcodes", Refusal(new TorchCheckpoint(level: System.IO.Compression.CompressionLevel.Fastest).Zip([0x80, 2, .. pickle]), opcode), StringComparison.Ordinal);
    }

    /// <summary>A list, dicts, tuples, texts, numbers and views.</summary>
    private static byte[] Sample(TorchCheckpoint checkpoint)
    {
        var view = checkpoint.Store([1, 2, 3, 4, 5, 6], 2, 3);
        return checkpoint.Pickle(new TorchDict(
            ("epoch", 3), ("loss", 0.5), ("name", "lstm"), ("step", 1L << 40), ("list", new List<object?> { 1, null, true, new object?[] { 1, 2, 3, 4 } }),
            ("model", new TorchDict(("a.weight", view), ("a.bias", view with { Offset = 3, Shape = [3], Strides = [1] }), ("c.weight_g", view with { Shape = [2, 1] }), ("c.weight_v", view with { IsParameter = true }))),
            ("last", checkpoint.Store("LongStorage", [1L], 1))));
    }

    private static bool Try(TorchCheckpoint checkpoint, byte[] pickle, string what) => TryFile(checkpoint.Zip(pickle), what);

    private static bool TryFile(byte[] file, string what) => Refusal(file, what) is null;

    /// <summary>Why a file is refused. Null if it is read.</summary>
    private static string? Refusal(byte[] file, string what)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            var weights = TorchFile.Read(file, "m.pt");
            foreach (var name in weights.Names)
            {
                try
                {
                    weights.Read(name);
                }
                catch (ConversionException)
                {
                }
            }

            return null;
        }
        catch (ConversionException fault)
        {
            Assert.StartsWith("m.pt: ", fault.Message, StringComparison.Ordinal);
            return fault.Message;
        }
        catch (Exception fault) when (fault is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"{what}: {fault}");
            return null;
        }
        finally
        {
            Assert.True(watch.Elapsed < s_patience, $"{what} took {watch.Elapsed}");
        }
    }
}
