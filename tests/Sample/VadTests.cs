using NativeAotSample;

namespace SeqRuntime.Tests.Sample;

public class VadTests
{
    [Fact]
    public void Chunks_follow_their_context_where_the_size_is_fixed() => ChunksFollowTheirContext(1, 576);

    [Fact]
    public void Chunks_follow_their_context_where_the_size_is_open() => ChunksFollowTheirContext("batch", "sequence");

    [Fact]
    public void A_chunk_allocates_nothing()
    {
        using var model = SeqModel.Load(SampleModels.FirstSampleOfChunk(1, 576));
        using var vad = new Vad(model);
        var chunk = new float[512];
        Allocation.None(() => vad.Process(chunk));
    }

    private static void ChunksFollowTheirContext(params object[] shape)
    {
        using var model = SeqModel.Load(SampleModels.FirstSampleOfChunk(shape));
        using var vad = new Vad(model);
        Assert.Equal(16_000, vad.Rate);
        Assert.Equal(512, vad.ChunkSamples);
        var chunk = new float[512];
        for (var i = 0; i < 10; i++)
        {
            chunk[0] = i;
            chunk[448] = 100 + i;
            Assert.Equal(i, vad.Process(chunk));
        }
    }
}
