using SeqRuntime;

namespace NativeAotSample;

/// <summary>Compares this machine's bits with those that the converter recorded in a model (<c>seqconvert convert --golden</c>).</summary>
internal static class VerifyCommand
{
    /// <returns>0 if all bits are the same, otherwise 1.</returns>
    public static int Run(Arguments arguments)
    {
        var path = arguments.Files("a .seq")[0];
        using var model = SeqModel.Load(path, new SeqModelOptions { KernelSet = arguments.Kernels });
        if (!model.HasGoldenPair) throw new ArgumentException($"{path}: the file has no golden pair to compare with; convert the model again with 'seqconvert convert --golden'");
        var found = model.Verify();
        var report = new Report(arguments.Json);
        report.Line(found.Passed ? "verified" : "failed", $"kernels {model.KernelSet}: {found}");
        report.Raw("passed", found.Passed ? "true" : "false");
        report.Add("runs", found.Runs);
        report.Raw("different", $"[{string.Join(",", found.Mismatches.Select(m => Report.Quote(m.ToString())))}]");
        report.Add("kernels", model.KernelSet);
        report.Print();
        return found.Passed ? 0 : 1;
    }
}
