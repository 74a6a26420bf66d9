namespace SeqRuntime.Tests;

/// <summary>The measurement of all garbage tests can fail, and ignores only allocations that end.</summary>
public class AllocationTests
{
    // Enough calls and pauses for both stages of compilation.
    private const int Rounds = 40;

    // Nothing reads this field, but objects stored here escape: the JIT would put others on the stack.
    private static object? s_escaped;

    [Fact]
    public void The_smallest_object_at_every_call_is_found()
    {
        var fault = Assert.ThrowsAny<Exception>(() => Allocation.None(() => s_escaped = new object(), Rounds));
        Assert.Contains($"at least {2 * 3 * nint.Size} managed bytes", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_array_at_every_second_call_is_found()
    {
        var calls = 0;
        Assert.ThrowsAny<Exception>(() => Allocation.None(() =>
        {
            if (calls++ % 2 == 0) s_escaped = new byte[1];
        }, Rounds));
    }

    [Fact]
    public void A_box_at_every_call_is_found()
    {
        var number = 0;
        Assert.ThrowsAny<Exception>(() => Allocation.None(() => s_escaped = number++, Rounds));
    }

    [Fact]
    public void Allocations_that_end_are_ignored()
    {
        var calls = 0;
        Allocation.None(() =>
        {
            if (calls++ < 60) s_escaped = new byte[100];
        });
        Assert.Equal(62, calls);
        GC.KeepAlive(s_escaped);
    }
}
