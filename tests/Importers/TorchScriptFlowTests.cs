using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>TorchScript code with loops, states in tuples and attributes, and what may be left out, against plain loops.</summary>
public sealed class TorchScriptFlowTests : ScriptModels
{
    private const int Units = 4;
    private const int Features = 3;

    /// <summary>A cell over the steps of a sequence, as modules with cells of their own are scripted: a list that is stacked, parts of unbind, a tuple of states.</summary>
    [Theory]
    [InlineData("    _0 = annotate(List[Tensor], [])\n    h = torch.zeros([torch.size(x, 0), 4], dtype=6)\n    _1 = torch.size(x, 1)\n    h1 = h\n    for t in range(_1):\n      x1 = torch.select(torch.slice(x), 1, t)\n      h2 = torch.tanh(torch.add(torch.linear(x1, self.w, self.b), torch.linear(h1, self.r)))\n      _2 = torch.append(_0, h2)\n      h1 = h2\n    return (torch.stack(_0, 1), h1)")]
    [InlineData("    inputs = torch.unbind(x, 1)\n    outputs = annotate(List[Tensor], [])\n    state = (torch.zeros([torch.size(x, 0), 4]), 7)\n    outputs0, state0 = outputs, state\n    for i in range(torch.len(inputs)):\n      h, _3, = state0\n      h0 = torch.tanh(torch.add(torch.linear(inputs[i], self.w, self.b), torch.linear(h, self.r)))\n      outputs1 = torch.add_(outputs0, [h0])\n      outputs0, state0 = outputs1, (h0, 7)\n    _4 = torch.transpose(torch.stack(outputs0), 0, 1)\n    return (_4, (state0)[0])")]
    [InlineData("    xs = torch.transpose(x, 0, 1)\n    _0 = annotate(List[Tensor], [])\n    h = torch.new_zeros(x, [torch.size(xs, 1), 4])\n    n = torch.__range_length(0, torch.len(xs), 1)\n    for _1 in range(n):\n      i = torch.__derive_index(_1, 0, 1)\n      x1 = torch.squeeze(torch.slice(xs, 0, i, torch.add(i, 1)), 0)\n      h = torch.tanh(torch.add(torch.linear(x1, self.w, self.b), torch.linear(h, self.r)))\n      _2 = torch.append(_0, torch.unsqueeze(h, 1))\n    return (torch.cat(_0, 1), h)")]
    public void A_loop_over_time_steps_runs_for_any_number(string body)
    {
        var (w, b, r) = (Store(1, Units, Features), Store(2, Units), Store(3, Units, Units));
        using var model = Load(new TorchModule("net.Net", ("w", w), ("b", b), ("r", r)), Net(body, "x: Tensor"));
        Assert.Equal(["N", "T"], model.Graphs[0].Symbols);
        foreach (var steps in (int[])[1, 5])
        {
            using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 2, ["T"] = steps } });
            var x = Numbers.Random(7, 2 * steps * Features);
            x.CopyTo(session.Input<float>(0));
            session.Run();
            var sequences = Enumerable.Range(0, 2).Select(n => Recurrence(w, b, r, [.. x.Skip(n * steps * Features).Take(steps * Features).Chunk(Features)], new double[Units])).ToArray();
            Numbers.Near(sequences.SelectMany(sequence => sequence.SelectMany(h => h)), session.Output<float>(0), 1e-5);
            Numbers.Near(sequences.SelectMany(sequence => sequence[^1]), session.Output<float>(1), 1e-5);
        }
    }

    /// <summary>Loops whose rounds are known are followed round by round.</summary>
    [Theory]
    [InlineData("    y = x\n    for i in range(3):\n      y = torch.add(torch.mul(y, 2), i)\n    return y")]
    [InlineData("    y = x\n    i = 0\n    _0 = True\n    while _0:\n      y0 = torch.add(torch.mul(y, 2), i)\n      i0 = torch.add(i, 1)\n      y, i, _0 = y0, i0, torch.lt(i0, 3)\n    return y")]
    [InlineData("    y = x\n    numbers = [0, 1, 2]\n    for i in range(9223372036854775807 if False else torch.len(numbers)):\n      y = torch.add(torch.mul(y, 2), numbers[i])\n    _1 = __torch__.torch.autograd.grad_mode.no_grad.__new__(__torch__.torch.autograd.grad_mode.no_grad)\n    _2 = (_1).__init__()\n    with _1:\n      return y")]
    public void A_loop_of_known_rounds_is_followed(string body)
    {
        using var model = Load(new TorchModule("net.Net", ("p", Store(1, 3))), Net($"    x = torch.add(x, torch.mul(self.p, 0))\n{body}", "x: Tensor"));
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 1 } });
        for (var i = 0; i < 3; i++) session.Input<float>(0)[i] = i;
        session.Run();
        Numbers.Near([4, 12, 20], session.Output<float>(0), 1e-6);
    }

    /// <summary>States in a tuple become inputs, and they pair with the results that replace them.</summary>
    [Theory]
    [InlineData("h: Tuple[Tensor, Tensor]", "    a, b, = h\n")]
    [InlineData("h: List[Tensor]", "    a, b, = h[0], h[1]\n")]
    [InlineData("h: __torch__.net.State", "    a, b, = h.first, h.second\n")]
    public void Tensors_in_tuples_and_lists_become_inputs(string parameter, string taken)
    {
        var (w, b, r) = (Store(1, Units, Features), Store(2, Units), Store(3, Units, Units));
        var result = Convert(
            new TorchModule("net.Net", ("w", w), ("b", b), ("r", r), ("z", Store(new float[Units], Units))),
            Net($"{taken}    y = torch.rnn_tanh_cell(x, a, self.w, self.r, self.b, self.z)\n    return (y, [y, torch.add(b, y)])", $"x: Tensor,\n    {parameter}", "class State(NamedTuple):\n  first : Tensor\n  second : Tensor\n"));
        using var model = SeqModel.Load(result.File);
        Assert.Contains(result.Graphs[0].Notes, note => note.StartsWith("the tensors of 'h' are the inputs h_", StringComparison.Ordinal));
        Assert.Equal(2, model.Graphs[0].Inputs.Count);
        Assert.Single(model.Graphs[0].States);
        // The first of the two is a state. The second is an input, since nothing tells that its sum is its next content.
        using var session = model.CreateSession();
        float[][] x = [.. Numbers.Random(7, 3 * Features).Chunk(Features)];
        var expected = Recurrence(w, b, r, x, new double[Units]);
        var sum = new double[Units];
        for (var step = 0; step < 3; step++)
        {
            x[step].CopyTo(session.Input<float>(0));
            session.Run();
            sum = [.. sum.Zip(expected[step], (before, y) => before + y)];
            Numbers.Near(expected[step], session.Output<float>(0), 1e-5);
            Numbers.Near(sum, session.Output<float>(1), 1e-5);
            session.Output<float>(1).CopyTo(session.Input<float>(1));
        }
    }

    /// <summary>hx: Optional[Tensor] = None: an input that begins with zeros, and a state that the last result replaces.</summary>
    [Fact]
    public void What_may_be_None_and_counts_as_zeros_is_a_state()
    {
        var (w, b, r) = (Store(1, Units, Features), Store(2, Units), Store(3, Units, Units));
        var result = Convert(new TorchModule("net.Net", ("w", w), ("b", b), ("r", r), ("z", Store(new float[Units], Units))), Net("""
                if torch.__is__(hx, None):
                  h0 = torch.zeros([1, torch.size(x, 0), 4], dtype=ops.prim.dtype(x), layout=None, device=ops.prim.device(x))
                  h = h0
                else:
                  h1 = unchecked_cast(Tensor, hx)
                  if torch.ne(torch.dim(h1), 3):
                    ops.prim.RaiseException(torch.format("{}", torch.dim(h1)), "builtins.RuntimeError")
                  else:
                    pass
                  h = h1
                y, last, = torch.rnn_tanh(x, h, [self.w, self.r, self.b, self.z], True, 1, 0., self.training, False, True)
                return (y, last)
            """, "x: Tensor,\n    hx: Optional[Tensor]=None"));
        using var model = SeqModel.Load(result.File);
        Assert.Contains(result.Graphs[0].Notes, note => note.StartsWith("'hx' may be None, which counts as zeros: it is an input here", StringComparison.Ordinal));
        Assert.Equal(["T"], model.Graphs[0].Symbols);
        Assert.Equal("hx", Assert.Single(model.Graphs[0].States).Name);
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["T"] = 1 } });
        float[][] x = [.. Numbers.Random(7, 6 * Features).Chunk(Features)];
        var expected = Recurrence(w, b, r, x, new double[Units]);
        for (var step = 0; step < 6; step++)
        {
            x[step].CopyTo(session.Input<float>(0));
            session.Run();
            Numbers.Near(expected[step], session.Output<float>(0), 1e-5);
        }
    }

    /// <summary>A mask that may be None is no state, because None does not count as zeros.</summary>
    [Fact]
    public void What_may_be_None_and_is_no_state_is_left_out()
    {
        var result = Convert(new TorchModule("net.Net", ("p", Store(1, 3))), Net("    y = torch.add(x, self.p)\n    if torch.__isnot__(mask, None):\n      z = torch.mul(y, unchecked_cast(Tensor, mask))\n    else:\n      z = y\n    return (z, torch.mul(y, 2))", "x: Tensor,\n    mask: Optional[Tensor]=None"));
        Assert.Contains("None is taken for what may be left out: 'mask'", result.Graphs[0].Notes);
    }

    /// <summary>A module that makes its states in the first call, keeps numbers beside them, and asks for a rate, as public voice detectors do.</summary>
    [Fact]
    public void States_that_the_first_call_makes_begin_with_zeros()
    {
        var (w, b, r) = (Store(1, Units, Features), Store(2, Units), Store(3, Units, Units));
        var root = new TorchModule("net.Net", ("w", w), ("b", b), ("r", r), ("state", Store([], 0)), ("batch", 0), ("rates", new List<object?> { 8000, 16000 }));
        var code = Net("""
                if torch.__contains__(self.rates, sr):
                  pass
                else:
                  ops.prim.RaiseException(torch.format("rates: {}", self.rates), "builtins.ValueError")
                n = (torch.size(x))[0]
                if bool(self.batch):
                  _0 = torch.ne(self.batch, n)
                else:
                  _0 = False
                if _0:
                  self.state = torch.zeros([0])
                else:
                  pass
                if torch.__not__(bool(torch.len(self.state))):
                  self.state = torch.zeros([n, 4])
                else:
                  pass
                h = torch.tanh(torch.add(torch.linear(x, self.w, self.b), torch.linear(self.state, self.r)))
                self.state = h
                self.batch = n
                return torch.div(h, torch.div(sr, 8000))
            """, "x: Tensor,\n    sr: int");
        var fault = Assert.Throws<ConversionException>(() => Convert(root, code));
        Assert.Contains("forward takes 'sr', a whole number, and the model depends on it: give it by --set sr=VALUE", fault.Message, StringComparison.Ordinal);
        Assert.Contains("rates: {}", Assert.Throws<ConversionException>(() => Convert(new ConversionOptions { Sets = new Dictionary<string, string> { ["sr"] = "5" } }, root, code)).Message, StringComparison.Ordinal);
        var result = Convert(new ConversionOptions { Sets = new Dictionary<string, string> { ["sr"] = "16000" } }, root, code);
        Assert.Contains("attributes that forward sets are states, which begin with zeros: 'state'", result.Graphs[0].Notes);
        Assert.Contains("the batch is 1, because the module keeps states of its size", result.Graphs[0].Notes);
        using var model = SeqModel.Load(result.File);
        using var session = model.CreateSession();
        float[][] x = [.. Numbers.Random(7, 6 * Features).Chunk(Features)];
        var expected = Recurrence(w, b, r, x, new double[Units]);
        for (var step = 0; step < 6; step++)
        {
            x[step].CopyTo(session.Input<float>(0));
            session.Run();
            Numbers.Near(expected[step].Select(value => value / 2), session.Output<float>(0), 1e-5);
        }
    }

    [Theory]
    [InlineData("    self.state = torch.add(x, self.p)\n    return torch.add(x, 1) if torch.eq(torch.len(self.count), 0) else x", "the module has no attribute 'count'", null)]
    [InlineData("    y = torch.mul(x, self.number)\n    self.number = torch.add(self.number, 1)\n    return y", "forward sets attributes of the module to other values in each call: 'number'", null)]
    [InlineData("    if bool(torch.len(self.state)):\n      y = torch.add(x, self.state)\n    else:\n      y = torch.mul(x, 3)\n    self.state = torch.add(y, self.p)\n    return y", "its first call computes something else than a later one with zeros in them", null)]
    [InlineData("    y = torch.mul(x, self.steps)\n    self.steps = torch.add(self.steps, 1)\n    return torch.add(y, self.p)", "the buffer 'steps' of whole numbers changes in each call and enters a result", null)]
    [InlineData("    self.steps = torch.add(self.steps, 1)\n    return torch.add(x, self.p)", null, "the buffer 'steps' of whole numbers, which forward changes, enters no result and is left out")]
    [InlineData("    return torch.add(torch.rand([3]), self.p)", "draws random numbers", null)]
    [InlineData("    y = x\n    for t in range(torch.size(x, 0)):\n      self.state = torch.add(y, self.p)\n    return y", "sets an attribute or a buffer", null)]
    [InlineData("    y = torch.add(torch.view(x, [-1, 3]), self.p)\n    n = 0\n    for t in range(torch.size(y, 0)):\n      n = torch.add(n, 1)\n    return torch.add(y, n)", "'n' is another value after each round", null)]
    [InlineData("    l = torch.mul([torch.mul([torch.mul([0], 4096)], 4096)], 4096)\n    m = [l]\n    _0 = torch.append(m, l)\n    return torch.add(x, self.p)", "more than 16777216 values of lists are visited", null)]
    [InlineData("    l = torch.mul([torch.mul([torch.mul([annotate(List[int], [])], 4096)], 4096)], 4096)\n    return torch.add(x, torch.tensor(l))", "more than 16777216 values of lists are visited", null)]
    [InlineData("    l = torch.mul([torch.mul([torch.mul([0], 4096)], 4096)], 4096)\n    if torch.eq(self.number, 1):\n      self.number = 2\n    else:\n      self.number = l\n    return torch.add(x, self.p)", "hold more than 4096 values", null)]
    [InlineData("    d = annotate(Dict[str, Tensor], {})\n    y = torch.add(torch.view(x, [-1, 3]), self.p)\n    _0 = torch._set_item(d, torch.format(\"h{}\", torch.size(y, 0)), y)\n    return y", "torch._set_item is not known here", null)]
    [InlineData("    y = torch.add(torch.view(x, [-1, 3]), self.p)\n    s = torch.format(\"{}\", torch.size(y, 0))\n    return y if torch.eq([s], [torch.str(torch.size(y, 0))]) else x", "a decision depends on values", null)]
    [InlineData("    y = torch.add(torch.view(x, [-1, 3]), self.p)\n    return y if torch.__contains__([torch.size(y, 0)], 3) else x", "a decision depends on values", null)]
    [InlineData("    y = torch.add(torch.unsqueeze(x, -1), self.p)\n    return torch.squeeze(y)", null, "those of a size that is not known are kept")]
    public void What_calls_and_loops_leave_is_kept_or_said(string body, string? refusal, string? note)
    {
        var root = new TorchModule("net.Net", ("p", Store(1, 3)), ("state", Store([], 0)), ("number", 1), ("steps", Integers([0])));
        if (refusal is not null) Assert.Contains(refusal, Assert.Throws<ConversionException>(() => Convert(root, Net(body, "x: Tensor"))).Message, StringComparison.Ordinal);
        else Assert.Contains(Convert(root, Net(body, "x: Tensor")).Graphs[0].Notes, said => said.Contains(note!, StringComparison.Ordinal));
    }

    /// <summary>Lists, dicts and objects from outside of a loop of unknown rounds, which its rounds change without changing how many items they hold.</summary>
    [Theory]
    [InlineData("delay = [z, z, z]", "v = torch.pop(delay, 0)\n      _0 = torch.append(delay, u)\n      _1 = torch.append(outs, v)")]
    [InlineData("delay = [z, z]", "_0 = torch.append(outs, delay[0])\n      _1 = torch._set_item(delay, 0, u)")]
    [InlineData("delay = [z, u0]", "_0 = torch.append(outs, delay[0])\n      _1 = torch.reverse(delay)")]
    [InlineData("d = {\"h\": z}", "_0 = torch.append(outs, d[\"h\"])\n      _1 = torch._set_item(d, \"h\", u)")]
    [InlineData("d = ([z], z)", "_0 = torch.append(outs, ((d)[0])[0])\n      _1 = torch._set_item((d)[0], 0, u)")]
    [InlineData("o = __torch__.net.Cell.__new__(__torch__.net.Cell)\n    o.h = z", "_0 = torch.append(outs, o.h)\n      o.h = u")]
    [InlineData("h = [z]\n    g = h", "_0 = torch.append(outs, g[0])\n      _1 = torch._set_item(h, 0, u)\n      h = [u]")]
    [InlineData("h = [z]", "_0 = torch.append(h, u)\n      _1 = torch.append(outs, h[0])\n      h = h")]
    public void Lists_that_rounds_change_are_refused(string before, string round)
    {
        var body = $"    y = torch.add(torch.view(x, [-1, 3]), self.p)\n    u0 = torch.select(y, 0, 0)\n    z = torch.mul(u0, 0)\n    {before}\n    outs = annotate(List[Tensor], [])\n    for t in range(torch.size(y, 0)):\n      u = torch.select(y, 0, t)\n      {round}\n    return torch.stack(outs)";
        var message = Assert.Throws<ConversionException>(() => Convert(new TorchModule("net.Net", ("p", Store(1, 3))), Net(body, "x: Tensor"))).Message;
        Assert.Contains("changes a list that was not empty, a dict or an object from outside of it; pass what changes", message, StringComparison.Ordinal);
    }

    /// <summary>Floor division of a number below 0 rounds down, as in the idiom for a ceiling.</summary>
    [Theory]
    [InlineData("torch.neg(torch.floordiv(torch.neg(torch.size(x, 0)), 2))", 3, 2)]
    [InlineData("torch.add(torch.floordiv(torch.sub(torch.size(x, 0), 6), 2), 4)", 3, 3)]
    [InlineData("torch.sub(0, torch.floordiv(torch.size(x, 0), -2))", 3, 2)]
    [InlineData("torch.floordiv(torch.size(x, 0), 2)", 2, 2)]
    public void Floor_division_rounds_down(string count, int ofFive, int ofFour)
    {
        using var model = Load(new TorchModule("net.Net", ("p", Store(1, 3))), Net($"    y = torch.add(x, self.p)\n    n = {count}\n    return torch.add(torch.zeros([n, 3]), torch.select(y, 0, 0))", "x: Tensor"));
        foreach (var (size, expected) in (ReadOnlySpan<(int, int)>)[(5, ofFive), (4, ofFour)])
        {
            using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = size } });
            session.Run();
            Assert.Equal(expected * 3, session.Output<float>(0).Length);
        }
    }

    /// <summary>Texts are formatted truly, so that they can be keys.</summary>
    [Fact]
    public void Formatted_texts_are_keys()
    {
        var p = Store(1, 3);
        using var model = Load(new TorchModule("net.Net", ("p", p)), Net("""
                d = annotate(Dict[str, Tensor], {})
                for i in range(2):
                  _0 = torch._set_item(d, torch.join("_", [torch.format("h{}{}", i, None), torch.str(True)]), torch.mul(self.p, torch.add(i, 2)))
                return torch.add(x, torch.sub(torch.mul(d["h1None_True"], 10), d["h0None_True"]))
            """, "x: Tensor"));
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 1 } });
        session.Run();
        Numbers.Near(Enumerable.Range(0, 3).Select(i => 28.0 * Value(p, i)), session.Output<float>(0), 1e-5);
    }

    /// <summary>States with the name of an input take another: an attribute, and a buffer.</summary>
    [Theory]
    [InlineData(0, "    if torch.__not__(bool(torch.len(self.state))):\n      self.state = torch.zeros([1, 3])\n    else:\n      pass\n    h = torch.add(torch.mul(self.state, 0.5), x)\n    self.state = torch.add(h, state)\n    return torch.add(h, torch.mul(self.p, 0))")]
    [InlineData(3, "    h = torch.add(torch.mul(self.state, 0.5), x)\n    self.state = torch.add(h, state)\n    return torch.add(h, torch.mul(self.p, 0))")]
    public void A_state_with_the_name_of_an_input_takes_another(int size, string body)
    {
        using var model = Load(new TorchModule("net.Net", ("p", Store(1, 3)), ("state", Store(new float[size], size))), Net(body, "x: Tensor,\n    state: Tensor"));
        Assert.Equal("state_", Assert.Single(model.Graphs[0].States).Name);
        using var session = model.CreateSession();
        double[] before = [0, 0, 0];
        for (var step = 0; step < 3; step++)
        {
            var (x, state) = (Numbers.Random(10 + step, 3), Numbers.Random(20 + step, 3));
            x.CopyTo(session.Input<float>("x"));
            state.CopyTo(session.Input<float>("state"));
            session.Run();
            double[] h = [.. before.Select((value, i) => 0.5 * value + x[i])];
            Numbers.Near(h, session.Output<float>(0), 1e-5);
            before = [.. h.Select((value, i) => value + state[i])];
        }
    }

    /// <summary>Sequences of different lengths, packed as torch.nn.utils.rnn does it: sorted by length, and put back.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_packed_sequence_ends_at_its_lengths(bool isSorted)
    {
        var (w, b, r) = (Store(1, Units, Features), Store(2, Units), Store(3, Units, Units));
        var (before, after) = isSorted
            ? ("    lengths1, order, = torch.sort(torch.to(lengths, dtype=4), -1, True)\n    x1 = torch.index_select(x, 0, order)\n", "    back = torch.scatter_(torch.empty_like(order), 0, order, torch.arange(0, torch.numel(order)))\n    y2 = torch.index_select(y1, 0, back)\n    last1 = torch.index_select(last, 1, back)\n")
            : ("    x1, lengths1, = (x, torch.to(lengths, dtype=4))\n", "    y2, last1, = (y1, last)\n");
        var result = Convert(new TorchModule("net.Net", ("w", w), ("b", b), ("r", r), ("z", Store(new float[Units], Units))), Net($"""
            {before}    data, sizes, = torch._pack_padded_sequence(x1, lengths1, True)
                h = torch.zeros([1, int(torch.select(sizes, 0, 0)), 4])
                packed = __torch__.net.Packed(data, sizes)
                y, last, = torch.rnn_tanh(packed.data, packed.sizes, h, [self.w, self.r, self.b, self.z], True, 1, 0., False, False)
                y1, _0, = torch._pad_packed_sequence(y, sizes, True, 0., {(isSorted ? "torch.size(x, 1)" : "torch.size(sizes, 0)")})
            {after}    return (y2, last1)
            """, "x: Tensor,\n    lengths: Tensor", "class Packed(NamedTuple):\n  data : Tensor\n  sizes : Tensor\n"));
        Assert.Contains(result.Graphs[0].Notes, note => note.Contains("PyTorch cuts them to the longest length", StringComparison.Ordinal));
        using var model = SeqModel.Load(result.File);
        const int steps = 5;
        using var session = model.CreateSession(graph: null, new SeqSessionOptions { MaxSizes = { ["N"] = 3, ["T"] = steps } });
        long[] lengths = isSorted ? [2, 5, 1] : [5, 3, 3];
        lengths.CopyTo(session.Input<long>("lengths"));
        var x = Numbers.Random(7, 3 * steps * Features);
        x.CopyTo(session.Input<float>("x"));
        session.Run();
        var sequences = lengths.Select((length, n) => Recurrence(w, b, r, [.. x.Skip(n * steps * Features).Take((int)length * Features).Chunk(Features)], new double[Units])).ToArray();
        Numbers.Near(sequences.SelectMany(sequence => sequence.Concat(Enumerable.Repeat(new double[Units], steps - sequence.Length)).SelectMany(h => h)), session.Output<float>(0), 1e-5);
        Numbers.Near(sequences.SelectMany(sequence => sequence[^1]), session.Output<float>(1), 1e-5);
    }

    /// <summary>Sequences that are sorted and put back along another axis, twice or by another order, and lengths that the graph does not give.</summary>
    [Theory]
    [InlineData("index_select(x, 0, order)", "index_select(x, 1, order)", "has its sequences along axis 0, and axis 1 is in the order")]
    [InlineData("index_select(y1, 0, back)", "index_select(y1, 0, order)", "sequences are sorted twice by their lengths")]
    [InlineData("index_select(last, 1, back)", "index_select(last, 0, back)", "put back that are not in the order of their lengths along this axis")]
    [InlineData("index_select(x, 0, order)", "index_select(x, 0, back)", "put back that are not in the order of their lengths along this axis")]
    [InlineData("scatter_(back, 0, order, torch.arange(0, torch.numel(order)))", "detach(x)", "by an order that nothing has written")]
    [InlineData("True, 0., -1)", "True, 0., 7)", "is padded to a total_length of 7")]
    [InlineData("True, 0., -1)", "True, 0., torch.add(torch.size(x, 1), 1))", "is padded to a total_length of")]
    [InlineData("True, 0., -1)", "True, 0., torch.size(x, 1))", null)]
    [InlineData("torch.index_select(x, 0, order)", "torch.index(x, [order])", null)]
    public void Sequences_are_put_back_as_they_were_sorted(string part, string other, string? refusal)
    {
        const string body = """
                lengths1, order, = torch.sort(lengths, -1, True)
                back = torch.empty_like(order)
                _0 = torch.scatter_(back, 0, order, torch.arange(0, torch.numel(order)))
                x1 = torch.index_select(x, 0, order)
                data, sizes, = torch._pack_padded_sequence(x1, lengths1, True)
                h = torch.zeros([1, int(torch.select(sizes, 0, 0)), 4])
                y, last, = torch.rnn_tanh(data, sizes, h, [self.w, self.r], False, 1, 0., False, False)
                y1, _1, = torch._pad_packed_sequence(y, sizes, True, 0., -1)
                return (torch.index_select(y1, 0, back), torch.index_select(last, 1, back))
            """;
        Assert.Contains(part, body, StringComparison.Ordinal);
        var root = new TorchModule("net.Net", ("w", Store(1, Units, Features)), ("r", Store(3, Units, Units)));
        var code = Net(body.Replace(part, other, StringComparison.Ordinal), "x: Tensor,\n    lengths: Tensor");
        if (refusal is null)
        {
            using var model = Load(root, code);
            Assert.Equal(2, model.Graphs[0].Outputs.Count);
            return;
        }

        Assert.Contains(refusal, Assert.Throws<ConversionException>(() => Convert(root, code)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sequences_that_stay_sorted_are_refused()
    {
        var message = Assert.Throws<ConversionException>(() => Convert(new TorchModule("net.Net", ("p", Store(1, 3))), Net("    lengths1, order, = torch.sort(lengths, -1, True)\n    return torch.add(torch.index_select(x, 0, order), self.p)", "x: Tensor,\n    lengths: Tensor"))).Message;
        Assert.Contains("in the order of their lengths are computed on outside of a packed sequence", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_input_whose_elements_are_put_in_a_row_is_a_row()
    {
        var (p, q) = (Store(1, 2, 3), Store(2, 2));
        using var model = Load(new TorchModule("net.Net", ("p", p), ("q", q)), Net("    return torch.linear(torch.view(x, [1, 1, -1]), self.p, self.q)", "x: Tensor"));
        using var session = model.CreateSession();
        double[] x = [1, -2, 0.5];
        for (var i = 0; i < 3; i++) session.Input<float>(0)[i] = (float)x[i];
        session.Run();
        Numbers.Near(Dense(p, q, x), session.Output<float>(0), 1e-6);
    }

    /// <summary>Named tuples and dicts that forward returns name the outputs.</summary>
    [Theory]
    [InlineData("    return __torch__.net.State(torch.add(x, self.p), x)")]
    [InlineData("    return {\"first\": torch.add(x, self.p), \"second\": x}")]
    [InlineData("    d = annotate(Dict[str, Tensor], {})\n    _0 = torch._set_item(d, \"first\", torch.add(x, self.p))\n    _1 = torch._set_item(d, \"second\", x)\n    return d")]
    public void Results_with_names_keep_them(string body)
    {
        using var model = Load(new TorchModule("net.Net", ("p", Store(1, 3))), Net(body, "x: Tensor", "class State(NamedTuple):\n  first : Tensor\n  second : Tensor\n"));
        Assert.Equal(["first", "second"], model.Graphs[0].Outputs.Select(output => output.Name));
    }

    private static (string, string) Net(string body, string parameters, string more = "") => ("net", $"{more}class Net(Module):\n  def forward(self: __torch__.net.Net,\n    {parameters}) -> Tensor:\n{body}\n");

    /// <summary>h = tanh(W x + b + R h), step by step.</summary>
    private double[][] Recurrence(TorchView w, TorchView b, TorchView r, float[][] x, double[] h)
    {
        var steps = new List<double[]>();
        foreach (var step in x)
        {
            var before = h;
            h = [.. Dense(w, b, [.. step.Select(value => (double)value)]).Select((value, i) => Math.Tanh(value + Enumerable.Range(0, Units).Sum(k => before[k] * Value(r, i * Units + k))))];
            steps.Add(h);
        }

        return [.. steps];
    }
}
