using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SeqRuntime.Tests.Sample;

/// <summary>
/// The sample as a native binary, published for x64 without its own instruction-set setting, must run the best kernels of this
/// processor. The environment variable SEQRUNTIME_AOT_SAMPLE names a binary that is already published.
/// </summary>
public sealed class NativeAotTests(ITestOutputHelper output)
{
    private const int MostBytes = 4_000_000;

    [Fact]
    public void The_published_binary_runs_the_best_kernels_of_this_processor()
    {
        var binary = FindOrPublish();
        using var info = JsonDocument.Parse(Run(binary, "--info", "--json"));
        var expected = ExpectedKernels();
        output.WriteLine($"{binary}: kernels {info.RootElement.GetProperty("chosen").GetString()}, expected {expected}");
        Assert.False(info.RootElement.GetProperty("dynamicCode").GetBoolean(), "the program is not a Native AOT binary");
        Assert.Equal(expected, info.RootElement.GetProperty("chosen").GetString());
    }

    [Fact]
    public void The_published_binary_is_small()
    {
        var binary = FindOrPublish();
        var bytes = new FileInfo(binary).Length;
        output.WriteLine($"{binary}: {bytes} bytes");
        Assert.InRange(bytes, 1, MostBytes);
    }

    /// <summary>From the processor's own flags; an x86-64-v3 binary cannot reach AVX-512.</summary>
    private static string ExpectedKernels()
    {
        var flags = File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("flags", StringComparison.Ordinal)).Split(' ');
        return flags.Contains("avx_vnni") ? "avxvnni" : "avx2";
    }

    private static string FindOrPublish()
    {
        if (Environment.GetEnvironmentVariable("SEQRUNTIME_AOT_SAMPLE") is { Length: > 0 } given)
        {
            Assert.True(File.Exists(given), $"SEQRUNTIME_AOT_SAMPLE names {given}, which does not exist");
            return given;
        }

        if (!OperatingSystem.IsLinux() || RuntimeInformation.OSArchitecture != Architecture.X64 || !(File.Exists("/usr/bin/gcc") || File.Exists("/usr/bin/clang")))
        {
            Skips.Because("The sample is published with Native AOT on x64 Linux only", "gcc or clang there; or a binary that SEQRUNTIME_AOT_SAMPLE names");
        }

        return s_published.Value;
    }

    private static readonly Lazy<string> s_published = new(() =>
    {
        var artifacts = Repository.Find("artifacts/aot-test");
        Run("dotnet", "publish", Repository.Find("NativeAotSample"), "-c", "Release", "-r", "linux-x64", "--artifacts-path", artifacts, "-o", Path.Combine(artifacts, "out"), "--nologo");
        return Path.Combine(artifacts, "out", "NativeAotSample");
    });

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: exit code {process.ExitCode}\n{text}\n{error.Result}");
        return text;
    }
}
