using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Vanilla (Elman) recurrent network as ONNX's RNN: h' = f(W·x + R·h + Wb + Rb), f tanh unless named otherwise, its input
/// limited to ±clip if a clip is given.
/// </summary>
/// <remarks>
/// Inputs besides those of <see cref="Recurrent"/>, per direction d from 3 + 3d: W packed [rows, I], R packed [rows, H], bias
/// Wb + Rb [rows] (optional); rows as in <see cref="GateRows"/>. With int8 or int4 weights and tanh a state that fills [-1, 1] takes the
/// fixed scale 1/127; other states take their measured range. Source: ONNX operator RNN; Elman, Finding Structure in Time (1990).
/// </remarks>
internal sealed unsafe class Rnn : Recurrent
{
    private readonly RecurrentActivation[] _activations;

    public Rnn(Attributes attributes)
        : base(attributes, new RecurrentForm { Gates = 1, Weights = 3, HasHidden = true, BeginsWithRecurrence = true }) => _activations = RecurrentActivations.Parse(attributes, Directions, UnaryFunction.Tanh);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override RecurrentPlaces PlacesFor(int batch) => default;

    public override RecurrentMode ModeOf(RecurrentPass pass) => Clip == 0 && IsBounded(pass) ? RecurrentMode.WholeStep : RecurrentMode.Composed;

    public override bool IsBounded(RecurrentPass pass) => _activations[pass.Direction].Function == UnaryFunction.Tanh;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Step(RecurrentPass pass, in RecurrentRows rows)
    {
        var gates = rows.Gates;
        var count = rows.Count;
        if (!rows.IsHiddenZero) pass.MultiplyState(rows.Hidden, count, pass.IsBounded, gates, PackedRows, gates);
        ref readonly var activation = ref _activations[pass.Direction];
        if (Hidden == PackedRows)
        {
            pass.Activate(activation, gates, rows.HiddenOut, (nint)count * Hidden);
            return;
        }

        for (var i = 0; i < count; i++) pass.Activate(activation, gates + (nint)i * PackedRows, rows.HiddenOut + (nint)i * Hidden, Hidden);
    }
}
