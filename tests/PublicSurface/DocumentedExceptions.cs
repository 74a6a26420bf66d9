using System.Xml.Linq;

namespace SeqRuntime.Tests.PublicSurface;

/// <summary>The exceptions that comments of the runtime's public members name, read from the built documentation.</summary>
internal sealed class DocumentedExceptions
{
    private readonly Dictionary<string, HashSet<string>> _named = [];
    private readonly Dictionary<string, HashSet<string>> _inherited = [];

    public DocumentedExceptions()
    {
        var path = Path.ChangeExtension(typeof(SeqModel).Assembly.Location, ".xml");
        foreach (var member in XDocument.Load(path).Descendants("member"))
        {
            var name = NameOf(member.Attribute("name")!.Value);
            Set(_named, name).UnionWith(member.Elements("exception").Select(e => e.Attribute("cref")!.Value[2..]));
            Set(_inherited, name).UnionWith(member.Elements("inheritdoc").Select(e => e.Attribute("cref")).OfType<XAttribute>().Select(c => NameOf(c.Value)));
        }
    }

    /// <summary>Whether the comment of a member (type and name, any overload) names the exception or one of its base types.</summary>
    public bool Names(string member, Exception fault)
    {
        var names = Set(_named, member).Concat(Set(_inherited, member).SelectMany(other => Set(_named, other))).ToHashSet();
        for (var type = fault.GetType(); type is not null; type = type.BaseType)
        {
            if (names.Contains(type.FullName!)) return true;
        }

        return false;
    }

    /// <summary>Makes SeqSession.SetSize of M:SeqRuntime.SeqSession.SetSize(System.String,System.Int32).</summary>
    private static string NameOf(string id)
    {
        var name = id[2..].Split('(', '~')[0];
        var parts = name.Split('.');
        return parts.Length < 2 ? name : $"{parts[^2]}.{parts[^1].Split('`')[0]}";
    }

    private static HashSet<string> Set(Dictionary<string, HashSet<string>> sets, string key)
    {
        if (!sets.TryGetValue(key, out var set)) sets.Add(key, set = []);
        return set;
    }
}
