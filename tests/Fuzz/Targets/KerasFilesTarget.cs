using System.Text;
using SeqRuntime.Fuzz.Mutating;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>
/// A <c>.keras</c> archive; or an architecture, beside valid weights; or weights, beside a valid architecture. The input's beginning tells
/// which. The models have numbered weights, inner models, cells, and an encoder-decoder that was saved for training.
/// </summary>
internal sealed class KerasFilesTarget : ConverterTarget
{
    private const string Cell = "\"units\": 2, \"recurrent_activation\": \"sigmoid\"";

    private static readonly string[] s_configs =
    [
        $$"""
        {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, null, 3], "dtype": "float32"} },
        {"class_name": "Sequential", "config": {"name": "inner", "layers": [
            {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, null, 3], "dtype": "float32"} },
            {"class_name": "LSTM", "config": {"name": "lstm", "return_sequences": true, {{Cell}} } } ]} },
        {"class_name": "Bidirectional", "config": {"name": "both", "layer": {"class_name": "LSTM", "config": {"name": "l", "return_sequences": true, {{Cell}} } } } },
        {"class_name": "TimeDistributed", "config": {"name": "each", "layer": {"class_name": "Sequential", "config": {"name": "d", "layers": [
            {"class_name": "InputLayer", "config": {"name": "r", "batch_shape": [null, 4]} }, {"class_name": "Dense", "config": {"name": "dense", "units": 2} } ]} } } },
        {"class_name": "RNN", "config": {"name": "rnn", "return_sequences": true, "cell": {"class_name": "StackedRNNCells", "config": {"cells": [
            {"class_name": "LSTMCell", "config": {"name": "a", {{Cell}} } }, {"class_name": "LSTMCell", "config": {"name": "b", {{Cell}} } } ]} } } },
        {"class_name": "BatchNormalization", "config": {"name": "bn", "axis": -1, "scale": true, "center": true} } ]} }
        """,
        $$"""
        {"class_name": "Functional", "config": {"name": "f", "layers": [
        {"class_name": "InputLayer", "name": "source", "config": {"name": "source", "batch_input_shape": [null, null]}, "inbound_nodes": []},
        {"class_name": "InputLayer", "name": "target", "config": {"name": "target", "batch_input_shape": [null, null]}, "inbound_nodes": []},
        {"class_name": "Embedding", "name": "letters", "config": {"name": "letters", "input_dim": 5, "output_dim": 3, "mask_zero": true}, "inbound_nodes": [[["source", 0, 0, {}]]]},
        {"class_name": "Embedding", "name": "sounds", "config": {"name": "sounds", "input_dim": 5, "output_dim": 3}, "inbound_nodes": [[["target", 0, 0, {}]]]},
        {"class_name": "LSTM", "name": "encoder", "config": {"name": "encoder", "return_state": true, "return_sequences": true, {{Cell}} }, "inbound_nodes": [[["letters", 0, 0, {}]]]},
        {"class_name": "LSTM", "name": "decoder", "config": {"name": "decoder", "return_sequences": true, {{Cell}} }, "inbound_nodes": [[["sounds", 0, 0, {}], ["encoder", 0, 1, {}], ["encoder", 0, 2, {}]]]},
        {"class_name": "Attention", "name": "attend", "config": {"name": "attend"}, "inbound_nodes": [[["decoder", 0, 0, {}], ["encoder", 0, 0, {}]]]},
        {"class_name": "Dense", "name": "out", "config": {"name": "out", "units": 5, "activation": "softmax"}, "inbound_nodes": [[["attend", 0, 0, {}]]]} ],
        "input_layers": [["source", 0, 0], ["target", 0, 0]], "output_layers": [["out", 0, 0]]} }
        """,
        """
        {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [1, 2, 3, 3, 1], "dtype": "float32"} },
        {"class_name": "ConvLSTM2D", "config": {"name": "conv", "filters": 2, "kernel_size": [2, 2], "strides": [1, 1], "dilation_rate": [1, 1], "padding": "same", "data_format": "channels_last", "stateful": true, "recurrent_activation": "sigmoid"} } ]} }
        """,
        $$"""
        {"class_name": "Functional", "config": {"name": "f", "layers": [
        {"class_name": "InputLayer", "name": "source", "config": {"name": "source", "batch_input_shape": [null, null]}, "inbound_nodes": []},
        {"class_name": "InputLayer", "name": "target", "config": {"name": "target", "batch_input_shape": [null, null]}, "inbound_nodes": []},
        {"class_name": "Functional", "name": "enc", "config": {"name": "enc", "layers": [
            {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [null, null]}, "inbound_nodes": []},
            {"class_name": "Embedding", "name": "letters", "config": {"name": "letters", "input_dim": 5, "output_dim": 3}, "inbound_nodes": [[["x", 0, 0, {}]]]},
            {"class_name": "LSTM", "name": "encoder", "config": {"name": "encoder", "return_state": true, {{Cell}} }, "inbound_nodes": [[["letters", 0, 0, {}]]]} ],
            "input_layers": [["x", 0, 0]], "output_layers": [["encoder", 0, 1], ["encoder", 0, 2]]}, "inbound_nodes": [[["source", 0, 0, {}]]]},
        {"class_name": "Functional", "name": "dec", "config": {"name": "dec", "layers": [
            {"class_name": "InputLayer", "name": "y", "config": {"name": "y", "batch_input_shape": [null, null]}, "inbound_nodes": []},
            {"class_name": "InputLayer", "name": "h", "config": {"name": "h", "batch_input_shape": [null, 2]}, "inbound_nodes": []},
            {"class_name": "InputLayer", "name": "c", "config": {"name": "c", "batch_input_shape": [null, 2]}, "inbound_nodes": []},
            {"class_name": "Embedding", "name": "sounds", "config": {"name": "sounds", "input_dim": 5, "output_dim": 3}, "inbound_nodes": [[["y", 0, 0, {}]]]},
            {"class_name": "LSTM", "name": "decoder", "config": {"name": "decoder", "return_sequences": true, {{Cell}} }, "inbound_nodes": [[["sounds", 0, 0, {}], ["h", 0, 0, {}], ["c", 0, 0, {}]]]},
            {"class_name": "Dense", "name": "out", "config": {"name": "out", "units": 5, "activation": "softmax"}, "inbound_nodes": [[["decoder", 0, 0, {}]]]} ],
            "input_layers": [["y", 0, 0], ["h", 0, 0], ["c", 0, 0]], "output_layers": [["out", 0, 0]]}, "inbound_nodes": [[["target", 0, 0, {}], ["enc", 1, 0, {}], ["enc", 1, 1, {}]]]} ],
        "input_layers": [["source", 0, 0], ["target", 0, 0]], "output_layers": [["dec", 1, 0]]} }
        """,
    ];

