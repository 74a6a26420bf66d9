using System.Runtime.InteropServices;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Importers.Onnx;

/// <summary>Converts a network with float64 weights to float32, in which the runtime computes layers.</summary>
internal static class Doubles
{
    private const long OnnxFloat = 1, OnnxDouble = 11;

    private static readonly HashSet<string> s_layers = ["Conv", "ConvTranspose", "Gemm", "MatMul", "LayerNormalization", "BatchNormalization"];

    public static void Apply(IrGraph graph, List<string> notes)
    {
        if (!HasWeights(graph, [])) return;
        Narrow(graph);
        notes.Add($"{graph.Name}: weights, inputs and outputs are float64 in the file and were converted to float32");
    }

    /// <summary>Whether a layer has a float64 constant as an input.</summary>
    private static bool HasWeights(IrGraph graph, HashSet<string> outer)
    {
        var wide = new HashSet<string>(outer);
        foreach (var (name, tensor) in graph.Constants)
        {
            if (tensor.Type == ElementType.Float64) wide.Add(name);
        }

        foreach (var node in graph.Nodes)
        {
            if (node is { Op: "Constant" } && node.Attributes.GetValueOrDefault("value") is IrTensor { Type: ElementType.Float64 }) wide.Add(node.Output(0));
            if ((node.Recurrent is not null || s_layers.Contains(node.Op)) && node.Inputs.Exists(wide.Contains)) return true;
            if (node.Attributes.Values.OfType<IrGraph>().Any(inner => HasWeights(inner, wide))) return true;
        }

        return false;
    }

    private static void Narrow(IrGraph graph)
    {
        foreach (var (name, tensor) in graph.Constants.ToList()) graph.Constants[name] = Narrowed(tensor);
        Ports(graph.Inputs);
        Ports(graph.Outputs);
        foreach (var node in graph.Nodes)
        {
            foreach (var (key, value) in node.Attributes.ToList())
            {
                if (value is IrTensor tensor) node.Attributes[key] = Narrowed(tensor);
                else if (value is IrGraph inner) Narrow(inner);
                else if (key is "to" or "dtype" && value is OnnxDouble) node.Attributes[key] = OnnxFloat;
            }
        }
    }

    private static void Ports(List<IrPort> ports)
    {
        for (var i = 0; i < ports.Count; i++)
        {
            if (ports[i].Type == ElementType.Float64) ports[i] = ports[i] with { Type = ElementType.Float32 };
        }
    }

    private static IrTensor Narrowed(IrTensor tensor) => tensor.Type == ElementType.Float64 ? IrTensor.OfDoubles(tensor.Shape, MemoryMarshal.Cast<byte, double>(tensor.Data)) : tensor;
}
