using System.Globalization;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Format;

/// <summary>Texts of compact sections are read back as they were written, for any endings and any number of them.</summary>
public class NameStemsTests
{
    [Fact]
    public void Names_are_read_as_they_were_written()
    {
        string[] names =
        [
            "", "0", "00", "7", "007", "Conv_0", "Conv_00", "Conv_12", "Conv_13", "Conv_9", "Conv_", "Conv_999999999", "Conv_1999999999", "Conv_99999999999999999999", "dense/kernel:0", "dense/bias:0",
            "weight_é", "weight_é2", "٣", "Conv_٣", "-1", "x-2", "x+3", "1.5", "",
            .. Enumerable.Range(0, 300).Select(i => $"{(char)('a' + i % 26)}{i % 90}.{i}"),
            .. Enumerable.Range(0, 3 * NameStems.Kept).Select(i => string.Create(CultureInfo.InvariantCulture, $"layer{i}.weight")),
        ];
        var reader = new SectionReader("file", "NAME", Written(names), isCompact: true);
        foreach (var name in names) Assert.Equal(name, reader.String());
        reader.End();
    }

    [Fact]
    public void Numbered_names_take_two_bytes()
    {
        var names = Enumerable.Range(1000, 500).Select(i => $"onnx::{(i % 3 == 0 ? "Conv" : i % 3 == 1 ? "Slice" : "PRelu")}_{i}").ToArray();
        Assert.InRange(Written(names).Length, 2 * names.Length, 2 * names.Length + 40);
    }

    [Fact]
    public void Invalid_names_are_refused()
    {
        // A stem beyond the list, a prefix longer than the stem, a negative number, invalid UTF-8, and texts that grow from nothing.
        Assert.Contains("does not exist (there are 64)", Fault(w => w.Number(64)), StringComparison.Ordinal);
        Assert.Contains("does not exist (there are 64)", Fault(w => w.Number(-65)), StringComparison.Ordinal);
        Assert.Contains("shares 1 bytes with a string of 0", Fault(w => Numbers(w, -1, 1, 0)), StringComparison.Ordinal);
        Assert.Contains("the number -5", Fault(w => Numbers(w, 0, -5)), StringComparison.Ordinal);
        Assert.Contains("the number", Fault(w => Numbers(w, 0, long.MaxValue)), StringComparison.Ordinal);
        Assert.Contains("the number", Fault(w => Numbers(w, 0, long.MinValue)), StringComparison.Ordinal);
        Assert.Contains("UTF-8", Fault(w =>
        {
            Numbers(w, -1, 0, 1);
            w.Byte(0xFF);
        }), StringComparison.Ordinal);
        Assert.Contains("too long", Fault(w =>
        {
            w.String(new string('x', 1000));
            for (var i = 0; i < 1000; i++) Numbers(w, 0, 0);
        }), StringComparison.Ordinal);

        static string Fault(Action<CompactWriter> write)
        {
            var writer = new CompactWriter();
            write(writer);
            var bytes = writer.ToArray();
            return Assert.Throws<SeqFormatException>(() =>
            {
                var reader = new SectionReader("file", "NAME", bytes, isCompact: true);
                while (reader.Left > 0) reader.String();
            }).Message;
        }

        static void Numbers(CompactWriter writer, params long[] numbers)
        {
            foreach (var number in numbers) writer.Number(number);
        }
    }

    private static byte[] Written(string[] names)
    {
        var writer = new CompactWriter();
        foreach (var name in names) writer.String(name);
        return writer.ToArray();
    }
}
