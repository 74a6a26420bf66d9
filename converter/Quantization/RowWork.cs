namespace SeqRuntime.Converter.Quantization;

/// <summary>Work on the rows of a matrix that does not depend on other rows.</summary>
internal static class RowWork
{
    /// <summary>Fewest weights for which other threads help.</summary>
    private const int FewestShared = 1 << 16;

    /// <summary>Runs the work for each row, on all processors if there are many weights. Each row writes only what belongs to it, so the number of threads changes nothing.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Weights of a row.</param>
    /// <param name="work">Works on one row.</param>
    /// <param name="progress">Receives the weights done since the last call, on any thread.</param>
    public static void Run(int rows, int columns, Action<int> work, Action<long>? progress)
    {
        if ((long)rows * columns < FewestShared)
        {
            for (var row = 0; row < rows; row++) work(row);
            progress?.Invoke((long)rows * columns);
            return;
        }

        Parallel.For(0, rows, row =>
        {
            work(row);
            progress?.Invoke(columns);
        });
    }
}
