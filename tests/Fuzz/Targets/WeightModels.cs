using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>Descriptions of small models, and their weights as safetensors and npz.</summary>
internal static class WeightModels
{
    private static readonly (string Name, int[] Shape)[] s_tensors =
    [
        ("rnn.weight_ih_l0", [6, 3]), ("rnn.weight_hh_l0", [6, 2]), ("rnn.bias_ih_l0", [6]), ("rnn.bias_hh_l0", [6]), ("lstm.weight_ih_l0", [8, 3]), ("lstm.weight_hh_l0", [8, 2]), ("lstm.weight_ih_l0_reverse", [8, 3]),
        ("lstm.weight_hh_l0_reverse", [8, 2]), ("cell.weight_ih", [6, 3]), ("cell.weight_hh", [6, 2]), ("head.weight", [4, 2]), ("head.bias", [4]), ("emb.weight", [5, 3]), ("conv.weight", [3, 3, 2]), ("conv.bias", [3]), ("norm.weight", [3]), ("norm.bias", [3]),
        ("bn.running_mean", [3]), ("bn.running_var", [3]), ("bn.weight", [3]), ("att.query.weight", [2, 2]), ("att.score.weight", [1, 2]), ("mha.in_proj_weight", [6, 2]), ("mha.out_proj.weight", [2, 2]), ("wide", [4, 8]),
    ];

    /// <summary>Every kind of layer, states, tables and a decoder.</summary>
    public static byte[][] Descriptions { get; } =
    [
        """
        { "weights": "w.bin", "tables": { "target": ["a", "b", "c", "d"] }, "graphs": { "main": {
          "inputs": { "x": { "shape": [1, "T", 3] }, "i": { "type": "int64", "shape": [1, "T"] } }, "states": { "h": { "shape": [1, 1, 2], "update": "h2" } },
          "layers": [
            { "kind": "gru", "input": "x", "initial": "h", "final": "h2", "output": "g", "weights": "rnn" },
            { "kind": "linear", "input": "g", "output": "y", "weights": "head" },
            { "kind": "lstm", "bidirectional": true, "input": "x", "output": "l", "weights": "lstm" },
            { "kind": "embedding", "input": "i", "output": "e", "weights": "emb" },
            { "kind": "layer_norm", "input": "e", "output": "n", "weights": "norm" },
            { "kind": "transpose", "input": "n", "order": [0, 2, 1], "output": "t" },
            { "kind": "conv1d", "input": "t", "causal": true, "output": "c", "weights": "conv" },
            { "kind": "batch_norm", "input": "c", "output": "b", "weights": "bn" },
            { "kind": "activation", "function": "gelu", "input": "b", "output": "a" },
            { "kind": "slice", "input": "a", "axis": 2, "start": -1, "drop": true, "output": "s" },
            { "kind": "concat", "inputs": ["s", "s"], "output": "cc" },
            { "kind": "dropout", "input": "cc", "output": "d" } ],
          "outputs": { "y": "y", "l": "l", "d": "d" } } } }
        """u8.ToArray(),
        """
        { "weights": "w.bin", "tables": { "source": ["a", "b"], "target": ["<", ">", "x", "y"] },
          "decoding": { "kind": "encoder-decoder", "encoder": "encoder", "step": "step", "source": "x", "token": "t", "logits": "y", "alignment": "al", "links": { "m": "m" }, "begin": "<", "end": ">", "max": 5 },
          "graphs": {
            "encoder": { "inputs": { "x": { "type": "int64", "shape": [1, "T"] } }, "layers": [ { "kind": "embedding", "input": "x", "output": "e", "weights": "emb" }, { "kind": "gru", "input": "e", "output": "m", "weights": "rnn" } ], "outputs": { "m": "m" } },
            "step": { "inputs": { "t": { "type": "int64", "shape": ["N"] }, "m": { "shape": [1, "T", 2] } }, "states": { "h": { "shape": ["N", 2], "update": "h2" } },
              "layers": [
                { "kind": "embedding", "input": "t", "output": "e", "weights": "emb" }, { "kind": "gru_cell", "input": "e", "hidden": "h", "output": "h2", "weights": "cell" },
                { "kind": "attention", "score": "additive", "query": "h2", "memory": "m", "output": "c", "alignment": "al", "weights": "att" }, { "kind": "add", "inputs": ["h2", "c"], "output": "r" },
                { "kind": "linear", "input": "r", "output": "y", "weights": "head" }, { "kind": "linear", "input": "e", "output": "z", "tensors": { "weight": "wide[:, 5:]" } } ],
              "outputs": { "y": "y", "al": "al", "z": "z" } } } }
        """u8.ToArray(),
        """
        { "weights": "w.bin", "graphs": { "main": { "inputs": { "x": { "shape": [1, 4, 2] }, "m": { "shape": [1, 4] } }, "layers": [
          { "kind": "multi_head_attention", "query": "x", "heads": 2, "causal": true, "mask": "m", "output": "y", "alignment": "a", "weights": "mha" },
          { "kind": "multiply", "inputs": ["y", "y"], "output": "p" }, { "kind": "reshape", "input": "p", "shape": [0, -1], "output": "q" } ], "outputs": { "q": "q", "a": "a" } } } }
        """u8.ToArray(),
        """
        { "weights": "w.bin", "tables": { "target": ["a", "b", "c", "d"] }, "graphs": { "main": { "inputs": { "x": { "shape": ["T", 2] } }, "layers": [ { "kind": "linear", "input": "x", "output": "y", "weights": "head" } ], "outputs": { "y": "y" } } },
          "decoding": { "kind": "ctc", "encoder": "main", "logits": "y", "blank": "a" } }
        """u8.ToArray(),
        """
        { "weights": "w.bin", "graphs": { "main": {
          "inputs": { "x": { "shape": [2, "T", 3] }, "n": { "type": "int32", "shape": [2] }, "m": { "shape": [2, "T"] } }, "states": { "s": { "shape": [4, 2], "update": "s2", "initial": "head.weight" } },
          "layers": [
            { "kind": "lstm", "bidirectional": true, "input": "x", "lengths": "n", "activation": "relu", "recurrent_activation": "hard_sigmoid(0.2)", "output": "l", "weights": "lstm" },
            { "kind": "gru", "input": "x", "mask": "m", "activation": "elu(0.5)", "output": "g", "weights": "rnn" },
            { "kind": "transpose", "input": "x", "order": [0, 2, 1], "output": "t" }, { "kind": "prelu", "input": "t", "output": "p", "weights": "norm" },
            { "kind": "conv_transpose1d", "input": "p", "stride": 2, "padding": 1, "output": "ct", "tensors": { "weight": "conv.weight", "bias": "norm.bias[:3]" } },
            { "kind": "max_pool", "input": "p", "size": 2, "stride": 1, "padding": 1, "output": "mp" }, { "kind": "average_pool", "input": "mp", "size": 2, "ceil": true, "output": "ap" },
            { "kind": "group_norm", "groups": 3, "input": "ap", "output": "gn", "weights": "norm" }, { "kind": "mean", "axis": [1, -1], "keep": true, "input": "gn", "output": "mean" },
            { "kind": "rms_norm", "input": "x", "output": "rn", "weights": "norm" }, { "kind": "gather", "each": true, "indices": "n", "input": "rn", "output": "last" },
            { "kind": "repeat", "axis": 1, "like": "x", "input": "last", "output": "all" }, { "kind": "reverse", "lengths": "n", "input": "all", "output": "back" },
            { "kind": "matmul", "inputs": ["back", "x"], "transpose": true, "output": "mm" }, { "kind": "argmax", "input": "mm", "output": "best" },
            { "kind": "one_hot", "size": 4, "input": "best", "output": "oh" }, { "kind": "constant", "value": [[1, 2, 3, 4]], "output": "k" }, { "kind": "maximum", "inputs": ["oh", "k"], "output": "o" },
            { "kind": "constant", "weights": "head.weight.T", "output": "ht" }, { "kind": "matmul", "inputs": ["l", "ht"], "output": "deep" },
            { "kind": "rotary", "heads": 1, "base": 100, "input": "l", "output": "r" }, { "kind": "activation", "function": "glu", "axis": 2, "input": "r", "output": "y" },
            { "kind": "constant", "weights": "head.weight", "output": "s2" } ],
          "outputs": { "y": "y", "g": "g", "mean": "mean", "o": "o" } } } }
        """u8.ToArray(),
    ];

