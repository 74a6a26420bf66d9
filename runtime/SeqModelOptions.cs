using Microsoft.Extensions.Logging;

namespace SeqRuntime;

/// <summary>How a model is loaded.</summary>
public sealed class SeqModelOptions
{
    /// <summary>Kernel set to use instead of the best one: portable, sse41, avx2, avxvnni, avx512, advsimd or advsimd-dp. Null: the environment variable <c>SEQRUNTIME_KERNELS</c>, else the best.</summary>
    public string? KernelSet { get; init; }

    /// <summary>The logger for loading and session creation. Null: no logging. Runs never log.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>
    /// Whether to read a model file into memory instead of mapping it. Loading then takes the time and the memory of the whole file, and
    /// later changes of the file have no effect. Default: false.
    /// </summary>
    public bool CopyIntoMemory { get; init; }

    /// <summary>Whether to verify the CRC-32C of every section at load. All other checks are always made.</summary>
    public bool VerifyChecksums { get; init; } = true;
}
