using System.Text.RegularExpressions;

namespace SeqRuntime.Tests.Arrows;

/// <summary>
/// The rooms of the runtime and the converter, and the allowed uses between them. Uses are read from the sources' <c>using</c> lines and
/// qualified names. An unused using is a build error, so each line is a real use.
/// </summary>
public sealed partial class ArrowTests
{
    /// <summary>For each room of the runtime, the rooms that it may use. An inner room uses the outer, not the reverse. The namespace above them holds the public types.</summary>
    private static readonly Dictionary<string, string[]> s_runtime = new()
    {
        ["Format"] = [],
        ["Kernels"] = ["Format"],
        ["Kernels.Mathematics"] = ["Format", "Kernels"],
        ["Kernels.Products"] = ["Format", "Kernels", "Kernels.Mathematics"],
        ["Kernels.Sets"] = ["Format", "Kernels", "Kernels.Mathematics", "Kernels.Products"],
        ["Operators"] = ["Format", "Kernels"],
        ["Sessions"] = ["Format", "Kernels", "Operators"],
        ["Sessions.Threading"] = ["Format", "Operators", "Sessions"],
        ["Sessions.Planning"] = ["Format", "Kernels", "Operators", "Sessions", "Sessions.Threading"],
        ["Sessions.Streams"] = ["Kernels", "Operators", "Sessions", "Sessions.Planning"],
        ["Verifying"] = ["Format"],
        ["Decoding"] = ["Format", "Kernels", "Kernels.Mathematics", "Sessions", "Sessions.Threading"],
    };

    /// <summary>The same for the converter. The namespace above its rooms holds options, results and exceptions.</summary>
    private static readonly Dictionary<string, string[]> s_converter = new()
    {
        ["IO"] = [],
        ["Kinds"] = ["IO"],
        ["Graph"] = [],
        ["Evaluation"] = ["Graph"],
        ["Decomposition"] = ["Graph", "Evaluation"],
        ["Fusion"] = ["Graph", "Evaluation"],
        ["Recurrence"] = ["Graph", "Evaluation", "Fusion"],
        ["Resolving"] = ["Graph", "Evaluation", "Decomposition", "Fusion", "Recurrence"],
        ["States"] = ["Graph", "Evaluation", "Resolving"],
        ["Quantization"] = ["Graph"],
        ["Lowering"] = ["Graph", "Evaluation", "Fusion", "Quantization"],
        ["Samples"] = ["IO"],
        ["Measuring"] = ["Samples"],
        ["Weights"] = ["IO", "Kinds", "Graph"],
        ["Importers"] = ["Graph", "Weights"],
        ["Importers.Description"] = ["IO", "Kinds", "Graph", "Weights", "Importers"],
        ["Importers.Keras"] = ["IO", "Kinds", "Graph", "Decomposition", "Resolving", "Weights", "Importers", "Importers.Description"],
        ["Importers.Audio"] = ["IO", "Kinds", "Graph", "Weights", "Importers", "Importers.Description"],
        ["Importers.Onnx"] = ["IO", "Graph", "Decomposition", "Resolving", "Weights", "Importers"],
        ["Importers.TensorFlowLite"] = ["IO", "Graph", "Decomposition", "Weights", "Importers", "Importers.Description"],
        ["Importers.TorchScript"] = ["Graph", "Weights", "Importers", "Importers.Description"],
        ["Pipeline"] = ["IO", "Kinds", "Graph", "Decomposition", "Resolving", "States", "Quantization", "Lowering", "Samples", "Measuring", "Weights", "Importers", "Importers.Description", "Importers.Keras", "Importers.Audio", "Importers.Onnx", "Importers.TensorFlowLite", "Importers.TorchScript"],
        ["Diagnosing"] = ["IO", "Kinds", "Graph", "Decomposition", "States", "Weights", "Importers", "Importers.Description", "Importers.Keras", "Importers.Audio", "Importers.Onnx", "Importers.TensorFlowLite", "Pipeline"],
        ["Scaffolding"] = ["Weights"],
        ["Upgrading"] = [],
        ["Pictures"] = [],
        ["Commands"] = ["IO", "Kinds", "Graph", "Quantization", "Samples", "Measuring", "Weights", "Importers", "Importers.Description", "Pipeline", "Diagnosing", "Scaffolding", "Upgrading", "Pictures"],
    };

