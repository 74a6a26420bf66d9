using System.Text.Json.Nodes;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Pipeline;

namespace SeqRuntime.Tests.Importers;

/// <summary>
/// Documents of people and other tools. Each value in turn is made null, of another type, huge or empty, and each member is removed: the
/// document is read or refused, without other exceptions.
/// </summary>
public sealed class DocumentMutationTests : IDisposable
{
    private static readonly string[] s_values = ["null", "true", "-1", "0.5", "3000000000", "1e999", "\"\"", "\"x\\u0000\"", "\"\\ud800\"", "[null]", "{\"x\": null}"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_description()
    {
        using var files = new WeightFiles();
        foreach (var name in (string[])["e.weight", "q.query.weight", "place.weight"]) files.Random(name, 4, 4);
        foreach (var (name, gates) in ((string, int)[])[("rnn", 1), ("gru", 3), ("lstm", 4)])
        {
            files.Random($"{name}.weight_ih_l0", 4 * gates, 4);
            files.Random($"{name}.weight_hh_l0", 4 * gates, 4);
            files.Random($"{name}.bias_ih_l0", 4 * gates);
            files.Random($"{name}.bias_hh_l0", 4 * gates);
        }

        foreach (var name in (string[])["weight", "bias", "running_mean", "running_var"]) files.Put("n." + name, [1, 2, 3, 4], 4);
        files.Random("c.weight", 4, 4, 2);
        files.Random("q.score.weight", 1, 4);
        files.Random("m.in_proj_weight", 12, 4);
        files.Random("m.out_proj.weight", 4, 4);
        files.Put("i.weight", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], 4, 4);
        const string document = """
            { "$schema": "s", "weights": "weights.npz", "scale": 0.5, "tables": { "target": ["a", "b", "c", "d"], "source": { "file": "tokens.json", "member": "model" } },
              "decoding": { "kind": "encoder-decoder", "encoder": "encoder", "step": "step", "source": "s", "token": "t", "logits": "logits", "links": { "h": "h" }, "begin": "a", "end": 1, "max": 4, "separator": "" },
              "graphs": {
                "encoder": { "inputs": { "s": { "type": "int64", "shape": [1, "T"] } }, "layers": [
                  { "kind": "embedding", "input": "s", "weights": "e", "output": "e" },
                  { "kind": "positions", "like": "e", "output": "p" }, { "kind": "embedding", "input": "p", "weights": "place", "output": "pe" },
                  { "kind": "add", "inputs": ["e", "pe"], "output": "sum" }, { "kind": "multiply", "inputs": ["sum", "e"], "output": "product" },
                  { "kind": "rnn", "input": "product", "weights": "rnn", "nonlinearity": "relu", "output": "r", "final": "rh" },
                  { "kind": "gru", "input": "r", "weights": "gru", "initial": "rh", "reset_after": true, "output": "g", "final": "gh" },
                  { "kind": "lstm", "input": "g", "weights": "lstm", "initial_cell": "gh", "final_cell": "lc", "output": "l", "bidirectional": false },
                  { "kind": "layer_norm", "input": "l", "weights": "n", "epsilon": 0.01, "output": "ln" },
                  { "kind": "batch_norm", "input": "ln", "weights": "n", "epsilon": 0.01, "channels_last": true, "output": "bn" },
                  { "kind": "transpose", "input": "bn", "order": [0, 2, 1], "output": "tr" },
                  { "kind": "conv1d", "input": "tr", "weights": "c", "stride": 1, "dilation": 1, "groups": 1, "causal": true, "output": "cv" },
                  { "kind": "transpose", "input": "cv", "order": [0, 2, 1], "output": "back" },
                  { "kind": "multi_head_attention", "query": "back", "memory": "back", "heads": 2, "causal": true, "weights": "m", "alignment": "ma", "output": "mh" },
                  { "kind": "linear", "input": "mh", "weights": "i", "scale": 0.25, "output": "li" },
                  { "kind": "concat", "inputs": ["li", "l"], "axis": -1, "output": "cc" }, { "kind": "slice", "input": "cc", "axis": 2, "start": 0, "end": 4, "output": "sl" },
                  { "kind": "slice", "input": "sl", "axis": 1, "start": 0, "end": 1, "drop": true, "output": "first" },
                  { "kind": "reshape", "input": "first", "shape": [1, -1], "output": "h" }], "outputs": { "h": "h" } },
                "step": { "inputs": { "t": { "type": "int64", "shape": ["N"] } }, "states": { "h": { "shape": ["N", 4], "update": "h1" } }, "layers": [
                  { "kind": "embedding", "input": "t", "weights": "e", "output": "e" }, { "kind": "dropout", "input": "e", "p": 0.5, "output": "d" },
                  { "kind": "gru_cell", "input": "d", "hidden": "h", "weights": "gru", "output": "h1" },
                  { "kind": "rnn_cell", "input": "h1", "hidden": "h", "weights": "rnn", "nonlinearity": "tanh", "output": "h2" },
                  { "kind": "lstm_cell", "input": "h2", "hidden": "h", "cell": "h1", "cell_output": "c1", "weights": "lstm", "output": "h3" },
                  { "kind": "activation", "input": "h3", "function": "tanh", "output": "a" },
                  { "kind": "linear", "input": "a", "tensors": { "weight": "i.weight[:, 0:4]", "bias": "n.bias" }, "output": "logits" }], "outputs": { "logits": "logits" } } } }
            """;
        File.WriteAllText(files.Path("tokens.json"), """{ "model": { "a": 0, "b": 1, "c": 2, "d": 3 } }""");
        Assert.Empty(files.Convert(document).Graphs[1].Notes);
        var path = files.Path("model.json");
        Mutate(document, text =>
        {
            File.WriteAllText(path, text);
            Importer.Read(path, "main", [], new SourceFiles([]));
        });
        File.WriteAllText(path, document);
        Mutate(File.ReadAllText(files.Path("tokens.json")), text =>
        {
            File.WriteAllText(files.Path("tokens.json"), text);
            Importer.Read(path, "main", [], new SourceFiles([]));
        });
    }

