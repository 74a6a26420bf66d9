using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>
/// Refuses null where a document's types do not allow it: in members, which the serializer checks too, and in elements of lists and maps,
/// which it does not. It walks a document by the types that read it, so new types need no change here.
/// </summary>
internal static class JsonNulls
{
    /// <exception cref="ConversionException">The document has a null; the message says where.</exception>
    public static void Check(JsonElement document, JsonTypeInfo type) => Check(document, type, "");

    private static void Check(JsonElement value, JsonTypeInfo type, string place)
    {
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object when value.ValueKind == JsonValueKind.Object:
                var own = Derived(value, type);
                foreach (var (name, member) in Json.Members(value, place))
                {
                    if (own.Properties.FirstOrDefault(p => p.Name == name) is not { } property) continue;
                    if (member.ValueKind != JsonValueKind.Null) Check(member, Of(property.PropertyType), Join(place, name));
                    else if (!property.IsSetNullable) throw property.IsRequired ? new ConversionException($"{Join(place, name)} is null; give a value") : Fault(Join(place, name));
                }

                break;
            case JsonTypeInfoKind.Dictionary when value.ValueKind == JsonValueKind.Object:
                foreach (var (name, member) in Json.Members(value, place)) Element(member, type, Join(place, name));
                break;
            case JsonTypeInfoKind.Enumerable when value.ValueKind == JsonValueKind.Array:
                foreach (var (i, element) in value.EnumerateArray().Index()) Element(element, type, $"{place}[{i}]");
                break;
        }
    }

    private static void Element(JsonElement value, JsonTypeInfo of, string place)
    {
        if (value.ValueKind == JsonValueKind.Null) throw Fault(place);
        Check(value, Of(of.ElementType!), place);
    }

    private static ConversionException Fault(string place) => new($"{place} is null; give a value or omit it");

    private static JsonTypeInfo Derived(JsonElement value, JsonTypeInfo type)
    {
        if (type.PolymorphismOptions is not { } options) return type;
        var kind = Json.TextOf(Json.Optional(value, options.TypeDiscriminatorPropertyName));
        return Of(options.DerivedTypes.First(d => (string?)d.TypeDiscriminator == kind).DerivedType);
    }

    private static JsonTypeInfo Of(Type type) => DescriptionJson.Default.GetTypeInfo(type)!;

    private static string Join(string place, string name) => place.Length == 0 ? name : $"{place}.{name}";
}
