namespace SeqRuntime.Perf.Comparing;

/// <summary>One measured ratio.</summary>
/// <param name="Id">Path-like name.</param>
/// <param name="Work">What is done.</param>
/// <param name="Size">Units or the model's name.</param>
/// <param name="Weights">How our weights are stored, or which contender it is.</param>
/// <param name="Peer">What it is compared with.</param>
/// <param name="OursMicroseconds">Median of blocks, for one step, frame, word …</param>
/// <param name="OursMinimum">Fastest block.</param>
/// <param name="PeerMicroseconds">The same of the peer.</param>
/// <param name="PeerMinimum">The same of the peer.</param>
/// <param name="Ratio">Peer's time over ours, median over pairs of blocks; of the limit: its share.</param>
/// <param name="AtLeast">What must be reached.</param>
/// <param name="Aim">What is aimed at.</param>
/// <param name="ManagedBytes">Bytes that one run of ours allocates.</param>
internal sealed record CompareRow(
    string Id,
    string Work,
    string Size,
    string Weights,
    string Peer,
    double OursMicroseconds,
    double OursMinimum,
    double PeerMicroseconds,
    double PeerMinimum,
    double Ratio,
    double? AtLeast,
    double? Aim,
    long ManagedBytes)
{
    public bool IsShare => Peer == RowPlan.Limit;

    /// <summary>Verdict on the bars.</summary>
    public string Verdict => AtLeast is null ? "" : Ratio >= Aim ? "aim" : Ratio >= AtLeast ? "met" : "NOT met";
}
