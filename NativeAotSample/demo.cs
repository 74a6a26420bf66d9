// The main job in one command: `dotnet run NativeAotSample/demo.cs` converts the project's own pronunciation model and pronounces
// words with it. `dotnet run NativeAotSample/demo.cs real-models` converts two models of other authors, denoises speech with one and
// finds speech with the other. The environment variable SEQRUNTIME_MODELS names their folder.
#:property PublishAot=false
using System.Diagnostics;

var root = Path.GetFullPath(Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, ".."));
var work = Path.Combine("artifacts", "demo");
Directory.CreateDirectory(Path.Combine(root, work));
string Work(string name) => Path.Combine(work, name);

switch (args)
{
    case []:
        return Run("converter", "convert", "training/g2p.json", "-o", Work("g2p.seq"), "--weights", "int8")
            && Run("NativeAotSample", "recurrent", "sequence", "models", "--model", Work("g2p.seq"), "--alignment", Work("align.svg"))
            ? 0
            : 1;
    case ["real-models"]:
        return RealModels();
    default:
        Console.Error.WriteLine("Usage: dotnet run NativeAotSample/demo.cs [real-models]");
        return 2;
}

int RealModels()
{
    var models = Path.GetFullPath(Environment.GetEnvironmentVariable("SEQRUNTIME_MODELS") is { Length: > 0 } folder ? folder : Path.Combine(root, "..", "shared", "models"));
    string Model(string name) => Path.Combine(models, name);
    string[] needed = ["dtln/model_1.onnx", "dtln/model_2.onnx", "silero-vad/silero_vad_16k_op15.onnx", "audio/noisy-speech-16k.wav", "audio/silero-test.wav"];
    var missing = Array.FindAll(needed, file => !File.Exists(Model(file)));
    if (missing.Length > 0)
    {
        Console.Error.WriteLine($"""
            The real models are not in {models}. Missing: {string.Join(", ", missing)}
            Put them there, or set SEQRUNTIME_MODELS to a folder that holds them:
              dtln/model_1.onnx, dtln/model_2.onnx       https://github.com/breizhn/DTLN at 1de1f15a8b5b7e1c44905618ff2ef70ca8277fbc, pretrained_model/
              silero-vad/silero_vad_16k_op15.onnx        https://github.com/snakers4/silero-vad at 806dcba3f0b5d95282d0889a074954a2f8c6397b, src/silero_vad/data/
              audio/silero-test.wav                      the same repository, tests/data/ (16 kHz speech; any speech recording does)
              audio/noisy-speech-16k.wav                 https://github.com/Xiaobin-Rong/gtcrn, test_wavs/ (16 kHz noisy speech; any noisy recording does)
            """);
        return 1;
    }

    return Run("converter", "convert", "mask=" + Model("dtln/model_1.onnx"), "refine=" + Model("dtln/model_2.onnx"), "-o", Work("dtln.seq"), "--weights", "int8")
        && Run("converter", "convert", Model("silero-vad/silero_vad_16k_op15.onnx"), "-o", Work("vad.seq"), "--set", "sr=16000")
        && Run("NativeAotSample", "denoise", "--model", Work("dtln.seq"), Model("audio/noisy-speech-16k.wav"), Work("clean.wav"))
        && Run("NativeAotSample", "vad", "--model", Work("vad.seq"), Model("audio/silero-test.wav"))
        ? 0
        : 1;
}

bool Run(string project, params string[] arguments)
{
    string[] command = ["run", "-c", "Release", "--project", project, "--", .. arguments];
    Console.WriteLine($"\n$ dotnet {string.Join(' ', command)}");
    using var process = Process.Start(new ProcessStartInfo("dotnet", command) { WorkingDirectory = root })!;
    process.WaitForExit();
    return process.ExitCode == 0;
}
