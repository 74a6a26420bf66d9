using SeqRuntime.Decoding;

namespace SeqRuntime.Tests.PublicSurface;

/// <summary>Calls of every public method with hostile arguments, by the method's name.</summary>
internal static class HostileCalls
{
    private static readonly int[] s_numbers = [0, 1, 2, 3, -1, -2, 7, 99, int.MinValue, int.MaxValue, int.MaxValue - 1];
    private static readonly string?[] s_names = [null, "", "x", "indices", "T", "hidden", "probabilities", "\0", new string('n', 100_000), "\uD800"];
    private static readonly int[] s_counts = [0, 1, 2, 5, 1000];

    /// <summary>A type that no tensor holds.</summary>
    private readonly record struct Odd(byte First, long Second);

    public static IEnumerable<(string Member, Action Call)> All(Surface s) =>
        [.. OfModel(s), .. OfSession(s), .. OfStreams(s), .. OfStreamValues(s), .. OfPorts(s), .. OfDecoder(s), .. OfGenerator(s), .. OfFrames(s), .. OfTables(s)];

    private static IEnumerable<(string, Action)> OfModel(Surface s)
    {
        foreach (var bytes in new byte[][] { [], [1], new byte[64], new byte[1000], "SEQRT\r\n\u001A"u8.ToArray() })
        {
            yield return ("SeqModel.Load", () => SeqModel.Load(bytes));
            yield return ("SeqModel.Load", () => SeqModel.Load(new MemoryStream(bytes)));
        }

        yield return ("SeqModel.Load", () => SeqModel.Load((Stream)null!));
        foreach (var path in s_names)
        {
            yield return ("SeqModel.Load", () => SeqModel.Load(path!).Dispose());
            yield return ("SeqModel.Load", () => SeqModel.Load(path!, new SeqModelOptions { KernelSet = path, CopyIntoMemory = true }).Dispose());
        }

        yield return ("SeqModel.Verify", () => s.Model.Verify(TestContext.Current.CancellationToken));
        yield return ("SeqModel.Verify", () => s.DecoderModel.Verify(new CancellationToken(canceled: true)));
        foreach (var name in s_names)
        {
            foreach (var options in Options(name))
            {
                yield return ("SeqModel.CreateSession", () => s.Model.CreateSession(name, options).Dispose());
                yield return ("SeqModel.GetSessionMemoryBytes", () => s.Model.GetSessionMemoryBytes(name, options));
                yield return ("SeqModel.CreateSession", () => s.Model.CreateSession("tokens", options).Dispose());
                foreach (var capacity in s_numbers)
                {
                    yield return ("SeqModel.CreateStreams", () => s.Model.CreateStreams(capacity, name, options).Dispose());
                    yield return ("SeqModel.CreateStreams", () => s.Model.CreateStreams(capacity, "tokens", options).Dispose());
                    yield return ("SeqModel.GetStreamsMemoryBytes", () => s.Model.GetStreamsMemoryBytes(capacity, "tokens", options));
                }
            }
        }

        foreach (var model in new[] { s.Model, s.DecoderModel, s.FrameModel, s.TransducerModel, s.LanguageModel })
        {
            yield return ("SeqModelExtensions.GetDecoding", () => model.GetDecoding());
            foreach (var number in s_numbers)
            {
                foreach (var options in DecoderOptions(number)) yield return ("SeqModelExtensions.CreateDecoder", () => model.CreateDecoder(options).Dispose());
                foreach (var options in DecoderOptions(number)) yield return ("SeqModelExtensions.CreateGenerator", () => model.CreateGenerator(options).Dispose());
                foreach (var options in FrameOptions(number)) yield return ("SeqModelExtensions.CreateFrameDecoder", () => model.CreateFrameDecoder(options).Dispose());
            }
        }
    }

