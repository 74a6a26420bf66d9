using System.Buffers;
using System.Text;

namespace SeqRuntime.Converter.Commands;

/// <summary>Writes text to a terminal without control characters. Names from files must not move its cursor or change its colours.</summary>
internal sealed class PlainWriter(TextWriter inner) : TextWriter
{
    private static readonly SearchValues<char> s_controls = SearchValues.Create([.. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7F, 0x21)).Select(c => (char)c).Where(c => c is not ('\n' or '\r' or '\t'))]);

    /// <inheritdoc/>
    public override Encoding Encoding => inner.Encoding;

    /// <inheritdoc/>
    public override void Write(char value) => inner.Write(s_controls.Contains(value) ? '\uFFFD' : value);

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    /// <inheritdoc/>
    public override void Write(string? value) => Write(value.AsSpan());

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<char> buffer)
    {
        if (!buffer.ContainsAny(s_controls)) inner.Write(buffer);
        else foreach (var value in buffer) Write(value);
    }

    /// <inheritdoc/>
    public override void Flush() => inner.Flush();
}
