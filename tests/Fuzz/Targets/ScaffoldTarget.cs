using SeqRuntime.Converter;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Converter.Scaffolding;
using SeqRuntime.Fuzz.Mutating;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>
/// Weight files without an architecture: checkpoints of random modules, some with other names and shapes, and mutated files of every format. The draft
/// must be a description: it converts, or it is refused.
/// </summary>
internal sealed class ScaffoldTarget : ConverterTarget
{
    private static readonly string[] s_modules = ["emb", "wpe", "encoder.rnn", "decoder.rnn", "encoder.embedding", "decoder.embedding", "decoder.attn.W", "decoder.attn.v", "net.0", "net.1", "net.2", "norm", "bn", "conv", "fc", "layers.0.self_attn", "layers.0.linear1", "layers.0.mlp.gate_proj", "layers.0.self_attn.q_proj", "layers.0.self_attn.q_norm", "layers.1.input_layernorm", "h.0.heads.0.query", "h.0.heads.1.key", "pos_emb", "lm_head", "attention", "a\"\n\u2028", ""];
    private static readonly string[] s_roles = ["weight", "bias", "weight_ih_l0", "weight_hh_l0", "weight_hr_l0", "weight_ih_l1", "weight_ih_l0_reverse", "weight_hh_l0_reverse", "weight_ih", "weight_hh", "bias_ih", "running_mean", "running_var", "in_proj_weight", "w", "weight_g", "weight_v", "gamma", "beta", "inv_freq"];
    private static readonly (string, int[])[][] s_whole =
    [
        [("emb.weight", [9, 4]), ("rnn.weight_ih_l0", [12, 4]), ("rnn.weight_hh_l0", [12, 3]), ("fc.weight", [9, 3]), ("fc.bias", [9])],
        [("encoder.embedding.weight", [7, 4]), ("encoder.rnn.weight_ih_l0", [9, 4]), ("encoder.rnn.weight_hh_l0", [9, 3]), ("decoder.embedding.weight", [8, 4]), ("decoder.attn.W.weight", [3, 3]), ("decoder.rnn.weight_ih_l0", [9, 7]), ("decoder.rnn.weight_hh_l0", [9, 3]), ("decoder.fc.weight", [8, 3]), ("decoder.fc.bias", [8])],
        [("c.weight", [4, 3, 2]), ("bn.weight", [4]), ("bn.bias", [4]), ("bn.running_mean", [4]), ("bn.running_var", [4]), ("c2.weight", [4, 1, 1]), ("l.0.self_attn.in_proj_weight", [12, 4]), ("l.0.self_attn.out_proj.weight", [4, 4]), ("l.0.linear1.weight", [6, 4]), ("l.0.linear2.weight", [4, 6]), ("l.0.norm1.weight", [4]), ("l.0.norm1.bias", [4]), ("l.0.norm2.weight", [4]), ("l.0.norm2.bias", [4])],
        [("embed_tokens.weight", [9, 4]), .. Enumerable.Range(0, 2).SelectMany(block => (((string, int[])[])[("input_layernorm", [4]), ("self_attn.q_proj", [4, 4]), ("self_attn.k_proj", [2, 4]), ("self_attn.v_proj", [2, 4]), ("self_attn.o_proj", [4, 4]), ("post_attention_layernorm", [4]), ("mlp.gate_proj", [6, 4]), ("mlp.up_proj", [6, 4]), ("mlp.down_proj", [4, 6])]).Select(part => ($"layers.{block}.{part.Item1}.weight", part.Item2))), ("norm.weight", [4])],
        [("wte.weight", [9, 4]), ("wpe.weight", [8, 4]), ("h.0.ln_1.weight", [4]), ("h.0.ln_1.bias", [4]), ("h.0.attn.c_attn.weight", [4, 12]), ("h.0.attn.c_attn.bias", [12]), ("h.0.attn.c_proj.weight", [4, 4]), ("h.0.ln_2.weight", [4]), ("h.0.ln_2.bias", [4]), ("h.0.mlp.c_fc.weight", [4, 8]), ("h.0.mlp.c_proj.weight", [8, 4]), ("ln_f.weight", [4]), ("ln_f.bias", [4])],
        [("emb.weight", [9, 4]), ("pe", [1, 8, 4]), .. Enumerable.Range(0, 2).SelectMany(head => ((string[])["query", "key", "value"]).Select(part => ($"h.0.heads.{head}.{part}.weight", new[] { 2, 4 }))), ("h.0.heads.proj.weight", [4, 4]), ("h.0.ln1.gamma", [4]), ("h.0.ln2.gamma", [4]), ("h.0.ff.0.weight", [6, 4]), ("h.0.ff.2.weight", [4, 6]), ("fc.weight", [9, 4])],
        [("pos_encoder.pe", [8, 1, 4]), ("emb.weight", [9, 4]), ("h.0.attn.W_q.weight", [4, 4]), ("h.0.attn.W_k.weight", [4, 4]), ("h.0.attn.W_v.weight", [4, 4]), ("h.0.attn.W_o.weight", [4, 4]), ("h.0.norm1.weight", [4]), ("h.0.ff1.weight", [6, 4]), ("h.0.ff2.weight", [4, 6]), ("h.0.norm2.weight", [4]), ("fc.weight", [2, 32])],
    ];