    private static IEnumerable<SeqSessionOptions?> Options(string? symbol)
    {
        yield return null;
        foreach (var number in s_numbers)
        {
            yield return new SeqSessionOptions { MaxSizes = { ["T"] = number } };
            yield return new SeqSessionOptions { MemoryLimitBytes = number, Threads = number, WorkLimit = number };
            if (symbol is not null) yield return new SeqSessionOptions { MaxSizes = { [symbol] = number } };
        }

        yield return new SeqSessionOptions { WorkLimit = long.MinValue };
        yield return new SeqSessionOptions { MemoryLimitBytes = long.MinValue };
    }

    private static IEnumerable<SeqDecoderOptions?> DecoderOptions(int number)
    {
        yield return null;
        yield return new SeqDecoderOptions { BeamWidth = number };
        yield return new SeqDecoderOptions { MaxResults = number };
        yield return new SeqDecoderOptions { MaxTokens = number };
        yield return new SeqDecoderOptions { MaxSourceLength = number };
        yield return new SeqDecoderOptions { BatchSize = number };
        yield return new SeqDecoderOptions { MemoryLimitBytes = number, WorkLimit = number };
        yield return new SeqDecoderOptions { BeamWidth = number, MaxResults = number, MaxTokens = number };
        foreach (var odd in new[] { float.NaN, float.MaxValue, float.NegativeInfinity, -1e30f, float.Epsilon })
        {
            yield return new SeqDecoderOptions { LengthPenalty = odd };
            yield return new SeqDecoderOptions { CoveragePenalty = odd };
            yield return new SeqDecoderOptions { Sampling = new SamplingOptions { Temperature = odd } };
            yield return new SeqDecoderOptions { Sampling = new SamplingOptions { TopP = odd, TopK = number } };
        }
    }

    private static IEnumerable<FrameDecoderOptions?> FrameOptions(int number)
    {
        yield return null;
        yield return new FrameDecoderOptions { BeamWidth = number };
        yield return new FrameDecoderOptions { BeamWidth = 4096, MaxResults = number };
        yield return new FrameDecoderOptions { MaxFrames = number };
        yield return new FrameDecoderOptions { MaxTokens = number };
        yield return new FrameDecoderOptions { MaxTokensPerFrame = number };
        yield return new FrameDecoderOptions { Blank = number };
        yield return new FrameDecoderOptions { MemoryLimitBytes = number, WorkLimit = number };
        foreach (var odd in new[] { float.NaN, float.MaxValue, float.NegativeInfinity, -1e30f, float.Epsilon }) yield return new FrameDecoderOptions { BeamWidth = 2, LanguageModelWeight = odd, TokenBonus = odd };
    }

    private static IEnumerable<(string, Action)> OfSession(Surface s)
    {
        foreach (var session in new[] { s.Session, s.OtherSession })
        {
            yield return ("SeqSession.Run", session.Run);
            yield return ("SeqSession.Run", () => session.Run(new CancellationToken(canceled: true)));
            yield return ("SeqSession.ResetState", session.ResetState);
            yield return ("SeqSession.CopyStateFrom", () => session.CopyStateFrom(null!));
            yield return ("SeqSession.CopyStateFrom", () => session.CopyStateFrom(s.Session));
            yield return ("SeqSession.CopyStateFrom", () => session.CopyStateFrom(s.OtherSession));
            foreach (var count in s_counts)
            {
                yield return ("SeqSession.SaveState", () => session.SaveState(new byte[count]));
                yield return ("SeqSession.RestoreState", () => session.RestoreState(new byte[count]));
            }

            foreach (var name in s_names)
            {
                yield return ("SeqSession.Input", () => session.Input<int>(name!).Clear());
                yield return ("SeqSession.Output", () => _ = session.Output<float>(name!).Length);
                yield return ("SeqSession.State", () => session.State<float>(name!).Clear());
                foreach (var number in s_numbers) yield return ("SeqSession.SetSize", () => session.SetSize(name!, number));
            }

            foreach (var number in s_numbers)
            {
                yield return ("SeqSession.Input", () => session.Input<float>(number).Fill(float.NaN));
                yield return ("SeqSession.Input", () => session.Input<int>(number).Fill(number));
                yield return ("SeqSession.Input", () => session.Input<Odd>(number).Clear());
                yield return ("SeqSession.Output", () => _ = session.Output<Half>(number).Length);
                yield return ("SeqSession.Output", () => _ = session.Output<float>(number).Length);
                yield return ("SeqSession.State", () => session.State<decimal>(number).Clear());
                yield return ("SeqSession.State", () => session.State<float>(number).Fill(float.PositiveInfinity));
            }

            yield return ("SeqSession.Run", session.Run);
        }
    }

