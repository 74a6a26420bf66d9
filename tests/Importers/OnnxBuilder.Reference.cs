using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>The same models in ONNX Runtime, and what a test expects of the converted model.</summary>
internal sealed partial class OnnxBuilder
{
    /// <summary>ONNX Runtime's result for the first output.</summary>
    public float[] Reference(params (string Name, int[] Shape, float[] Data)[] inputs)
    {
        // Without VNNI, integer products saturate in 16 bits unless this asks for exact ones.
        using var options = new SessionOptions();
        options.AddSessionConfigEntry("session.x64quantprecision", "1");
        using var session = new InferenceSession(Model.ToByteArray(), options);
        using var results = session.Run([.. inputs.Select(i => NamedOnnxValue.CreateFromTensor(i.Name, new DenseTensor<float>(i.Data, i.Shape)))]);
        return ((Tensor<float>)results[0].Value).ToArray();
    }

    /// <summary>The first output is ONNX Runtime's, within <see cref="Numbers.Near(float[], ReadOnlySpan{float}, double, double)"/>.</summary>
    public void AgreesWithReference(float[] x, int[] shape, double tolerance = 1e-5, double relative = 0) =>
        Numbers.Near(Reference((Graph.Input[0].Name, shape, x)), Run(options: null, x), tolerance, relative);

    /// <summary>The message with which the model is refused.</summary>
    public string Refusal(ConversionOptions? options = null) => Assert.ThrowsAny<ConversionException>(() => Convert(options)).Message;

    /// <summary>The model is refused with a message that has these parts.</summary>
    public void IsRefused(params string[] why)
    {
        var message = Refusal();
        Assert.All(why, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }
}
