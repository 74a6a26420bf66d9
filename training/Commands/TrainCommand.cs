using System.CommandLine;
using System.Globalization;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Training.Model;
using SeqRuntime.Training.Optimization;
using TorchSharp;

namespace SeqRuntime.Training.Commands;

/// <summary><c>train</c>: trains from random weights, resumes from the folder's checkpoint, or fine-tunes given weights.</summary>
internal static class TrainCommand
{
    private static readonly TrainerOptions s_default = new() { Folder = "" };
    private static readonly G2pSizes s_sizes = new();
    private static readonly Argument<DirectoryInfo> s_folder = new("folder") { Description = "Folder for checkpoints, the best weights and curves. If it has a checkpoint, the run resumes from it." };
    private static readonly Option<int> s_epochs = new("--epochs") { Description = "Passes over the training words.", DefaultValueFactory = _ => s_default.Epochs };
    private static readonly Option<int> s_batch = new("--batch") { Description = "Words in each step.", DefaultValueFactory = _ => s_default.BatchSize };
    private static readonly Option<double> s_rate = new("--rate") { Description = "Highest learning rate.", DefaultValueFactory = _ => s_default.Rate };
    private static readonly Option<double?> s_clipValue = new("--clip-value") { Description = "Clip each element of the gradient to ± this value. Off by default." };
    private static readonly Option<double?> s_clipNorm = new("--clip-norm") { Description = "Scale the gradient down to this norm. Off by default." };
    private static readonly Option<int> s_seed = new("--seed") { Description = "Seed of all random numbers.", DefaultValueFactory = _ => s_default.Seed };
    private static readonly Option<double> s_dropout = new("--dropout") { Description = "Share of features dropped at random.", DefaultValueFactory = _ => s_sizes.Dropout };
    private static readonly Option<int> s_patience = new("--patience") { Description = "Epochs without a better score before the run ends.", DefaultValueFactory = _ => s_default.Patience };
    private static readonly Option<FileInfo?> s_from = new("--from") { Description = "Weights (safetensors) to fine-tune." };
    private static readonly Option<bool> s_quantized = new("--quantized") { Description = "Quantization-aware: round weights and activations as the int8 runtime does." };
    private static readonly Option<int> s_threads = new("--threads") { Description = "Threads of libtorch; 0 for its default." };

    public static Command Create()
    {
        var command = new Command("train", "Train, resume, or fine-tune.") { s_folder, Dictionary.Option, s_epochs, s_batch, s_rate, s_clipValue, s_clipNorm, s_seed, s_dropout, s_patience, s_from, s_quantized, s_threads };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult arguments)
    {
        var words = Dictionary.Read(arguments);
        if (arguments.GetValue(s_threads) is > 0 and var threads) torch.set_num_threads(threads);
        var options = new TrainerOptions
        {
            Folder = arguments.GetRequiredValue(s_folder).FullName,
            Epochs = arguments.GetValue(s_epochs),
            BatchSize = arguments.GetValue(s_batch),
            Rate = arguments.GetValue(s_rate),
            Clipping = new Clipping(arguments.GetValue(s_clipValue), arguments.GetValue(s_clipNorm)),
            Seed = arguments.GetValue(s_seed),
            Patience = arguments.GetValue(s_patience),
            From = arguments.GetValue(s_from)?.FullName,
            Quantized = arguments.GetValue(s_quantized),
            Sizes = s_sizes with { Dropout = arguments.GetValue(s_dropout) },
        };
        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, press) =>
        {
            press.Cancel = true;
            stop.Cancel();
        };
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{words.Training.Count} words to train on, {words.Validation.Count} to validate, {words.Test.Count} reserved for the test."));
        try
        {
            var trainer = new Trainer(words, options, new ProgressPrinter());
            trainer.Run(stop.Token);
            Console.WriteLine($"Best weights: {trainer.Best}");
            return ExitCode.Good;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("Stopped; the same command resumes the run.");
            return ExitCode.Failed;
        }
    }
}
