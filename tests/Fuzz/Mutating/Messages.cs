using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace SeqRuntime.Fuzz.Mutating;

/// <summary>Mutations of a protobuf message that keep it valid: fields removed, doubled, exchanged, numbers at their limits, names of other fields.</summary>
internal static class Messages
{
    public static void Mutate(Random random, IMessage root, IMessage donor)
    {
        var all = All(root);
        var others = All(donor);
        var texts = Texts(all);
        for (var change = 1 + random.Next(4); change > 0; change--) Change(random, all[random.Next(all.Count)], all, others, texts);
    }

    private static void Change(Random random, IMessage message, List<IMessage> all, List<IMessage> others, List<string> texts)
    {
        var fields = message.Descriptor.Fields.InDeclarationOrder().Where(f => random.Next(4) == 0 || IsSet(f, message)).ToList();
        if (fields.Count == 0) return;
        var field = fields[random.Next(fields.Count)];
        if (field.IsRepeated)
        {
            var list = (IList)field.Accessor.GetValue(message);
            var at = list.Count == 0 ? 0 : random.Next(list.Count);
            switch (random.Next(5))
            {
                case 0 when list.Count > 0: list.RemoveAt(at); break;
                case 1 when list.Count > 0: list.Insert(at, Copy(list[at]!)); break;
                case 2 when list.Count > 1:
                    var moved = list[at];
                    list.RemoveAt(at);
                    list.Insert(random.Next(list.Count + 1), moved);
                    break;
                default:
                    if (Value(random, field, list.Count > 0 ? list[at] : null, all, others, texts) is not { } value) break;
                    if (list.Count > 0 && random.Next(2) == 0) list[at] = value;
                    else list.Insert(at, value);
                    break;
            }

            return;
        }

        if (random.Next(6) == 0) field.Accessor.Clear(message);
        else if (Value(random, field, field.Accessor.GetValue(message), all, others, texts) is { } value) field.Accessor.SetValue(message, value);
    }

    private static object? Value(Random random, FieldDescriptor field, object? now, List<IMessage> all, List<IMessage> others, List<string> texts)
    {
        switch (field.FieldType)
        {
            case FieldType.Int64:
                return Bytes.Edge(random, now as long? ?? 0);
            case FieldType.UInt64:
                return unchecked((ulong)Bytes.Edge(random, 0));
            case FieldType.Int32:
                return random.Next(2) == 0 ? random.Next(0, 24) : unchecked((int)Bytes.Edge(random, now as int? ?? 0));
            case FieldType.Enum:
                return random.Next(3);
            case FieldType.Float:
                return random.Next(5) switch { 0 => float.NaN, 1 => float.PositiveInfinity, 2 => 0f, 3 => float.MaxValue, _ => (random.NextSingle() - 0.5f) * 10 };
            case FieldType.Double:
                return random.Next(3) switch { 0 => double.NaN, 1 => double.MaxValue, _ => random.NextDouble() };
            case FieldType.String:
                return texts.Count > 0 && random.Next(8) != 0 ? texts[random.Next(texts.Count)] : random.Next(2) == 0 ? "" : $"new{random.Next(4)}";
            case FieldType.Bytes:
                var bytes = now is ByteString held ? held.ToByteArray() : [];
                return ByteString.CopyFrom(random.Next(3) == 0 && texts.Count > 0 ? System.Text.Encoding.UTF8.GetBytes(texts[random.Next(texts.Count)]) : Bytes.Mutate(random, bytes, bytes));
            case FieldType.Message:
                var from = random.Next(2) == 0 ? all : others;
                var fitting = from.Where(m => m.Descriptor == field.MessageType).ToList();
                return fitting.Count == 0 ? null : Copy(fitting[random.Next(fitting.Count)]);
            default:
                return null;
        }
    }

    private static bool IsSet(FieldDescriptor field, IMessage message) => field.IsRepeated ? ((IList)field.Accessor.GetValue(message)).Count > 0 : field.HasPresence && field.Accessor.HasValue(message);

    private static object Copy(object value) => value is IMessage message ? message.Descriptor.Parser.ParseFrom(message.ToByteArray()) : value;

    private static List<IMessage> All(IMessage root)
    {
        var all = new List<IMessage>();
        var waiting = new Stack<IMessage>([root]);
        while (waiting.TryPop(out var message))
        {
            all.Add(message);
            foreach (var field in message.Descriptor.Fields.InDeclarationOrder().Where(f => f.FieldType == FieldType.Message && IsSet(f, message)))
            {
                if (field.Accessor.GetValue(message) is IList list)
                {
                    foreach (IMessage inner in list) waiting.Push(inner);
                }
                else
                {
                    waiting.Push((IMessage)field.Accessor.GetValue(message));
                }
            }
        }

        return all;
    }

    private static List<string> Texts(List<IMessage> all)
    {
        var texts = new HashSet<string>();
        foreach (var message in all)
        {
            foreach (var field in message.Descriptor.Fields.InDeclarationOrder().Where(f => f.FieldType == FieldType.String && IsSet(f, message)))
            {
                if (field.Accessor.GetValue(message) is IList list) texts.UnionWith(list.Cast<string>());
                else texts.Add((string)field.Accessor.GetValue(message));
            }
        }

        return [.. texts.Order(StringComparer.Ordinal)];
    }
}
