using Google.Protobuf;

namespace SeqRuntime.Tests.Importers;

/// <summary>The same models in ONNX Runtime.</summary>
internal sealed partial class OnnxBuilder
{
    /// <summary>ONNX Runtime's result for the first output.</summary>
    public float[] Reference(params (string Name, int[] Shape, float[] Data)[] inputs)
    {
        using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(Model.ToByteArray());
        using var results = session.Run([.. inputs.Select(i => Microsoft.ML.OnnxRuntime.NamedOnnxValue.CreateFromTensor(i.Name, new Microsoft.ML.OnnxRuntime.Tensors.DenseTensor<float>(i.Data, i.Shape)))]);
        return ((Microsoft.ML.OnnxRuntime.Tensors.Tensor<float>)results[0].Value).ToArray();
    }
}
