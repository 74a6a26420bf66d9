using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;
using SeqRuntime.Converter.Importers.Keras;
using SeqRuntime.Converter.Weights;

namespace SeqRuntime.Tests.Importers;

/// <summary>docs/keras.md lists exactly the layers and operations that are converted.</summary>
public sealed class KerasDocumentTests
{
    [Theory]
    [InlineData("layers")]
    [InlineData("operations")]
    public void The_document_lists_every_layer_and_operation(string list)
    {
        using var folder = new TemporaryFolder();
        var path = folder["empty.h5"];
        new KerasFile(1).Write(path, "{}");
        var emitter = new KerasEmitter(new GraphComposer("main", new WeightSet(path, []), new Budget(), path), new KerasWeights(HdfFile.Read(File.ReadAllBytes(path), path), path, folders: null), KerasVersion.Parse("3.6.0", "tensorflow"));
        // The last concatenate is that of Keras' backend.
        string[] all = list == "layers" ? [.. emitter.Classes, "InputLayer"] : [.. emitter.Operations.Where(o => o != "concatenate_last")];
        var document = File.ReadAllText(Repository.Find("docs/keras.md")).Split($"<!-- {list}: begin -->")[1].Split($"<!-- {list}: end -->")[0];
        Assert.Equal(string.Join(", ", all.Order(StringComparer.Ordinal)), string.Join(' ', document.Split((char[])['\n', '\r', ' '], StringSplitOptions.RemoveEmptyEntries)));
    }
}