    private static IEnumerable<(string, Action)> OfStreams(Surface s)
    {
        var streams = s.Streams;
        yield return ("SeqStreams.Join", () => streams.Join());
        yield return ("SeqStreams.Join", () => streams.Join());
        yield return ("SeqStreams.TryJoin", () => streams.TryJoin(out _));
        yield return ("SeqStreams.Run", streams.Run);
        yield return ("SeqStreams.Run", () => streams.Run(new CancellationToken(canceled: true)));
        yield return ("SeqStreams.Run", () => streams.Run([]));
        yield return ("SeqStreams.Run", () => streams.Run([s.Slot, s.Slot]));
        yield return ("SeqStreams.Run", () => streams.Run(new int[1000]));
        foreach (var name in s_names)
        {
            foreach (var number in s_numbers) yield return ("SeqStreams.SetSize", () => streams.SetSize(name!, number));
        }

        foreach (var slot in s_numbers)
        {
            yield return ("SeqStreams.IsJoined", () => streams.IsJoined(slot));
            yield return ("SeqStreams.Run", () => streams.Run([slot]));
            yield return ("SeqStreams.ResetState", () => streams.ResetState(slot));
            foreach (var count in s_counts)
            {
                yield return ("SeqStreams.SaveState", () => streams.SaveState(slot, new byte[count]));
                yield return ("SeqStreams.RestoreState", () => streams.RestoreState(slot, new byte[count]));
            }
        }

        yield return ("SeqStreams.Run", streams.Run);
    }

    private static IEnumerable<(string, Action)> OfStreamValues(Surface s)
    {
        var streams = s.Streams;
        foreach (var slot in s_numbers)
        {
            foreach (var name in s_names)
            {
                yield return ("SeqStreams.Input", () => streams.Input<int>(slot, name!).Clear());
                yield return ("SeqStreams.Output", () => _ = streams.Output<float>(slot, name!).Length);
                yield return ("SeqStreams.State", () => streams.State<float>(slot, name!).Clear());
            }

            foreach (var number in s_numbers)
            {
                yield return ("SeqStreams.Input", () => streams.Input<int>(slot, number).Fill(number));
                yield return ("SeqStreams.Input", () => streams.Input<Odd>(slot, number).Clear());
                yield return ("SeqStreams.Output", () => _ = streams.Output<float>(slot, number).Length);
                yield return ("SeqStreams.State", () => streams.State<float>(slot, number).Clear());
            }

            yield return ("SeqStreams.Leave", () => streams.Leave(slot));
        }
    }

    private static IEnumerable<(string, Action)> OfPorts(Surface s)
    {
        foreach (var ports in new[] { s.Session.Inputs, s.Session.Outputs, s.Session.States, s.Streams.Inputs, s.Streams.Outputs, s.Streams.States })
        {
            foreach (var port in ports) yield return ("SeqPort.Shape", () => _ = port.Shape.Length);
            foreach (var number in s_numbers) yield return ("SeqPortCollection.Item", () => _ = ports[number]);
            foreach (var name in s_names)
            {
                yield return ("SeqPortCollection.Item", () => _ = ports[name!]);
                yield return ("SeqPortCollection.Find", () => ports.Find(name!));
            }

            yield return ("SeqPortCollection.GetEnumerator", () => ports.GetEnumerator().Dispose());
        }
    }

