using SeqRuntime.Converter;

namespace SeqRuntime.Tests.Sessions;

/// <summary>A dimension of size 0, such as a cache before the first step, is computed if that is meaningful and refused otherwise, without crashes.</summary>
public sealed class EmptySizeTests
{
    [Fact]
    public void Real_models_compute_or_refuse_at_size_0_and_go_on_at_size_1()
    {
        using var pronouncing = SeqModel.Load(Repository.Find("NativeAotSample/g2p.seq"));
        Check(pronouncing);
        foreach (var file in (string[])["thai2rom/thai2rom_encoder.onnx", "thai2rom/thai2rom_decoder.onnx"])
        {
            using var model = SeqModel.Load(SeqRuntime.Converter.Pipeline.Conversion.Convert([("main", Models.Need(file))], new ConversionOptions()).File);
            Check(model);
        }
    }

    private static void Check(SeqModel model)
    {
        foreach (var graph in model.Graphs)
        {
            using var session = model.CreateSession(graph.Name);
            foreach (var symbol in graph.Symbols)
            {
                session.SetSize(symbol, 0);
                try
                {
                    session.Run();
                }
                catch (Exception refused) when (refused is SeqSizeException or SeqDataException)
                {
                    Assert.NotEmpty(refused.Message);
                }

                session.SetSize(symbol, 1);
            }

            session.Run();
            for (var i = 0; i < session.Outputs.Count; i++) Assert.True(session.Outputs[i].Shape.IndexOf(0) < 0);
        }
    }
}
