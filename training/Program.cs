using System.CommandLine;
using SeqRuntime.Training.Commands;
using SeqRuntime.Training.Native;

LibStdCxx.Prepare();
var root = new RootCommand("Trains SeqRuntime's grapheme-to-phoneme model on CMUdict: bidirectional GRU encoder, additive attention, GRU decoder.")
{
    TrainCommand.Create(),
    EvaluateCommand.Create(),
};
return root.Parse(args).Invoke();
