using SeqRuntime.Fuzz.Targets;

namespace SeqRuntime.Fuzz.Running;

/// <summary>The same targets under AFL++, by SharpFuzz: the assemblies are instrumented first (afl.sh).</summary>
internal static class Afl
{
    public static int Run(string name)
    {
        using var target = Target.All[name]();
        SharpFuzz.Fuzzer.OutOfProcess.Run(stream =>
        {
            using var input = new MemoryStream();
            stream.CopyTo(input);
            target.Run(input.ToArray());
        });
        return 0;
    }
}