    /// <summary>The description for another kind of weight file.</summary>
    public static byte[] For(byte[] description, string weights) => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(description).Replace("w.bin", weights, StringComparison.Ordinal));

    /// <summary>Values of a tensor from -0.5 to 0.5.</summary>
    public static float[] Values(int seed, int[] shape)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, shape.Aggregate(1, (product, size) => product * size)).Select(_ => random.NextSingle() - 0.5f)];
    }

    public static byte[] Safetensors()
    {
        var header = new StringBuilder("{");
        var data = new MemoryStream();
        foreach (var (name, shape, values) in Tensors())
        {
            if (header.Length > 1) header.Append(',');
            header.Append(System.Globalization.CultureInfo.InvariantCulture, $"\"{name}\":{{\"dtype\":\"F32\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{data.Length},{data.Length + 4 * values.Length}]}}");
            foreach (var value in values) data.Write(BitConverter.GetBytes(value));
        }

        return Safetensors(Encoding.UTF8.GetBytes(header.Append('}').ToString()), data.ToArray());
    }

    /// <summary>A file of a header's length, the header and the data.</summary>
    public static byte[] Safetensors(byte[] header, byte[] data)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. data];
    }

    public static byte[] Npz(CompressionLevel level, Func<string, byte[], byte[]>? change = null)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, shape, values) in Tensors())
            {
                using var entry = zip.CreateEntry($"{name}.npy", level).Open();
                var npy = NpyWriter.ToBytes(NpyArray.From(shape, values));
                entry.Write(change?.Invoke(name, npy) ?? npy);
            }
        }

        return stream.ToArray();
    }

    public static IEnumerable<(string Name, int[] Shape, float[] Values)> Tensors()
    {
        var random = new Random(9);
        foreach (var (name, shape) in s_tensors) yield return (name, shape, [.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(_ => random.NextSingle() + 0.1f)]);
    }
}
