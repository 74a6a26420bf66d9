using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.Extensions.Logging;
using SeqRuntime.Tests.Decoding;
using SeqRuntime.Tests.Importers;
using SeqRuntime.Tests.Importers.AudioFormats;

namespace SeqRuntime.Tests.Docs;

/// <summary>Every C# snippet of the documents compiles and runs unchanged. <see cref="Surroundings"/> has the names that snippets do not declare.</summary>
public sealed class SnippetTests(SnippetTests.Fixture fixture) : IClassFixture<SnippetTests.Fixture>
{
    private const string Usings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using static SeqRuntime.Tests.Docs.Surroundings;";

    private static readonly CSharpParseOptions s_language = new(LanguageVersion.Latest);

    public static TheoryData<string> CSharp => Blocks("csharp");

    public static TheoryData<string> Xml => Blocks("xml");

    [Theory]
    [MemberData(nameof(CSharp))]
    public void A_snippet_compiles_and_runs(string name)
    {
        var snippet = Documents.Blocks[name].Text;
        // A snippet that names one of the library's namespaces must name all that it needs.
        var usings = snippet.Contains("using SeqRuntime;", StringComparison.Ordinal) ? Usings : Usings + " global using SeqRuntime; global using SeqRuntime.Decoding;";
        var path = Path.Combine(fixture.Programs, $"snippet{Guid.NewGuid():N}.dll");
        var compilation = CSharpCompilation.Create(
            Path.GetFileNameWithoutExtension(path),
            [Parse(snippet), Parse(usings), Parse(File.ReadAllText(Repository.Find("tests/Docs/Surroundings.cs")))],
            ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(file => MetadataReference.CreateFromFile(file)),
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        var result = compilation.Emit(path);
        var faults = result.Diagnostics.Where(d => d.Severity >= DiagnosticSeverity.Warning).ToList();
        Assert.True(result.Success && faults.Count == 0, $"{name}:\n{string.Join('\n', faults)}");

        var (exit, output, error) = fixture.Run("exec", "--runtimeconfig", fixture.RuntimeConfig, path);
        Assert.True(exit == 0 && error.Length == 0, $"{name}: exit code {exit}\n{error}");
        if (snippet.Contains("Console.Write", StringComparison.Ordinal)) Assert.NotEmpty(output);
    }

    [Theory]
    [MemberData(nameof(Xml))]
    public void An_XML_snippet_is_well_formed_and_names_files_that_exist(string name)
    {
        var root = XElement.Parse($"<all>{Documents.Blocks[name].Text}</all>");
        var files = root.Elements().SelectMany(e => e.Attributes()).Select(a => a.Value).Where(v => v.StartsWith("../SeqRuntime/", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.True(File.Exists(Repository.Find(file["../SeqRuntime/".Length..])), file));
    }

    /// <summary>The first example of description.md converts and runs, with weights of the shapes that it implies.</summary>
    [Fact]
    public void The_whole_description_converts()
    {
        using var files = new WeightFiles();
        files.Random("rnn.weight_ih_l0", 3 * 64, 40);
        files.Random("rnn.weight_hh_l0", 3 * 64, 64);
        files.Random("rnn.bias_ih_l0", 3 * 64);
        files.Random("rnn.bias_hh_l0", 3 * 64);
        files.Random("head.weight", 10, 64);
        files.Random("head.bias", 10);
        var document = Documents.Blocks.Values.First(block => block.Name.StartsWith("docs/description.md", StringComparison.Ordinal) && block.Language == "json").Text;
        using var model = files.Load(document.Replace("model.safetensors", "weights.npz", StringComparison.Ordinal));
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 3 } });
        session.Run();
        Assert.Equal([1, 3, 10], session.Outputs[0].Shape.ToArray());
    }

    private static TheoryData<string> Blocks(string language) => [.. Documents.Blocks.Values.Where(block => block.Language == language).Select(block => block.Name)];

    private static SyntaxTree Parse(string text) => CSharpSyntaxTree.ParseText(text, s_language);

    /// <summary>A folder with the models that snippets load, and one beside it with their programs.</summary>
    public sealed class Fixture : IDisposable
    {
        private readonly TemporaryFolder _models = new();
        private readonly TemporaryFolder _programs = new();

        public Fixture()
        {
            File.WriteAllBytes(_models["vad.seq"], Vad());
            foreach (var name in (string[])["g2p.seq", "model.seq"]) File.Copy(Repository.Find("NativeAotSample/g2p.seq"), _models[name]);
            File.WriteAllBytes(_models["amp.seq"], AudioRuns.Convert(AudioModels.All.First(content => content.Contains("\"LSTM\", \"config\"", StringComparison.Ordinal))).File);
            File.WriteAllBytes(_models["text.seq"], TextModel.Convert("docs/examples/text.json"));
            File.WriteAllBytes(_models["speech.seq"], SmallFrames.Ctc(seed: 1));
            File.WriteAllBytes(_models["features.bin"], MemoryMarshal.AsBytes(SmallFrames.Features(seed: 1, frames: 6).AsSpan()).ToArray());
            foreach (var assembly in new[] { typeof(SeqModel).Assembly, typeof(ILoggerFactory).Assembly }) File.Copy(assembly.Location, _programs[Path.GetFileName(assembly.Location)]);
            File.WriteAllText(RuntimeConfig, """{ "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "10.0.0" } } }""");
        }

        public string Programs => _programs.Path;

        public string RuntimeConfig => _programs["snippets.runtimeconfig.json"];

        internal Printed Run(params string[] arguments) => Printed.By(new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = _models.Path });

        public void Dispose()
        {
            _models.Dispose();
            _programs.Dispose();
        }

        /// <summary>A model with the inputs and outputs of Silero's: samples of one chunk in, a probability out, and an LSTM's state.</summary>
        private static byte[] Vad()
        {
            using var files = new WeightFiles();
            files.Random("rnn.weight_ih_l0", 4 * 8, 1);
            files.Random("rnn.weight_hh_l0", 4 * 8, 8);
            files.Random("rnn.bias_ih_l0", 4 * 8);
            files.Random("rnn.bias_hh_l0", 4 * 8);
            files.Random("head.weight", 1, 8);
            return files.Convert("""
                { "weights": "weights.npz", "graphs": { "main": {
                  "inputs": { "input": { "shape": [1, "sequence"] } },
                  "states": { "h": { "shape": [1, 1, 8], "update": "h_next" }, "c": { "shape": [1, 1, 8], "update": "c_next" } },
                  "layers": [
                    { "kind": "reshape", "input": "input", "shape": [1, -1, 1], "output": "samples" },
                    { "kind": "lstm", "input": "samples", "initial": "h", "initial_cell": "c", "final": "h_next", "final_cell": "c_next", "weights": "rnn", "output": "all" },
                    { "kind": "reshape", "input": "h_next", "shape": [1, 8], "output": "last" },
                    { "kind": "linear", "input": "last", "weights": "head", "output": "logit" },
                    { "kind": "activation", "function": "sigmoid", "input": "logit", "output": "probability" }],
                  "outputs": { "output": "probability" } } } }
                """).File;
        }
    }
}
