using SeqRuntime.Training.Export;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Model;

/// <summary>Saves and loads a model's parameters as safetensors with PyTorch's names. The encoder's two directions share the name <c>encoder</c>.</summary>
internal static class StateDictionary
{
    public static void Save(nn.Module model, string path) =>
        Safetensors.Write(path, [.. model.named_parameters().Select(p => (PublicName(p.name), p.parameter.shape, p.parameter.data<float>().ToArray()))]);

    /// <exception cref="InvalidDataException">A parameter is missing or has another shape.</exception>
    public static void Load(nn.Module model, string path)
    {
        var tensors = Safetensors.Read(path);
        using var _ = no_grad();
        foreach (var (name, parameter) in model.named_parameters())
        {
            if (!tensors.TryGetValue(PublicName(name), out var stored) || !stored.Shape.SequenceEqual(parameter.shape))
                throw new InvalidDataException($"{path}: tensor '{PublicName(name)}' of shape [{string.Join(", ", parameter.shape)}] is missing.");
            using var values = tensor(stored.Values, stored.Shape);
            parameter.copy_(values);
        }
    }

    private static string PublicName(string name) => name.Replace("encoder_forward.", "encoder.", StringComparison.Ordinal).Replace("encoder_backward.", "encoder.", StringComparison.Ordinal);
}
