namespace SeqRuntime.Tests;

/// <summary>What the end of a run says of skipped tests.</summary>
public sealed class SkipsTests
{
    [Fact]
    public void EachReasonIsOneLineWithWhatIsMissing() => Assert.Equal(
        ["1 test was skipped. No compiler: gcc", "3 tests were skipped. No models: a.onnx, b.onnx"],
        Skips.Summary(new Dictionary<string, IReadOnlyCollection<string>> { ["No models"] = ["b.onnx", "a.onnx", "b.onnx"], ["No compiler"] = ["gcc"] }));
}
