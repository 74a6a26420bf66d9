using SeqRuntime.Kernels.Sets;

namespace SeqRuntime.Tests.Kernels;

/// <summary>The built and runnable kernel sets, and the choice of one.</summary>
[Collection("environment")]
public sealed class KernelRegistryTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_built_set_is_tested_here_or_said_not_to_be()
    {
        foreach (var line in KernelRegistry.Describe()) output.WriteLine(line);
        var names = KernelRegistry.Runnable.Select(kernels => kernels.Name).ToArray();
        foreach (var name in KernelRegistry.Built.Except(names)) output.WriteLine($"NOT TESTED on this processor: {name} is built but not runnable here");
        Assert.Subset(KernelRegistry.Built.ToHashSet(), names.ToHashSet());
        Assert.Equal("portable", names[^1]);
        Assert.Same(KernelRegistry.Portable, KernelRegistry.Runnable[^1]);
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.Equal(KernelRegistry.Built.Count, KernelRegistry.Describe().Count);
    }

    [Fact]
    public void Runnable_is_ordered_as_built_best_first() =>
        Assert.Equal(KernelRegistry.Built.Where(name => KernelRegistry.Runnable.Any(kernels => kernels.Name == name)), KernelRegistry.Runnable.Select(kernels => kernels.Name));

    [Fact]
    public void The_best_is_chosen_unless_forced()
    {
        using var _ = new Variable(null);
        Assert.Same(KernelRegistry.Runnable[0], KernelRegistry.Choose());
        Assert.Same(KernelRegistry.Portable, KernelRegistry.Choose("portable"));
        Assert.Same(KernelRegistry.Portable, KernelRegistry.Choose("Portable"));
    }

    [Fact]
    public void The_environment_variable_forces_one_and_an_option_wins_over_it()
    {
        using var _ = new Variable("portable");
        Assert.Same(KernelRegistry.Portable, KernelRegistry.Choose());
        Assert.Contains("portable: built, runnable, chosen", KernelRegistry.Describe());
        Assert.Same(KernelRegistry.Runnable[0], KernelRegistry.Choose(KernelRegistry.Runnable[0].Name));
    }

    [Fact]
    public void An_unknown_name_is_refused_with_those_that_run()
    {
        using var _ = new Variable("sse9");
        var error = Assert.Throws<ArgumentException>(() => KernelRegistry.Choose());
        Assert.StartsWith("Kernel set 'sse9' (environment variable SEQRUNTIME_KERNELS) does not exist; use one of ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Parameter", error.Message);
        Assert.Contains("portable", error.Message);
        Assert.Contains("option KernelSet", Assert.Throws<ArgumentException>(() => KernelRegistry.Choose("nothing")).Message);
    }

    [Fact]
    public void A_built_set_that_cannot_run_here_is_refused_as_such()
    {
        foreach (var name in KernelRegistry.Built.Except(KernelRegistry.Runnable.Select(kernels => kernels.Name)))
            Assert.Contains("cannot run", Assert.Throws<ArgumentException>(() => KernelRegistry.Choose(name)).Message);
    }

    private sealed class Variable : IDisposable
    {
        private readonly string? _before = Environment.GetEnvironmentVariable(KernelRegistry.Variable);

        public Variable(string? value) => Environment.SetEnvironmentVariable(KernelRegistry.Variable, value);

        public void Dispose() => Environment.SetEnvironmentVariable(KernelRegistry.Variable, _before);
    }
}

/// <summary>Tests that change an environment variable run alone.</summary>
[CollectionDefinition("environment", DisableParallelization = true)]
public sealed class EnvironmentCollection;
