using ScottPlot;

namespace SeqRuntime.Training.Optimization;

/// <summary>Draws curves of a run: loss and gradient norm by epoch.</summary>
internal static class Curves
{
    public static void Save(IReadOnlyList<EpochResult> history, string folder)
    {
        var plot = new Multiplot();
        plot.AddPlots(3);
        double[] epochs = [.. history.Select(e => (double)e.Epoch)];
        Draw(plot.GetPlot(0), "loss a phoneme", epochs, ("training", [.. history.Select(e => e.Loss)]));
        Draw(plot.GetPlot(1), "norm of the gradient before clipping", epochs, ("mean", [.. history.Select(e => e.GradientNorm)]), ("largest", [.. history.Select(e => e.LargestNorm)]));
        Draw(plot.GetPlot(2), "validation words wrong, %", epochs, ("with stress", [.. history.Select(e => 100 * e.WordErrors)]), ("without stress", [.. history.Select(e => 100 * e.PlainWordErrors)]));
        plot.SavePng(Path.Combine(folder, "curves.png"), 800, 900);
    }

    private static void Draw(Plot plot, string title, double[] epochs, params (string Name, double[] Values)[] lines)
    {
        foreach (var (name, values) in lines) plot.Add.Scatter(epochs, values).LegendText = name;
        plot.Title(title);
        plot.XLabel("epoch");
        plot.ShowLegend();
    }
}
