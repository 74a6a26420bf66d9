using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using SeqRuntime.Perf.Commands;
using SeqRuntime.Perf.Comparing;

namespace SeqRuntime.Perf.Boards;

/// <summary>What steps cost on Arm by published models of its processors: the content of <c>perf/arm/cycles.json</c>, which <c>perf/arm/cycles.py</c> writes.</summary>
/// <param name="Llvm">The version of LLVM whose models gave the cycles of A72 and A76.</param>
/// <param name="Steps">Steps of layers and models.</param>
/// <param name="Loops">Inner loops of kernels.</param>
internal sealed record ArmEstimate(string Llvm, IReadOnlyList<ArmStep> Steps, IReadOnlyList<ArmLoop> Loops)
{
    public const string CyclesFile = "perf/arm/cycles.json";
    public const string CountsFile = "perf/arm/steps.json";

    /// <summary>A difference of counts that makes cycles out of date.</summary>
    private const double Allowed = 0.02;

    /// <summary>The README's rows: what it is, and the beginning of the names of its steps, whose costs are added.</summary>
    private static readonly (string Work, string Steps)[] s_short =
    [
        ("DTLN, a frame every 8 ms, int8", "dtln-int8/"),
        ("Silero VAD, a chunk every 32 ms, int8", "vad-int8/"),
        ("LSTM of 256 units, one step, int8", "lstm/int8/256"),
    ];

    /// <summary>Reads the committed file.</summary>
    /// <exception cref="InvalidDataException">It is not what cycles.py writes.</exception>
    public static ArmEstimate Read() => Read(CyclesFile, JsonReports.Default.ArmEstimate) is { Llvm: not null, Steps: not null, Loops: not null } read ? read : throw new InvalidDataException($"{CyclesFile} lacks a part; write it anew with perf/arm/cycles.py");

    /// <summary>Steps whose instructions are no longer those that the cycles were computed from.</summary>
    public IReadOnlyList<ArmStep> OutOfDate()
    {
        var counts = Read(CountsFile, JsonReports.Default.ArmCountArray).ToDictionary(count => (count.Case, count.Cpu), count => count.Instructions);
        return [.. Steps.Where(step => counts.TryGetValue((step.Case, Cpu(step.Core)), out var now) && Math.Abs((double)now / step.Instructions - 1) > Allowed)];
    }

    /// <summary>The table of the README.</summary>
    public string Short()
    {
        var text = Lead("µs of one core").Append(CultureInfo.InvariantCulture, $"| work | {string.Join(" | ", Board.All.Select(board => board.Name))} |\n|---|{string.Concat(Board.All.Select(_ => "---:|"))}\n");
        foreach (var (work, prefix) in s_short)
        {
            var steps = Steps.Where(step => step.Case.StartsWith(prefix, StringComparison.Ordinal)).ToList();
            if (steps.Count > 0) text.Append(CultureInfo.InvariantCulture, $"| {work} | {Times(steps)} |\n");
        }

        return text.ToString();
    }

    /// <summary>Every step and loop whose name is wanted.</summary>
    public string Markdown(Func<string, bool> isWanted)
    {
        var text = Lead("times in µs of one core");
        var cores = string.Join(" | ", Board.All.Select(board => $"cycles, {board.Core}"));
        var steps = Steps.Where(step => isWanted(step.Case)).GroupBy(step => step.Case).Select(group => group.ToList()).ToList();
        if (steps.Count > 0) text.Append(CultureInfo.InvariantCulture, $"| step | weights, KiB | instructions, no dot product | with dot product | {cores} | {string.Join(" | ", Board.All.Select(board => board.Name))} |\n|---|---:|---:|---:|{string.Concat(Board.All.Select(_ => "---:|---:|"))}\n");
        foreach (var step in steps) text.Append(CultureInfo.InvariantCulture, $"| {step[0].Case} | {step[0].Weights / 1024} | {Sum(step, Board.All[0], on => on.Instructions)} | {Sum(step, Board.All[^1], on => on.Instructions)} | {string.Join(" | ", Board.All.Select(board => Sum(step, board, on => on.Cycles)))} | {Times(step)} |\n");
        var loops = Loops.Where(loop => isWanted(loop.Name)).ToList();
        if (loops.Count > 0) text.Append(CultureInfo.InvariantCulture, $"\n| inner loop | instructions | {cores} |\n|---|---:|{string.Concat(Board.All.Select(_ => "---:|"))}\n");
        foreach (var loop in loops) text.Append(CultureInfo.InvariantCulture, $"| {loop.Name} | {loop.Instructions} | {string.Join(" | ", Board.All.Select(board => loop.Cycles.GetValueOrDefault(board.Core) is { } cycles ? cycles.ToString("F1", CultureInfo.InvariantCulture) : "–"))} |\n");
        return text.ToString();
    }

    /// <summary>A time range with two digits: 480–940.</summary>
    public static string Range(double least, double most) => Digits(least) == Digits(most) ? Digits(least) : $"{Digits(least)}–{Digits(most)}";

    private StringBuilder Lead(string unit) => new StringBuilder().Append(CultureInfo.InvariantCulture, $"**Estimates, not measured**: exact instruction counts and published models of the processors (LLVM {Llvm} and gcc), {unit}. From all data in the first cache to all weights from memory.\n\n");

    private static string Times(IReadOnlyList<ArmStep> steps) => string.Join(" | ", Board.All.Select(board =>
    {
        var (least, most) = board.Microseconds(Sum(steps, board, step => step.Cycles), Sum(steps, board, step => step.Weights));
        return Range(least, most);
    }));

    private static long Sum(IReadOnlyList<ArmStep> steps, Board board, Func<ArmStep, long> of) => steps.Where(step => step.Core == board.Core).Sum(of);

    private static string Digits(double value)
    {
        var unit = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(value, 0.1))) - 1);
        return (Math.Round(value / unit) * unit).ToString(unit < 1 ? "F1" : "F0", CultureInfo.InvariantCulture);
    }

    /// <summary>The processor under emulation whose steps a core runs.</summary>
    private static string Cpu(string core) => core == "Cortex-A76" ? "cortex-a76" : "cortex-a72";

    private static T Read<T>(string file, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(Places.Find(file)), type) ?? throw new InvalidDataException($"{file} is empty");
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"{file}: {fault.Message}", fault);
        }
    }
}

/// <summary>A step by the model of one core.</summary>
/// <param name="Case">Path-like name: layer, format and units; or model and graph.</param>
/// <param name="Core">The core.</param>
/// <param name="Weights">Bytes of packed weights.</param>
/// <param name="Instructions">Instructions that the step executes.</param>
/// <param name="Cycles">What they take with all data in the first cache.</param>
internal sealed record ArmStep(string Case, string Core, long Weights, long Instructions, long Cycles);

/// <summary>An inner loop.</summary>
/// <param name="Name">As in <c>perf/arm/loops.json</c>.</param>
/// <param name="Instructions">Its length.</param>
/// <param name="Cycles">By core, one turn. A core that lacks its instructions is missing.</param>
internal sealed record ArmLoop(string Name, int Instructions, IReadOnlyDictionary<string, double?> Cycles);

/// <summary>A row of <c>perf/arm/steps.json</c>: the recorded instructions of a step.</summary>
internal sealed record ArmCount(string Case, string Cpu, long Instructions);
