namespace SeqRuntime.Tests.Importers;

/// <summary>PyTorch's operators in TorchScript code, against plain formulas.</summary>
public sealed class TorchScriptOperatorTests : ScriptModels
{
    private const int Rows = 2;
    private const int Columns = 6;

    /// <summary>Expressions of x [2, 6], and what they give.</summary>
    private static readonly Dictionary<string, Func<double[], IEnumerable<double>>> s_formulas = new()
    {
        ["torch.log1p(torch.abs(x))"] = x => x.Select(v => Math.Log(1 + Math.Abs(v))),
        ["torch.rsqrt(torch.add(torch.square(x), 1.))"] = x => x.Select(v => 1 / Math.Sqrt(v * v + 1)),
        ["torch.pow(x, 2)"] = x => x.Select(v => v * v),
        ["torch.log_sigmoid(x)"] = x => x.Select(v => -Math.Log(1 + Math.Exp(-v))),
        ["torch.where(torch.gt(x, 0), x, torch.mul(x, 3))"] = x => x.Select(v => v > 0 ? v : 3 * v),
        ["torch.masked_fill(x, torch.logical_or(torch.lt(x, -0.5), torch.ge(x, 1.)), 7.)"] = x => x.Select(v => v < -0.5 || v >= 1 ? 7 : v),
        ["torch.to(torch.ne(torch.sign(x), 1), 6)"] = x => x.Select(v => v > 0 ? 0.0 : 1),
        ["torch.glu(x, 1)"] = x => x.Chunk(Columns).SelectMany(r => r.Take(3).Zip(r.Skip(3), (a, b) => a / (1 + Math.Exp(-b)))),
        ["torch.maximum(x, torch.neg(x))"] = x => x.Select(Math.Abs),
        ["(torch.max(x, 1, False))[0]"] = x => x.Chunk(Columns).Select(r => r.Max()),
        ["torch.to(torch.argmax(x, -1, True), 6)"] = x => x.Chunk(Columns).Select(r => (double)Array.IndexOf(r, r.Max())),
        ["torch.var(x, [1], False, True)"] = x => x.Chunk(Columns).Select(r => r.Sum(v => (v - r.Average()) * (v - r.Average())) / Columns),
        ["torch.std(x, [-1], True)"] = x => x.Chunk(Columns).Select(r => Math.Sqrt(r.Sum(v => (v - r.Average()) * (v - r.Average())) / (Columns - 1))),
        ["torch.cumsum(x, 1)"] = x => x.Chunk(Columns).SelectMany(r => r.Select((_, i) => r.Take(i + 1).Sum())),
        ["torch.flip(x, [1])"] = x => x.Chunk(Columns).SelectMany(r => r.Reverse()),
        ["torch.narrow(x, 1, 2, 3)"] = x => x.Chunk(Columns).SelectMany(r => r.Skip(2).Take(3)),
        ["torch.repeat(torch.slice(x, 1, 0, 2), [1, 3])"] = x => x.Chunk(Columns).SelectMany(r => Enumerable.Range(0, 6).Select(i => r[i % 2])),
        ["torch.add(torch.expand(torch.unsqueeze(torch.select(x, 1, 0), 1), [-1, 6]), x)"] = x => x.Chunk(Columns).SelectMany(r => r.Select(v => v + r[0])),
        ["torch.index_select(x, 1, torch.tensor([4, 0, 4], dtype=4))"] = x => x.Chunk(Columns).SelectMany(r => new[] { r[4], r[0], r[4] }),
        ["torch.index(x, [None, self.places])"] = x => x.Chunk(Columns).SelectMany(r => new[] { r[5], r[1] }),
        ["torch.sum(torch.unflatten(x, 1, [2, 3]), [1])"] = x => x.Chunk(Columns).SelectMany(r => Enumerable.Range(0, 3).Select(i => r[i] + r[i + 3])),
        ["(torch.split_with_sizes(x, [1, 5], 1))[1]"] = x => x.Chunk(Columns).SelectMany(r => r.Skip(1)),
        ["torch.stack(torch.unbind(torch.view(x, [-1, 2, 3]), 1), 2)"] = x => x.Chunk(Columns).SelectMany(r => Enumerable.Range(0, 6).Select(i => r[i % 2 * 3 + i / 2])),
        ["torch.pad(torch.unsqueeze(x, 1), [2, 1], \"reflect\")"] = x => x.Chunk(Columns).SelectMany(r => new[] { r[2], r[1] }.Concat(r).Append(r[4])),
        ["torch.constant_pad_nd(x, [1, -2], 9.)"] = x => x.Chunk(Columns).SelectMany(r => r.Take(4).Prepend(9)),
        ["torch.max_pool1d(torch.unsqueeze(x, 1), [2], [2], [0], [1], False)"] = x => x.Chunk(2).Select(p => p.Max()),
        ["torch.avg_pool1d(torch.unsqueeze(x, 1), [3])"] = x => x.Chunk(3).Select(p => p.Average()),
        ["torch.adaptive_avg_pool1d(torch.unsqueeze(x, 1), [1])"] = x => x.Chunk(Columns).Select(r => r.Average()),
        ["torch.einsum(\"ni,ij->nj\", [x, self.w], path=None)"] = null!,
        ["torch.matmul(x, self.w)"] = null!,
        ["torch.mul(torch.add(x, torch.arange(6)), torch.ones_like(x))"] = x => x.Select((v, i) => v + i % Columns),
        ["torch.add(x, torch.full([torch.size(x, 0), 1], 2.))"] = x => x.Select(v => v + 2),
        ["torch.addcmul(x, x, x, value=2)"] = x => x.Select(v => v + 2 * v * v),
        ["torch.reshape(x, [torch.floordiv(torch.numel(x), 3), 3])"] = x => x,
        ["torch.layer_norm(torch.view(x, [-1, 2, 3]), [2, 3])"] = x => x.Chunk(Columns).SelectMany(r => r.Select(v => (v - r.Average()) / Math.Sqrt(r.Sum(u => (u - r.Average()) * (u - r.Average())) / Columns + 1e-5))),
        ["torch.mul(x, float(self.factor))"] = x => x.Select(v => v * 2.5),
    };

