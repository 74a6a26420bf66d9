using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Threading;

/// <summary>
/// A forward recurrent layer that runs its sequence in pieces. The state goes from piece to piece through two
/// alternating places. Cutting a sequence into pieces leaves every bit unchanged (<see cref="PackedProduct.PrepareState"/>).
/// </summary>
internal sealed unsafe class LayerInPieces
{
    private const int FirstState = 2;
    private readonly Recurrent _layer;
    private readonly NodeContext _whole;
    private readonly NodeContext _first;
    private readonly NodeContext _next;
    private readonly Tensor _x = new() { Format = TensorFormat.Dense };
    private readonly Tensor? _y;
    private readonly Tensor[] _before;
    private readonly Tensor[] _after;
    private readonly long[] _stateBytes;
    private byte* _kept;

    public LayerInPieces(Recurrent layer, NodeContext whole)
    {
        _layer = layer;
        _whole = whole;
        var states = layer.Form.States;
        _y = whole.OptionalOutput(0) is null ? null : new Tensor { Format = TensorFormat.Dense };
        _before = [.. Enumerable.Range(0, states).Select(_ => new Tensor { Format = TensorFormat.Dense })];
        _after = [.. Enumerable.Range(0, states).Select(_ => new Tensor { Format = TensorFormat.Dense })];
        Tensor?[] outputs = [_y, .. _after];
        var inputs = Enumerable.Range(0, whole.InputCount).Select(whole.Optional).ToArray();
        inputs[0] = _x;
        _first = new NodeContext(whole.Kernels, inputs, outputs);
        inputs = [.. inputs];
        _before.CopyTo(inputs, FirstState);
        _next = new NodeContext(whole.Kernels, inputs, outputs);

        // One piece, at the largest sizes.
        _x.Set(whole.Input(0).Type, whole.Input(0).Shape);
        layer.Infer(_first);
        _stateBytes = Array.ConvertAll(_after, state => Arena.Round(state.Bytes));
        for (var i = 0; i < states; i++) _before[i].Set(_after[i].Type, _after[i].Shape);
        layer.Infer(_next);
        ScratchBytes = Math.Max(layer.ScratchBytes(_first), layer.ScratchBytes(_next));
    }

    public long ScratchBytes { get; }

    /// <summary>Bytes for the states between pieces.</summary>
    public long KeptBytes => 2 * _stateBytes.Sum();

    /// <summary>Current steps and batch rows.</summary>
    public (int Steps, int Batch) Size
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        get => (_whole.Input(0).Shape[0], _whole.Input(0).Shape[1]);
    }

    public Recurrent Layer => _layer;

    public void Bind(byte* kept) => _kept = kept;

    /// <summary>Runs the whole sequence as one piece.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run() => _layer.Execute(_whole);

    /// <summary>Runs piece <paramref name="piece"/> of <paramref name="steps"/> steps each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int piece, int steps, byte* scratch)
    {
        var shape = _whole.Input(0).Shape;
        var start = piece * steps;
        var isLast = start + steps >= shape[0];
        var context = piece == 0 ? _first : _next;
        var one = shape;
        one[0] = isLast ? shape[0] - start : steps;
        _x.Set(ElementType.Float32, one);
        _x.Data = _whole.Input(0).Data + start * (_whole.Input(0).Bytes / shape[0]);
        var kept = _kept;
        for (var i = 0; i < _after.Length; i++, kept += 2 * _stateBytes[i - 1])
        {
            _before[i].Set(ElementType.Float32, _after[i].Shape);
            _before[i].Data = kept + (piece % 2 == 0 ? 0 : _stateBytes[i]);
            _after[i].Data = isLast && _whole.OptionalOutput(1 + i) is { } output ? output.Data : kept + (piece % 2 == 0 ? _stateBytes[i] : 0);
        }

        _layer.Infer(context);
        if (_y is not null) _y.Data = _whole.Output(0).Data + start * (_whole.Output(0).Bytes / shape[0]);
        context.Scratch = scratch;
        _layer.Execute(context);
    }
}