    private static IEnumerable<(string, Action)> OfDecoder(Surface s)
    {
        foreach (var decoder in new[] { s.Decoder, s.Drawing })
        {
            foreach (var count in s_counts)
            {
                yield return ("SeqDecoder.Decode", () => decoder.Decode(new int[count]));
                yield return ("SeqDecoder.Decode", () => decoder.Decode(new string('a', count)));
                yield return ("SeqDecoder.DecodeBatch", () => decoder.DecodeBatch(new ReadOnlyMemory<int>[count]));
                yield return ("SeqDecoder.DecodeBatch", () => decoder.DecodeBatch(new string[count]));
                yield return ("SeqDecoder.DecodeBatch", () => decoder.DecodeBatch([new string('a', count)], request: null, new CancellationToken(canceled: true)));
            }

            foreach (var number in s_numbers)
            {
                yield return ("SeqDecoder.Decode", () => decoder.Decode([number], request: null, new CancellationToken(canceled: true)));
                yield return ("SeqDecoder.Decode", () => decoder.Decode([number]));
                yield return ("SeqDecoder.DecodeBatch", () => decoder.DecodeBatch([new[] { number }]));
                yield return ("SeqDecoder.GetSourceTokens", () => decoder.GetSourceTokens(number));
                foreach (var count in s_counts) yield return ("SeqDecoder.Decode", () => decoder.Decode([1], Request(number, count)));
            }

            yield return ("SeqDecoder.Decode", () => decoder.Decode([1]));
            foreach (var call in OfResults(decoder.Results)) yield return call;
        }
    }

    private static IEnumerable<(string, Action)> OfGenerator(Surface s)
    {
        foreach (var generator in new[] { s.Generator, s.WideGenerator })
        {
            foreach (var count in s_counts)
            {
                yield return ("SeqGenerator.Generate", () => generator.Generate(new int[count]));
                yield return ("SeqGenerator.Continue", () => generator.Continue(new int[count]));
                yield return ("SeqGenerator.Generate", () => generator.Generate(new string('a', count)));
                yield return ("SeqGenerator.Continue", () => generator.Continue(new string('a', count)));
            }

            foreach (var number in s_numbers)
            {
                yield return ("SeqGenerator.Generate", () => generator.Generate([number], request: null, new CancellationToken(canceled: true)));
                yield return ("SeqGenerator.Generate", () => generator.Generate([1, number]));
                yield return ("SeqGenerator.Continue", () => generator.Continue([number]));
                yield return ("SeqGenerator.Generate", () => generator.Generate([1], new DecodeRequest { MaxTokens = number }));
                foreach (var count in s_counts)
                {
                    yield return ("SeqGenerator.Generate", () => generator.Generate([1], Request(number, count)));
                    yield return ("SeqGenerator.Continue", () => generator.Continue([1], Request(number, count)));
                }
            }

            yield return ("SeqGenerator.Generate", () => generator.Generate([1]));
            foreach (var call in OfResults(generator.Results)) yield return call;
        }
    }

    private static DecodeRequest Request(int number, int count)
    {
        var prefix = new int[count];
        Array.Fill(prefix, number);
        return new DecodeRequest { Prefix = prefix, AllowedSequences = count == 2 ? new TokenTrie() : null, OnToken = (_, token, _) => token != number, Seed = ulong.MaxValue };
    }

