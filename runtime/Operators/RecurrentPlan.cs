using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>What one direction of a recurrent layer does at one size, and its places in scratch. Immutable: another size gets another plan.</summary>
internal readonly unsafe struct RecurrentPlan
{
    /// <summary>Rows of X in one input product: enough to read W rarely, few enough to stay in cache.</summary>
    private const int ChunkRows = 128;

    /// <summary>Most weights of a matrix that each run converts to fp32 for whole steps, if it has some steps, and if it has only one.</summary>
    private const int MostUnpacked = 16 << 10;
    private const int MostUnpackedOnce = 4 << 10;

    /// <param name="pass">The direction, whose X has the shape of now.</param>
    /// <param name="scratch">The node's scratch; null to learn how many <see cref="Bytes"/> it needs.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RecurrentPlan(RecurrentPass pass, byte* scratch)
    {
        var (layer, shape, w, r) = (pass.Layer, pass.X.Shape, pass.Input, pass.Recurrence);
        Scratch = scratch;
        Steps = shape[0];
        Batch = shape[1];
        ChunkSteps = Batch >= ChunkRows ? 1 : Math.Min(Steps, ChunkRows / Math.Max(Batch, 1));
        var rows = Math.Min((long)Steps * Batch, Math.Max(Batch, ChunkRows));
        var places = layer.PlacesFor(Batch);
        var cursor = new ScratchCursor(scratch);
        Gates = cursor.Floats(rows, layer.PackedRows);
        State = cursor.Floats(Batch, pass.StateSize);
        if (layer.Form.HasCell) Cell = cursor.Floats(Batch, layer.Hidden);
        Recurrent = cursor.Floats(places.RecurrentRows, layer.PackedRows);
        Spare = cursor.Floats(places.SpareRows, layer.Hidden);
        Planes = cursor.Floats(places.Planes, layer.PaddedHidden);
        Clip = cursor.Floats(3 * KernelSet.Tile);
        var product = w is null ? 0 : PackedProduct.ScratchBytes(w, rows);
        if (r is not null) product = Math.Max(product, PackedProduct.ScratchBytes(r, Batch));
        if (pass.Projection is { } projection) product = Math.Max(product, PackedProduct.ScratchBytes(projection, Batch));
        Product = cursor.Take(product);
        InputProduct = cursor.Take(w is null ? 0 : PackedProduct.ScratchBytes(w, 1));
        if (r is { Layout.IsInteger: true }) QuantizedState = (sbyte*)cursor.Take(KernelSet.QuantizedStride(r.Layout.Columns));
        if (IsUnpacked(r)) UnpackedRecurrence = cursor.Floats(r!.Layout.PaddedRows, r.Layout.Columns);
        if (IsUnpacked(w)) UnpackedInput = cursor.Floats(w!.Layout.PaddedRows, w.Layout.Columns);
        Bytes = cursor.Bytes;

        Mode = pass.BestMode == RecurrentMode.WholeStep && !HasWholeSteps(pass, Steps) ? RecurrentMode.Fused : pass.BestMode;
        var isOne = Steps == 1 && Batch == 1 && pass.FirstState is not null;
        if (pass.Lengths is not null) Run = RecurrentRun.Ragged;
        else if (isOne && Mode == RecurrentMode.WholeStep && (!layer.Form.HasCell || pass.FirstCell is not null)) Run = RecurrentRun.OneKernel;
        else if (isOne && layer.Form.BeginsWithRecurrence) Run = RecurrentRun.OneStep;
        HasInputs = Run == RecurrentRun.OneKernel && w is not null && TakesBoth(w, r!);
        Unpacks = Mode == RecurrentMode.WholeStep && (Batch == 1 || Run == RecurrentRun.Ragged);
    }

    public RecurrentMode Mode { get; }

    public RecurrentRun Run { get; }

    /// <summary>The kernel of the only step takes W beside R. Otherwise W·x comes before it, as the bias.</summary>
    public bool HasInputs { get; }

    public int Steps { get; }

    public int Batch { get; }

    /// <summary>Steps of one input product.</summary>
    public int ChunkSteps { get; }

    /// <summary>The scratch that all places lie in.</summary>
    public byte* Scratch { get; }

    /// <summary>Bytes of scratch.</summary>
    public long Bytes { get; }

    /// <summary>W·x + b of a chunk of steps.</summary>
    public float* Gates { get; }

    /// <summary>The hidden state, where no output holds it.</summary>
    public float* State { get; }

    /// <summary>The cell state, where no output holds it.</summary>
    public float* Cell { get; }

    /// <summary>R·h, where it stays apart from W·x.</summary>
    public float* Recurrent { get; }

    /// <summary>Rows of hidden units for the layer's own use.</summary>
    public float* Spare { get; }

    /// <summary>Planes of single gates, for a cell computed by several kernels.</summary>
    public float* Planes { get; }

    /// <summary>Clip, then -clip and 1 behind it, each at the start of 16 floats: kernels repeat them.</summary>
    public float* Clip { get; }

    public float* NegativeClip => Clip + KernelSet.Tile;

    public float* One => Clip + 2 * KernelSet.Tile;

    /// <summary>Scratch of products.</summary>
    public byte* Product { get; }

    /// <summary>The same of a single row's W·x beside its R·h.</summary>
    public byte* InputProduct { get; }

    /// <summary>The state of a single row in a whole step, if its weights take it quantized.</summary>
    public sbyte* QuantizedState { get; }

    /// <summary>R as fp32, if whole steps take it so and it is stored otherwise.</summary>
    public float* UnpackedRecurrence { get; }

    /// <summary>The same of W.</summary>
    public float* UnpackedInput { get; }

    /// <summary>Whether some rows take whole steps, so that weights which are not fp32 must become so first.</summary>
    public bool Unpacks { get; }

    /// <summary>Kernels of whole steps take these weights, and are faster with them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool HasWholeSteps(RecurrentPass pass, int steps)
    {
        var (w, r) = (pass.Input, pass.Recurrence);
        if (IsInt8(r)) return r!.Layout.PanelRows == WeightLayout.WidestPanel;
        var panel = GateRows.Panel(pass.Layer.Form.Gates);
        return r is not null && pass.Layer.Form.Gates > 1 && TakesFloats(r, steps)
            && IsIn(r, panel) && (w is null || IsIn(w, panel))
            && r.Layout.PanelsBytes + (w is null ? 0 : w.Layout.PanelsBytes) <= pass.Kernels.MostStepBytes;
    }

    /// <summary>Panels of so many rows, or a single one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsIn(Tensor w, int panel) => w.Layout.PanelRows == panel || w.Layout.PaddedRows <= Math.Min(panel, w.Layout.PanelRows);

    /// <summary>A kernel of whole steps takes this W beside this R for a single step.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TakesBoth(Tensor w, Tensor r) => IsInt8(r) ? IsInt8(w) && w.Layout.PanelRows == WeightLayout.WidestPanel : TakesFloats(w, 1);

    /// <summary>fp32, or a small matrix that becomes fp32 without loss.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TakesFloats(Tensor w, int steps) =>
        w.Format == TensorFormat.PackedFloat32 || (IsUnpacked(w) && (steps > 1 || (long)w.Layout.Rows * w.Layout.Columns <= MostUnpackedOnce));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsUnpacked(Tensor? w) => w is { Format: TensorFormat.PackedFloat16 or TensorFormat.PackedBFloat16 } && (long)w.Layout.Rows * w.Layout.Columns <= MostUnpacked;

    /// <summary>int8 with a scale a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsInt8(Tensor? w) => w is { Format: TensorFormat.PackedInt8 or TensorFormat.NarrowInt8 };
}

/// <summary>Scratch that a layer asks for beside the engine's own.</summary>
/// <param name="RecurrentRows">Rows of <see cref="RecurrentPlan.Recurrent"/>.</param>
/// <param name="SpareRows">Rows of <see cref="RecurrentPlan.Spare"/>.</param>
/// <param name="Planes">Planes of <see cref="RecurrentPlan.Planes"/>.</param>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
internal readonly record struct RecurrentPlaces(long RecurrentRows, long SpareRows, long Planes);
