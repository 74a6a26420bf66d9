using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Fuzz.Mutating;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>A decoding document for valid models.</summary>
internal sealed class DecodingTarget : ConverterTarget
{
    private const int Documents = 3;

    private readonly List<byte[]> _seeds =
    [
        """
        { "tables": { "source": { "file": "t.json", "member": "ids" }, "target": ["<", ">", "x", "y"], "other": { "file": "t.txt" } },
          "decoding": { "kind": "encoder-decoder", "encoder": "encoder", "step": "step", "source": "x", "token": "t", "logits": "y", "links": { "h": "m" }, "begin": "<", "end": 1, "unknown": "a", "source_end": 1, "separator": " ", "scores": "logits", "max": 5 } }
        """u8.ToArray(),
        """{ "tables": { "target": { "file": "t.json", "member": "texts" } }, "decoding": { "kind": "ctc", "encoder": "acoustic", "source": "f", "logits": "p", "blank": 0 } }"""u8.ToArray(),
        """{ "tables": { "target": ["<", ">", "x", "y"] }, "decoding": { "kind": "language-model", "step": "step", "token": "t", "logits": "y", "begin": "<", "end": 1, "separator": "", "context": 9, "max": 5 } }"""u8.ToArray(),
        .. Corpus("decoding"),
    ];

    public DecodingTarget()
    {
        Write("t.json", """{ "ids": { "a": 0, "b": 1 }, "texts": ["a", "b", "c", "d"] }"""u8.ToArray());
        Write("t.txt", "a\nb\n"u8.ToArray());
        var encoder = new OnnxBuilder().Input("x", OnnxBuilder.Int64, 1, "T").Random("e", 1, 1, 4, 4).Node("Gather", "e x", "s").Constant("one", [1], 1L).Node("ReduceMax", "s", "m", ("axes", new long[] { 1 }), ("keepdims", 0)).Output("m").Output("s");
        var step = new OnnxBuilder().Input("t", OnnxBuilder.Int64, 1).Input("h", OnnxBuilder.Float, 1, 4).Random("e", 2, 1, 4, 4).Random("w", 3, 1, 4, 4).Node("Gather", "e t", "g").Node("Add", "g h", "a").Node("MatMul", "a w", "n").Node("Tanh", "n", "h2").Node("MatMul", "h2 w", "y").Output("y").Output("h2");
        var acoustic = new OnnxBuilder().Input("f", OnnxBuilder.Float, 1, "T", 3).Random("w", 4, 1, 3, 4).Node("MatMul", "f w", "p").Output("p");
        Write("acoustic.onnx", acoustic.Model.ToByteArray());
        Write("encoder.onnx", encoder.Model.ToByteArray());
        Write("step.onnx", step.Model.ToByteArray());
    }

    public override string Name => "decoding";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random) => JsonTrees.Mutate(random, _seeds[random.Next(Documents)], _seeds[random.Next(Documents)]);

    public override Outcome Run(byte[] input) =>
        Convert([("encoder", At("encoder.onnx")), ("step", At("step.onnx")), ("acoustic", At("acoustic.onnx"))], new ConversionOptions { Decoding = Write("decoding.json", input), States = new Dictionary<string, string> { ["h"] = "h2" } });
}
