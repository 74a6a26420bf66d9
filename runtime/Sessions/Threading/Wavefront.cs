using System.Runtime.CompilerServices;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Threading;

/// <summary>
/// Stacked recurrent layers on two threads: while one layer works on a piece of the sequence, the layer above works on a piece
/// before it. Each layer still reads its steps in order, so every bit is the same as with one thread.
/// </summary>
internal sealed unsafe class Wavefront : ParallelStep
{
    private const int ShortestPiece = 4;
    private const int LongestPiece = 64;

    /// <summary>Least work of a piece, as a part of the least work of a shared layer: each piece may have to wake the other thread.</summary>
    private const double PartOfLeast = 1.0 / 8;

    /// <summary>Pieces of a usual sequence: few, because starting a piece costs time; but enough that one thread works alone only briefly at the start and the end.</summary>
    private const int Pieces = 16;

    private readonly LayerInPieces[] _layers;
    private readonly int[] _done;
    private readonly bool[] _isRunning;
    private readonly Signal[] _news = [new(), new()];
    private readonly Action _own;
    private int _lock;
    private int _pieces;
    private int _steps;
    private volatile bool _isStopped;

    public Wavefront(IEnumerable<LayerInPieces> layers, NodeContext context)
        : base(context)
    {
        _layers = [.. layers];
        _done = new int[_layers.Length];
        _isRunning = new bool[_layers.Length];
        _own = () => Work(0, Context.Scratch);
        EachScratchBytes = _layers.Max(l => l.ScratchBytes);
    }

    public override long OwnBytes => _layers.Sum(l => l.KeptBytes);

    public override long EachScratchBytes { get; }

    public override void Bind(byte* secondScratch, byte* own)
    {
        base.Bind(secondScratch, own);
        foreach (var layer in _layers)
        {
            layer.Bind(own);
            own += layer.KeptBytes;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var (steps, batch) = _layers[0].Size;
        var isStack = true;
        foreach (var layer in _layers) isStack &= layer.Size == (steps, batch);
        var work = _layers[0].Layer.WorkOfStep(context);
        _steps = (int)Math.Clamp(Math.Max((steps + Pieces - 1) / Pieces, LeastShared * PartOfLeast / Math.Max(work, 1)), ShortestPiece, LongestPiece);
        _pieces = (steps + _steps - 1) / _steps;
        if (!isStack || _pieces < 2 || work * steps < LeastShared)
        {
            foreach (var layer in _layers) layer.Run();
            return;
        }

        Array.Clear(_done);
        Array.Clear(_isRunning);
        _isStopped = false;
        Share(_own);
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (var news in _news) news.Dispose();
    }

    public override void Help() => Work(1, SecondScratch);

    private void Work(int thread, byte* scratch)
    {
        while (true)
        {
            var layer = Take(thread, out var isOver);
            if (isOver) return;
            if (layer < 0)
            {
                _news[thread].Wait();
                continue;
            }

            try
            {
                _layers[layer].Run(_done[layer], _steps, scratch);
            }
            catch
            {
                _isStopped = true;
                _news[1 - thread].Post();
                throw;
            }

            Give(layer);
            _news[1 - thread].Post();
        }
    }

    /// <summary>
    /// A layer whose next piece can run now, the highest first, so that all layers stay close together. With only two layers each thread
    /// keeps its own layer, whose weights are in its core's cache. -1 if no piece can run yet.
    /// </summary>
    private int Take(int thread, out bool isOver)
    {
        Enter();
        isOver = _isStopped || _done[^1] == _pieces;
        var taken = -1;
        for (var layer = _layers.Length - 1; layer >= 0 && taken < 0 && !isOver; layer--)
        {
            if (_layers.Length == 2 && layer != thread) continue;
            var next = _done[layer];
            if (!_isRunning[layer] && next < _pieces && (layer == 0 || _done[layer - 1] > next)) taken = layer;
        }

        if (taken >= 0) _isRunning[taken] = true;
        Volatile.Write(ref _lock, 0);
        return taken;
    }

    private void Give(int layer)
    {
        Enter();
        _done[layer]++;
        _isRunning[layer] = false;
        Volatile.Write(ref _lock, 0);
    }

    /// <summary>The lock is held for a few instructions only, so spinning is short.</summary>
    private void Enter()
    {
        var spin = default(SpinWait);
        while (Interlocked.Exchange(ref _lock, 1) != 0) spin.SpinOnce(-1);
    }
}
