using BenchmarkDotNet.Running;
using SeqRuntime.Perf.Benchmarks;
using SeqRuntime.Perf.Torch;
using SeqRuntime.Training.Native;
using TorchSharp;

LibStdCxx.Prepare();
torch.set_num_threads(1);
var arguments = args.Length == 0 ? ["--filter", "*"] : args;
return BenchmarkSwitcher.FromTypes([typeof(TorchLstmBenchmarks), typeof(TorchGruBenchmarks)]).Run(arguments, Suites.Config).Any() ? 0 : 1;
