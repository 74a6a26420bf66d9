using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Importers.Onnx;
using SeqRuntime.Converter.Pipeline;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>Models of many operators, as ONNX and converted.</summary>
internal static class OperatorModels
{
    public static IEnumerable<ModelProto> Onnx() => [HostileOnnx.Sample(), HostileOnnx.Rewritten(), HostileOnnx.Layers(), HostileOnnx.Elements(), HostileOnnx.Control()];

    /// <summary>The same as <c>.seq</c> files, with weights in fp32 and in int8.</summary>
    public static IEnumerable<byte[]> All()
    {
        foreach (var model in Onnx())
        {
            using var file = new TemporaryModel(model.ToByteArray());
            foreach (var weights in (WeightKind[])[WeightKind.Float32, WeightKind.Int8])
                yield return Conversion.Convert([("main", file.Path)], new ConversionOptions { Weights = weights }).File;
        }
    }
}
