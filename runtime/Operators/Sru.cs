using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>
/// Simple recurrent unit, whose state goes from step to step without a product: u = W·x, f = σ(Wf·x + vf⊙c + bf),
/// r = σ(Wr·x + vr⊙c + br), c' = f⊙c + (1 - f)⊙u, h = r⊙c' + (1 - r)⊙(α·s), where the highway s is x or, in the projected form, Ws·x.
/// </summary>
/// <remarks>
/// <para>Input 2 of <see cref="Recurrent"/> is the first cell state c, output 1 the last; Y holds h. Per direction d from 3 + 4d: W packed
/// [rows, I]; none (there is no R); bias [rows] (optional); v [2, H] in order vf, vr (optional). Gates of a block in order u, f, r and, in
/// the projected form, s. Without it X has as many inputs as there are units, and W is there. Alpha is α, 1 if left out. CellClip limits
/// the inputs of σ.</para>
/// <para>Source: Lei, Zhang, Wang, Dai, Artzi, "Simple Recurrent Units for Highly Parallelizable Recurrence", arXiv 1709.02755,
/// equations 1 to 4; α is the scaling constant of its initialization, the projection that of the authors' program.</para>
/// </remarks>
internal sealed unsafe class Sru : Recurrent
{
    private readonly float _alpha;

    public Sru(Attributes attributes, bool isProjected)
        : base(attributes, new RecurrentForm { Gates = isProjected ? 4 : 3, Weights = 4, HasCell = true }) => _alpha = attributes.Float(AttributeKey.Alpha, 1);

    protected override void CheckDirection(NodeContext context, int d)
    {
        Require.Optional(context.Optional(WeightIndex(d, 3)), 2, Hidden);
        var x = context.Input(0);
        if (Form.Gates == 3 && x.Shape[2] != Hidden) throw OperatorError.Rank(x, $"[steps, batch, {Hidden}], since the highway joins inputs and units one by one");
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override RecurrentPlaces PlacesFor(int batch) => new(RecurrentRows: 0, SpareRows: 0, Planes: 5);

    public override RecurrentMode ModeOf(RecurrentPass pass) => RecurrentMode.Composed;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Step(RecurrentPass pass, in RecurrentRows rows)
    {
        var (kernels, n) = (pass.Kernels, (nint)Hidden);
        var input = pass.Plan.Planes;
        var forget = input + PaddedHidden;
        var reset = forget + PaddedHidden;
        var highway = reset + PaddedHidden;
        var temporary = highway + PaddedHidden;
        for (nint i = 0; i < rows.Count; i++)
        {
            float* gates = rows.Gates + i * PackedRows, cell = rows.Cell + i * n, cellOut = rows.CellOut + i * n;
            pass.Gather(gates, 0, input);
            Gate(pass, gates, 1, cell, forget, temporary);
            Gate(pass, gates, 2, cell, reset, temporary);
            pass.Blend(forget, cell, input, temporary, cellOut);

            var skipped = rows.X + i * n;
            if (Form.Gates == 4) pass.Gather(gates, 3, skipped = highway);
            if (_alpha != 1) kernels.Unary(UnaryFunction.Affine, skipped, skipped = highway, n, _alpha, 0);
            pass.Blend(reset, cellOut, skipped, temporary, rows.HiddenOut + i * n);
        }
    }

    /// <summary>σ(gate + v⊙c).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gate(RecurrentPass pass, float* gates, int gate, float* cell, float* to, float* temporary)
    {
        pass.Gather(gates, gate, to);
        if (pass.Vectors is { } v)
        {
            pass.Kernels.Binary(BinaryFunction.Mul, v.Floats + (nint)(gate - 1) * Hidden, 1, cell, 1, temporary, Hidden);
            pass.Kernels.Binary(BinaryFunction.Add, to, 1, temporary, 1, to, Hidden);
        }

        pass.Activate(new RecurrentActivation(UnaryFunction.Sigmoid, 0, 0), to, to, Hidden);
    }
}
