using System.Globalization;
using System.Security;
using System.Text;

namespace SeqRuntime.Perf.Comparing;

/// <summary>Draws the latency of one step by hidden size, ours and theirs, on logarithmic axes, as SVG with one panel for each layer.</summary>
internal static class LatencyPicture
{
    private const int PanelWidth = 460;
    private const int PanelHeight = 330;
    private const int Left = 58;
    private const int Right = 18;
    private const int Top = 64;
    private const int Bottom = 44;
    private const int LegendLine = 20;
    private const string Ink = "#333333";
    private const string Pale = "#e4e4e4";

    /// <summary>Colours that most colour-blind readers can distinguish (Okabe and Ito). A series always has the same colour.</summary>
    private static readonly Dictionary<string, string> s_colours = new()
    {
        ["SeqRuntime fp32"] = "#0072b2",
        ["SeqRuntime fp16"] = "#56b4e9",
        ["SeqRuntime int8"] = "#009e73",
        ["SeqRuntime int4"] = "#cc79a7",
        ["ONNX Runtime fp32"] = "#d55e00",
        ["ONNX Runtime DynamicQuantizeLSTM"] = "#e69f00",
    };

    /// <summary>Whether the report has single steps of layers.</summary>
    public static bool CanDraw(CompareReport report) => Series.Of("lstm", report.Rows).Count + Series.Of("gru", report.Rows).Count > 0;

    /// <exception cref="InvalidDataException">The report has no single steps of layers.</exception>
    public static string Draw(CompareReport report)
    {
        var panels = new[] { "lstm", "gru" }.Select(op => (Op: op, Series: Series.Of(op, report.Rows))).Where(panel => panel.Series.Count > 0).ToList();
        if (panels.Count == 0) throw new InvalidDataException("the report has no row like lstm/step/256/int8-ort; make it with 'perf compare --only step --json FILE'");
        var names = panels.SelectMany(panel => panel.Series).DistinctBy(series => series.Name).ToList();
        var times = panels.SelectMany(panel => panel.Series).SelectMany(series => series.Points).Select(point => point.Microseconds).ToList();
        var units = panels.SelectMany(panel => panel.Series).SelectMany(series => series.Points).Select(point => point.Units).Distinct().Order().ToList();
        var width = panels.Count * PanelWidth;
        var height = PanelHeight + LegendLine * ((names.Count + 2) / 3) + 10;
        var svg = new StringBuilder();
        Add(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"{Ink}\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n");
        Add(svg, $"<text x=\"{Left}\" y=\"22\" font-size=\"15\" font-weight=\"bold\">Latency of one step, batch 1, by hidden size (µs, lower is faster)</text>\n");
        Add(svg, $"<text x=\"{Left}\" y=\"40\" font-size=\"11\" fill=\"#666666\">{SecurityElement.Escape($"{report.Machine.Date}, {report.Machine.Processor}, kernels {report.Machine.Kernels}, one thread, ONNX Runtime {report.Machine.OnnxRuntime} by RunWithBinding")}</text>\n");
        for (var i = 0; i < panels.Count; i++)
        {
            var x = new LogAxis(units[0] * 0.85, units[^1] * 1.18, i * PanelWidth + Left, (i + 1) * PanelWidth - Right);
            Panel(svg, panels[i].Op.ToUpperInvariant(), panels[i].Series, units, x, LogAxis.Around(times, PanelHeight - Bottom, Top), i * PanelWidth);
        }

        for (var i = 0; i < names.Count; i++)
        {
            var (x, y) = (Left + i % 3 * (width - Left) / 3.0, PanelHeight + 4 + LegendLine * (i / 3));
            Add(svg, $"<line x1=\"{x:F0}\" y1=\"{y}\" x2=\"{x + 28:F0}\" y2=\"{y}\" {Stroke(names[i])}/><text x=\"{x + 34:F0}\" y=\"{y + 4}\">{SecurityElement.Escape(names[i].Name)}</text>\n");
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static void Panel(StringBuilder svg, string title, List<Series> all, List<int> units, LogAxis x, LogAxis y, int left)
    {
        var (start, end) = (left + Left, left + PanelWidth - Right);
        foreach (var tick in y.Ticks())
        {
            Add(svg, $"<line x1=\"{start}\" x2=\"{end}\" y1=\"{y.At(tick):F1}\" y2=\"{y.At(tick):F1}\" stroke=\"{Pale}\"/><text x=\"{start - 6}\" y=\"{y.At(tick) + 4:F1}\" text-anchor=\"end\">{tick:0.##}</text>\n");
        }

        foreach (var unit in units)
        {
            Add(svg, $"<line x1=\"{x.At(unit):F1}\" x2=\"{x.At(unit):F1}\" y1=\"{Top}\" y2=\"{PanelHeight - Bottom}\" stroke=\"{Pale}\"/><text x=\"{x.At(unit):F1}\" y=\"{PanelHeight - Bottom + 16}\" text-anchor=\"middle\">{unit}</text>\n");
        }

        Add(svg, $"<text x=\"{start + 4}\" y=\"{Top - 6}\" font-weight=\"bold\">{title}, input = hidden</text><text x=\"{(start + end) / 2}\" y=\"{PanelHeight - Bottom + 32}\" text-anchor=\"middle\">units</text>\n");
        foreach (var series in all)
        {
            var points = string.Join(' ', series.Points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{x.At(p.Units):F1},{y.At(p.Microseconds):F1}")));
            Add(svg, $"<polyline points=\"{points}\" fill=\"none\" {Stroke(series)}/>\n");
            foreach (var (unit, time) in series.Points)
            {
                Add(svg, $"<circle cx=\"{x.At(unit):F1}\" cy=\"{y.At(time):F1}\" r=\"3.5\" fill=\"{Colour(series)}\"><title>{SecurityElement.Escape(series.Name)}, {unit} units: {CompareReport.Time(time)} µs</title></circle>\n");
            }
        }
    }

    private static string Colour(Series series) => s_colours.GetValueOrDefault(series.Name, "#000000");

    private static string Stroke(Series series) => $"stroke=\"{Colour(series)}\" stroke-width=\"2\"{(series.IsOurs ? "" : " stroke-dasharray=\"6 4\"")}";

    private static void Add(StringBuilder svg, FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture));
}

