using System.Globalization;
using System.Text;
using SeqRuntime.Decoding;

namespace NativeAotSample;

/// <summary>Shows which source tokens each target token attends to: one row for each target token, darker means more.</summary>
internal sealed class AlignmentPicture
{
    private const int Cell = 28;
    private const int Margin = 64;
    private const string Shades = " .:-=+*#%@";

    private readonly string[] _source;
    private readonly string[] _target;
    private readonly float[][] _weights;

    private AlignmentPicture(string[] source, string[] target, float[][] weights) => (_source, _target, _weights) = (source, target, weights);

    /// <exception cref="ArgumentException">The model has no alignment.</exception>
    public static AlignmentPicture From(SeqDecoder decoder)
    {
        var best = decoder.Results[0];
        var rows = best.AlignmentCount;
        if (rows == 0) throw new ArgumentException("The model has no alignment output.");
        var source = new string[decoder.SourceTokens.Length];
        for (var i = 0; i < source.Length; i++) source[i] = decoder.SourceTable?[decoder.SourceTokens[i]] ?? decoder.SourceTokens[i].ToString(CultureInfo.InvariantCulture);
        var target = new string[rows];
        var weights = new float[rows][];
        for (var i = 0; i < rows; i++)
        {
            target[i] = i == best.Tokens.Length ? "end" : decoder.TargetTable?[best.Tokens[i]] ?? best.Tokens[i].ToString(CultureInfo.InvariantCulture);
            weights[i] = best.Alignment(i).ToArray();
        }

        return new AlignmentPicture(source, target, weights);
    }

    /// <summary>The picture as text.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        text.Append(' ', 6);
        foreach (var token in _source) text.Append(token.Length == 1 ? $" {token} " : " · ");
        text.Append('\n');
        for (var row = 0; row < _target.Length; row++)
        {
            text.Append(_target[row].PadLeft(5)).Append(' ');
            foreach (var weight in _weights[row]) text.Append(' ').Append(Shades[Math.Clamp((int)(weight * Shades.Length), 0, Shades.Length - 1)], 1).Append(' ');
            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The picture as an SVG document.</summary>
    public string ToSvg()
    {
        var (width, height) = (Margin + _source.Length * Cell + 8, Margin + _target.Length * Cell + 8);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\" text-anchor=\"middle\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n");
        for (var i = 0; i < _source.Length; i++) Label(svg, Margin + i * Cell + Cell / 2, Margin - 10, _source[i]);
        for (var row = 0; row < _target.Length; row++)
        {
            Label(svg, Margin / 2, Margin + row * Cell + Cell / 2 + 5, _target[row]);
            for (var i = 0; i < _weights[row].Length; i++)
                svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Margin + i * Cell}\" y=\"{Margin + row * Cell}\" width=\"{Cell}\" height=\"{Cell}\" fill=\"#1f4e79\" fill-opacity=\"{Math.Clamp(_weights[row][i], 0, 1):F3}\" stroke=\"#dddddd\"/>\n");
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static void Label(StringBuilder svg, int x, int y, string text) =>
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x}\" y=\"{y}\">{text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)}</text>\n");
}