    private readonly KerasFile _file = new(4) { Version = "3.6.0" };
    private readonly byte[] _weights;
    private readonly List<byte[]> _seeds;

    public KerasFilesTarget()
    {
        void Recurrent(string folder, int inputs)
        {
            foreach (var (i, shape) in new int[][] { [inputs, 8], [2, 8], [8] }.Index()) _file.Weight($"layers/{folder}/vars/{i}", shape);
        }

        Recurrent("sequential/layers/lstm/cell", 3);
        Recurrent("bidirectional/forward_layer/cell", 2);
        Recurrent("bidirectional/backward_layer/cell", 2);
        Recurrent("rnn/cell/cells/lstm_cell", 2);
        Recurrent("rnn/cell/cells/lstm_cell_1", 2);
        Recurrent("lstm/cell", 3);
        Recurrent("lstm_1/cell", 3);
        Recurrent("functional/layers/lstm/cell", 3);
        Recurrent("functional_1/layers/lstm/cell", 3);
        foreach (var (i, shape) in new int[][] { [2, 2, 1, 8], [2, 2, 2, 8], [8] }.Index()) _file.Weight($"layers/conv_lstm2d/cell/vars/{i}", shape);
        _file.Weight("layers/time_distributed/layer/layers/dense/vars/0", 4, 2);
        _file.Weight("layers/time_distributed/layer/layers/dense/vars/1", 2);
        for (var i = 0; i < 4; i++) _file.Weight($"layers/batch_normalization/vars/{i}", 0.4f, 0.8f, 2);
        foreach (var name in (string[])["embedding", "embedding_1", "functional/layers/embedding", "functional_1/layers/embedding"]) _file.Weight($"layers/{name}/vars/0", 5, 3);
        _file.Weight("layers/dense/vars/0", 2, 5);
        _file.Weight("layers/dense/vars/1", 5);
        _file.Weight("layers/functional_1/layers/dense/vars/0", 2, 5);
        _file.Weight("layers/functional_1/layers/dense/vars/1", 5);
        _file.WriteWeights(At("valid.h5"));
        _weights = File.ReadAllBytes(At("valid.h5"));
        _seeds = [.. s_configs.Select(Encoding.UTF8.GetBytes), .. s_configs.Select(Archive), _weights, .. Corpus("keras-files")];
    }

    public override string Name => "keras-files";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random)
    {
        var config = Encoding.UTF8.GetBytes(s_configs[random.Next(s_configs.Length)]);
        return random.Next(4) switch
        {
            0 => Bytes.Mutate(random, Pick(random, _seeds), Pick(random, _seeds)),
            1 => Archive(Encoding.UTF8.GetString(JsonTrees.Mutate(random, config, Encoding.UTF8.GetBytes(s_configs[random.Next(s_configs.Length)])))),
            2 => Bytes.Mutate(random, _weights, _weights, 0, random.Next(2) == 0 ? 4096 : -1),
            _ => JsonTrees.Mutate(random, config, Encoding.UTF8.GetBytes(s_configs[random.Next(s_configs.Length)])),
        };
    }

    public override Outcome Run(byte[] input)
    {
        if (input.AsSpan().StartsWith("PK"u8)) return Convert([("main", Write("model.keras", input))]);
        var isWeights = input.Length > 1 && input[0] != '{' && input[1] == 'H';
        Write("model.json", isWeights ? Encoding.UTF8.GetBytes(s_configs[input.Length % s_configs.Length]) : input);
        Write("model.h5", isWeights ? input : _weights);
        return Convert([("main", At("model.json"))], new SeqRuntime.Converter.ConversionOptions { WeightFiles = new Dictionary<string, string> { ["main"] = At("model.h5") } });
    }

    private byte[] Archive(string config)
    {
        File.Delete(At("made.keras"));
        _file.WriteArchive(At("made.keras"), config);
        return File.ReadAllBytes(At("made.keras"));
    }
}
