using SeqRuntime.Converter.Commands;

namespace SeqRuntime.Tests.Commands;

/// <summary>Text from files cannot control the terminal.</summary>
public class PlainWriterTests
{
    [Fact]
    public void Control_characters_are_replaced_and_lines_stay()
    {
        using var text = new StringWriter();
        using var plain = new PlainWriter(text);
        plain.Write("\u001b[2Jname\u0007 ä\n");
        plain.Write('\u009b');
        plain.WriteLine("\tend");
        Assert.Equal($"\uFFFD[2Jname\uFFFD ä\n\uFFFD\tend{Environment.NewLine}", text.ToString());
    }
}
