using System.Diagnostics;
using System.Text.RegularExpressions;
using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.IO;
using SeqRuntime.Perf.Commands;
using SeqRuntime.Tests.Decoding;
using SeqRuntime.Tests.Importers;
using SeqRuntime.Tests.Importers.AudioFormats;

namespace SeqRuntime.Tests.Docs;

/// <summary>
/// Every command of the documents works. Commands of the converter and the sample run here, on the named files or on small substitutes.
/// Commands that take long or need another machine are run by a script of .ci, or only their options are checked. A command without a
/// rule fails.
/// </summary>
public sealed partial class CommandTests(CommandTests.Fixture fixture) : IClassFixture<CommandTests.Fixture>
{
    /// <summary>Commands that scripts of .ci run, and the text in the script that shows it.</summary>
    private static readonly (string Command, string Script, string Evidence)[] s_scripts =
    [
        ("dotnet run NativeAotSample/demo.cs", ".ci/newcomer", "command 'dotnet run'"),
        ("dotnet run NativeAotSample/demo.cs real-models", "NativeAotSample/demo.cs", "case [\"real-models\"]"),
        ("dotnet test -c Release", ".ci/run", "'^    dotnet test[^#]*' README.md"),
        ("dotnet test tests/Training -c Release", ".ci/run", "dotnet test tests/Training -c Release"),
        ("dotnet pack runtime -c Release -o artifacts/packages", ".ci/package-check", "readme 'dotnet pack runtime'"),
        ("dotnet pack converter -c Release -o artifacts/packages", ".ci/package-check", "readme 'dotnet pack converter'"),
        ("dotnet nuget add source \"$PWD/artifacts/packages\" --name SeqRuntime", ".ci/package-check", "readme 'dotnet nuget add source'"),
        ("dotnet add package SeqRuntime --prerelease", ".ci/package-check", "readme 'dotnet add package'"),
        ("dotnet tool install -g SeqRuntime.Converter --prerelease --add-source artifacts/packages", ".ci/package-check", "readme 'dotnet tool install'"),
        ("dotnet publish -c Release -r linux-x64 -p:PublishAot=true -p:InvariantGlobalization=true", ".ci/package-check", "readme 'dotnet publish -c Release -r linux-x64'"),
        ("dotnet publish NativeAotSample -c Release -r linux-x64", ".ci/run", "publish NativeAotSample $rid"),
        ("dotnet publish NativeAotSample -c Release -r linux-arm64", ".ci/run", "publish NativeAotSample $rid"),
        ("dotnet publish NativeAotSample -c Release -r linux-x64 -p:SeqRuntimeNet11=true", ".ci/run", "dotnet publish NativeAotSample -c Release -r linux-x64 $net11"),
        ("qemu-aarch64-static -cpu cortex-a72 -L /usr/aarch64-linux-gnu NativeAotSample --info", ".ci/run", "qemu-aarch64-static -cpu \"$1\" -L /usr/aarch64-linux-gnu"),
        ("qemu-aarch64-static -cpu cortex-a76 -L /usr/aarch64-linux-gnu NativeAotSample --info", ".ci/run", "qemu-aarch64-static -cpu \"$1\" -L /usr/aarch64-linux-gnu"),
        ("bash tests/Fuzz/afl.sh onnx", "tests/Fuzz/afl.sh", "#!"),
    ];

