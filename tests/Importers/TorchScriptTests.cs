using System.Globalization;
using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>TorchScript archives whose code is straight, scripted and traced, against plain formulas, and what is refused by name and line.</summary>
public sealed class TorchScriptTests : ScriptModels
{
    private const string Linear = """
        class Linear(Module):
          __parameters__ = ["weight", "bias", ]
          __buffers__ = []
          weight : Tensor
          bias : Tensor
          training : bool
          in_features : Final[int] = 3
          def forward(self: __torch__.torch.nn.modules.linear.Linear,
            input: Tensor) -> Tensor:
            weight = self.weight
            bias = self.bias
            return torch.linear(input, weight, bias)
        """;

    /// <summary>The walking policy of a robot keeps its LSTM's states in buffers. Against the outputs in double precision that lie beside it.</summary>
    [Fact]
    public void A_policy_with_states_in_buffers_converts_with_one_command()
    {
        var (path, expected) = (Models.Need("unitree-g1/motion.pt"), Models.Need("unitree-g1/expected.csv"));
        using var cli = new Commands.CommandLine();
        cli.Good("convert", path, "-o", cli["motion.seq"]);
        using var model = SeqModel.Load(cli["motion.seq"]);
        using var session = model.CreateSession();
        Assert.Equal(["hidden_state", "cell_state"], session.States.Select(state => state.Name));
        double[][] rows = [.. File.ReadLines(expected).Where(line => char.IsAsciiDigit(line[0])).Select(line => line.Split(',')[1..].Select(value => double.Parse(value, CultureInfo.InvariantCulture)).ToArray())];
        Assert.Equal(20, rows.Length);
        var range = rows.SelectMany(row => row).Max() - rows.SelectMany(row => row).Min();
        var largest = 0.0;
        for (var again = 0; again < 2; again++)
        {
            for (var step = 0; step < rows.Length; step++)
            {
                for (var k = 0; k < 47; k++) session.Input<float>(0)[k] = (float)(0.5 * Math.Sin(0.2 * (step + 1) + 0.3 * k));
                session.Run();
                for (var i = 0; i < 12; i++) largest = Math.Max(largest, Math.Abs(rows[step][i] - session.Output<float>(0)[i]));
            }

            session.ResetState();
        }

        Assert.True(largest < 1e-4 * range, $"{largest} of {range}");
        Allocation.None(session.Run);
    }

