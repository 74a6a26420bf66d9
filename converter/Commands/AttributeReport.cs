using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SeqRuntime.Converter.Commands;

/// <summary>A node's attribute: a number, several numbers, or a name. JSON has the same form.</summary>
/// <param name="value">long, float, long[], float[] or string.</param>
[JsonConverter(typeof(Json))]
internal readonly struct AttributeReport(object value)
{
    private object Value { get; } = value;

    public override string ToString() => Value switch
    {
        long[] v => Text.Shape(v),
        float[] v => Text.Shape(v.Select(x => Text.Number(x))),
        float v => Text.Number(v),
        _ => Convert.ToString(Value, CultureInfo.InvariantCulture)!,
    };

    /// <summary>Writes the value in its own type. Nothing reads it back.</summary>
    internal sealed class Json : JsonConverter<AttributeReport>
    {
        public override AttributeReport Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

        public override void Write(Utf8JsonWriter writer, AttributeReport value, JsonSerializerOptions options)
        {
            switch (value.Value)
            {
                case long number: writer.WriteNumberValue(number); break;
                case float number: Write(writer, number); break;
                case long[] numbers: All(writer, numbers, static (to, number) => to.WriteNumberValue(number)); break;
                case float[] numbers: All(writer, numbers, Write); break;
                default: writer.WriteStringValue(value.ToString()); break;
            }
        }

        private static void All<T>(Utf8JsonWriter writer, T[] values, Action<Utf8JsonWriter, T> write)
        {
            writer.WriteStartArray();
            foreach (var value in values) write(writer, value);
            writer.WriteEndArray();
        }

        /// <summary>JSON has no infinity, so reports write it by name.</summary>
        private static void Write(Utf8JsonWriter writer, float number)
        {
            if (float.IsFinite(number)) writer.WriteNumberValue(number);
            else writer.WriteStringValue(number.ToString(CultureInfo.InvariantCulture));
        }
    }
}