    public static TheoryData<string> Commands => [.. Documents.Commands];

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_command_works(string command)
    {
        if (Array.Find(s_scripts, s => s.Command == command) is { Script: not null } row)
        {
            Assert.Contains(row.Evidence, Documents.Read(row.Script), StringComparison.Ordinal);
            return;
        }

        switch (command.Split(' '))
        {
            case ["seqconvert", .. var arguments]:
                Convert(arguments);
                break;
            case ["dotnet", "run", "-c", "Release", "--project", "converter", "--", .. var arguments]:
                Convert(arguments);
                break;
            case ["dotnet", "run", "-c", "Release", "--project", "NativeAotSample", "--", .. var arguments]:
                fixture.Run(typeof(NativeAotSample.StartClock), arguments);
                break;
            case ["dotnet", "run", "-c", "Release", "--project", "perf", "--", .. var arguments]:
                Perf(arguments);
                break;
            case ["dotnet", "run", "-c", "Release", "--project", "perf/Torch"]:
                Assert.True(File.Exists(Repository.Find("perf/Torch/SeqRuntime.Perf.Torch.csproj")));
                break;
            case ["dotnet", "run", "-c", "Release", "--project", "training", "--", var verb, .. var arguments]:
                Contains(Sources("training"), [$"new Command(\"{verb}\"", .. Options(arguments).Select(option => $"\"{option}\"")]);
                break;
            case ["dotnet", "run", "-c", "Release", "--project", "tests/Fuzz", "--", .. var arguments]:
                Fuzz(arguments);
                break;
            case ["dotnet", "test", "tests", "-c", "Release", "--filter", var filter]:
                Contains(Sources("tests"), [$"class {filter}"]);
                break;
            case ["dotnet", "build", .. var arguments]:
                Assert.All(arguments, argument => Assert.True(argument is "-c" or "Release" or "-p:RunAnalyzers=false" || Directory.Exists(Repository.Find(argument)), $"'{argument}' is not there"));
                break;
            case ["dotnet", "test", "tests", "-c", "Release", "--no-build", "--filter", var filter]:
                Contains(Sources("tests"), [$"class {filter.Trim('"').Split('~')[1]}"]);
                break;
            case ["dotnet", "run", "-c", "Release", "--project", "tests/BitHash", "--", .. var arguments]:
                Contains(Documents.Read("tests/BitHash/Program.cs"), arguments.Select(argument => $"\"{argument}\""));
                break;
            case ["bash", ".ci/run", .. var steps]:
                Assert.All(steps, step => Assert.Matches($@"\bwanted(_long)? {Regex.Escape(step)}\b|"" {Regex.Escape(step)} """, Documents.Read(".ci/run")));
                break;
            case [var verb, .. var arguments] when Help("--help").Contains($"  {verb} ", StringComparison.Ordinal):
                Perf([verb, .. arguments]);
                break;
            default:
                Fuzz(command.Split(' '));
                break;
        }
    }

    /// <summary>Scripts of .ci read commands from the README by their beginnings.</summary>
    [Fact]
    public void The_readme_has_every_command_that_scripts_take_from_it()
    {
        var readme = Documents.Blocks.Values.Where(block => block.Name.StartsWith("README.md", StringComparison.Ordinal)).SelectMany(block => block.Text.Split('\n')).Select(line => line.Trim()).ToList();
        var taken = new[] { ".ci/package-check", ".ci/newcomer" }.SelectMany(script => Taken().Matches(Documents.Read(script))).Select(match => match.Groups[1].Value).Distinct().ToList();
        Assert.True(taken.Count >= 8);
        Assert.All(taken, beginning => Assert.Contains(readme, line => line.StartsWith(beginning, StringComparison.Ordinal)));
    }

    /// <summary>Runs a command of the converter. For incomplete commands and those with placeholders, only the options are checked.</summary>
    private void Convert(string[] arguments)
    {
        var isComplete = !arguments.Contains("…") && !arguments.Skip(1).Any(word => Placeholder().IsMatch(word)) && (arguments[0] is "convert" or "scaffold" ? arguments.Contains("-o") : arguments[0] is "doctor" || arguments.Any(word => word.EndsWith(".seq", StringComparison.Ordinal)));
        if (isComplete)
        {
            fixture.Run(typeof(ConversionException), arguments);
            return;
        }

        using var cli = new Commands.CommandLine();
        cli.Good(arguments[0], "--help");
        Contains(cli.Out, Options(arguments));
    }

    private static void Perf(string[] arguments)
    {
        if (arguments is ["COMMAND"]) return;
        var help = Help(arguments[0], "--help");
        if (arguments[0] != "bench") Contains(help, Options(arguments)); // The options of bench are BenchmarkDotNet's.
    }

    private static void Fuzz(string[] arguments)
    {
        if (arguments is ["COMMAND"]) return;
        var (usage, targets) = (Documents.Read("tests/Fuzz/Running/Commands.cs"), Documents.Read("tests/Fuzz/Targets/Target.cs"));
        var target = arguments is ["one", var named, ..] ? named : arguments[0];
        Assert.True(usage.Contains($"Fuzz {target} ", StringComparison.Ordinal) || targets.Contains($"[\"{target}\"]", StringComparison.Ordinal), $"no rule of {nameof(CommandTests)} says how '{string.Join(' ', arguments)}' is checked");
        Contains(usage, Options(arguments));
    }

    private static string Help(params string[] arguments) => Printed.By((output, error) => PerfCommand.Invoke(arguments, output, error)).Good().Out;

    private static IEnumerable<string> Options(IEnumerable<string> arguments) => arguments.Where(word => word.StartsWith("--", StringComparison.Ordinal));

    private static void Contains(string text, IEnumerable<string> parts) => Assert.All(parts, part => Assert.Contains(part, text, StringComparison.Ordinal));

    private static string Sources(string folder) => string.Join('\n', Directory.EnumerateFiles(Repository.Find(folder), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));

    [GeneratedRegex("(?:readme|command) '([^']+)'")]
    private static partial Regex Taken();

    [GeneratedRegex("^[A-Z]{3,}$")]
    private static partial Regex Placeholder();

    /// <summary>A folder with the files that commands name: real models where there are, small ones for the names that stand for any model.</summary>
    public sealed class Fixture : IDisposable
    {
        /// <summary>Files of real models by their names in the documents. For a .seq file, its source.</summary>
        private static readonly Dictionary<string, string> s_real = new()
        {
            ["model_1.onnx"] = "dtln/model_1.onnx",
            ["model_2.onnx"] = "dtln/model_2.onnx",
            ["dtln.seq"] = "dtln/model_1.onnx",
            ["silero_vad_16k_op15.onnx"] = "silero-vad/silero_vad_16k_op15.onnx",
            ["vad.seq"] = "silero-vad/silero_vad_16k_op15.onnx",
            ["thai2rom_encoder.onnx"] = "thai2rom/thai2rom_encoder.onnx",
            ["thai2rom_decoder.onnx"] = "thai2rom/thai2rom_decoder.onnx",
            ["noisy.wav"] = "audio/noisy-speech-16k.wav",
            ["speech.wav"] = "audio/silero-test.wav",
            ["policy.pt"] = "unitree-g1/motion.pt",
        };

        /// <summary>Four seconds of a recording.</summary>
        private const int MostSound = 128_044;

        private const string Written = "written";

        private readonly TemporaryFolder _folder = new();

        public Fixture()
        {
            Directory.CreateDirectory(_folder[Written]);
            foreach (var name in new[] { "training/g2p.json", "training/g2p.safetensors", "docs/description.schema.json", "docs/decoding.schema.json", "docs/examples/thai2rom.json", "NativeAotSample/g2p.seq" }) _folder.Write(name, File.ReadAllBytes(Repository.Find(name)));
            _folder.Write("g2p.seq", File.ReadAllBytes(Repository.Find("NativeAotSample/g2p.seq")));
            _folder.Write("old.seq", File.ReadAllBytes(Repository.Find("tests/Golden/upgrade/1.0-int8.seq")));
            _folder.Write("speech.seq", SmallFrames.Ctc(seed: 1));
            Save("features.npy", NpyArray.From([6, SmallDecoder.Hidden], SmallFrames.Features(seed: 1, frames: 6)));
            new Commands.PlainCtc(1).WriteOnnx(_folder["model.onnx"]);
            Make("model.seq", "model.onnx", "--golden");
            using (var stream = File.Create(_folder["in.npz"])) NpzFile.Write(stream, [new("x", NpyArray.From([1, 1, SmallDecoder.Hidden], SmallFrames.Features(seed: 1, frames: 1)))]);
            WritePolicy();
            WriteClassifier();
            WriteKeras("keras-model.h5");
            WriteKeras("model.h5");
            WriteTflite("model.tflite");
            WriteDescription();
            WriteTorch();
            WriteKerasFiles();
            foreach (var (name, mark) in new[] { ("amp.nam", "\"LSTM\", \"config\""), ("pedal.json", "model_data"), ("effect.json", "in_shape"), ("voice.rnnn", "rnnoise-nu") }) _folder.Write(name, AudioModels.All.First(model => model.Contains(mark, StringComparison.Ordinal)));
            TextModel.Write(_folder, "docs/examples/text.json");
            Make("text.seq", "docs/examples/text.json");
            _folder.Write("words.txt", "recurrent\nspeech\n"u8.ToArray());
            foreach (var (name, real) in s_real)
            {
                if (Models.Find(real) is not { } path || name.EndsWith(".seq", StringComparison.Ordinal)) continue;
                var content = File.ReadAllBytes(path);
                _folder.Write(name, name.EndsWith(".wav", StringComparison.Ordinal) ? content[..Math.Min(content.Length, MostSound)] : content);
            }

            if (Models.Find("thai2rom/thai2rom_loader_onnx.json") is { } table) _folder.Write(Path.GetFileName(table), File.ReadAllBytes(table));
            if (Models.Find(s_real["dtln.seq"]) is not null) Make("dtln.seq", "mask=model_1.onnx", "refine=model_2.onnx");
            if (Models.Find(s_real["vad.seq"]) is not null) Make("vad.seq", "silero_vad_16k_op15.onnx", "--set", "sr=16000");
        }

        /// <summary>Runs a program of the repository in the folder. Skips the test if a real model is missing.</summary>
        /// <param name="part">A type of the program.</param>
        /// <param name="arguments">Its arguments.</param>
        public void Run(Type part, params string[] arguments)
        {
            foreach (var word in arguments)
            {
                var file = word[(word.IndexOf('=', StringComparison.Ordinal) + 1)..];
                if (s_real.TryGetValue(file, out var real) && !File.Exists(_folder[file]) && arguments[Array.IndexOf(arguments, word) - 1] != "-o") Models.Need(real);
            }

            // Each command writes to its own folder.
            string[] own = [.. arguments.Select((word, i) => i > 0 && arguments[i - 1] == "-o" ? _folder[Path.Combine(Written, Path.GetFileName(word))] : word)];

            // The converter runs in this process, by the full paths of its files: a new process would compile its code again for each command.
            if (part == typeof(ConversionException)) Printed.By((output, error) => SeqConvert.Invoke([.. own.Select(Found)], output, error)).Good();
            else Printed.By(new ProcessStartInfo("dotnet", [part.Assembly.Location, .. own]) { WorkingDirectory = _folder.Path }).Good();
        }

        /// <summary>A word of a command, with the full path of the file that it names, also behind a name and '='.</summary>
        private string Found(string word)
        {
            var at = word.IndexOf('=', StringComparison.Ordinal) + 1;
            return at < word.Length && Path.Exists(_folder[word[at..]]) ? word[..at] + _folder[word[at..]] : word;
        }

        public void Dispose() => _folder.Dispose();

        private void Make(string name, params string[] arguments)
        {
            Run(typeof(ConversionException), ["convert", .. arguments, "-o", name]);
            File.Move(_folder[Path.Combine(Written, name)], _folder[name]);
        }

        private void Save(string name, NpyArray array)
        {
            using var stream = File.Create(_folder[name]);
            NpyWriter.Write(stream, array);
        }

        private void WriteTflite(string name)
        {
            var model = new TfliteBuilder();
            model.Main.Output(model.Main.Op("FULLY_CONNECTED", [model.Main.Input("x", [1, 4]), model.Main.Constant("w", [2, 4], new float[8]), -1], [1, 2], SeqRuntime.Converter.Importers.TensorFlowLite.TfliteType.Float32));
            _folder.Write(name, model.ToArray());
        }

        private void WritePolicy() =>
            _folder.Write("policy.onnx", new OnnxBuilder(13).Input("x", OnnxBuilder.Float, 1, 4).Node("Softmax", "x", "s").Node("Log", "s", "l").Node("Multinomial", "l", "action").Output("action", OnnxBuilder.Int32).Output("s").Model.ToByteArray());

        /// <summary>A classifier of scikit-learn: probabilities, and a label that is looked up.</summary>
        private void WriteClassifier()
        {
            var model = new OnnxBuilder(13).Input("X", OnnxBuilder.Float, "N", 4).Random("w", 1, 1, 4, 3).Constant("classes", [3], 0L, 1L, 2L).Node("MatMul", "X w", "m").Node("Softmax", "m", "probabilities").Node("ArgMax", "m", "i").Node("ArrayFeatureExtractor", "classes i", "label");
            model.Model.Graph.Node[^1].Domain = "ai.onnx.ml";
            model.Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "ai.onnx.ml", Version = 1 });
            _folder.Write("classifier.onnx", model.Output("label", OnnxBuilder.Int64).Output("probabilities").Model.ToByteArray());
        }

        private void WriteKeras(string name)
        {
            var file = new KerasFile(1).Layer("InputLayer", "\"name\": \"in\", \"batch_input_shape\": [null, null, 3]").Layer("Dense", "\"name\": \"dense\", \"units\": 2");
            file.Weight("dense/dense/kernel", 3, 2);
            file.Weight("dense/dense/bias", 2);
            file.Write(_folder[name], file.Sequential);
        }

        private void WriteDescription()
        {
            using var files = new WeightFiles();
            files.Random("out.weight", 2, 3);
            var description = WeightFiles.Graph("[1, 3]", """{ "kind": "linear", "input": "x", "weights": "out", "output": "y" }""");
            files.Convert(description);
            foreach (var name in new[] { "model.json", "weights.npz" }) File.Copy(files.Path(name), _folder[name]);
        }

        /// <summary>The files of the page on Keras.</summary>
        private void WriteKerasFiles()
        {
            WriteKeras("tagger.h5");
            var file = new KerasFile(2) { Version = "3.6.0" }.Layer("LSTM", "\"name\": \"rnn\", \"units\": 4, \"return_sequences\": true, \"recurrent_activation\": \"sigmoid\", \"batch_input_shape\": [null, null, 3]");
            foreach (var (i, shape) in new int[][] { [3, 16], [4, 16], [16] }.Index()) file.Weight($"layers/lstm/cell/vars/{i}", shape);
            file.WriteArchive(_folder["tagger.keras"], file.Sequential);
            file.WriteWeights(_folder["tagger.weights.h5"]);
            _folder.Write("architecture.json", file.Sequential);
            var translator = new KerasFile(61);
            KerasTranslatorTests.WriteClassic(translator, _folder["translator.h5"]);
            _folder.Write("translator.json", Documents.Blocks.Values.First(block => block.Name.StartsWith("docs/from/keras.md", StringComparison.Ordinal) && block.Language == "json").Text);
            Make("translator.seq", "translator.h5", "--decoding", "translator.json");
        }

        /// <summary>The description of the page on PyTorch, and a checkpoint with weights of the shapes that it implies.</summary>
        private void WriteTorch()
        {
            var checkpoint = new TorchCheckpoint();
            (string Name, int[] Shape)[] weights = [("rnn.weight_ih_l0", [256, 40]), ("rnn.weight_hh_l0", [256, 64]), ("rnn.bias_ih_l0", [256]), ("rnn.bias_hh_l0", [256]), ("head.weight", [10, 64]), ("head.bias", [10])];
            _folder.Write("tagger.pt", checkpoint.File(new TorchDict([.. weights.Select((weight, i) => ((object)weight.Name, (object?)checkpoint.Store(Numbers.Random(i, Numbers.Count(weight.Shape)), weight.Shape)))])));
            foreach (var part in (string[])["encoder.pth", "decoder.pth"]) File.Copy(_folder["tagger.pt"], _folder[part]);
            _folder.Write("tagger.json", Documents.Blocks.Values.First(block => block.Name.StartsWith("docs/from/pytorch.md", StringComparison.Ordinal) && block.Language == "json").Text);
        }
    }
}