    [Fact]
    public void A_decoding_document() => Mutate(
        """{ "tables": { "target": { "file": "t.json" }, "source": ["a", "b"] }, "decoding": { "kind": "ctc", "logits": "y", "scores": "logits", "blank": "b", "max": 3, "separator": " ", "links": { "a": "b" } } }""",
        text =>
        {
            File.WriteAllText(_folder["t.json"], """["a", "b", "c"]""");
            File.WriteAllText(_folder["d.json"], text);
            DecodingReader.Read(_folder["d.json"], [], new SourceFiles([]));
        });

    [Fact]
    public void A_sequential_model_of_Keras_2() => Keras("""
        {"class_name": "Sequential", "config": {"name": "s", "layers": [
          {"class_name": "Embedding", "config": {"name": "words", "batch_input_shape": [null, null], "dtype": "float32", "input_dim": 4, "output_dim": 4, "mask_zero": true}},
          {"class_name": "Bidirectional", "config": {"name": "both", "merge_mode": "sum", "layer": {"class_name": "GRU", "config": {"name": "gru", "units": 4, "return_sequences": true, "go_backwards": false, "stateful": false, "reset_after": true, "activation": "tanh", "recurrent_activation": {"class_name": "function", "config": "sigmoid"}, "use_bias": true}}}},
          {"class_name": "TimeDistributed", "config": {"name": "dense", "layer": {"class_name": "Dense", "config": {"name": "inner", "units": 4, "activation": "relu", "use_bias": true}}}},
          {"class_name": "Conv1D", "config": {"name": "conv", "filters": 4, "kernel_size": [2], "strides": [1], "padding": "causal", "dilation_rate": [1], "groups": 1, "activation": "linear", "use_bias": false, "data_format": "channels_last"}},
          {"class_name": "BatchNormalization", "config": {"name": "norm", "axis": [2], "epsilon": 0.001, "center": true, "scale": true}},
          {"class_name": "GlobalAveragePooling1D", "config": {"name": "pool", "keepdims": false}},
          {"class_name": "Reshape", "config": {"name": "reshape", "target_shape": [2, 2]}}, {"class_name": "Permute", "config": {"name": "permute", "dims": [2, 1]}},
          {"class_name": "ZeroPadding1D", "config": {"name": "pad", "padding": [1, 1]}}, {"class_name": "Cropping1D", "config": {"name": "crop", "cropping": [1, 0]}},
          {"class_name": "MaxPooling1D", "config": {"name": "max", "pool_size": [2], "strides": [1], "padding": "valid"}}, {"class_name": "Flatten", "config": {"name": "flat"}}]}}
        """);

