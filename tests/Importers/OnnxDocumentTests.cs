using SeqRuntime.Converter.Decomposition;
using SeqRuntime.Converter.Importers.Onnx;

namespace SeqRuntime.Tests.Importers;

/// <summary>docs/onnx.md lists exactly the operators that are converted.</summary>
public class OnnxDocumentTests
{
    private const string Own = "com.microsoft.";

    /// <summary>The converter's own operators, which no file has.</summary>
    private static readonly string[] s_inner = ["Linear", "MGU", "ProjectedSRU", "SRU"];

    /// <summary>Operators that become others when a file is read.</summary>
    private static readonly string[] s_read = ["Scan", "Scatter", "Upsample"];

    [Theory]
    [InlineData("operators")]
    [InlineData("contrib")]
    public void The_document_lists_every_operator(string list)
    {
        var isOwn = list == "contrib";
        var all = Decompose.Names.Concat(QuantizedOperators.Names).Concat(s_read).Except(s_inner).Where(n => n.StartsWith(Own, StringComparison.Ordinal) == isOwn).Select(n => isOwn ? n[Own.Length..] : n).Order(StringComparer.Ordinal);
        var document = File.ReadAllText(Repository.Find("docs/onnx.md")).Split($"<!-- {list}: begin -->")[1].Split($"<!-- {list}: end -->")[0];
        Assert.Equal(string.Join(", ", all), string.Join(' ', document.Split((char[])['\n', '\r', ' '], StringSplitOptions.RemoveEmptyEntries)));
    }
}
