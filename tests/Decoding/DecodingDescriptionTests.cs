using SeqRuntime.Decoding;
using SeqRuntime.Format;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.Decoding;

/// <summary>What a model says of its decoding, as typed values.</summary>
public class DecodingDescriptionTests
{
    [Fact]
    public void Each_kind_is_described_by_what_its_file_says()
    {
        using var words = SeqModel.Load(SmallDecoder.Make(1, batched: true));
        var description = words.GetDecoding()!;
        Assert.Equal((DecodingKind.EncoderDecoder, "encoder", "step", null, null), (description.Kind, description.EncoderGraph, description.StepGraph, description.PredictionGraph, description.JointGraph));
        Assert.Equal((SmallDecoder.Begin, SmallDecoder.End, SmallDecoder.Longest), (description.BeginToken, description.EndToken, description.MaxTokens));
        Assert.Equal((null, null, null, null, null), (description.UnknownToken, description.SourceBeginToken, description.SourceEndToken, description.BlankToken, description.Separator));

        using var labels = SeqModel.Load(SmallFrames.Ctc(1));
        Assert.Equal((DecodingKind.Ctc, SmallFrames.Blank, null), (labels.GetDecoding()!.Kind, labels.GetDecoding()!.BlankToken, labels.GetDecoding()!.MaxTokens));

        using var speech = SeqModel.Load(SmallFrames.Transducer(seed: 1, batched: true, maxTokens: 4));
        description = speech.GetDecoding()!;
        Assert.Equal((DecodingKind.Transducer, "encoder", "predict", "joint", 4), (description.Kind, description.EncoderGraph, description.PredictionGraph, description.JointGraph, description.MaxTokens));
    }

    [Fact]
    public void A_model_that_says_nothing_has_no_description_and_nonsense_is_refused()
    {
        var builder = SmallSeq.Build();
        using (var plain = SeqModel.Load(SeqWriter.ToArray(builder))) Assert.Null(plain.GetDecoding());
        builder.Metadata[DecodingKeys.Kind] = "by dice";
        using (var strange = SeqModel.Load(SeqWriter.ToArray(builder))) Assert.Contains("'by dice'", Assert.Throws<ArgumentException>(() => strange.GetDecoding()).Message, StringComparison.Ordinal);
        (builder.Metadata[DecodingKeys.Kind], builder.Metadata[DecodingKeys.Blank]) = (DecodingKeys.Ctc, "-1");
        using (var negative = SeqModel.Load(SeqWriter.ToArray(builder))) Assert.Contains($"'{DecodingKeys.Blank}' is '-1'", Assert.Throws<ArgumentException>(() => negative.GetDecoding()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_result_of_an_earlier_call_says_so()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(3, batched: true));
        using var decoder = model.CreateDecoder(new SeqDecoderOptions { BeamWidth = 2, MaxResults = 2 });
        var results = decoder.Decode([2]);
        var old = results[0];
        Assert.Equal(old.Tokens.ToArray(), results.ToArray()[0].Tokens.ToArray());
        Assert.Same(results, decoder.Decode([1]));
        Assert.Throws<InvalidOperationException>(() => old.Tokens.Length);
        Assert.Throws<InvalidOperationException>(() => default(DecodeResult).Score);
        Assert.Throws<InvalidOperationException>(() => results[0].Text);
        Assert.Equal([0, 1], results.Select(result => result.Rank));

        using var speech = SeqModel.Load(SmallFrames.Ctc(7));
        using var reader = speech.CreateFrameDecoder();
        old = reader.Accept(SmallFrames.Features(seed: 3, frames: 8))[0];
        Assert.False(old.IsComplete);
        Assert.Equal(0, old.AlignmentCount);
        Assert.Equal(old.Tokens.Length, old.Frames.Length);
        Assert.True(reader.Finish()[0].IsComplete);
        Assert.Throws<InvalidOperationException>(() => old.Frames.Length);
    }

    [Fact]
    public void What_a_request_asks_for_holds_for_one_call()
    {
        using var model = SeqModel.Load(SmallDecoder.Make(3, batched: true));
        using var decoder = model.CreateDecoder();
        var free = decoder.Decode([2])[0].Tokens.ToArray();
        var told = 0;
        var request = new DecodeRequest { Prefix = new[] { 3, 2 }, OnToken = (_, _, _) => ++told > 0 };
        Assert.Equal([3, 2], decoder.Decode([2], request)[0].Tokens[..2].ToArray());
        Assert.True(told > 0);
        told = 0;
        Assert.Equal(free, decoder.Decode([2])[0].Tokens.ToArray());
        Assert.Equal(0, told);
    }
}