    [Fact]
    public void A_functional_model_of_Keras_3() => Keras("""
        {"class_name": "Functional", "config": {"name": "f", "layers": [
          {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_shape": [null, null], "dtype": "int32", "sparse": false}, "inbound_nodes": []},
          {"class_name": "Embedding", "name": "words", "config": {"name": "words", "input_dim": 4, "output_dim": 4, "mask_zero": true, "dtype": {"class_name": "DTypePolicy", "config": {"name": "float32"}}}, "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}], "kwargs": {"mask": null}}]},
          {"class_name": "NotEqual", "name": "ne", "config": {"name": "ne"}, "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}, 0], "kwargs": {}}]},
          {"class_name": "GRU", "name": "one", "config": {"name": "one", "units": 4, "return_sequences": true, "return_state": true}, "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["words", 0, 0]}}], "kwargs": {"training": false, "mask": {"class_name": "__keras_tensor__", "config": {"keras_history": ["ne", 0, 0]}}}}]},
          {"class_name": "Attention", "name": "att", "config": {"name": "att", "use_scale": false, "score_mode": "dot"}, "inbound_nodes": [{"args": [[{"class_name": "__keras_tensor__", "config": {"keras_history": ["one", 0, 0]}}, {"class_name": "__keras_tensor__", "config": {"keras_history": ["words", 0, 0]}}]], "kwargs": {"use_causal_mask": true}}]},
          {"class_name": "Concatenate", "name": "cat", "config": {"name": "cat", "axis": -1}, "inbound_nodes": [{"args": [[{"class_name": "__keras_tensor__", "config": {"keras_history": ["att", 0, 0]}}, {"class_name": "__keras_tensor__", "config": {"keras_history": ["words", 0, 0]}}]], "kwargs": {}}]}],
          "input_layers": [["x", 0, 0]], "output_layers": [["cat", 0, 0], ["one", 0, 1]]}}
        """);

    private void Keras(string config)
    {
        // The weights are in one file; only its attribute changes.
        var file = new KerasFile(61);
        file.Weight("words/words/embeddings", 4, 4);
        foreach (var part in (string[])["both/both/forward_gru", "both/both/backward_gru", "one/one"])
        {
            file.Weight(part + "/kernel", 4, 12);
            file.Weight(part + "/recurrent_kernel", 4, 12);
            file.Weight(part + "/bias", 2, 12);
        }

        file.Weight("dense/dense/kernel", 4, 4);
        file.Weight("dense/dense/bias", 4);
        file.Weight("conv/conv/kernel", 2, 4, 4);
        foreach (var name in (string[])["gamma", "beta", "moving_mean", "moving_variance"]) file.Weight("norm/norm/" + name, 0.5f, 1, 4);
        var path = _folder["m.h5"];
        Mutate(config, text =>
        {
            file.Write(path, text);
            Importer.Read(path, "main", [], new SourceFiles([]));
        });
    }

    private static void Mutate(string document, Action<string> read)
    {
        int refused = 0, count = 0;
        foreach (var text in Mutations(document))
        {
            count++;
            try
            {
                read(text);
            }
            catch (ConversionException)
            {
                refused++;
            }
            catch (Exception fault)
            {
                Assert.Fail($"{fault.GetType().Name}: {fault.Message}\n{text}\n{fault.StackTrace}");
            }
        }

        Assert.True(refused > count / 4, $"{refused} of {count}");
        read(document);
    }

    private static IEnumerable<string> Mutations(string document)
    {
        foreach (var place in Places(JsonNode.Parse(document)!, []).ToList())
        {
            foreach (var value in s_values)
            {
                // Text that no JsonNode can hold is inserted afterwards.
                var root = JsonNode.Parse(document)!;
                Set(root, place, "@@");
                yield return root.ToJsonString().Replace("\"@@\"", value, StringComparison.Ordinal);
            }

            if (place[^1] is not string name) continue;
            var without = JsonNode.Parse(document)!;
            ((JsonObject)At(without, place[..^1])).Remove(name);
            yield return without.ToJsonString();
        }
    }

    private static IEnumerable<object[]> Places(JsonNode node, object[] place)
    {
        if (node is JsonObject members)
        {
            foreach (var (name, value) in members)
            {
                yield return [.. place, name];
                if (value is not null) foreach (var inner in Places(value, [.. place, name])) yield return inner;
            }
        }
        else if (node is JsonArray elements)
        {
            for (var i = 0; i < elements.Count; i++)
            {
                yield return [.. place, i];
                if (elements[i] is { } value) foreach (var inner in Places(value, [.. place, i])) yield return inner;
            }
        }
    }

    private static JsonNode At(JsonNode root, object[] place) => place.Aggregate(root, (node, step) => step is string name ? node[name]! : node[(int)step]!);

    private static void Set(JsonNode root, object[] place, string value)
    {
        var parent = At(root, place[..^1]);
        if (place[^1] is string name) parent[name] = value;
        else parent[(int)place[^1]] = value;
    }
}
