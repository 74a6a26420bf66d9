namespace SeqRuntime.Perf.Comparing;

/// <summary>The matrix product of 100 steps' inputs with an LSTM's 2048 × 512 weights, only the kernel, compared with the peak multiply rate.</summary>
internal static class GemmContest
{
    private const int Rows = 2048;
    private const int Columns = 512;
    private const int Inputs = 100;

    public static Contest Make() => new(
        "gemm/100-512-2048",
        $"{Inputs} × {Columns} × {Rows}",
        new Dictionary<string, Func<Runner>> { ["fp32"] = () => new MatrixProduct(Inputs, Columns, Rows, false).Runner(), ["int8"] = () => new MatrixProduct(Inputs, Columns, Rows, true).Runner() },
        [
            new RowPlan("fp32-limit", "Matrix product, fp32, share of the peak multiply rate", "fp32", RowPlan.Limit, RowPlan.Limit),
            new RowPlan("int8-limit", "Matrix product, int8, share of the peak multiply rate", "int8", RowPlan.Limit, RowPlan.Limit, Bars.Gemm),
        ])
    {
        Limit = (store, _) => new Need(1, 0, (long)Rows * Columns * Inputs, store == "int8"),
    };
}
