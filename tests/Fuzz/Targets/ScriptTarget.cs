using System.Text;
using SeqRuntime.Fuzz.Mutating;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>A TorchScript model: its code is mutated by bytes and by lines, or the whole archive.</summary>
internal sealed class ScriptTarget : ConverterTarget
{
    private static readonly string[] s_code =
    [
        """
        class Net(Module):
          __parameters__ = ["p", "q", ]
          p : Tensor
          def forward(self: __torch__.net.Net,
            x: Tensor,
            hx: Optional[Tensor]=None) -> Tuple[Tensor, Tensor]:
            p = self.p
            if torch.__is__(hx, None):
              y = torch.linear(x, p, self.q)
            else:
              y = x
            if torch.ne(torch.size(y, -1), 4):
              ops.prim.RaiseException("no", "builtins.ValueError")
            else:
              pass
            s = self.s
            z = torch.add(torch.mul(torch.tanh(y), 0.5), torch.slice(s), alpha=1)
            _0 = torch.copy_(torch.slice(s), z)
            w = torch.cat([z, torch.view(torch.transpose(z, 0, 1), [1, -1])], 1)
            a, b, = (w, torch.softmax(torch.select(torch.unsqueeze(w, 0), 1, 0), -1))
            return (a, __torch__.net.bend(b, 1., False, ))
        def bend(input: Tensor,
            alpha: float=1.,
            inplace: bool=False) -> Tensor:
          return torch.elu(input, alpha) if torch.__not__(inplace) else input
        """,
        """
        class Net(Module):
          def forward(self: __torch__.net.Net,
            x: Tensor) -> Tensor:
            n = int(ops.prim.NumToTensor(torch.size(x, 1)))
            hx = torch.zeros([1, n, 4], dtype=6, layout=0, device=torch.device("cpu"), pin_memory=False)
            _0, _1, _2 = torch.lstm(x, [hx, hx], [self.a, self.b], False, 1, 0., False, False, False)
            input = torch._convolution(torch.permute(_0, [1, 2, 0]), self.c, None, [1], [1], [1], False, [0], 1, False, False, True, True)
            y = torch.layer_norm(torch.flatten(torch.relu_(input), 1, -1), [4], None, None, 1.0000000000000001e-05, True)
            return torch.squeeze(torch.mean(y, [1], True), 1)
        """,
        """
        class State(NamedTuple):
          h : Tensor
          c : Tensor
        class Net(Module):
          def forward(self: __torch__.net.Net,
            x: Tensor,
            state: Tuple[Tensor, List[Tensor]],
            hx: Optional[Tensor]=None) -> Dict[str, Tensor]:
            outputs = annotate(List[Tensor], [])
            a, b, = state
            h = torch.add(a, torch.zeros([torch.size(x, 0), 4]))
            steps = torch.unbind(x, 1)
            for t in range(torch.len(steps)):
              y = torch.tanh(torch.add(torch.linear(steps[t], self.p, self.q), h))
              _0 = torch.append(outputs, y)
              h = torch.where(torch.gt(y, 0.5), y, torch.pow(h, 2))
            i = 0
            _1 = True
            while _1:
              i = torch.add(i, 1)
              h = torch.add(h, b[0])
              _1 = torch.lt(i, 3)
            if bool(torch.len(self.made)):
              z = torch.add(self.made, h)
            else:
              z = h
            self.made = z
            data, sizes, = torch._pack_padded_sequence(x, torch.slice(torch.arange(9), 0, 1, 2), True)
            s = __torch__.net.State(torch.stack(outputs, 1), z)
            return {"first": s.h, "second": torch.max_pool1d(torch.pad(s.c, [1, 1], "reflect", 0.), [2]), "third": (torch.topk(z, 2))[0]}
        """,
    ];

    private readonly TorchCheckpoint _checkpoint = new();
    private readonly byte[] _pickle;
    private readonly List<byte[]> _seeds;

    public ScriptTarget()
    {
        TorchView Store(params int[] shape) => _checkpoint.Store(WeightModels.Values(shape.Length, shape), shape);
        _pickle = _checkpoint.Pickle(new TorchModule("net.Net", ("training", true), ("p", Store(4, 3)), ("q", Store(4)), ("s", Store(1, 4)), ("a", Store(16, 3)), ("b", Store(16, 4)), ("c", Store(4, 4, 3)), ("made", Store(0))));
        _seeds = [.. s_code.Select(code => Zip(Encoding.UTF8.GetBytes(code))), .. Corpus("script")];
    }

    public override string Name => "script";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random)
    {
        if (random.Next(8) == 0) return Bytes.Mutate(random, Pick(random, _seeds), Pick(random, _seeds));
        var text = s_code[random.Next(s_code.Length)];
        if (random.Next(2) == 0) return Zip(Bytes.Mutate(random, Encoding.UTF8.GetBytes(text), Encoding.UTF8.GetBytes(s_code[random.Next(s_code.Length)])));
        var lines = text.Split('\n').ToList();
        for (var change = random.Next(1, 4); change > 0; change--)
        {
            var (at, other) = (random.Next(lines.Count), random.Next(lines.Count));
            switch (random.Next(4))
            {
                case 0: lines[at] = lines[other]; break;
                case 1: lines.Insert(at, lines[other]); break;
                case 2: lines[at] = Words(random, lines[at], text); break;
                default: (lines[at], lines[other]) = (lines[other], lines[at]); break;
            }
        }

        return Zip(Encoding.UTF8.GetBytes(string.Join('\n', lines)));
    }

    public override Outcome Run(byte[] input) => Convert([("main", Write("model.pt", input))]);

    /// <summary>Puts a word of the code, or a number, in the place of another.</summary>
    private static string Words(Random random, string line, string text)
    {
        char[] between = [' ', '(', ')', ',', '[', ']', '.'];
        var (own, all) = (line.Split(between, StringSplitOptions.RemoveEmptyEntries), text.Split([.. between, '\n'], StringSplitOptions.RemoveEmptyEntries));
        if (own.Length == 0) return line;
        string[] numbers = ["0", "-1", "9223372036854775807", "-9223372036854775808", "1e400", "2147483648", "None", "True", "[]", "()"];
        return line.Replace(own[random.Next(own.Length)], random.Next(3) == 0 ? numbers[random.Next(numbers.Length)] : all[random.Next(all.Length)], StringComparison.Ordinal);
    }

    private byte[] Zip(byte[] code) => _checkpoint.Zip(_pickle, ("constants.pkl", [0x80, 2, (byte)')', (byte)'.']), ("code/__torch__/net.py", code));
}
