using SeqRuntime.Decoding;
using SeqRuntime.Format;
using SeqRuntime.Tests.Decoding;
using SeqRuntime.Tests.Format;

namespace SeqRuntime.Tests.PublicSurface;

/// <summary>One instance of each of the runtime's public types.</summary>
internal sealed class Surface : IDisposable
{
    public Surface()
    {
        Session = Model.CreateSession("tokens", new SeqSessionOptions { MaxSizes = { [SmallSeq.Length] = 3 } });
        OtherSession = Model.CreateSession("step");
        Streams = Model.CreateStreams(2, "tokens", new SeqSessionOptions { MaxSizes = { [SmallSeq.Length] = 3 } });
        Slot = Streams.Join();
        Decoder = DecoderModel.CreateDecoder(new SeqDecoderOptions { BeamWidth = 2, MaxResults = 2, BatchSize = 3 });
        Drawing = DecoderModel.CreateDecoder(new SeqDecoderOptions { Sampling = new SamplingOptions() });
        Frames = FrameModel.CreateFrameDecoder(new FrameDecoderOptions { MaxFrames = 8 });
        Transducer = TransducerModel.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = 2, MaxFrames = 8 });
        Generator = LanguageModel.CreateGenerator(new SeqDecoderOptions { MaxSourceLength = 8 });
        WideGenerator = LanguageModel.CreateGenerator(new SeqDecoderOptions { BeamWidth = 2, MaxResults = 2 });
        Table = Frames.TargetTable!;
        Trie.Add([1, 2]);
    }

    public SeqModel Model { get; } = SeqModel.Load(SeqWriter.ToArray(SmallSeq.Build()));

    public SeqModel DecoderModel { get; } = SeqModel.Load(SmallDecoder.Make(1, batched: true));

    public SeqModel FrameModel { get; } = SeqModel.Load(SmallFrames.Ctc(1));

    public SeqModel TransducerModel { get; } = SeqModel.Load(SmallFrames.Transducer(1, batched: true));

    public SeqModel LanguageModel { get; } = SeqModel.Load(SmallDecoder.Language(1, batched: true));

    public SeqSession Session { get; }

    public SeqSession OtherSession { get; }

    public SeqStreams Streams { get; }

    public int Slot { get; }

    public SeqDecoder Decoder { get; }

    public SeqDecoder Drawing { get; }

    public SeqGenerator Generator { get; }

    public SeqGenerator WideGenerator { get; }

    public FrameDecoder Frames { get; }

    public FrameDecoder Transducer { get; }

    public TokenTable Table { get; }

    public TokenTrie Trie { get; } = new();

    public IEnumerable<object> Objects => [Model, Session, Streams, Decoder, Drawing, Decoder.Results, Generator, WideGenerator, Generator.Results, Frames, Transducer, Frames.Results, Table, Trie];

    public void Dispose()
    {
        foreach (var part in new IDisposable[] { Decoder, Drawing, Generator, WideGenerator, Frames, Transducer, Streams, Session, OtherSession, DecoderModel, FrameModel, TransducerModel, LanguageModel, Model }) part.Dispose();
    }
}
