using NativeAotSample;
using NativeAotSample.Audio;
using SeqRuntime;

var clock = new StartClock();
try
{
    var arguments = new Arguments(args);
    switch (arguments.Command)
    {
        case "pronounce":
            if (arguments.Words.Count == 0 && !Console.IsInputRedirected) Console.Error.WriteLine("Type one word on each line; Ctrl+D ends.");
            return PronounceCommand.Run(arguments, Console.In, Console.Out, Console.Error);
        case "denoise":
            DenoiseCommand.Run(arguments, clock);
            return 0;
        case "vad":
            VadCommand.Run(arguments, clock);
            return 0;
        case "verify":
            return VerifyCommand.Run(arguments);
        case "info":
            InfoCommand.Run(arguments);
            return 0;
        default:
            Console.WriteLine(Arguments.Usage);
            return 0;
    }
}
catch (UsageException fault)
{
    Console.Error.WriteLine(fault.Message);
    return 2;
}
catch (Exception fault) when (fault is WaveException or SeqFormatException or SeqDataException or ArgumentException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(fault.Message);
    return 1;
}
