using System.Runtime.CompilerServices;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;
using SeqRuntime.Sessions.Planning;
using SeqRuntime.Sessions.Threading;

namespace SeqRuntime;

/// <content>What a run does: its nodes, then states and held outputs.</content>
public sealed unsafe partial class SeqSession
{
    /// <summary>The second thread, or null.</summary>
    internal HelperThread? Helper => _lease.Helper;

    /// <summary>Operations of a run at the last inferred sizes.</summary>
    internal double Work => _plan.Work;

    /// <summary>Makes the next run recompute the values that depend only on <see cref="SeqSessionOptions.FixedInputs"/>.</summary>
    internal void FixedInputsChanged() => _areFixedDone = false;

    /// <summary>An input as bytes, whatever its type.</summary>
    internal Span<byte> InputBytes(int index) => Bytes(_inputs[index]);

    /// <summary>An output as bytes, whatever its type.</summary>
    internal ReadOnlySpan<byte> OutputBytes(int index)
    {
        ThrowIfDisposed();
        if (_stale) InferAgain();
        return Bytes(_outputs[index]);
    }

    /// <summary>A state as bytes, whatever its type.</summary>
    internal Span<byte> StateContent(int index) => Bytes(_states[index]);

    private Span<byte> Bytes(Tensor tensor)
    {
        ThrowIfDisposed();
        return _memory.Span<byte>(tensor.Data, tensor.Bytes <= int.MaxValue ? (int)tensor.Bytes : throw SessionError.TooManyBytes(tensor));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Execute(CancellationToken cancellationToken)
    {
        var steps = _areFixedDone ? _movingSteps : _steps;
        var canStop = cancellationToken.CanBeCanceled;
        var at = 0;
        try
        {
            for (; at < steps.Length; at++)
            {
                if (canStop) cancellationToken.ThrowIfCancellationRequested();
                steps[at].Operator.Execute(steps[at].Context);
            }
        }
        catch (ArgumentException fault)
        {
            throw SessionError.Data(_plan.Graph, steps[at].Node, slot: null, fault);
        }

        _areFixedDone = true;
        foreach (ref readonly var copy in _copies.AsSpan()) Buffer.MemoryCopy(copy.From, copy.To, copy.Update.Bytes, copy.Update.Bytes);
    }

    private void InferAgain()
    {
        _lease.Enter();
        try
        {
            Refresh();
        }
        finally
        {
            _lease.Leave();
        }

        GC.KeepAlive(this);
    }

    private void Refresh()
    {
        try
        {
            _plan.InferAgain();
        }
        catch (ArgumentException fault)
        {
            throw SessionError.Misfit(_plan.Graph.Symbols, _sizes, _plan.MaxSizes, fault);
        }

        foreach (ref readonly var held in _held.AsSpan()) held.Fit();
        _stale = _hasGrown = false;
        _areFixedDone = false;
    }

    /// <summary>Gives outputs their own place if they lie in the memory of an input or a state, or outside the session's block.</summary>
    private Held[] HoldOutputs(SessionPlan plan)
    {
        var held = new List<Held>();
        for (var i = 0; i < _outputs.Length; i++)
        {
            if (plan.HeldOffset(i) is not { } offset) continue;
            var value = _outputs[i];
            var copy = new Tensor { Name = value.Name, Format = value.Format, Data = _memory.Start + offset, Capacity = value.Bytes };
            held.Add(new Held(value, copy, plan.IsStill(plan.Graph.Outputs[i])));
            held[^1].Fit();
            _outputs[i] = copy;
        }

        return [.. held];
    }

    /// <summary>
    /// The copies at the end of a run. Until then states keep their old content, even if a node fails. A state that becomes another
    /// state's old content goes through a staging place, which is filled before any state changes.
    /// </summary>
    private StateCopy[] MakeCopies(SessionPlan plan)
    {
        List<StateCopy> staged = [];
        var direct = new List<StateCopy>();
        foreach (var held in _held)
        {
            if (!held.IsStill) staged.Add(new StateCopy(held.Value, held.Value.Data, held.Copy.Data));
        }

        for (var i = 0; i < _states.Length; i++)
        {
            var update = plan.Values[plan.Graph.States[i].Update];
            var state = _states[i];
            if (update.Data == state.Data) continue;
            var from = update.Data;
            if (plan.StagingOffset(i) is { } offset)
            {
                from = _memory.Start + offset;
                staged.Add(new StateCopy(update, update.Data, from));
            }

            direct.Add(new StateCopy(update, from, state.Data));
        }

        return [.. staged, .. direct];
    }

    /// <summary>An output and its own place. The place is filled when a run ends, or, if runs do not change the output, when its shape is inferred.</summary>
    private readonly record struct Held(Tensor Value, Tensor Copy, bool IsStill)
    {
        public void Fit()
        {
            Copy.Set(Value.Type, Value.Shape);
            if (IsStill) Buffer.MemoryCopy(Value.Data, Copy.Data, Value.Bytes, Value.Bytes);
        }
    }

    private readonly record struct Step(Operator Operator, NodeContext Context, int Node);

    private readonly struct StateCopy(Tensor update, byte* from, byte* to)
    {
        public readonly Tensor Update = update;
        public readonly byte* From = from;
        public readonly byte* To = to;
    }
}
