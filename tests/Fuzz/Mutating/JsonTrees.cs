using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SeqRuntime.Fuzz.Mutating;

/// <summary>Mutations of a JSON document that keep it valid JSON: members removed, doubled, renamed or exchanged, values of other kinds and limits.</summary>
internal static class JsonTrees
{
    private static readonly string[] s_texts = ["", "x", "main", "\ud83d\ude00", "a/b", "..", "../x", "/etc/passwd", "__keras_tensor__", "[:]", "w[1:2]", "w[, 3:]", "NaN", new string('n', 300), "\n", "\0"];

    public static byte[] Mutate(Random random, byte[] seed, byte[] other)
    {
        if (random.Next(4) == 0) return Bytes.Mutate(random, seed, other);
        var tree = JsonNode.Parse(seed)!;
        var donor = JsonNode.Parse(other)!;
        for (var change = 1 + random.Next(4); change > 0; change--)
        {
            var nodes = All(tree);
            Change(random, nodes[random.Next(nodes.Count)], nodes, All(donor));
        }

        var text = tree.ToJsonString(s_options);
        // Escapes and depths that no tree has.
        if (random.Next(64) == 0) text = text.Replace("\"x\"", "\"\\ud800\"", StringComparison.Ordinal);
        if (random.Next(64) == 0) text = text.Replace("[1", new string('[', 70) + "1" + new string(']', 69), StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes(text);
    }

    private static readonly JsonSerializerOptions s_options = new() { MaxDepth = 256 };

    private static void Change(Random random, JsonNode node, List<JsonNode> nodes, List<JsonNode> others)
    {
        JsonNode? Other() => (random.Next(2) == 0 ? nodes[random.Next(nodes.Count)] : others[random.Next(others.Count)]).DeepClone();
        switch (node)
        {
            case JsonObject map when map.Count > 0:
                var (key, value) = map.ElementAt(random.Next(map.Count));
                switch (random.Next(5))
                {
                    case 0: map.Remove(key); break;
                    case 1: map[key] = Value(random, value); break;
                    case 2: map[key] = Small(Other()); break;
                    case 3:
                        map.Remove(key);
                        map[random.Next(2) == 0 ? s_texts[random.Next(s_texts.Length)] : map.Count > 0 ? map.ElementAt(random.Next(map.Count)).Key : "x"] = value;
                        break;
                    default: map[s_texts[random.Next(s_texts.Length)]] = Small(Other()); break;
                }

                break;
            case JsonArray list when list.Count > 0:
                var at = random.Next(list.Count);
                switch (random.Next(5))
                {
                    case 0: list.RemoveAt(at); break;
                    case 1: list[at] = Value(random, list[at]); break;
                    case 2: list.Insert(at, list[at]?.DeepClone()); break;
                    case 3: list[at] = Small(Other()); break;
                    default:
                        var moved = list[at];
                        list.RemoveAt(at);
                        list.Insert(random.Next(list.Count + 1), moved);
                        break;
                }

                break;
            case JsonValue when node.Parent is JsonObject or JsonArray:
                node.ReplaceWith(Value(random, node));
                break;
        }
    }

    /// <summary>Large trees would grow without end if they were inserted into themselves.</summary>
    private static JsonNode? Small(JsonNode? node) => node is null || All(node).Count > 200 ? JsonValue.Create(0) : node;

    private static JsonNode? Value(Random random, JsonNode? near) => random.Next(9) switch
    {
        0 => null,
        1 => JsonValue.Create(random.Next(2) == 0),
        2 => JsonValue.Create(s_texts[random.Next(s_texts.Length)]),
        3 => new JsonObject(),
        4 => new JsonArray(),
        5 => JsonValue.Create(random.NextDouble() * Math.Pow(10, random.Next(-40, 40))),
        6 => JsonValue.Create(random.Next(-3, 20)),
        7 when near is JsonValue value && value.TryGetValue<int>(out var number) => JsonValue.Create(Bytes.Edge(random, number)),
        _ => JsonValue.Create(Bytes.Edge(random, 1)),
    };

    private static List<JsonNode> All(JsonNode root)
    {
        var all = new List<JsonNode>();
        var waiting = new Stack<JsonNode>([root]);
        while (waiting.TryPop(out var node))
        {
            all.Add(node);
            IEnumerable<JsonNode?> inner = node switch { JsonObject map => map.Select(m => m.Value), JsonArray list => list, _ => [] };
            foreach (var next in inner)
            {
                if (next is not null) waiting.Push(next);
            }
        }

        return all;
    }
}
