return SeqRuntime.Perf.Commands.PerfCommand.Invoke(args, Console.Out, Console.Error);
