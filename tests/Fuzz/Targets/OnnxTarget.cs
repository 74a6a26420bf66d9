using Google.Protobuf;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Fuzz.Mutating;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>An ONNX file: its bytes or its messages are mutated.</summary>
internal sealed class OnnxTarget : ConverterTarget
{
    private readonly List<byte[]> _seeds = [.. OperatorModels.Onnx().Select(model => model.ToByteArray()), .. Corpus("onnx")];

    public override string Name => "onnx";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random)
    {
        var (seed, other) = (Pick(random, _seeds), Pick(random, _seeds));
        if (random.Next(3) == 0) return Bytes.Mutate(random, seed, other);
        try
        {
            var (model, donor) = (ModelProto.Parser.ParseFrom(seed), ModelProto.Parser.ParseFrom(other));
            Messages.Mutate(random, model, donor);
            return model.ToByteArray();
        }
        catch (InvalidProtocolBufferException)
        {
            // An input of the corpus that is not a message.
            return Bytes.Mutate(random, seed, other);
        }
    }

    public override Outcome Run(byte[] input) => Convert([("main", Write("model.onnx", input))]);
}
