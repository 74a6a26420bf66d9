using System.Runtime.CompilerServices;

namespace SeqRuntime.Operators;

/// <summary>Takes one direction of a recurrent layer over its steps: the input products of many steps are one product, then all batch rows step together.</summary>
internal static unsafe class RecurrentDriver
{
    /// <summary>Runs a direction that is planned for its sizes of now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(RecurrentPass pass)
    {
        ref readonly var plan = ref pass.Plan;
        if (plan.Run == RecurrentRun.OneKernel)
        {
            pass.StepOnce();
            return;
        }

        if (plan.Batch == 0) return;
        pass.Unpack();
        if (plan.Mode == RecurrentMode.Composed)
        {
            *plan.Clip = pass.Layer.Clip;
            *plan.NegativeClip = -pass.Layer.Clip;
            *plan.One = 1;
        }

        var isRagged = plan.Run == RecurrentRun.Ragged;
        var d = pass.Direction;
        var count = (nint)plan.Batch * pass.StateSize;
        var y = pass.Y is { } all ? all.Floats + d * count : null;
        var last = pass.LastState is { } final ? final.Floats + d * count : null;
        var state = last != null ? last : plan.State;
        var rows = default(RecurrentRows);
        rows.Count = plan.Batch;
        rows.Gates = plan.Gates;
        rows.X = pass.X.Floats;
        rows.Hidden = Begin(pass.FirstState, d, count, state, isRagged);
        rows.IsHiddenZero = pass.FirstState is null && !isRagged;
        if (pass.Layer.Form.HasCell)
        {
            var cells = (nint)plan.Batch * pass.Layer.Hidden;
            rows.CellOut = pass.LastCell is { } lastCell ? lastCell.Floats + d * cells : plan.Cell;
            rows.Cell = Begin(pass.FirstCell, d, cells, rows.CellOut, isRagged);
        }

        if (plan.Run == RecurrentRun.OneStep)
        {
            rows.HiddenOut = y != null ? y : state;
            if (pass.Input is null || plan.Mode == RecurrentMode.WholeStep) rows.Gates = pass.MultiplyInputs(0, 1);
            Step(pass, rows);
            rows.Hidden = rows.HiddenOut;
            rows.Cell = rows.CellOut;
        }
        else
        {
            RunSteps(pass, ref rows, y, state);
        }

        if (last != null && rows.Hidden != last) RecurrentPass.Copy(rows.Hidden, last, count);
        if (rows.Cell != rows.CellOut) RecurrentPass.Copy(rows.Cell, rows.CellOut, (nint)plan.Batch * pass.Layer.Hidden);
    }

    /// <summary>Where a first state is: its own place, or <paramref name="place"/> if there is none or if rows will end in between.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float* Begin(Tensor? first, int direction, nint count, float* place, bool isRagged)
    {
        var from = first is null ? null : first.Floats + direction * count;
        if (from == null) new Span<float>(place, (int)count).Clear();
        else if (isRagged) RecurrentPass.Copy(from, place, count);
        return from == null || isRagged ? place : from;
    }

    /// <summary>All steps in order; the rows' states are then the last ones.</summary>
    /// <param name="pass">The direction.</param>
    /// <param name="rows">All batch rows and their first states.</param>
    /// <param name="y">Y of the direction at step 0, or null.</param>
    /// <param name="state">Where the hidden state goes if not to Y.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunSteps(RecurrentPass pass, ref RecurrentRows rows, float* y, float* state)
    {
        ref readonly var plan = ref pass.Plan;
        var batch = plan.Batch;
        var (inputs, packed) = ((nint)pass.X.Shape[2], (nint)pass.Layer.PackedRows);
        var isReverse = pass.Layer.IsReverse(pass.Direction);
        var yStep = pass.Layer.Directions * (nint)batch * pass.StateSize;
        var lengths = plan.Run == RecurrentRun.Ragged ? (int*)pass.Lengths!.Data : null;
        var steps = lengths == null ? plan.Steps : Longest(lengths, batch);
        for (var t = steps; y != null && t < plan.Steps; t++) new Span<float>(y + t * yStep, batch * pass.StateSize).Clear();
        for (var done = 0; done < steps;)
        {
            var chunk = Math.Min(plan.ChunkSteps, steps - done);
            var start = isReverse ? steps - done - chunk : done;
            var gates = pass.MultiplyInputs(start * batch, chunk * batch);
            for (var s = 0; s < chunk; s++)
            {
                nint offset = isReverse ? chunk - 1 - s : s;
                var yt = y == null ? null : y + (start + offset) * yStep;
                rows.Gates = gates + offset * batch * packed;
                rows.X = pass.X.Floats + (start + offset) * batch * inputs;
                if (lengths != null)
                {
                    StepSome(pass, rows, start + (int)offset, lengths, yt);
                    continue;
                }

                rows.HiddenOut = yt != null ? yt : state;
                Step(pass, rows);
                rows.IsHiddenZero = false;
                rows.Hidden = rows.HiddenOut;
                rows.Cell = rows.CellOut;
            }

            done += chunk;
        }
    }

    /// <summary>A step of the rows that are long enough, neighbours together; Y is 0 for the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StepSome(RecurrentPass pass, in RecurrentRows all, int t, int* lengths, float* yt)
    {
        nint size = pass.StateSize, inputs = pass.X.Shape[2];
        for (var row = 0; row < all.Count;)
        {
            var end = row;
            while (end < all.Count && lengths[end] > t) end++;
            if (end == row)
            {
                if (yt != null) new Span<float>(yt + row * size, (int)size).Clear();
                row++;
                continue;
            }

            var some = all;
            some.Count = end - row;
            some.Gates += row * (nint)pass.Layer.PackedRows;
            some.X += row * inputs;
            some.Hidden += row * size;
            some.HiddenOut = some.Hidden;
            if (some.Cell != null)
            {
                some.Cell += row * (nint)pass.Layer.Hidden;
                some.CellOut = some.Cell;
            }

            Step(pass, some);
            if (yt != null) RecurrentPass.Copy(some.Hidden, yt + row * size, some.Count * size);
            row = end;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(RecurrentPass pass, in RecurrentRows rows)
    {
        if (rows.Count == 1 && pass.Plan.Mode == RecurrentMode.WholeStep && !rows.IsHiddenZero) pass.StepOne(rows);
        else pass.Layer.Step(pass, rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Longest(int* lengths, int rows)
    {
        var longest = 0;
        for (var i = 0; i < rows; i++) longest = Math.Max(longest, lengths[i]);
        return longest;
    }
}
