using System.Text.Json;
using System.Text.Json.Serialization;
using SeqRuntime.Training.Model;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SeqRuntime.Training.Optimization;

/// <summary>The state of a run without its tensors.</summary>
internal sealed record TrainingState
{
    public required G2pSizes Sizes { get; init; }

    /// <summary>Completed steps. A resumed run continues with the next one.</summary>
    public required int Step { get; init; }

    /// <summary>Sums since the epoch began, so that its means are complete after a resume.</summary>
    public required EpochSums Sums { get; init; }

    public required List<EpochResult> History { get; init; }

    /// <summary>Whether activations and weights are rounded.</summary>
    public required bool Quantized { get; init; }
}

/// <summary>Sums over the steps of an epoch.</summary>
internal sealed record EpochSums(double Loss, long Tokens, double Norm, double LargestNorm, int Steps, double Seconds)
{
    public static EpochSums Zero { get; } = new(0, 0, 0, 0, 0, 0);
}

/// <summary>
/// A run on disk: weights (safetensors), the optimizer's moments, and the state as JSON, in one folder that is replaced as a whole.
/// So a complete checkpoint exists even if the process is killed at any moment.
/// </summary>
internal sealed class Checkpoint(string folder)
{
    public const string WeightsFile = "weights.safetensors";
    private const string OptimizerFile = "optimizer.bin";
    private const string StateFile = "state.json";

    /// <summary>The folder of the last complete checkpoint. Null if there is none.</summary>
    public string? Complete => new[] { folder, $"{folder}.old" }.FirstOrDefault(f => File.Exists(Path.Combine(f, StateFile)));

    public void Save(TrainingState state, G2pModel model, optim.Optimizer optimizer)
    {
        var fresh = $"{folder}.new";
        var old = $"{folder}.old";
        if (Directory.Exists(fresh)) Directory.Delete(fresh, true);
        Directory.CreateDirectory(fresh);
        StateDictionary.Save(model, Path.Combine(fresh, WeightsFile));
        ((OptimizerHelper)optimizer).save_state_dict(Path.Combine(fresh, OptimizerFile));
        File.WriteAllText(Path.Combine(fresh, StateFile), JsonSerializer.Serialize(state, TrainingJson.Default.TrainingState));
        if (Directory.Exists(old)) Directory.Delete(old, true);
        if (Directory.Exists(folder)) Directory.Move(folder, old);
        Directory.Move(fresh, folder);
        if (Directory.Exists(old)) Directory.Delete(old, true);
    }

    public static TrainingState State(string complete) =>
        JsonSerializer.Deserialize(File.ReadAllText(Path.Combine(complete, StateFile)), TrainingJson.Default.TrainingState)
        ?? throw new InvalidDataException($"{complete}: {StateFile} is empty.");

    public static void Load(string complete, G2pModel model, optim.Optimizer? optimizer)
    {
        StateDictionary.Load(model, Path.Combine(complete, WeightsFile));
        ((OptimizerHelper?)optimizer)?.load_state_dict(Path.Combine(complete, OptimizerFile));
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(TrainingState))]
internal sealed partial class TrainingJson : JsonSerializerContext;
