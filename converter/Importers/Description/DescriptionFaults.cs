using System.Reflection;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Importers.Description;

/// <summary>Describes errors of a description by its members, kinds and lines instead of .NET's types.</summary>
internal static partial class DescriptionFaults
{
    /// <summary>An error of the serializer in terms of the document.</summary>
    public static string Tell(Exception fault)
    {
        var text = fault.Message;
        var where = JsonFaults.Where(fault);
        if (Unmapped().Match(text) is { Success: true } unmapped) return $"{where}the member '{unmapped.Groups[1].Value}' is unknown{Members(unmapped.Groups[2].Value)}{Hint(unmapped.Groups[2].Value, unmapped.Groups[1].Value)}";
        if (Missing().Match(text) is { Success: true } missing) return $"{where}{missing.Groups[1].Value} {(missing.Groups[1].Value.Contains(',') ? "are" : "is")} missing";
        if (text.Contains("allow null values", StringComparison.Ordinal) || text.Contains("allow setting null values", StringComparison.Ordinal)) return $"{where}it is null; give a value";
        if (text.Contains("metadata properties must be JSON strings", StringComparison.Ordinal)) return $"{where}give a string";
        if (Discriminator().Match(text) is { Success: true } kind) return $"{where}kind '{kind.Groups[1].Value}' is unknown; it must be one of {Kinds()}. Export models with other layers as ONNX";
        if (fault is NotSupportedException) return $"{where}a layer needs a 'kind', one of {Kinds()}";
        if (fault.InnerException is InvalidOperationException inner && Token().Match(inner.Message) is { Success: true } wanted) return $"{where}give a {wanted.Groups[1].Value}";
        if (Unconverted().Match(text) is { Success: true } value) return $"{where}give {Needed(value.Groups[1].Value)}";
        return JsonFaults.Tell(fault);
    }

    private static string Members(string type)
    {
        if (typeof(DescriptionFaults).Assembly.GetType(type) is not { } known || DescriptionJson.Default.GetTypeInfo(known) is not { } info) return "";
        var names = info.Properties.Select(p => p.Name).Concat(known.IsAssignableTo(typeof(LayerDescription)) ? ["kind"] : []);
        return $"; the members are {string.Join(", ", names.Order(StringComparer.Ordinal))}";
    }

    /// <summary>Advice for a missing member that people look for.</summary>
    private static string Hint(string type, string member) => (type.Split('.')[^1], member) switch
    {
        (nameof(StateDescription), _) => ". 'initial' names a tensor with a state's first values",
        (nameof(GruLayer) or nameof(LstmLayer) or nameof(GruCellLayer) or nameof(LstmCellLayer), "nonlinearity") => ". Its functions are 'activation' and 'recurrent_activation'",
        (nameof(RnnLayer) or nameof(GruLayer) or nameof(LstmLayer), "sequence_lens") => ". Its lengths are 'lengths', a mask is 'mask'",
        _ => "",
    };

    private static string Kinds() => string.Join(", ", typeof(LayerDescription).GetCustomAttributes<JsonDerivedTypeAttribute>().Select(a => a.TypeDiscriminator));

    private static string Needed(string type) => type switch
    {
        _ when type.EndsWith("[]", StringComparison.Ordinal) => "a list",
        "System.String" => "a string",
        "System.Boolean" => "true or false",
        _ when type.Contains("Int32", StringComparison.Ordinal) => "a whole number",
        _ when type.Contains("Single", StringComparison.Ordinal) || type.Contains("Double", StringComparison.Ordinal) => "a number",
        _ => "an object",
    };

    [GeneratedRegex(@"JSON property '(.*)' could not be mapped to any \.NET member contained in type '([^']*)'")]
    private static partial Regex Unmapped();

    [GeneratedRegex(@"missing required properties including: (.*?)\.(?: Path|$)")]
    private static partial Regex Missing();

    [GeneratedRegex(@"unrecognized type discriminator id '(.*?)'")]
    private static partial Regex Discriminator();

    [GeneratedRegex(@"token type '\w+' as an? (\w+)")]
    private static partial Regex Token();

    [GeneratedRegex(@"could not be converted to (\S+?)\.(?: Path|$)")]
    private static partial Regex Unconverted();
}
