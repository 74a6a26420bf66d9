using System.Globalization;
using SeqRuntime.Converter.Scaffolding;

namespace SeqRuntime.Converter.Commands;

/// <summary>What <c>scaffold</c> prints: what is in a weight file, and the description that it drafted.</summary>
/// <param name="Source">The weight file.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Tensors">Its tensors, but for those of training.</param>
/// <param name="TrainingTensors">The number of those of training, such as an optimizer's state.</param>
/// <param name="Parameters">The elements of all these tensors.</param>
/// <param name="Modules">What the tensors are, and why.</param>
/// <param name="Questions">What the weights do not tell.</param>
/// <param name="Assumed">What the draft assumes.</param>
/// <param name="Unused">Tensors that the draft does not use.</param>
/// <param name="File">The description that was written. Null if there is none.</param>
/// <param name="Next">The command that converts it.</param>
/// <param name="Description">The draft.</param>
internal sealed record ScaffoldReport(
    string Source,
    string Kind,
    IReadOnlyList<TensorEntry> Tensors,
    int TrainingTensors,
    long Parameters,
    IReadOnlyList<ModuleEntry> Modules,
    IReadOnlyList<string> Questions,
    IReadOnlyList<string> Assumed,
    IReadOnlyList<string> Unused,
    string? File,
    string Next,
    string Description)
{
    public void Print(TextWriter output)
    {
        output.WriteLine($"{Source}: {Kind}, {Text.Count(Tensors.Count, "tensor")}, {Parameters.ToString("N0", CultureInfo.InvariantCulture)} parameters{(TrainingTensors > 0 ? $", and {Text.Count(TrainingTensors, "tensor")} of training, which are left out" : "")}");
        foreach (var module in Modules)
        {
            output.WriteLine($"{(module.Name.Length == 0 ? "(outermost)" : module.Name)}: {module.What}{(module.Why.Length > 0 ? $" ({module.Why})" : "")}");
            Text.Table(output, "  ", [.. module.Tensors.Select(name => Tensors.First(tensor => tensor.Name == name)).Select(tensor => new[] { tensor.Name, tensor.Type, Text.Shape(tensor.Shape), tensor.Parameters.ToString("N0", CultureInfo.InvariantCulture) })]);
        }

        foreach (var name in Unused) output.WriteLine($"not used: {name}");
        foreach (var guess in DraftGraph.Grouped(Assumed)) output.WriteLine($"assumed: {guess}");
        if (File is null) return;
        foreach (var question in DraftGraph.Grouped(Questions)) output.WriteLine($"to fill in: {question}");
        if (Questions.Count > 1) output.WriteLine("scaffold --set MEMBER=VALUE answers a member, such as heads, in all layers");
        output.WriteLine($"wrote {File}{(Questions.Count > 0 ? $"; fill in {(Questions.Count == 1 ? "its question mark" : $"its {Questions.Count} question marks")}, then" : "; next")}: {Next}");
    }
}

/// <summary>A tensor of a weight file.</summary>
internal sealed record TensorEntry(string Name, string Type, IReadOnlyList<int> Shape, long Parameters)
{
    public static TensorEntry Of(TensorRole role) => new(role.Tensor.Name, TypeOf(role), role.Shape, role.Shape.Aggregate(1L, (product, size) => product * size));

    private static string TypeOf(TensorRole role)
    {
        try
        {
            return (role.Tensor.Stored ?? role.Tensor.Value.Type).Name();
        }
        catch (ConversionException)
        {
            return "unreadable";
        }
    }
}

/// <summary>A module that tensors were told to be.</summary>
internal sealed record ModuleEntry(string Name, string What, string Why, IReadOnlyList<string> Tensors)
{
    public static ModuleEntry Of(Module module) => new(module.Path, module.What, module.Why, [.. module.Tensors.Select(tensor => tensor.Tensor.Name)]);
}