    private static IEnumerable<(string, Action)> OfResults(DecodeResultCollection results)
    {
        var old = results.Count > 0 ? results[0] : default;
        foreach (var result in new Func<IEnumerable<DecodeResult>>[] { () => [default], () => [old], () => results })
        {
            (string Member, Action<DecodeResult> Call)[] calls =
            [
                ("Tokens", r => _ = r.Tokens.Length), ("Text", r => _ = r.Text), ("Score", r => _ = r.Score), ("LogProbability", r => _ = r.LogProbability), ("IsComplete", r => _ = r.IsComplete),
                ("Frames", r => _ = r.Frames.Length), ("AlignmentCount", r => _ = r.AlignmentCount), ("CopyTextTo", r => r.CopyTextTo([])), ("CopyTextTo", r => r.CopyTextTo(new char[1000])),
            ];
            foreach (var (member, call) in calls) yield return ($"DecodeResult.{member}", () => Array.ForEach([.. result()], call));
            foreach (var step in s_numbers) yield return ("DecodeResult.Alignment", () => Array.ForEach([.. result()], r => _ = r.Alignment(step).Length));
        }

        foreach (var rank in s_numbers) yield return ("DecodeResultCollection.Item", () => _ = results[rank]);
        yield return ("DecodeResultCollection.GetEnumerator", () => results.GetEnumerator().MoveNext());
    }

    private static IEnumerable<(string, Action)> OfFrames(Surface s)
    {
        foreach (var decoder in new[] { s.Frames, s.Transducer })
        {
            foreach (var count in (int[])[.. s_counts, 6, 12, 54])
            {
                var features = new float[count];
                Array.Fill(features, float.NaN);
                yield return ("FrameDecoder.Decode", () => decoder.Decode(features));
                yield return ("FrameDecoder.Accept", () => decoder.Accept(features));
                yield return ("FrameDecoder.Accept", () => decoder.Accept(new float[count], onToken: null, new CancellationToken(canceled: true)));
                yield return ("FrameDecoder.Decode", () => decoder.Decode(new float[count], onToken: null, new CancellationToken(canceled: true)));
                yield return ("FrameDecoder.Accept", () => decoder.Accept(new float[count]));
                yield return ("FrameDecoder.Finish", () => decoder.Finish());
            }

            foreach (var call in OfResults(decoder.Results)) yield return call;
            yield return ("FrameDecoder.Reset", decoder.Reset);
        }
    }

    private static IEnumerable<(string, Action)> OfTables(Surface s)
    {
        foreach (var number in s_numbers)
        {
            yield return ("TokenTable.Item", () => _ = s.Table[number].Length);
            yield return ("TokenTable.Decode", () => s.Table.Decode([number]));
            yield return ("TokenTable.Decode", () => s.Table.Decode([1, number, 2], new char[2]));
            yield return ("TokenTrie.Add", () => s.Trie.Add([1, number]));
            foreach (var text in s_names) yield return ("TokenTable.Encode", () => s.Table.Encode(text, new int[2], number));
        }

        foreach (var text in s_names)
        {
            yield return ("TokenTable.IndexOf", () => s.Table.IndexOf(text));
            yield return ("TokenTable.FindUnknownCharacters", () => s.Table.FindUnknownCharacters(text));
            yield return ("NgramModel.LoadArpa", () => NgramModel.LoadArpa(text!, s.Table));
            yield return ("NgramModel.ReadArpa", () => NgramModel.ReadArpa(new StringReader(text ?? ""), s.Table));
            yield return ("NgramModel.ReadArpa", () => NgramModel.ReadArpa(new StringReader($"\\data\\\nngram 1={text}\n\n\\1-grams:\n-1 a -1\n\\end\\"), s.Table));
        }

        yield return ("NgramModel.LoadArpa", () => NgramModel.LoadArpa(Path.GetTempPath(), s.Table));
        yield return ("NgramModel.ReadArpa", () => NgramModel.ReadArpa(null!, s.Table));
        yield return ("NgramModel.ReadArpa", () => NgramModel.ReadArpa(new StringReader("a"), null!));
        yield return ("TokenTrie.Add", () => s.Trie.Add([]));
    }
}
