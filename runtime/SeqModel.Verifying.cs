using SeqRuntime.Format;
using SeqRuntime.Verifying;

namespace SeqRuntime;

/// <content>Compares this machine's results with recorded ones.</content>
public sealed partial class SeqModel
{
    /// <summary>Whether the file has a golden pair: recorded runs that <see cref="Verify(CancellationToken)"/> compares. The converter writes it with <c>--golden</c>.</summary>
    public bool HasGoldenPair => _model.Sections.Any(section => section.Name == SeqLayout.Golden);

    /// <summary>
    /// Tells whether this machine computes exactly what the converter's machine did. Checks the checksums of the whole file, also where loading
    /// did not; then makes the inputs of the recorded runs anew and compares the bits of all outputs and states, graph by graph.
    /// It takes about as long as the runs, and allocates memory.
    /// </summary>
    /// <param name="cancellationToken">Checked before each node of each run.</param>
    /// <returns>How many runs were compared, and the outputs and states whose bits differ.</returns>
    /// <exception cref="InvalidOperationException">The file has no golden pair (<see cref="HasGoldenPair"/>).</exception>
    /// <exception cref="SeqFormatException">A checksum does not match: the file is damaged, or it was overwritten while it is in use. Or a recorded run is not possible, or all together take too long.</exception>
    /// <exception cref="OutOfMemoryException">The machine has too little memory for a session.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public SeqVerification Verify(CancellationToken cancellationToken = default) => Verify(new SeqSessionOptions(), cancellationToken);

    /// <inheritdoc cref="Verify(CancellationToken)"/>
    /// <param name="limits">Limits of memory and work of one run.</param>
    /// <param name="cancellationToken">Checked before each node of each run.</param>
    internal SeqVerification Verify(SeqSessionOptions limits, CancellationToken cancellationToken) => WithMemory(model =>
    {
        unsafe
        {
            var golden = SeqReader.ReadGolden(model._model.Stored, model._memory.Start, model._memory.Length)
                ?? throw new InvalidOperationException("The file has no golden pair to compare with. Convert the model again with 'seqconvert convert --golden'.");
            return GoldenRun.Verify(model, golden, limits, cancellationToken);
        }
    });
}
