return SeqRuntime.Converter.Commands.SeqConvert.Invoke(args, Console.Out, Console.Error);