    public static TheoryData<string> Projects => ["runtime", "converter"];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Rooms_use_only_what_they_may(string project)
    {
        var rooms = RoomsOf(project);
        var forbidden = Arrows(project).Where(a => a.To != a.From && !rooms[a.From].Contains(a.To)).Select(a => $"{a.File}: {a.From} may not use {a.To}");
        Assert.Empty(forbidden);
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Every_listed_arrow_is_used(string project)
    {
        var used = Arrows(project).Select(a => (a.From, a.To)).ToHashSet();
        var idle = RoomsOf(project).SelectMany(room => room.Value.Select(to => (From: room.Key, To: to))).Where(arrow => !IsParent(arrow.To, arrow.From) && !used.Contains(arrow)).ToList();
        Assert.True(idle.Count == 0, $"unused: {string.Join(", ", idle)}");
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Arrows_go_one_way(string project)
    {
        // A room is listed after all rooms that it may use.
        var before = new HashSet<string>();
        foreach (var (room, uses) in RoomsOf(project))
        {
            Assert.True(before.IsSupersetOf(uses), $"{room} is listed before a room that it uses");
            before.Add(room);
        }
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Each_file_stands_in_its_room(string project)
    {
        var rooms = RoomsOf(project);
        var root = RootOf(project);
        foreach (var (file, text) in Sources(project))
        {
            var folder = Path.GetDirectoryName(file)!.Replace(Path.DirectorySeparatorChar, '.');
            if (folder.Length > 0) Assert.True(RoomOf(rooms, folder) is not null, $"{file} is in no room");
            var space = Namespace().Match(text).Groups[1].Value;
            if (space.Length > 0 && space != root) Assert.True(RoomOf(rooms, space[(root.Length + 1)..]) == RoomOf(rooms, folder), $"{file} has the namespace {space}");
        }
    }

    [Fact]
    public void Format_kernels_and_operators_do_not_name_sessions()
    {
        foreach (var (file, text) in Sources("runtime").Where(s => s.File.StartsWith("Format", StringComparison.Ordinal) || s.File.StartsWith("Kernels", StringComparison.Ordinal) || s.File.StartsWith("Operators", StringComparison.Ordinal)))
            Assert.False(PublicFace().Match(CodeOf(text)) is { Success: true }, $"{file} names the public face");
    }

    /// <summary>Models, sessions and streams are there without decoders, which are made by extension methods.</summary>
    [Fact]
    public void The_core_does_not_know_decoding()
    {
        var names = Sources("runtime").ToLookup(s => s.File.StartsWith("Decoding", StringComparison.Ordinal), s => (s.File, Found: DecodingRoom().IsMatch(CodeOf(s.Text))));
        Assert.All(names[true], source => Assert.True(source.Found, source.File));
        Assert.All(names[false], source => Assert.False(source.Found, source.File));
    }

    [Fact]
    public void Forbidden_arrows_are_seen()
    {
        var rooms = RoomsOf("runtime");
        var types = new Dictionary<string, HashSet<string>> { ["Operators"] = ["Tensor"], ["Sessions.Streams"] = ["StreamNode"] };
        Assert.Equal(["Operators"], ArrowsOf("using SeqRuntime.Operators;\nnamespace SeqRuntime.Format;", "SeqRuntime", rooms, types));
        Assert.Equal(["Operators"], ArrowsOf("namespace SeqRuntime.Format;\nclass A { Operators.Tensor? B; }", "SeqRuntime", rooms, types));
        Assert.Equal(["Sessions"], ArrowsOf("using static SeqRuntime.Sessions.Arena;", "SeqRuntime", rooms, types));
        Assert.Equal(["Sessions.Streams"], ArrowsOf("using SeqRuntime.Sessions.Streams;\nnamespace SeqRuntime.Sessions;", "SeqRuntime", rooms, types));
        Assert.Equal(["Sessions.Streams"], ArrowsOf("namespace SeqRuntime.Sessions.Planning;\nclass A { Streams.StreamNode? B; }", "SeqRuntime", rooms, types));
        Assert.Equal(["Operators"], ArrowsOf("namespace SeqRuntime.Format;\nclass A { string B = $\"{Operators.Tensor.C}.\"; }", "SeqRuntime", rooms, types));
        Assert.Empty(ArrowsOf("namespace SeqRuntime.Format;\n// Operators.Tensor\nclass A { string B = \"Operators.Tensor\"; }", "SeqRuntime", rooms, types));
    }

    private static Dictionary<string, string[]> RoomsOf(string project) => project == "runtime" ? s_runtime : s_converter;

    private static string RootOf(string project) => project == "runtime" ? "SeqRuntime" : "SeqRuntime.Converter";

    private static bool IsParent(string room, string of) => of.StartsWith(room + ".", StringComparison.Ordinal);

    /// <summary>The room of a folder or namespace within the project: the longest room name that it begins with.</summary>
    private static string? RoomOf(Dictionary<string, string[]> rooms, string inner) =>
        rooms.Keys.Where(room => inner == room || inner.StartsWith(room + ".", StringComparison.Ordinal)).MaxBy(room => room.Length);

    private static IEnumerable<(string File, string From, string To)> Arrows(string project)
    {
        var (rooms, root) = (RoomsOf(project), RootOf(project));
        var sources = Sources(project).ToList();
        var types = sources.GroupBy(s => RoomOf(rooms, Path.GetDirectoryName(s.File)!.Replace(Path.DirectorySeparatorChar, '.')) ?? "").ToDictionary(g => g.Key, g => g.SelectMany(s => Declared().Matches(s.Text)).Select(m => m.Groups[1].Value).ToHashSet());
        foreach (var (file, text) in sources)
        {
            if (RoomOf(rooms, Path.GetDirectoryName(file)!.Replace(Path.DirectorySeparatorChar, '.')) is not { } from) continue;
            foreach (var to in ArrowsOf(text, root, rooms, types)) yield return ($"{project}/{file}", from, to);
        }
    }

    /// <summary>Rooms that a source uses.</summary>
    private static List<string> ArrowsOf(string text, string root, Dictionary<string, string[]> rooms, Dictionary<string, HashSet<string>> types)
    {
        var code = CodeOf(text);
        var used = Using().Matches(code).Select(m => m.Groups[1].Value).Where(space => space.StartsWith(root + ".", StringComparison.Ordinal)).Select(space => RoomOf(rooms, space[(root.Length + 1)..])).OfType<string>();
        var space = Namespace().Match(text).Groups[1].Value.Split('.');
        string[] around = ["", .. Enumerable.Range(1, space.Length).Select(i => string.Join('.', space[..i])).Where(outer => outer.StartsWith(root + ".", StringComparison.Ordinal)).Select(outer => outer[(root.Length + 1)..] + ".")];
        var named = Qualified().Matches(code).Select(m => m.Groups[1].Value.Split('.')).SelectMany(path => Enumerable.Range(1, path.Length - 1).SelectMany(i => around.Select(outer => (Room: outer + string.Join('.', path[..i]), Type: path[i])))).Where(m => types.GetValueOrDefault(m.Room)?.Contains(m.Type) == true).Select(m => m.Room);
        return [.. used.Concat(named).Distinct()];
    }

    internal static IEnumerable<(string File, string Text)> Sources(string project)
    {
        var folder = Repository.Find(project);
        foreach (var file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var relative = Path.GetRelativePath(folder, file);
            if (relative.Split(Path.DirectorySeparatorChar)[0] is "bin" or "obj") continue;
            yield return (relative, File.ReadAllText(file));
        }
    }

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    /// <summary>The namespace, or the type of a <c>using static</c> or an alias.</summary>
    [GeneratedRegex(@"^(?:global )?using (?:static |\w+ = )?([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex Using();

    /// <summary>A type by its namespace, or by the part of it that is the room's name.</summary>
    [GeneratedRegex(@"(?<![\w.])(?:SeqRuntime\.)?(?:Converter\.)?([A-Z]\w*(?:\.[A-Z]\w*)+)")]
    private static partial Regex Qualified();

    [GeneratedRegex(@"^(?:public|internal)[\w\s]*?\b(?:class|struct|interface|enum|record struct|record)\s+(\w+)", RegexOptions.Multiline)]
    private static partial Regex Declared();

    /// <summary>The room itself: in a namespace, a using, or before a type.</summary>
    [GeneratedRegex(@"\bDecoding\b")]
    private static partial Regex DecodingRoom();

    [GeneratedRegex(@"\b(?:SeqModel|SeqSession|SeqStreams|SeqDecoder|FrameDecoder)\b(?!Options)")]
    private static partial Regex PublicFace();

    /// <summary>A source without comments and strings. Interpolated strings stay, because their holes are code.</summary>
    private static string CodeOf(string text) => NoCode().Replace(text, m => m.Value[0] == '$' ? m.Value : " ");

    /// <summary>Comments and strings.</summary>
    [GeneratedRegex("""//[^\n]*|\$?"(?:\\.|[^"\\\n])*" """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex NoCode();
}
