using SeqRuntime.Fuzz.Mutating;
using SeqRuntime.Tests.Importers;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>A PyTorch checkpoint: its bytes are mutated, or its pickle in a valid archive. It is read as a description's weights.</summary>
internal sealed class TorchTarget : ConverterTarget
{
    private readonly TorchCheckpoint[] _checkpoints = [new(), new(protocol: 4, bigEndian: true, folder: "m/")];
    private readonly byte[][] _pickles;
    private readonly List<byte[]> _seeds;

    public TorchTarget()
    {
        _pickles = [.. _checkpoints.Select(checkpoint => checkpoint.Pickle(new TorchDict(("epoch", 3), ("model", new TorchDict([.. WeightModels.Tensors().Select(t => ((object)t.Name, (object?)checkpoint.Store(t.Values, t.Shape)))])))))];
        _seeds = [.. _checkpoints.Zip(_pickles, (checkpoint, pickle) => checkpoint.Zip(pickle)), .. Corpus("torch")];
        Write("model.json", WeightModels.For(WeightModels.Descriptions[0], "w.pt"));
    }

    public override string Name => "torch";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random)
    {
        if (random.Next(3) == 0) return Bytes.Mutate(random, Pick(random, _seeds), Pick(random, _seeds));
        var which = random.Next(_pickles.Length);
        return _checkpoints[which].Zip(Bytes.Mutate(random, _pickles[which], Pick(random, _pickles)));
    }

    public override Outcome Run(byte[] input)
    {
        Write("w.pt", input);
        return Convert([("main", At("model.json"))]);
    }
}
