using System.Globalization;
using System.Text;

namespace SeqRuntime.Perf.Comparing;

/// <summary>A whole run of <c>perf compare</c>, in the form of its JSON.</summary>
internal sealed record CompareReport(Machine Machine, int Pairs, IReadOnlyList<CompareRow> Rows)
{
    /// <summary>The rows of the README's table, by work and peer.</summary>
    private static readonly (string Work, string Peer)[] s_short =
    [
        ("LSTM, one step, fp32", "ONNX Runtime fp32"),
        ("LSTM, one step, int8", "ONNX Runtime DynamicQuantizeLSTM"),
        ("Whole call, one sample in and out, fp32", "ONNX Runtime fp32"),
        ("LSTM, 100 steps in one call, fp32", "ONNX Runtime fp32"),
        ("LSTM, 100 steps in one call, int8", "ONNX Runtime DynamicQuantizeLSTM"),
        ("Whole model, one frame, fp32", "ONNX Runtime fp32"),
        ("Whole model, one frame, int8", "ONNX Runtime fp32"),
        ("Words decoded, int8", "ONNX Runtime fp32"),
    ];

    /// <summary>The table of docs/performance.md, one line for each kind of work, and below it every row with its times.</summary>
    public string Markdown()
    {
        var text = new StringBuilder();
        text.Append(Summary());
        text.Append("\n<details><summary>Every row with its times (medians, and the fastest block)</summary>\n\n");
        text.Append("| work | size | against | theirs, µs | ours, µs | ratio | at least | aim | |\n|---|---|---|---:|---:|---:|---:|---:|---|\n");
        foreach (var row in Rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {row.Work} | {row.Size} | {row.Peer} | {Time(row.PeerMicroseconds)} ({Time(row.PeerMinimum)}) | {Time(row.OursMicroseconds)} ({Time(row.OursMinimum)}) | **{Value(row, row.Ratio)}** | {Value(row, row.AtLeast)} | {Value(row, row.Aim)} | {row.Verdict} |\n");
        }

        return text.Append("\n</details>\n").ToString();
    }

    /// <summary>The table of the README: the ratios of a few kinds of work, without bars.</summary>
    public string Short()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Machine}; one thread.\n\n| work | against | times as fast (below 1: slower) |\n|---|---|---|\n");
        foreach (var (work, peer) in s_short)
        {
            var rows = Rows.Where(row => row.Work == work && row.Peer == peer).ToList();
            if (rows.Count > 0) text.Append(CultureInfo.InvariantCulture, $"| {work} | {peer} | {string.Join(" · ", rows.Select(row => $"{row.Size}: **{Value(row, row.Ratio)}**"))} |\n");
        }

        return text.ToString();
    }

    /// <summary>One line for each kind of work.</summary>
    public string Summary()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Machine}; one thread, {Pairs} pairs of blocks, medians of ratios; ONNX Runtime by `RunWithBinding` with preallocated values{(Machine.Ncnn is null ? "" : ", ncnn by its layers alone with pools of memory")}.\n\n");
        text.Append("| work | against | ratio (above 1 ours is faster), or share | at least | aim |\n|---|---|---|---|---|\n");
        foreach (var group in Rows.GroupBy(row => (row.Work, row.Peer)))
        {
            var rows = group.ToList();
            text.Append(CultureInfo.InvariantCulture, $"| {group.Key.Work} | {(group.Key.Peer == RowPlan.Limit ? "the machine" : group.Key.Peer)} | {string.Join(" · ", rows.Select(row => $"{row.Size}: **{Value(row, row.Ratio)}**{(row.Verdict == "NOT met" ? " ✗" : "")}"))} | {Bar(rows, row => row.AtLeast)} | {Bar(rows, row => row.Aim)} |\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"| managed bytes a run, most of all rows | | **{Rows.Max(row => row.ManagedBytes)}** | 0 | 0 |\n");
        var barred = Rows.Where(row => row.AtLeast is not null).ToList();
        text.Append(CultureInfo.InvariantCulture, $"\n{barred.Count} rows have a bar: {barred.Count(row => row.Verdict == "aim")} reach the aim, {barred.Count(row => row.Verdict == "met")} the least, {barred.Count(row => row.Verdict == "NOT met")} fall short (✗).\n");
        return text.ToString();
    }

    /// <summary>A ratio, or a share in percent.</summary>
    public static string Value(CompareRow row, double? value) => value is not { } number ? ""
        : row.IsShare ? number.ToString("P0", CultureInfo.InvariantCulture).Replace(" ", "", StringComparison.Ordinal)
        : number.ToString(number < 10 ? "F2" : "F1", CultureInfo.InvariantCulture);

    public static string Time(double microseconds) => microseconds.ToString(microseconds < 1 ? "F3" : microseconds < 100 ? "F2" : "F0", CultureInfo.InvariantCulture);

    /// <summary>One bar if all rows have the same.</summary>
    private static string Bar(List<CompareRow> rows, Func<CompareRow, double?> bar)
    {
        var values = rows.ConvertAll(row => Value(row, bar(row)));
        return values.Distinct().Count() == 1 ? values[0] : string.Join(" / ", values.Select(value => value.Length == 0 ? "–" : value));
    }
}

/// <summary>One measured ratio.</summary>
/// <param name="Id">Path-like name.</param>
/// <param name="Work">The work.</param>
/// <param name="Size">Units or the model's name.</param>
/// <param name="Weights">Storage of our weights, or the contender.</param>
/// <param name="Peer">The peer that it is compared with.</param>
/// <param name="OursMicroseconds">Our median of the blocks, for one step, frame, word and so on.</param>
/// <param name="OursMinimum">Our fastest block.</param>
/// <param name="PeerMicroseconds">The peer's median.</param>
/// <param name="PeerMinimum">The peer's fastest block.</param>
/// <param name="Ratio">The peer's time over ours, median over pairs of blocks. Against the limit: our share of it.</param>
/// <param name="AtLeast">The required value.</param>
/// <param name="Aim">The desired value.</param>
/// <param name="ManagedBytes">Bytes that one run of ours allocates.</param>
internal sealed record CompareRow(
    string Id,
    string Work,
    string Size,
    string Weights,
    string Peer,
    double OursMicroseconds,
    double OursMinimum,
    double PeerMicroseconds,
    double PeerMinimum,
    double Ratio,
    double? AtLeast,
    double? Aim,
    long ManagedBytes)
{
    public bool IsShare => Peer == RowPlan.Limit;

    /// <summary>Verdict on the bars.</summary>
    public string Verdict => AtLeast is null ? "" : Ratio >= Aim ? "aim" : Ratio >= AtLeast ? "met" : "NOT met";
}
