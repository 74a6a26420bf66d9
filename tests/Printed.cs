using System.Diagnostics;

namespace SeqRuntime.Tests;

/// <summary>What a program printed, and its exit code.</summary>
internal sealed record Printed(int Code, string Out, string Error)
{
    /// <summary>Runs a command line of the repository in this process.</summary>
    public static Printed By(Func<TextWriter, TextWriter, int> program)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var code = program(output, error);
        return new Printed(code, output.ToString(), error.ToString());
    }

    /// <summary>Runs a program to its end.</summary>
    public static Printed By(string program, params string[] arguments) => By(new ProcessStartInfo(program, arguments));

    /// <summary>Runs a program to its end. One that runs out of patience is ended, and the test fails.</summary>
    public static Printed By(ProcessStartInfo start, TimeSpan? patience = null)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        var isOver = process.WaitForExit(patience ?? Timeout.InfiniteTimeSpan);
        if (!isOver) process.Kill();
        process.WaitForExit();
        Assert.True(isOver, $"{start.FileName} {string.Join(' ', start.ArgumentList)}: it went on for more than {patience}");
        return new Printed(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>The same after a check that the program succeeded.</summary>
    public Printed Good()
    {
        Assert.True(Code == 0, $"exit code {Code}\n{Out}\n{Error}");
        return this;
    }
}
