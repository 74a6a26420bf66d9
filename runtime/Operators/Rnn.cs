using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Vanilla (Elman) recurrent network as ONNX's RNN: h' = f(W·x + R·h + Wb + Rb), f tanh unless named otherwise, its input
/// limited to ±clip where a clip is given.
/// </summary>
/// <remarks>
/// Inputs beside those of <see cref="Recurrent"/>, per direction d from 3 + 3d: W packed [rows, I], R packed [rows, H], bias
/// Wb + Rb [rows] (optional); rows as in <see cref="GateRows"/>. With int8 or int4 weights and tanh a state that fills [-1, 1] takes the
/// fixed scale 1/127, any other its measured range. Source: ONNX operator RNN; Elman, Finding Structure in Time (1990).
/// </remarks>
internal sealed unsafe class Rnn : Recurrent
{
    private readonly RecurrentActivation[] _activations;

    public Rnn(Attributes attributes)
        : base(attributes, 1, 3, 3) => _activations = RecurrentActivations.Parse(attributes, Directions, UnaryFunction.Tanh);

    protected override void CheckDirection(NodeContext context, int d, int batch) =>
        Require.Optional(context.Optional(WeightIndex(d, 2)), PackedRows);

    protected override void PlanStep(NodeContext context, int batch, ref ScratchCursor cursor, RecurrentPass pass) => PlanConstants(ref cursor, pass);

    protected override bool StepBeginsWithRecurrence => true;

    protected override void Begin(RecurrentPass pass) => SetConstants(pass);

    protected override void Step(RecurrentPass pass, float* gates, int row, int count, float* h, float* hOut)
    {
        var activation = _activations[pass.Direction];
        if (!pass.StateIsZero) Recur(pass, h, count, activation.Function == UnaryFunction.Tanh, gates, PackedRows, gates);
        ApplyClip(pass, gates, (nint)count * PackedRows);
        if (Hidden == PackedRows)
        {
            activation.Apply(pass.Kernels, gates, hOut, (nint)count * Hidden);
            return;
        }

        for (var i = 0; i < count; i++) activation.Apply(pass.Kernels, gates + (nint)i * PackedRows, hOut + (nint)i * Hidden, Hidden);
    }
}
