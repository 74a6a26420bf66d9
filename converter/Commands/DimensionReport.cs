using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Commands;

/// <summary>A dimension: a number, or an expression in the graph's symbols. In JSON a number or a string.</summary>
[JsonConverter(typeof(Json))]
internal readonly record struct DimensionReport
{
    public DimensionReport(int size) => Size = size;

    public DimensionReport(string symbol) => Symbol = symbol;

    public int Size { get; }

    public string? Symbol { get; }

    public static DimensionReport From(IrDim dimension) => dimension.Symbol is { } symbol ? new DimensionReport(symbol) : new DimensionReport(dimension.Size);

    public override string ToString() => Symbol ?? Size.ToString(CultureInfo.InvariantCulture);

    internal sealed class Json : JsonConverter<DimensionReport>
    {
        public override DimensionReport Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Number ? new DimensionReport(reader.GetInt32()) : new DimensionReport(reader.GetString()!);

        public override void Write(Utf8JsonWriter writer, DimensionReport value, JsonSerializerOptions options)
        {
            if (value.Symbol is { } symbol) writer.WriteStringValue(symbol);
            else writer.WriteNumberValue(value.Size);
        }
    }
}