    /// <summary>nn.Sequential of Linear, an activation and Linear, as torch.jit.script and torch.jit.trace write it.</summary>
    [Theory]
    [InlineData("""
            _0 = getattr(self, "0")
            _1 = getattr(self, "1")
            _2 = getattr(self, "2")
            input0 = (_0).forward(input, )
            input1 = (_1).forward(input0, )
            return (_2).forward(input1, )
        """, "        result = torch.tanh(input)\n        return result")]
    [InlineData("""
            _2 = getattr(self, "2")
            _1 = getattr(self, "1")
            _0 = getattr(self, "0")
            _3 = (_1).forward((_0).forward(input, ), )
            return (_2).forward(_3, )
        """, "        input = torch.tanh(argument_1)\n        return input")]
    [InlineData("""
            for_unused = "a text, with ( and # in it"
            x0 : Tensor = (getattr(self, "0")).forward(input, )
            if torch.__is__(None, None):
              x1 = (getattr(self, "1")).forward(x0, )
            else:
              x1 = x0
            x2 = (getattr(self, "2")).forward(x1, ) if True else x1
            return x2
        """, "        _0 = __torch__.torch.nn.functional.bend(input, 1., False, )\n        return _0")]
    public void A_sequential_of_known_modules_converts(string forward, string activation)
    {
        var (a, b, p, q) = (Store(1, 4, 3), Store(2, 4), Store(3, 2, 4), Store(4, 2));
        var root = new TorchModule("torch.nn.modules.container.Sequential", ("training", true), ("0", Layer(a, b)), ("1", new TorchModule("torch.nn.modules.activation.Tanh", ("training", true))), ("2", Layer(p, q)));
        var parameter = activation.Contains("argument_1", StringComparison.Ordinal) ? "argument_1" : "input";
        using var model = Load(root,
            ("torch/nn/modules/container", $"class Sequential(Module):\n  __parameters__ = []\n  __annotations__[\"0\"] = __torch__.torch.nn.modules.linear.Linear\n  def forward(self: __torch__.torch.nn.modules.container.Sequential,\n    input: Tensor) -> Tensor:\n{forward}\n  def __len__(self: X) -> int:\n    return 3\n"),
            ("torch/nn/modules/linear", Linear),
            ("torch/nn/modules/activation", $"class Tanh(Module):\n  def forward(self: X,\n    {parameter}: Tensor) -> Tensor:\n{activation}\n"),
            ("torch/nn/functional", "def bend(input: Tensor,\n    alpha: float=1.,\n    inplace: bool=False) -> Tensor:\n  if inplace:\n    result = torch.tanh_(input)\n  else:\n    result = torch.tanh(input)\n  return result\n"));
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 2 } });
        double[] x = Numbers.Doubles(Numbers.Random(9, 6));
        for (var i = 0; i < 6; i++) session.Input<float>(0)[i] = (float)x[i];
        session.Run();
        Numbers.Near(x.Chunk(3).SelectMany(row => Dense(p, q, [.. Dense(a, b, row).Select(Math.Tanh)])), session.Output<float>(0), 1e-6);
    }

    /// <summary>A traced tagger: embedding, two layers in two directions, addmm; its states are zeros of sizes that the code computes. The same as the description.</summary>
    [Fact]
    public void A_traced_tagger_is_the_described_one()
    {
        (string Name, int[] Shape)[] weights =
        [
            ("emb.weight", [20, 6]),
            .. Enumerable.Range(0, 4).SelectMany(i => ((string Name, int[] Shape)[])[("weight_ih", [16, i < 2 ? 6 : 8]), ("weight_hh", [16, 4]), ("bias_ih", [16]), ("bias_hh", [16])], (i, w) => ($"rnn.{w.Name}_l{i / 2}{(i % 2 == 1 ? "_reverse" : "")}", w.Shape)),
            ("fc.weight", [5, 8]), ("fc.bias", [5]),
        ];
        var stored = weights.Select((weight, i) => (weight.Name, View: Store(i, weight.Shape))).ToDictionary(pair => pair.Name, pair => pair.View);
        (object, object?)[] Of(string module) => [("training", false), .. stored.Where(pair => pair.Key.StartsWith(module + ".", StringComparison.Ordinal)).Select(pair => ((object)pair.Key[(module.Length + 1)..], (object?)pair.Value))];
        var list = string.Join(", ", stored.Keys.Where(name => name.StartsWith("rnn.", StringComparison.Ordinal)).Select(name => "self." + name[4..]));
        var root = new TorchModule("net.Tagger", ("training", false), ("emb", new TorchModule("torch.nn.modules.sparse.Embedding", Of("emb"))), ("rnn", new TorchModule("torch.nn.modules.rnn.LSTM", Of("rnn"))), ("fc", new TorchModule("torch.nn.modules.linear.Linear", Of("fc"))));
        using var model = Load(root,
            ("net", "class Tagger(Module):\n  def forward(self: __torch__.net.Tagger,\n    tokens: Tensor) -> Tensor:\n    fc = self.fc\n    rnn = self.rnn\n    emb = self.emb\n    _0 = (rnn).forward((emb).forward(tokens, ), )\n    return (fc).forward(_0, )\n"),
            ("torch/nn/modules/sparse", "class Embedding(Module):\n  def forward(self: X,\n    tokens: Tensor) -> Tensor:\n    weight = self.weight\n    input = torch.embedding(weight, tokens)\n    return input\n"),
            ("torch/nn/modules/rnn", $"class LSTM(Module):\n  def forward(self: X,\n    input: Tensor) -> Tensor:\n    max_batch_size = ops.prim.NumToTensor(torch.size(input, 0))\n    _0 = int(max_batch_size)\n    hx = torch.zeros([4, _0, 4], dtype=6, layout=0, device=torch.device(\"cpu\"), pin_memory=False)\n    hx0 = torch.zeros([4, int(max_batch_size), 4], dtype=6, layout=0, device=torch.device(\"cpu\"), pin_memory=False)\n    _1, _2, _3 = torch.lstm(input, [hx, hx0], [{list}], True, 2, 0., False, True, True)\n    return _1\n"),
            ("torch/nn/modules/linear", "class Linear(Module):\n  def forward(self: X,\n    argument_1: Tensor) -> Tensor:\n    bias = self.bias\n    weight = self.weight\n    _0 = torch.matmul(argument_1, torch.t(weight))\n    return torch.add_(_0, bias, alpha=1)\n"));
        using var files = new WeightFiles();
        foreach (var (i, (name, shape)) in weights.Index()) files.Put(name, Numbers.Random(i, Numbers.Count(shape), 0.5f), shape);
        using var described = files.Load("""
            { "weights": "weights.npz", "graphs": { "main": { "inputs": { "tokens": { "type": "int64", "shape": ["N", "T"] } }, "layers": [
              { "kind": "embedding", "input": "tokens", "weights": "emb", "output": "e" }, { "kind": "lstm", "bidirectional": true, "input": "e", "weights": "rnn", "output": "r" },
              { "kind": "linear", "input": "r", "weights": "fc", "output": "y" }], "outputs": { "y": "y" } } } }
            """);
        Assert.Equal(ElementType.Int64, model.Graphs[0].Inputs[0].Type);
        float[][] results = [.. ((SeqModel[])[model, described]).Select(each =>
        {
            using var session = each.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 2, ["T"] = 7 } });
            for (var i = 0; i < 14; i++) session.Input<long>(0)[i] = i * 7 % 20;
            session.Run();
            return session.Output<float>(0).ToArray();
        })];
        Assert.Equal(2 * 7 * 5, results[0].Length);
        Assert.Equal(results[1], results[0]);
    }

    /// <summary>_convolution, batch_norm, relu_, mean, addmm, as older traces have them.</summary>
    [Fact]
    public void A_traced_convolution_converts()
    {
        var (w, b, mean, variance, p, q) = (Store(1, 4, 3, 2), Store(2, 4), Store(3, 4), Store([0.5f, 1, 2, 1.5f], 4), Store(4, 2, 4), Store(5, 2));
        var root = new TorchModule("net.Net", ("training", false), ("w", w), ("b", b), ("mean", mean), ("variance", variance), ("p", p), ("q", q));
        using var model = Load(root, ("net", """
            class Net(Module):
              def forward(self: __torch__.net.Net,
                x: Tensor) -> Tensor:
                input = torch._convolution(x, self.w, self.b, [2], [1], [1], False, [0], 1, False, False, True, True)
                input0 = torch.batch_norm(input, None, None, self.mean, self.variance, False, 0.10000000000000001, 1.0000000000000001e-05, True)
                input1 = torch.mean(torch.relu_(input0), [2], False, dtype=None)
                return torch.addmm(self.q, input1, torch.t(self.p), beta=1, alpha=1)
            """));
        const int steps = 6;
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = model.Graphs[0].Symbols.ToDictionary(symbol => symbol, symbol => symbol == "N" ? 1 : steps) });
        var x = Numbers.Random(7, 3 * steps);
        x.CopyTo(session.Input<float>(0));
        session.Run();
        var rows = new double[4];
        for (var c = 0; c < 4; c++)
        {
            var count = (steps + 2 - 2) / 2 + 1;
            for (var t = 0; t < count; t++)
            {
                var sum = (double)Value(b, c);
                for (var i = 0; i < 3; i++)
                {
                    for (var k = 0; k < 2; k++)
                    {
                        var at = 2 * t - 1 + k;
                        if (at is >= 0 and < steps) sum += Value(w, (c * 3 + i) * 2 + k) * x[i * steps + at];
                    }
                }

                rows[c] += Math.Max(0, (sum - Value(mean, c)) / Math.Sqrt(Value(variance, c) + 1e-5)) / count;
            }
        }

        Numbers.Near(Dense(p, q, rows), session.Output<float>(0), 2e-6);
    }

    /// <summary>A buffer may begin with other values than zero, and be set whole.</summary>
    [Fact]
    public void A_buffer_that_is_set_is_a_state_with_its_first_values()
    {
        var (memory, p, q) = (Store([0.5f, -1, 2], 1, 3), Store(4, 3, 3), Store(5, 3));
        var root = new TorchModule("net.Net", ("training", false), ("memory", memory), ("p", p), ("q", q));
        using var model = Load(root, ("net", "class Net(Module):\n  def forward(self: X,\n    x: Tensor) -> Tuple[Tensor, Tensor]:\n    memory = self.memory\n    y = torch.linear(torch.add(x, memory), self.p, self.q)\n    self.memory = torch.mul(y, 0.5)\n    return (y, self.memory)\n"));
        using var session = model.CreateSession();
        var state = new double[] { 0.5, -1, 2 };
        for (var step = 0; step < 3; step++)
        {
            for (var i = 0; i < 3; i++) session.Input<float>(0)[i] = i + step;
            session.Run();
            var y = Dense(p, q, [.. state.Select((value, i) => value + i + step)]);
            state = [.. y.Select(value => value / 2)];
            Numbers.Near(y, session.Output<float>(0), 1e-5);
            Numbers.Near(state, session.Output<float>(1), 1e-5);
        }
    }

    [Fact]
    public void Ranks_that_the_code_does_not_tell_are_noted()
    {
        var (p, q) = (Store(1, 2, 3), Store(2, 2));
        var notes = Convert(new TorchModule("net.Net", ("p", p), ("q", q)), ("net", "class Net(Module):\n  def forward(self: X,\n    x: Tensor) -> Tensor:\n    return torch.linear(x, self.p, self.q)\n")).Graphs[0].Notes;
        Assert.Contains(notes, note => note.StartsWith("the code does not tell the rank of its inputs: x [N, 3] is taken; it would also run with x [N, T, 3]", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("    while bool(torch.sum(x)):\n      x = torch.relu(x)\n    return x", "a loop goes on while something holds that is computed")]
    [InlineData("    assert x\n    return x", "line 4: 'assert' is not understood")]
    [InlineData("    return torch.linalg_eig(x)", "line 4: torch.linalg_eig is not known here")]
    [InlineData("    y = torch.relu(x)\n    if torch.eq(torch.size(y, 0), 3):\n      z = y\n    else:\n      z = torch.tanh(y)\n    return z", "line 5: a decision depends on a size that is not known")]
    [InlineData("    if bool(torch.sum(x)):\n      z = x\n    else:\n      z = torch.tanh(x)\n    return z", "line 4:")]
    [InlineData("    return torch.relu(x, dtype=1, dtype=2)", "line 4: 'dtype' is given twice")]
    [InlineData("    return x @ x", "line 4: '@' is not understood")]
    [InlineData("    return self.other", "line 4: the module has no attribute 'other'")]
    [InlineData("    return (self).forward(x, )", "calls are nested more than 64 levels deep")]
    [InlineData("    return \"text\"", "forward returns something that is no tensor")]
    [InlineData("    y = torch.add(x, self.p)\n    _0 = torch.copy_(y, x)\n    return y", "a part of a tensor is overwritten")]
    [InlineData("    y = torch.add(x, self.p)\n    z = torch.unsqueeze(y, 0)\n    _0 = torch.relu_(y)\n    return z", "whose elements another one shares")]
    [InlineData("    y = torch.select(torch.unsqueeze(self.p, 0), 0, 0)\n    _0 = torch.mul_(y, 2)\n    return torch.add(x, self.p)", "a part of a tensor is overwritten")]
    public void What_is_not_understood_is_refused_by_its_line(string body, string says)
    {
        var message = Assert.Throws<ConversionException>(() => Convert(new TorchModule("net.Net", ("p", Store(1, 3))), ("net", $"class Net(Module):\n  def forward(self: X,\n    x: Tensor) -> Tensor:\n{body}\n"))).Message;
        Assert.Contains(says, message, StringComparison.Ordinal);
        Assert.Contains("code/net.py", message.Replace("code/__torch__/", "code/", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("torch.onnx.export(torch.jit.load('model.pt'", message, StringComparison.Ordinal);
        Assert.Contains("seqconvert scaffold model.pt -o model.json", message, StringComparison.Ordinal);
    }

    /// <summary>An operation in place changes the tensor for all that reads it later: here the identity of a residual connection.</summary>
    [Theory]
    [InlineData("    y = torch.linear(x, self.p, self.q)\n    _0 = torch.relu_(y)\n    return torch.add(y, y)", true)]
    [InlineData("    y = torch.linear(x, self.p, self.q)\n    z = torch.relu_(y)\n    return torch.add(z, y)", true)]
    [InlineData("    y = torch.linear(x, self.p, self.q)\n    z = torch.relu_(torch.clone(y))\n    return torch.add(z, y)", false)]
    public void What_is_computed_in_place_is_seen_by_all_that_read_it(string body, bool isInPlace)
    {
        var (p, q) = (Store(1, 3, 3), Store(2, 3));
        using var model = Load(new TorchModule("net.Net", ("p", p), ("q", q)), ("net", $"class Net(Module):\n  def forward(self: X,\n    x: Tensor) -> Tensor:\n{body}\n"));
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 1 } });
        double[] x = [1, -2, 0.5];
        for (var i = 0; i < 3; i++) session.Input<float>(0)[i] = (float)x[i];
        session.Run();
        var y = Dense(p, q, x);
        Assert.Contains(y, value => value < -0.01);
        Numbers.Near([.. y.Select(value => Math.Max(value, 0) + (isInPlace ? Math.Max(value, 0) : value))], session.Output<float>(0), 1e-5);
    }

    /// <summary>memory = memory · 0.5 + x in place, read through a name from before.</summary>
    [Theory]
    [InlineData("    _0 = torch.mul_(memory, 0.5)\n    _1 = torch.add_(memory, x)\n    return torch.linear(memory, self.p, self.q)")]
    [InlineData("    _0 = torch.copy_(memory, torch.add(torch.mul(memory, 0.5), x))\n    return torch.linear(memory, self.p, self.q)")]
    public void A_buffer_that_is_computed_on_in_place_is_a_state(string body)
    {
        var (memory, p, q) = (Store([0.5f, -1, 2], 1, 3), Store(4, 3, 3), Store(5, 3));
        using var model = Load(new TorchModule("net.Net", ("memory", memory), ("p", p), ("q", q)), ("net", $"class Net(Module):\n  def forward(self: X,\n    x: Tensor) -> Tensor:\n    memory = self.memory\n{body}\n"));
        using var session = model.CreateSession();
        var state = new double[] { 0.5, -1, 2 };
        for (var step = 0; step < 3; step++)
        {
            for (var i = 0; i < 3; i++) session.Input<float>(0)[i] = i + step;
            session.Run();
            state = [.. state.Select((value, i) => value / 2 + i + step)];
            Numbers.Near(Dense(p, q, state), session.Output<float>(0), 1e-5);
        }
    }

    /// <summary>rsub is other - alpha · self, and a mean over no axes is one over all.</summary>
    [Fact]
    public void Rsub_scales_what_it_subtracts()
    {
        using var model = Load(new TorchModule("net.Net", ("p", Store(1, 2, 3))), ("net", "class Net(Module):\n  def forward(self: X,\n    x: Tensor) -> Tensor:\n    _0 = torch.linear(x, self.p, None)\n    return torch.rsub(x, 2., 3)\n"));
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 1 } });
        for (var i = 0; i < 3; i++) session.Input<float>(0)[i] = i;
        session.Run();
        Numbers.Near([2, -1, -4], session.Output<float>(0), 1e-6);
    }

    /// <summary>Code and attributes that would take more time or stack than there is.</summary>
    [Theory]
    [InlineData(0, "calls, members and indices follow one another")]
    [InlineData(1, "forward returns more than 1024 values")]
    [InlineData(2, "lists deep")]
    public void Hostile_code_is_refused(int which, string says)
    {
        var body = which switch
        {
            0 => $"    return x{string.Concat(Enumerable.Repeat(".a", 200_000))}",
            1 => $"    y0 = [x, x]\n{string.Concat(Enumerable.Range(1, 40).Select(i => $"    y{i} = [y{i - 1}, y{i - 1}]\n"))}    return y40",
            _ => "    return self.deep",
        };
        object deep = Array.Empty<object?>();
        for (var i = 0; i < 40; i++) deep = new object?[] { deep };
        var message = Assert.Throws<ConversionException>(() => Convert(new TorchModule("net.Net", ("p", Store(1, 3)), ("deep", deep)), ("net", $"class Net(Module):\n  def forward(self: X,\n    x: Tensor) -> Tensor:\n{body}\n"))).Message;
        Assert.Contains(says, message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_archive_without_code_is_refused()
    {
        var message = Assert.Throws<ConversionException>(() => Convert(new TorchModule("net.Net", ("p", Store(1, 3))))).Message;
        Assert.Contains("it has no method 'forward' that the archive holds", message, StringComparison.Ordinal);
    }
}
