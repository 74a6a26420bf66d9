using Microsoft.Extensions.Logging;

namespace SeqRuntime;

/// <summary>How a model is loaded.</summary>
public sealed class SeqModelOptions
{
    /// <summary>Kernel set to use instead of the best one: portable, avx2, avxvnni, avx512, advsimd or advsimd-dp. Null: the environment variable <c>SEQRUNTIME_KERNELS</c>, else the best.</summary>
    public string? KernelSet { get; init; }

    /// <summary>Where loading and session creation report kernel set and sizes. Null: nowhere. Running never logs.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>
    /// Whether a model loaded by path is read into memory instead of mapped. Loading then takes the time and the memory of the whole file, and
    /// whoever writes the file later changes nothing. Default: false.
    /// </summary>
    public bool CopyIntoMemory { get; init; }

    /// <summary>Whether the CRC-32C of every section is verified at load. All other checks are made in any case.</summary>
    public bool VerifyChecksums { get; init; } = true;
}
