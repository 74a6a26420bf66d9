using System.Text.RegularExpressions;

namespace SeqRuntime.Tests.Arrows;

/// <summary>
/// All facts about a kind of operator are in its row and its own file: no other source lists kinds, and ONNX's names of recurrent layers
/// are written once.
/// </summary>
public sealed partial class KindTests
{
    [Fact]
    public void The_runtime_names_kinds_in_the_table_only() => Assert.Equal(["Operators/OperatorTable.cs"], Files("runtime", Kind()));

    /// <summary>The converter names the kinds of nodes that it makes itself, kinds with their own attributes, what kinds tell of a graph's inputs and outputs, their names in a picture, and how older files stored a kind.</summary>
    [Fact]
    public void The_converter_names_kinds_where_it_makes_nodes() => Assert.Equal(
        ["Commands/Inspection.cs", "Commands/StepCost.cs", "Evaluation/OperatorMap.cs", "Graph/RecurrentOp.cs", "Lowering/GraphLowering.cs", "Lowering/WeightLowering.cs", "Measuring/OutputChoice.cs", "Pictures/PictureBuilder.cs", "Samples/InputTracing.cs", "Upgrading/OlderLayer.cs", "Upgrading/UpgradedGraph.cs"],
        Files("converter", Kind()));

    /// <summary>Keras has layers, TensorFlow Lite operators and Neural Amp Modeler an architecture with the same names.</summary>
    [Theory]
    [InlineData("LSTM")]
    [InlineData("GRU")]
    [InlineData("RNN")]
    public void Names_of_recurrent_layers_are_spelt_once(string name)
    {
        var spelt = new Regex($"\"{name}\"");
        Assert.Equal(["Operators/OperatorTable.cs"], Files("runtime", spelt));
        string[] nam = name == "LSTM" ? ["Importers/Audio/NamReader.cs"] : [], keras = ["Importers/Keras/KerasRecurrent.cs"], lite = name == "GRU" ? [] : ["Importers/TensorFlowLite/TfliteRecurrent.cs"];
        Assert.Equal([.. nam, .. keras, .. lite], Files("converter", spelt));
    }

    private static IEnumerable<string> Files(string project, Regex what) => ArrowTests.Sources(project).Where(source => what.IsMatch(Comments().Replace(source.Text, ""))).Select(source => source.File.Replace(Path.DirectorySeparatorChar, '/'));

    [GeneratedRegex(@"\bOpKind\.\w")]
    private static partial Regex Kind();

    [GeneratedRegex(@"^\s*//[^\n]*", RegexOptions.Multiline)]
    private static partial Regex Comments();
}
