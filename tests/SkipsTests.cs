namespace SeqRuntime.Tests;

/// <summary>The summary of skipped tests at the end of a run.</summary>
public sealed class SkipsTests
{
    [Fact]
    public void Each_reason_is_one_line_with_what_is_missing() => Assert.Equal(
        ["1 test was skipped. No compiler: gcc", "3 tests were skipped. No models: a.onnx, b.onnx"],
        Skips.Summary(new Dictionary<string, IReadOnlyCollection<string>> { ["No models"] = ["b.onnx", "a.onnx", "b.onnx"], ["No compiler"] = ["gcc"] }));
}
