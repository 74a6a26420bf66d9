using System.CommandLine;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Training.Commands;
using SeqRuntime.Training.Native;
using SeqRuntime.Training.Optimization;

LibStdCxx.Prepare();
var root = new Command("training", "Trains SeqRuntime's grapheme-to-phoneme model on CMUdict: bidirectional GRU encoder, additive attention, GRU decoder.")
{
    TrainCommand.Create(),
    EvaluateCommand.Create(),
};
return CommandRunner.Invoke(root, args, Console.Out, Console.Error, fault => fault is DivergenceException or InvalidDataException);
