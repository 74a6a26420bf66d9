using System.Globalization;
using System.Security;
using System.Text;

namespace SeqRuntime.Converter.Pictures;

/// <summary>Draws the graphs of a model as SVG, light or dark as the viewer prefers. The text may stand in a file, or inside of an HTML page.</summary>
internal static class GraphPicture
{
    private const double HeadingHeight = 30;

    /// <summary>Colours without variables, which some viewers do not know. Those of the dark form overrule the others.</summary>
    private const string Style = """
        .seq-graph{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
        .seq-graph .paper{fill:#fff;stroke:none}.seq-graph text{fill:#1f2328;text-anchor:middle}.seq-graph .name{font-size:15px;text-anchor:start}.seq-graph .more{fill:#59636e}
        .seq-graph rect{stroke:#afb8c1}.seq-graph .plain{fill:#f6f8fa}.seq-graph .weights{fill:#ddf4ff}.seq-graph .group{fill:#fff8c5}.seq-graph .input,.seq-graph .output{fill:#dafbe1}.seq-graph .state{fill:#fbefff}
        .seq-graph path{fill:none;stroke:#8c959f;stroke-width:1.3}.seq-graph .loop{stroke-dasharray:5 3}.seq-graph .tip{fill:#8c959f;stroke:none}
        @media (prefers-color-scheme:dark){
        .seq-graph .paper{fill:#0d1117}.seq-graph text{fill:#e6edf3}.seq-graph .more{fill:#9198a1}
        .seq-graph rect{stroke:#3d444d}.seq-graph .plain{fill:#161b22}.seq-graph .weights{fill:#0c2d4a}.seq-graph .group{fill:#3a2f0b}.seq-graph .input,.seq-graph .output{fill:#0f2f1a}.seq-graph .state{fill:#2f1a42}
        .seq-graph path{stroke:#6e7681}.seq-graph .tip{fill:#6e7681;stroke:none}
        }
        """;

    /// <summary>One picture of all graphs, one below the other, or of the named one.</summary>
    /// <param name="model">The model.</param>
    /// <param name="graph">Name of a graph; null for all.</param>
    /// <returns>An <c>svg</c> element.</returns>
    public static string Svg(SeqModel model, string? graph = null)
    {
        var drawn = model.Loaded.Graphs.Where(g => graph is null || g.Name == graph).Select(g => Layout.Of(PictureBuilder.Of(g))).ToList();
        var (width, height) = (drawn.Max(d => Math.Max(d.Width, d.Picture.Name.Length * 10 + 2 * HeadingHeight)), drawn.Sum(d => d.Height + HeadingHeight));
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"seq-graph\" viewBox=\"0 0 {width:0.#} {height:0.#}\" width=\"{width:0.#}\" height=\"{height:0.#}\" role=\"img\">\n<style>{Style}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n");
        var top = 0.0;
        foreach (var one in drawn)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<g transform=\"translate(0 {top:0.#})\">\n<text class=\"name\" x=\"20\" y=\"22\">{Escaped(one.Picture.Name)}</text>\n<g transform=\"translate(0 {HeadingHeight:0.#})\">\n");
            Draw(svg, one);
            svg.Append("</g>\n</g>\n");
            top += one.Height + HeadingHeight;
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static void Draw(StringBuilder svg, LaidOut drawn)
    {
        foreach (var line in drawn.Lines) Path(svg, line, "line", isCurved: true);
        foreach (var loop in drawn.Loops) Path(svg, loop, "loop", isCurved: false);
        foreach (var box in drawn.Picture.Boxes)
        {
            var kind = box.Kind.ToString().ToLowerInvariant();
            svg.Append(CultureInfo.InvariantCulture, $"<g><title>{Escaped(box.Note)}</title><rect class=\"{kind}\" x=\"{box.X:0.#}\" y=\"{box.Y:0.#}\" width=\"{box.Width:0.#}\" height=\"{box.Height:0.#}\" rx=\"{(box.Kind is BoxKind.Input or BoxKind.Output or BoxKind.State ? 12 : 4)}\"/>");
            foreach (var (i, text) in box.Lines.Index()) svg.Append(CultureInfo.InvariantCulture, $"<text{(i > 0 && box.Kind is not BoxKind.Plain ? " class=\"more\"" : "")} x=\"{box.Center:0.#}\" y=\"{box.Y + 16 + 15 * i:0.#}\">{Escaped(text)}</text>");
            svg.Append("</g>\n");
        }
    }

    /// <summary>A line through points with an arrow's tip at its end. In gaps between ranks it bends.</summary>
    private static void Path(StringBuilder svg, IReadOnlyList<(double X, double Y)> points, string kind, bool isCurved)
    {
        svg.Append(CultureInfo.InvariantCulture, $"<path class=\"{kind}\" d=\"M{points[0].X:0.#} {points[0].Y:0.#}");
        foreach (var (from, to) in points.Zip(points.Skip(1)))
        {
            var middle = (from.Y + to.Y) / 2;
            if (isCurved && from.X != to.X) svg.Append(CultureInfo.InvariantCulture, $"C{from.X:0.#} {middle:0.#} {to.X:0.#} {middle:0.#} {to.X:0.#} {to.Y:0.#}");
            else svg.Append(CultureInfo.InvariantCulture, $"L{to.X:0.#} {to.Y:0.#}");
        }

        var (x, y) = points[^1];
        svg.Append(CultureInfo.InvariantCulture, $"\"/><path class=\"tip\" d=\"M{x:0.#} {y:0.#}l-4 -7h8z\"/>\n");
    }

    /// <summary>Text for XML. Characters that XML does not know are replaced.</summary>
    private static string Escaped(string text) => SecurityElement.Escape(string.Concat(text.EnumerateRunes().Select(rune => rune.Value is < 0x20 or 0xFFFE or 0xFFFF ? "\uFFFD" : rune.ToString())))!;
}
