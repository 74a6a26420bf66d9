using System.Runtime.CompilerServices;
using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Planning;

/// <summary>
/// The growing states of a graph (caches): each run adds steps along one axis. The number of steps is the size of that
/// axis's symbolic dimension. It starts at 0; the file gives its limit.
/// </summary>
internal sealed class Caches
{
    private readonly LoadedGraph _graph;

    private Caches(LoadedGraph graph, int[] axes)
    {
        (_graph, Axes) = (graph, axes);
        var symbols = new List<int>();
        for (var symbol = 0; symbol < graph.Symbols.Length; symbol++)
        {
            if (StateOf(symbol) >= 0) symbols.Add(symbol);
        }

        Symbols = [.. symbols];
    }

    /// <summary>The axis along which each state grows; -1 for a state that does not grow.</summary>
    public int[] Axes { get; }

    /// <summary>The symbolic dimensions that count steps.</summary>
    public int[] Symbols { get; }

    /// <exception cref="SeqFormatException">The file's cache limits do not fit its states.</exception>
    public static Caches Of(LoadedGraph graph)
    {
        var axes = Array.ConvertAll(graph.States, _ => -1);
        if (graph.Largest.Length == 0) return new Caches(graph, axes);
        for (var i = 0; i < axes.Length; i++)
        {
            var sizes = graph.Values[graph.States[i].Value].Sizes;
            for (var axis = 0; axis < sizes.Length; axis++)
            {
                if (sizes[axis] >= 0 || graph.MostSteps(-1 - sizes[axis]) == 0) continue;
                if (axes[i] >= 0) throw new SeqFormatException($"graph '{graph.Name}': state '{graph.States[i].Name}' grows along two axes.");
                if (graph.States[i].Initial >= 0) throw new SeqFormatException($"graph '{graph.Name}': state '{graph.States[i].Name}' grows, so it must not have an initial value.");
                axes[i] = axis;
            }
        }

        var caches = new Caches(graph, axes);
        for (var symbol = 0; symbol < graph.Largest.Length; symbol++)
        {
            if (graph.Largest[symbol] > 0 && Array.IndexOf(caches.Symbols, symbol) < 0) throw new SeqFormatException($"graph '{graph.Name}': '{graph.Symbols[symbol]}' has a limit of steps, but no state grows along it.");
        }

        return caches;
    }

    /// <summary>The symbolic dimension that counts the steps of a state.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int SymbolOf(int state) => -1 - _graph.Values[_graph.States[state].Value].Sizes[Axes[state]];

    /// <summary>Whether a state's shape is the old one with new steps, as many as the other states of its dimension have.</summary>
    public bool Fits(int state, Tensor[] values)
    {
        var (now, next) = (values[_graph.States[state].Value].Shape, values[_graph.States[state].Update].Shape);
        if (now.Rank != next.Rank) return false;
        for (var axis = 0; axis < now.Rank; axis++)
        {
            if (axis == Axes[state] ? next[axis] < now[axis] : next[axis] != now[axis]) return false;
        }

        return next[Axes[state]] == Next(SymbolOf(state), values);
    }

    /// <summary>Number of steps after a run for the states of a symbolic dimension.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Next(int symbol, Tensor[] values) => values[_graph.States[FirstOf(symbol)].Update].Shape[Axes[FirstOf(symbol)]];

    /// <summary>The name of a state that grows along a symbolic dimension.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public string NameOf(int symbol) => _graph.States[FirstOf(symbol)].Name;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int FirstOf(int symbol) => StateOf(symbol) is >= 0 and var state ? state : throw new ArgumentOutOfRangeException(nameof(symbol));

    /// <summary>The first state that grows along a symbolic dimension; -1 if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int StateOf(int symbol)
    {
        for (var i = 0; i < Axes.Length; i++)
        {
            if (Axes[i] >= 0 && SymbolOf(i) == symbol) return i;
        }

        return -1;
    }
}
