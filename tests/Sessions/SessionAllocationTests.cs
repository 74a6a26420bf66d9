using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Sessions;

/// <summary>Calls that a stream repeats allocate nothing; each call is tested separately.</summary>
public sealed class SessionAllocationTests : IDisposable
{
    private readonly SeqModel _model = SeqModel.Load(SeqWriter.ToArray(SmallSeq.Build()));
    private readonly SeqSession _session;
    private readonly SeqSession _other;
    private readonly SeqSession _step;
    private readonly byte[] _saved;
    private readonly CancellationTokenSource _cancellation = new();

    public SessionAllocationTests()
    {
        _session = Make();
        _other = Make();
        _step = _model.CreateSession("step");
        _saved = new byte[_session.StateBytes];
        _session.SaveState(_saved);
        SeqSession Make() => _model.CreateSession("tokens", new SeqSessionOptions { MaxSizes = { [SmallSeq.Length] = SmallSeq.LongestLength } });
    }

    public static TheoryData<string> Paths => [.. s_paths.Keys];

    private static readonly Dictionary<string, Action<SessionAllocationTests>> s_paths = new()
    {
        ["Run, a sequence"] = t => t._session.Run(),
        ["Run, a step"] = t => t._step.Run(),
        ["Run that may be cancelled"] = t => t._step.Run(t._cancellation.Token),
        ["SetSize and Run"] = t =>
        {
            t._session.SetSize(SmallSeq.Length, 1);
            t._session.Run();
            t._session.SetSize(SmallSeq.Length, 2);
            t._session.Run();
        },
        ["SetSize, shapes, no run"] = t =>
        {
            t._session.SetSize(SmallSeq.Length, 1);
            _ = t._session.Outputs[0].Shape[0];
            t._session.SetSize(SmallSeq.Length, 3);
            _ = t._session.Outputs[0].Shape[0] + t._session.Inputs[0].Shape[0];
        },
        ["SaveState"] = t => t._session.SaveState(t._saved),
        ["RestoreState"] = t => t._session.RestoreState(t._saved),
        ["ResetState"] = t => t._session.ResetState(),
        ["CopyStateFrom"] = t => t._other.CopyStateFrom(t._session),
        ["Input by name"] = t => t._session.Input<int>("indices")[0] = 1,
        ["Input by index"] = t => t._session.Input<int>(0)[0] = 1,
        ["Output by name"] = t => _ = t._session.Output<float>("probabilities")[0],
        ["Output by index"] = t => _ = t._session.Output<float>(0)[0],
        ["State by name"] = t => t._session.State<float>("hidden")[0] = 1,
        ["State by index"] = t => t._session.State<float>(0)[0] = 1,
        ["indices of names"] = t => _ = t._session.Inputs["indices"].Index + t._session.Outputs["probabilities"].Index + t._session.States["hidden"].Index,
    };

    [Theory]
    [MemberData(nameof(Paths))]
    public void Nothing_is_allocated(string path) => Allocation.None(() => s_paths[path](this));

    public void Dispose()
    {
        _session.Dispose();
        _other.Dispose();
        _step.Dispose();
        _cancellation.Dispose();
        _model.Dispose();
    }
}
