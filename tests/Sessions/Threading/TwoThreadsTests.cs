using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Sessions.Threading;

namespace SeqRuntime.Tests.Sessions.Threading;

/// <summary>A session's second thread changes no bit, allocates nothing and ends with the session.</summary>
public class TwoThreadsTests
{
    private static readonly int[] s_lengths = [70, 1, 33, 70, 5, 64, 2, 47];

    public static TheoryData<string> Shared => [.. StackGraphs.Shared.Keys];

    public static TheoryData<string> Single => [.. StackGraphs.Single.Keys];

    [Theory]
    [MemberData(nameof(Shared))]
    public void The_bits_are_those_of_one_thread(string name)
    {
        foreach (var format in WeightFormats.All.Select(format => format.Number))
        {
            var file = StackGraphs.File(name, format);
            foreach (var path in SeqKernelSets.Supported)
            {
                using var model = SeqModel.Load(file, new SeqModelOptions { KernelSet = path });
                using var one = model.CreateSession(graph: null, Options(1));
                using var two = model.CreateSession(graph: null, Options(2));
                Assert.Equal((1, 2), (one.Threads, two.Threads));
                var random = new Random(6);
                foreach (var length in s_lengths)
                {
                    foreach (var session in new[] { one, two }) session.SetSize(StackGraphs.Length, length);
                    Fill(random, one, length);
                    for (var i = 0; i < one.Inputs.Count; i++) one.InputBytes(i).CopyTo(two.InputBytes(i));
                    one.Run();
                    two.Run();
                    for (var i = 0; i < one.Outputs.Count; i++) Assert.True(one.OutputBytes(i).SequenceEqual(two.OutputBytes(i)), $"output {i}, {length} steps, {path}, {format}");
                    for (var i = 0; i < one.States.Count; i++) Assert.True(one.StateContent(i).SequenceEqual(two.StateContent(i)), $"state {i}, {length} steps, {path}, {format}");
                }

                Assert.True(two.Helper!.Jobs >= 4, "the two threads did not share the long sequences");
            }
        }
    }

