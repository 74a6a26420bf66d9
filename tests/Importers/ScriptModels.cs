using System.Text;
using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Importers;

/// <summary>TorchScript archives that tests make: their tensors, modules and code.</summary>
public abstract class ScriptModels
{
    private readonly TorchCheckpoint _file = new();
    private readonly List<float[]> _values = [];

    private protected float Value(TorchView view, int place) => _values[view.Storage][place];

    private protected TorchView Store(int seed, params int[] shape)
    {
        var values = Numbers.Random(seed, Numbers.Count(shape), 0.5f);
        return Store(values, shape);
    }

    private protected TorchView Store(float[] values, params int[] shape)
    {
        _values.Add(values);
        return _file.Store(values, shape);
    }

    private protected TorchView Integers(long[] values, params int[] shape)
    {
        _values.Add([]);
        return _file.Store("LongStorage", values, shape);
    }

    private protected static TorchModule Layer(TorchView weight, TorchView bias) => new("torch.nn.modules.linear.Linear", ("training", true), ("weight", weight), ("bias", bias));

    /// <summary>weight · x + bias.</summary>
    private protected double[] Dense(TorchView weight, TorchView bias, double[] x) =>
        [.. Enumerable.Range(0, weight.Shape[0]).Select(row => Value(bias, row) + x.Select((value, i) => value * Value(weight, row * x.Length + i)).Sum())];

    private protected SeqModel Load(TorchModule root, params (string Name, string Text)[] code) => SeqModel.Load(Convert(root, code).File);

    private protected ConversionResult Convert(TorchModule root, params (string Name, string Text)[] code) => Convert(new ConversionOptions(), root, code);

    private protected ConversionResult Convert(ConversionOptions options, TorchModule root, params (string Name, string Text)[] code)
    {
        using var folder = new TemporaryFolder();
        var file = _file.Zip(_file.Pickle(root), [("constants.pkl", [0x80, 2, (byte)')', (byte)'.']), .. code.Select(source => ($"code/__torch__/{source.Name}.py", Encoding.UTF8.GetBytes(source.Text)))]);
        return SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", folder.Write("model.pt", file))], options);
    }
}