/// <summary>One line of the picture: microseconds of one step by hidden size.</summary>
/// <param name="Name">Name in the legend.</param>
/// <param name="IsOurs">Whether the line is solid; others are dashed.</param>
/// <param name="Points">Hidden sizes and microseconds, ascending.</param>
internal sealed record Series(string Name, bool IsOurs, IReadOnlyList<(int Units, double Microseconds)> Points)
{
    /// <summary>All series of one layer in the rows: ours by storage, then the peers.</summary>
    public static List<Series> Of(string op, IReadOnlyList<CompareRow> rows)
    {
        var ours = new Dictionary<string, SortedDictionary<int, double>>();
        var theirs = new Dictionary<string, SortedDictionary<int, double>>();
        foreach (var row in rows)
        {
            if (row.IsShare || row.Id.Split('/') is not [var layer, "step", var size, _] || layer != op || !int.TryParse(size, out var units)) continue;
            Put(ours, $"SeqRuntime {row.Weights}", units, row.OursMicroseconds);
            if (row.Peer.StartsWith("ONNX Runtime", StringComparison.Ordinal)) Put(theirs, row.Peer, units, row.PeerMicroseconds);
        }

        return [.. ours.Select(s => Make(s, true)), .. theirs.Select(s => Make(s, false))];
    }

    private static void Put(Dictionary<string, SortedDictionary<int, double>> all, string name, int units, double microseconds)
    {
        if (!all.TryGetValue(name, out var points)) all[name] = points = [];
        points[units] = microseconds;
    }

    private static Series Make(KeyValuePair<string, SortedDictionary<int, double>> points, bool isOurs) => new(points.Key, isOurs, [.. points.Value.Select(p => (p.Key, p.Value))]);
}

/// <summary>A logarithmic axis that maps values from <paramref name="least"/> to <paramref name="most"/> to pixels.</summary>
internal sealed class LogAxis(double least, double most, double from, double to)
{
    public double At(double value) => from + (to - from) * Math.Log(value / least) / Math.Log(most / least);

    /// <summary>1, 2 and 5 times the powers of ten within the axis.</summary>
    public IEnumerable<double> Ticks()
    {
        for (var power = Math.Pow(10, Math.Floor(Math.Log10(least))); power <= most; power *= 10)
        {
            foreach (var factor in (double[])[1, 2, 5])
            {
                if (power * factor >= least * 0.999 && power * factor <= most * 1.001) yield return power * factor;
            }
        }
    }

    /// <summary>An axis that contains all values: from the tick below the smallest to the tick above the largest.</summary>
    public static LogAxis Around(IReadOnlyCollection<double> values, double from, double to) => new(Down(values.Min()), Up(values.Max()), from, to);

    private static double Down(double value)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        return value >= 5 * power ? 5 * power : value >= 2 * power ? 2 * power : power;
    }

    private static double Up(double value)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        return value <= power ? power : value <= 2 * power ? 2 * power : value <= 5 * power ? 5 * power : 10 * power;
    }
}