    public static TheoryData<string> Expressions => [.. s_formulas.Keys];

    [Theory]
    [MemberData(nameof(Expressions))]
    public void An_operator_computes_its_formula(string expression)
    {
        var w = Store(1, Columns, 4);
        using var model = Load(
            new TorchModule("net.Net", ("p", Store([1, 1, 1, 1, 1, 1], 6)), ("w", w), ("places", Integers([5, 1], 2)), ("factor", Store([2.5f], 1))),
            ("net", $"class Net(Module):\n  def forward(self: X,\n    input: Tensor) -> Tensor:\n    x = torch.mul(input, self.p)\n    return {expression}\n"));
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = model.Graphs[0].Symbols.ToDictionary(symbol => symbol, _ => Rows) });
        var x = Numbers.Random(9, Rows * Columns, 2);
        x.CopyTo(session.Input<float>(0));
        session.Run();
        var formula = s_formulas[expression] ?? (rows => rows.Chunk(Columns).SelectMany(r => Enumerable.Range(0, 4).Select(j => r.Select((v, i) => v * Value(w, i * 4 + j)).Sum())));
        Numbers.Near(formula(Numbers.Doubles(x)), session.Output<float>(0), 1e-5);
    }

    /// <summary>Frames of a window, their transform, and the size of its complex numbers.</summary>
    [Theory]
    [InlineData("torch.stft(x, 8, 4, 6, self.window, False, True, True)", "torch.pow(torch.abs(s), 2.)")]
    [InlineData("torch.view_as_real(torch.stft(x, 8, 4, 6, self.window, False, True, True))", "torch.sum(torch.pow(s, 2.), [-1])")]
    [InlineData("torch.stft(x, 8, 4, 6, self.window, False, True, False)", "torch.add(torch.pow(torch.select(s, 3, 0), 2), torch.pow(torch.select(s, 3, 1), 2))")]
    public void A_short_time_transform_computes_its_formula(string transform, string power)
    {
        var window = Store([0.25f, 0.75f, 1, 1, 0.75f, 0.25f], 6);
        using var model = Load(
            new TorchModule("net.Net", ("window", window), ("p", Store([1], 1))),
            ("net", $"class Net(Module):\n  def forward(self: X,\n    input: Tensor) -> Tensor:\n    x = torch.mul(input, self.p)\n    s = {transform}\n    _0 = torch.atan2(x, x)\n    return {power}\n"));
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = model.Graphs[0].Symbols.ToDictionary(symbol => symbol, symbol => symbol == "N" ? 1 : 16) });
        var x = Numbers.Random(9, 16);
        x.CopyTo(session.Input<float>(0));
        session.Run();
        var expected = new List<double>();
        for (var k = 0; k <= 4; k++)
        {
            for (var frame = 0; frame < 3; frame++)
            {
                var sum = System.Numerics.Complex.Zero;
                for (var i = 0; i < 6; i++) sum += Value(window, i) * x[frame * 4 + i + 1] * System.Numerics.Complex.FromPolarCoordinates(1, -2 * Math.PI * k * (i + 1) / 8);
                expected.Add(sum.Magnitude * sum.Magnitude);
            }
        }

        Numbers.Near(expected, session.Output<float>(0), 1e-5);
    }
}