    private readonly List<byte[]> _seeds = [.. s_whole.Select(weights => File(weights)), WeightModels.Safetensors(), WeightModels.Npz(System.IO.Compression.CompressionLevel.Fastest), .. Corpus("scaffold")];

    public override string Name => "scaffold";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random)
    {
        if (random.Next(4) == 0) return Bytes.Mutate(random, Pick(random, _seeds), Pick(random, _seeds));
        var weights = random.Next(2) == 0 ? s_whole[random.Next(s_whole.Length)].ToList() : [];
        for (var more = random.Next(weights.Count > 0 ? 3 : 12); more >= 0; more--)
        {
            var module = s_modules[random.Next(s_modules.Length)];
            var role = s_roles[random.Next(s_roles.Length)];
            weights.Add((module.Length == 0 ? role : $"{module}.{role}", [.. Enumerable.Range(0, random.Next(5)).Select(_ => (int[])[0, 1, 2, 3, 4, 6, 8, 12, 16]).Select(sizes => sizes[random.Next(sizes.Length)])]));
        }

        if (random.Next(3) == 0 && weights.Count > 0) weights.RemoveAt(random.Next(weights.Count));
        if (random.Next(4) == 0) weights = [.. weights.OrderBy(weight => weight.Item1, StringComparer.Ordinal)];
        return File(weights.DistinctBy(weight => weight.Item1));
    }

    public override Outcome Run(byte[] input)
    {
        var path = Write("w.bin", input);
        Draft draft;
        try
        {
            draft = ScaffoldCommand.DraftOf(path, input, "w.bin", new DraftOptions { IsAnswered = input.Length % 2 == 0, IsStateful = input.Length % 3 == 0 }).Draft;
            foreach (var tensor in draft.Tensors) _ = TensorEntry.Of(tensor);
        }
        catch (ConversionException fault)
        {
            Why = fault.Message;
            return Outcome.Refused;
        }

        Write("model.json", System.Text.Encoding.UTF8.GetBytes(draft.Text));
        var outcome = Convert([("main", At("model.json"))]);
        if (outcome == Outcome.Refused && draft.Questions.Count > 0 && !Why!.Contains("open; put the answer", StringComparison.Ordinal)) throw new InvalidOperationException($"a draft with questions is no description: {Why}\n{draft.Text}");
        return outcome;
    }

    private static byte[] File(IEnumerable<(string Name, int[] Shape)> weights)
    {
        var checkpoint = new TorchCheckpoint();
        return checkpoint.File(new TorchDict([.. weights.Select((weight, i) => ((object)weight.Name, (object?)checkpoint.Store(WeightModels.Values(i, weight.Shape), weight.Shape)))]));
    }
}
