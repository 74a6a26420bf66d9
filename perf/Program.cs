using SeqRuntime.Perf;

return args switch
{
    ["compare", .. var rest] => Compare.Run(rest),
    ["decode", .. var rest] => Decode.Run(rest),
    ["streams", .. var rest] => Streams.Run(rest),
    ["threads", .. var rest] => Threads.Run(rest),
    ["bench", .. var rest] => LayerBenchmarks.Run(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        usage: perf compare [--pairs N] [--json FILE]   LSTM, GRU, DTLN and Silero beside ONNX Runtime, as ratios from one paired run
               perf decode [--pairs N]                   words a second of an encoder-decoder, greedy and beam 5, beside ONNX Runtime
               perf streams [--pairs N]                  many streams stepped together beside single sessions, and two threads beside one
               perf threads [--pairs N]                  sequences through stacked and bidirectional layers, a session of two threads beside one
               perf bench [BenchmarkDotNet options]      the same layers under BenchmarkDotNet, ours alone
        """);
    return 2;
}
