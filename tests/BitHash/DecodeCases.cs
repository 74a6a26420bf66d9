using SeqRuntime;
using SeqRuntime.Decoding;
using SeqRuntime.Tests.Decoding;

namespace BitHash;

/// <summary>Tokens, score bits and alignments of every decoder: encoder-decoder greedy, beam and sampling, CTC, transducer and language model.</summary>
internal static class DecodeCases
{
    private const int Sentences = 6;
    private const int Letters = 9;
    private const int Frames = 40;
    private const int Prefix = 5;
    private const string Constrained = "prefix and allowed";

    public static void Add(CaseList cases)
    {
        foreach (var beam in (int[])[1, 6])
        {
            AddFrames(cases, "ctc", beam, SmallFrames.Ctc(3));
            AddFrames(cases, "transducer", beam, SmallFrames.Transducer(3, batched: true));
            AddLanguage(cases, beam);
        }
    }

    /// <summary>Decodes pseudo-random sources with a model that has a decoding description.</summary>
    /// <returns>Whether the model has one.</returns>
    public static bool Add(CaseList cases, string file)
    {
        using var model = SeqModel.Load(file);
        if (model.Metadata.GetValueOrDefault(DecodingKeys.Kind) != DecodingKeys.EncoderDecoder) return false;
        (string Name, SeqDecoderOptions Options)[] searches =
        [
            ("greedy", new SeqDecoderOptions()),
            (Constrained, new SeqDecoderOptions { BeamWidth = 6, MaxResults = 6 }),
            ("beam", new SeqDecoderOptions { BeamWidth = 5, MaxResults = 3, LengthPenalty = 0.6f, CoveragePenalty = 0.2f }),
            ("sampling", new SeqDecoderOptions { Sampling = new SamplingOptions { Seed = 5, TopK = 10, TopP = 0.95f, Temperature = 1.3f } }),
        ];
        foreach (var (name, options) in searches)
        {
            cases.Add($"{Path.GetFileName(file)}/{name}", kernels =>
            {
                using var loaded = SeqModel.Load(file, new SeqModelOptions { KernelSet = kernels.Name });
                return Hash(loaded, options, isConstrained: name == Constrained);
            });
        }

        return true;
    }

    private static ulong Hash(SeqModel model, SeqDecoderOptions options, bool isConstrained)
    {
        using var decoder = model.CreateDecoder(options);
        var numbers = new Numbers(1);
        var request = new DecodeRequest();
        if (isConstrained)
        {
            var allowed = new TokenTrie();
            for (var sequence = 0; sequence < 20; sequence++) allowed.Add([Prefix, Token(), Token(), Token()]);
            (request.Prefix, request.AllowedSequences) = (new[] { Prefix }, allowed);
        }

        int Token() => 2 + (int)(numbers.Next() % (ulong)(decoder.VocabularySize - 2));
        var hash = new BitHasher();
        var source = new int[Letters];
        for (var sentence = 0; sentence < Sentences; sentence++)
        {
            for (var i = 0; i < source.Length; i++) source[i] = (int)(numbers.Next() % (ulong)decoder.SourceTable!.Count);
            foreach (var result in decoder.Decode(source, request))
            {
                foreach (var token in result.Tokens) hash.Add((uint)token);
                hash.Add(result.Score);
                hash.Add(result.LogProbability);
                for (var step = 0; step < result.AlignmentCount; step++) hash.Add(result.Alignment(step));
            }
        }

        return hash.Value;
    }

    private static void AddLanguage(CaseList cases, int beam) => cases.Add($"language-model/{(beam == 1 ? "sampling" : "beam")}", kernels =>
    {
        using var model = SeqModel.Load(SmallDecoder.Language(3, batched: true), new SeqModelOptions { KernelSet = kernels.Name });
        using var generator = model.CreateGenerator(new SeqDecoderOptions { BeamWidth = beam, MaxResults = beam, Sampling = beam == 1 ? new SamplingOptions { Seed = 5 } : null });
        var hash = new BitHasher();
        foreach (var result in generator.Generate([1, 3, 2, 2, 1]))
        {
            foreach (var token in result.Tokens) hash.Add((uint)token);
            hash.Add(result.Score);
        }

        return hash.Value;
    });

    private static void AddFrames(CaseList cases, string name, int beam, byte[] file) => cases.Add($"{name}/{(beam == 1 ? "greedy" : "beam")}", kernels =>
    {
        using var model = SeqModel.Load(file, new SeqModelOptions { KernelSet = kernels.Name });
        using var decoder = model.CreateFrameDecoder(new FrameDecoderOptions { BeamWidth = beam, MaxResults = beam });
        var hash = new BitHasher();
        decoder.Decode(new Numbers(2).Floats(Frames * decoder.FrameSize));
        foreach (var result in decoder.Results)
        {
            foreach (var token in result.Tokens) hash.Add((uint)token);
            hash.Add(result.Score);
        }

        return hash.Value;
    });
}