    [Theory]
    [InlineData("two LSTMs, views between")]
    [InlineData("a bidirectional LSTM")]
    public void Short_sequences_do_not_wake_the_thread(string name)
    {
        using var model = SeqModel.Load(StackGraphs.File(name, TensorFormat.PackedFloat32));
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { Threads = 2, MaxSizes = { [StackGraphs.Length] = StackGraphs.Longest } });
        session.SetSize(StackGraphs.Length, 10);
        session.Run();
        Assert.Equal((2, 0), (session.Threads, session.Helper!.Jobs));
    }

    [Theory]
    [MemberData(nameof(Single))]
    public void Where_there_is_nothing_to_share_there_is_no_thread(string name)
    {
        using var model = SeqModel.Load(StackGraphs.File(name, TensorFormat.PackedFloat32));
        using var one = model.CreateSession(graph: null, Options(1));
        using var two = model.CreateSession(graph: null, Options(2));
        Assert.Equal(1, two.Threads);
        Assert.Null(two.Helper);
        Assert.Equal(one.MemoryBytes, two.MemoryBytes);
        Fill(new Random(7), one, StackGraphs.Longest);
        one.InputBytes(0).CopyTo(two.InputBytes(0));
        one.Run();
        two.Run();
        Assert.True(one.OutputBytes(0).SequenceEqual(two.OutputBytes(0)));
    }

    [Fact]
    public void One_thread_is_the_default_and_three_are_refused()
    {
        Assert.Equal(1, new SeqSessionOptions().Threads);
        using var model = SeqModel.Load(StackGraphs.File("a bidirectional LSTM", TensorFormat.PackedFloat32));
        foreach (var threads in new[] { 0, 3 }) Assert.Contains("Threads must be 1 or 2", Assert.Throws<ArgumentOutOfRangeException>(() => model.CreateSession(graph: null, Options(threads))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Shared))]
    public void Memory_of_both_threads_is_known_before(string name)
    {
        using var model = SeqModel.Load(StackGraphs.File(name, TensorFormat.PackedInt8));
        var needed = model.GetSessionMemoryBytes(graph: null, Options(2));
        Assert.True(needed > model.GetSessionMemoryBytes(graph: null, Options(1)));
        using var session = model.CreateSession(graph: null, Options(2));
        Assert.Equal(needed, session.MemoryBytes);
    }

    [Fact]
    public void States_move_between_sessions_of_one_and_of_two_threads()
    {
        using var model = SeqModel.Load(StackGraphs.File("states sliced between the layers", TensorFormat.PackedFloat32));
        using var one = model.CreateSession(graph: null, Options(1));
        using var two = model.CreateSession(graph: null, Options(2));
        Fill(new Random(8), two, StackGraphs.Longest);
        two.Run();
        one.CopyStateFrom(two);
        Assert.Equal(two.State<float>(0), one.State<float>(0));
        var saved = new byte[two.StateBytes];
        two.SaveState(saved);
        one.ResetState();
        one.RestoreState(saved);
        Assert.Equal(two.State<float>(0), one.State<float>(0));
        Assert.NotEqual(0, one.State<float>(0)[0]);
    }

    [Fact]
    public void A_length_out_of_range_is_the_same_error_and_the_next_run_is_right()
    {
        using var model = SeqModel.Load(StackGraphs.File("two bidirectional GRUs, rows of different lengths", TensorFormat.PackedFloat32));
        using var one = model.CreateSession(graph: null, Options(1));
        using var two = model.CreateSession(graph: null, Options(2));
        var messages = new List<string>();
        foreach (var session in new[] { one, two })
        {
            Fill(new Random(9), session, StackGraphs.Longest);
            session.Input<int>("lengths")[1] = StackGraphs.Longest + 1;
            messages.Add(Assert.Throws<SeqDataException>(session.Run).Message);
            session.Input<int>("lengths")[1] = StackGraphs.Longest;
            session.Run();
        }

        Assert.Contains("holds the length 71", messages[0], StringComparison.Ordinal);
        Assert.Equal(messages[0], messages[1]);
        Assert.Equal(one.Output<float>(0), two.Output<float>(0));
    }

    [Theory]
    [MemberData(nameof(Shared))]
    public void A_run_allocates_nothing(string name)
    {
        using var model = SeqModel.Load(StackGraphs.File(name, TensorFormat.PackedFloat32));
        using var session = model.CreateSession(graph: null, Options(2));
        Fill(new Random(10), session, StackGraphs.Longest);
        session.Run();
        var least = long.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 10; i++) session.Run();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }

    [Fact]
    public void The_helper_allocates_nothing_parked_or_awake()
    {
        using var helper = new HelperThread();
        var job = new Counting();
        var least = long.MaxValue;
        for (var round = 0; round < 10; round++)
        {
            helper.Start(job);
            helper.Finish();
            var before = job.Bytes;
            if (round % 2 == 0) Thread.Sleep(2);
            helper.Start(job);
            helper.Finish();
            least = Math.Min(least, job.Bytes - before);
        }

        Assert.Equal(0, least);
        Assert.Equal(20, job.Runs);
    }

    [Fact]
    public void What_the_helper_throws_the_caller_throws_and_the_helper_lives()
    {
        using var helper = new HelperThread();
        for (var i = 0; i < 3; i++)
        {
            helper.Start(new Failing());
            Assert.Equal("a fault of the helper", Assert.Throws<ArgumentException>(helper.Finish).Message);
        }

        var job = new Counting();
        helper.Start(job);
        helper.Finish();
        Assert.Equal(1, job.Runs);
    }

    [Fact]
    public void The_thread_ends_with_the_session()
    {
        using var model = SeqModel.Load(StackGraphs.File("a bidirectional LSTM", TensorFormat.PackedFloat32));
        var session = model.CreateSession(graph: null, Options(2));
        var helper = session.Helper!;
        Assert.True(helper.IsAlive);
        session.Run();
        session.Dispose();
        Assert.False(helper.IsAlive);
        Assert.Throws<ObjectDisposedException>(session.Run);
    }

    [Fact]
    public void The_thread_of_a_forgotten_session_ends_too()
    {
        using var model = SeqModel.Load(StackGraphs.File("two LSTMs, views between", TensorFormat.PackedFloat32));
        var helper = Forget(model);
        for (var i = 0; i < 200 && helper.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(10);
        }

        Assert.False(helper.IsAlive);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static HelperThread Forget(SeqModel model)
    {
        var session = model.CreateSession(graph: null, Options(2));
        session.Run();
        return session.Helper!;
    }

    private static SeqSessionOptions Options(int threads) => new() { Threads = threads, LeastSharedWork = 1 << 18, MaxSizes = { [StackGraphs.Length] = StackGraphs.Longest } };

    private static void Fill(Random random, SeqSession session, int length)
    {
        Numbers.Fill(random, session.Input<float>("x"));
        if (session.Inputs.Count < 2) return;
        foreach (ref var l in session.Input<int>("lengths")) l = random.Next(length + 1);
    }

    private sealed class Counting : IShared
    {
        public int Runs { get; private set; }

        public long Bytes { get; private set; }

        public void Help()
        {
            Runs++;
            Bytes = GC.GetAllocatedBytesForCurrentThread();
        }
    }

    private sealed class Failing : IShared
    {
        public void Help() => throw new ArgumentException("a fault of the helper");
    }
}
