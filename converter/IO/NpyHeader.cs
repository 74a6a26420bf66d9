using System.Globalization;
using System.Text;

namespace SeqRuntime.Converter.IO;

/// <summary>
/// Header of a <c>.npy</c> file: the Python dictionary literal <c>{'descr': '&lt;f4', 'fortran_order': False, 'shape': (3, 4), }</c>.
/// Format: numpy.lib.format, versions 1.0, 2.0 and 3.0.
/// </summary>
internal readonly record struct NpyHeader(StoredType Type, bool BigEndian, bool FortranOrder, int[] Shape)
{
    /// <summary>NumPy writes at most a few hundred bytes for plain arrays.</summary>
    public const int MaximumBytes = 65536;

    /// <summary>NumPy's own limit: 64 since version 2.0, 32 before.</summary>
    private const int MaximumRank = 64;

    /// <summary>Bytes of all elements. Parsing has checked that the product does not overflow.</summary>
    public long DataBytes => Shape.Aggregate((long)Type.Size(), (product, size) => product * size);

    /// <summary>Reads the dictionary. <paramref name="where"/> names the file in messages.</summary>
    public static NpyHeader Parse(string text, string where)
    {
        var parser = new Parser(text.TrimEnd(' ', '\n', '\0'), where);
        string? descriptor = null;
        bool? fortran = null;
        int[]? shape = null;
        parser.Expect('{');
        while (!parser.TryTake('}'))
        {
            var key = parser.String();
            parser.Expect(':');
            if (key == "descr") descriptor = parser.String();
            else if (key == "fortran_order") fortran = parser.Boolean();
            else if (key == "shape") shape = parser.Shape();
            else throw parser.Error($"the key '{key}' is unknown");
            if (!parser.TryTake(',') && !parser.Peek('}')) throw parser.Error("',' or '}' is missing");
        }

        parser.End();
        if (descriptor is null) throw parser.Error("'descr' is missing");
        if (!NpyTypes.TryParse(descriptor, out var type, out var bigEndian)) throw parser.Unsupported($"element type '{descriptor}'");
        if (shape is null) throw parser.Error("'shape' is missing");
        if (shape.Aggregate((Int128)type.Size(), (product, size) => product > int.MaxValue ? product : product * size) > int.MaxValue)
            throw parser.Unsupported($"shape ({string.Join(", ", shape)}), over 2 GiB");
        return new NpyHeader(type, bigEndian, fortran ?? throw parser.Error("'fortran_order' is missing"), shape);
    }

    /// <summary>The dictionary in NumPy's form.</summary>
    public override string ToString()
    {
        var text = new StringBuilder("{'descr': '").Append(Type.Descriptor()).Append("', 'fortran_order': ").Append(FortranOrder ? "True" : "False").Append(", 'shape': (");
        text.AppendJoin(", ", Shape);
        if (Shape.Length == 1) text.Append(',');
        return text.Append("), }").ToString();
    }

    private ref struct Parser(string text, string where)
    {
        private int _position;

        public readonly ConversionException Error(string what) =>
            NpyReader.Fault(where, $"the .npy header is damaged at character {_position}: {what}", "save the array again with numpy.save");

        public readonly ConversionException Unsupported(string what) =>
            NpyReader.Fault(where, $"{what} is not supported", "save a plain array of float32, float64, float16, int64, int32, int16, int8, uint8 or bool with numpy.save");

        public bool Peek(char expected)
        {
            while (_position < text.Length && text[_position] == ' ') _position++;
            return _position < text.Length && text[_position] == expected;
        }

        public bool TryTake(char expected)
        {
            if (!Peek(expected)) return false;
            _position++;
            return true;
        }

        public void Expect(char expected)
        {
            if (!TryTake(expected)) throw Error($"'{expected}' is missing");
        }

        public string String()
        {
            if (Peek('[')) throw Unsupported("a structured element type");
            if (!Peek('\'') && !Peek('"')) throw Error("a quoted string is missing");
            var quote = text[_position++];
            var end = text.IndexOf(quote, _position);
            if (end < 0) throw Error("a quoted string has no closing quote");
            var value = text[_position..end];
            _position = end + 1;
            return value;
        }

        public bool Boolean()
        {
            Peek('T');
            foreach (var word in (ReadOnlySpan<string>)["True", "False"])
            {
                if (!text.AsSpan(_position).StartsWith(word, StringComparison.Ordinal)) continue;
                _position += word.Length;
                return word == "True";
            }

            throw Error("True or False is missing");
        }

        public int[] Shape()
        {
            var sizes = new List<int>();
            Expect('(');
            while (!TryTake(')'))
            {
                if (sizes.Count == MaximumRank) throw Error($"more than {MaximumRank} dimensions");
                Peek('0');
                var start = _position;
                while (_position < text.Length && char.IsAsciiDigit(text[_position])) _position++;
                if (!int.TryParse(text.AsSpan(start, _position - start), NumberStyles.None, CultureInfo.InvariantCulture, out var size))
                    throw Error("a size from 0 to 2147483647 is missing in the shape");
                if (_position < text.Length && text[_position] == 'L') _position++;
                sizes.Add(size);
                if (!TryTake(',') && !Peek(')')) throw Error("',' or ')' is missing in the shape");
            }

            return [.. sizes];
        }

        public void End()
        {
            Peek('\0');
            if (_position != text.Length) throw Error("there is text after the dictionary");
        }
    }
}
