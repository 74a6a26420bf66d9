using System.Text;
using PureHDF;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>Keras models with small random weights. Blanks follow their architecture, so that another one fits in its place.</summary>
internal static class KerasModels
{
    private const int Inputs = 3, Units = 2;

    /// <summary>Space for the architecture.</summary>
    public const int ConfigBytes = 6000;

    private const string Shape = "\"batch_input_shape\": [null, null, 3]";
    private const string Cell = "\"activation\": \"tanh\", \"recurrent_activation\": \"sigmoid\", \"use_bias\": true";

    /// <summary>A sequential and two functional models.</summary>
    public static string[] Configs { get; } =
    [
        $$"""
        {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "Masking", "config": {"name": "masking", {{Shape}}, "mask_value": 0.0} },
        {"class_name": "LSTM", "config": {"name": "lstm", "units": 2, "return_sequences": true, {{Cell}} } },
        {"class_name": "Bidirectional", "config": {"name": "both", "layer": {"class_name": "GRU", "config": {"name": "gru", "units": 2, "return_sequences": true, "reset_after": true, {{Cell}} } }, "merge_mode": "concat"} },
        {"class_name": "TimeDistributed", "config": {"name": "each", "layer": {"class_name": "Dense", "config": {"name": "dense", "units": 2, "activation": "relu", "use_bias": true} } } },
        {"class_name": "BatchNormalization", "config": {"name": "bn", "axis": [2], "epsilon": 0.001, "scale": true, "center": true} },
        {"class_name": "Dropout", "config": {"name": "dropout", "rate": 0.5} },
        {"class_name": "SimpleRNN", "config": {"name": "rnn", "units": 2, {{Cell}} } },
        {"class_name": "Activation", "config": {"name": "act", "activation": "softmax"} } ]} }
        """,
        $$"""
        {"class_name": "Functional", "config": {"name": "f", "layers": [
        {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [null, null, 3], "dtype": "float32"}, "inbound_nodes": []},
        {"class_name": "Conv1D", "name": "conv", "config": {"name": "conv", "filters": 2, "kernel_size": [3], "strides": [1], "padding": "causal", "dilation_rate": [1], "groups": 1, "activation": "tanh", "use_bias": true}, "inbound_nodes": [[["x", 0, 0, {}]]]},
        {"class_name": "MaxPooling1D", "name": "pool", "config": {"name": "pool", "pool_size": [2], "strides": [2], "padding": "valid"}, "inbound_nodes": [[["conv", 0, 0, {}]]]},
        {"class_name": "LSTM", "name": "lstm", "config": {"name": "lstm", "units": 2, "return_sequences": true, "return_state": true, {{Cell}} }, "inbound_nodes": [[["x", 0, 0, {}]]]},
        {"class_name": "Attention", "name": "att", "config": {"name": "att", "use_scale": false}, "inbound_nodes": [[["lstm", 0, 0, {}], ["pool", 0, 0, {}]]]},
        {"class_name": "Concatenate", "name": "cat", "config": {"name": "cat", "axis": -1}, "inbound_nodes": [[["lstm", 0, 0, {}], ["att", 0, 0, {}]]]},
        {"class_name": "GlobalAveragePooling1D", "name": "mean", "config": {"name": "mean"}, "inbound_nodes": [[["cat", 0, 0, {}]]]} ],
        "input_layers": [["x", 0, 0]], "output_layers": [["mean", 0, 0], ["lstm", 0, 1]]} }
        """,
        """
        {"class_name": "Functional", "config": {"name": "k3", "layers": [
        {"class_name": "InputLayer", "name": "w", "config": {"name": "w", "batch_shape": [null, null], "dtype": "int32"}, "inbound_nodes": []},
        {"class_name": "Embedding", "name": "emb", "config": {"name": "emb", "input_dim": 5, "output_dim": 3, "mask_zero": true}, "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"shape": [null, null], "dtype": "int32", "keras_history": ["w", 0, 0]} }], "kwargs": {} }]},
        {"class_name": "GRU", "name": "gru", "config": {"name": "gru", "units": 2, "return_sequences": true, "reset_after": true, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": true}, "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"shape": [null, null, 3], "dtype": "float32", "keras_history": ["emb", 0, 0]} }], "kwargs": {"training": false, "mask": null} }]},
        {"class_name": "LayerNormalization", "name": "ln", "config": {"name": "ln", "axis": -1, "epsilon": 0.001, "scale": true, "center": true}, "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["gru", 0, 0]} }], "kwargs": {} }]},
        {"class_name": "Add", "name": "add", "config": {"name": "add"}, "inbound_nodes": [{"args": [[{"class_name": "__keras_tensor__", "config": {"keras_history": ["ln", 0, 0]} }, {"class_name": "__keras_tensor__", "config": {"keras_history": ["gru", 0, 0]} }]], "kwargs": {} }]} ],
        "input_layers": [["w", 0, 0]], "output_layers": [["add", 0, 0]]} }
        """,
    ];

    public static IEnumerable<byte[]> Files()
    {
        foreach (var (index, config) in Configs.Index()) yield return File(config, isKeras3: index == 2);
    }

    /// <summary>The position of the architecture in a file.</summary>
    public static int ConfigAt(byte[] file) => file.AsSpan().IndexOf(Encoding.UTF8.GetBytes("{\"class_name\""));

    private static byte[] File(string config, bool isKeras3)
    {
        var random = new Random(3);
        var root = new H5Group();
        void Weight(string path, params int[] shape)
        {
            var group = root;
            var names = path.Split('/');
            foreach (var name in names[..^1])
            {
                if (!group.TryGetValue(name, out var inner)) group[name] = inner = new H5Group();
                group = (H5Group)inner;
            }

            float[] values = [.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(_ => random.NextSingle() - (names[^1] == "moving_variance" ? 0f : 0.5f))];
            group[names[^1] + ":0"] = new H5Dataset(values, fileDims: [.. shape.Select(s => (ulong)s)]);
        }

        void Recurrent(string path, int gates, int inputs, bool isTwice)
        {
            Weight(path + "/kernel", inputs, gates * Units);
            Weight(path + "/recurrent_kernel", Units, gates * Units);
            if (isTwice) Weight(path + "/bias", 2, gates * Units);
            else Weight(path + "/bias", gates * Units);
        }

        Recurrent("lstm/lstm/lstm_cell", 4, Inputs, isTwice: false);
        Recurrent("gru/gru/gru_cell", 3, Inputs, isTwice: true);
        Recurrent("both/both/forward_gru/gru_cell", 3, Units, isTwice: true);
        Recurrent("both/both/backward_gru/gru_cell", 3, Units, isTwice: true);
        Recurrent("rnn/rnn/simple_rnn_cell", 1, Units, isTwice: false);
        Weight("each/each/kernel", 2 * Units, Units);
        Weight("each/each/bias", Units);
        foreach (var name in (string[])["gamma", "beta", "moving_mean", "moving_variance"]) Weight($"bn/bn/{name}", Units);
        foreach (var name in (string[])["gamma", "beta"]) Weight($"ln/ln/{name}", Units);
        Weight("conv/conv/kernel", 3, Inputs, Units);
        Weight("conv/conv/bias", Units);
        Weight("emb/emb/embeddings", 5, Inputs);
        using var stream = new MemoryStream();
        new H5File { ["model_weights"] = root, Attributes = { ["model_config"] = config.PadRight(ConfigBytes), ["keras_version"] = isKeras3 ? "3.0.0" : "2.15.0" } }.Write(stream);
        return stream.ToArray();
    }
}
