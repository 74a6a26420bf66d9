using System.Collections;
using SeqRuntime.Format;
using SeqRuntime.Operators;
using SeqRuntime.Sessions;

namespace SeqRuntime;

/// <summary>An input, output or state of a session or of streams: its name, type, and shape at the current sizes. For streams it describes the value of one stream.</summary>
public sealed class SeqPort
{
    private readonly Tensor _tensor;
    private readonly IPortOwner _owner;
    private readonly bool _isOutput;

    internal SeqPort(string name, int index, Tensor tensor, IPortOwner owner, bool isOutput) =>
        (Name, Index, _tensor, _owner, _isOutput) = (name, index, tensor, owner, isOutput);

    /// <summary>Its name in the graph.</summary>
    public string Name { get; }

    /// <summary>Its place in the list of inputs, outputs or states, from 0; hot paths pass it to <see cref="SeqSession.Input{T}(int)"/> and similar methods.</summary>
    public int Index { get; }

    /// <summary>Type of its elements.</summary>
    public ElementType Type => _tensor.Type;

    /// <summary>Its shape at the current sizes, outermost dimension first. Read it again after <see cref="SeqSession.SetSize"/>. Allocates nothing.</summary>
    /// <exception cref="ObjectDisposedException">The session, or the streams, have been disposed.</exception>
    /// <exception cref="SeqSizeException">It is an output, and shapes do not fit together at the sizes set.</exception>
    /// <exception cref="InvalidOperationException">It is an output whose shape must be inferred again, and another thread is using the session or streams.</exception>
    public ReadOnlySpan<int> Shape
    {
        get
        {
            _owner.BringUpToDate(_isOutput);
            return _tensor.Shape.AsSpan();
        }
    }

    /// <summary>Name and type: <c>x float32</c>.</summary>
    public override string ToString() => $"{Name} {Type.Name()}";
}

/// <summary>The inputs, outputs or states of a session or of streams, in the graph's order, by place or by name.</summary>
public sealed class SeqPortCollection : IReadOnlyList<SeqPort>
{
    internal const string InputKind = "input";
    internal const string OutputKind = "output";
    internal const string StateKind = "state";

    private readonly SeqPort[] _ports;
    private readonly string _kind;

    /// <param name="owner">What the ports belong to.</param>
    /// <param name="kind">Input, output or state, for messages.</param>
    /// <param name="tensors">Their types and shapes, and names.</param>
    /// <param name="states">Their names where they are states.</param>
    internal SeqPortCollection(IPortOwner owner, string kind, Tensor[] tensors, StoredState[]? states = null)
    {
        _kind = kind;
        _ports = new SeqPort[tensors.Length];
        for (var i = 0; i < tensors.Length; i++) _ports[i] = new SeqPort(states is null ? tensors[i].Name : states[i].Name, i, tensors[i], owner, isOutput: kind == OutputKind);
    }

    /// <summary>How many there are.</summary>
    public int Count => _ports.Length;

    /// <summary>The port at a place.</summary>
    /// <param name="index">From 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such port.</exception>
    public SeqPort this[int index] => (uint)index < (uint)_ports.Length ? _ports[index] : throw SessionError.NoIndex(_kind, index, _ports.Length);

    /// <summary>The port with a name. On hot paths keep its <see cref="SeqPort.Index"/> instead. Allocates nothing.</summary>
    /// <param name="name">Its name in the graph.</param>
    /// <exception cref="ArgumentException">No port has this name; the message lists the names.</exception>
    public SeqPort this[string name] => Find(name) ?? throw SessionError.NoSuch(_kind, name, _ports.Select(port => port.Name));

    /// <summary>The port with a name, or null if there is none.</summary>
    /// <param name="name">Its name in the graph.</param>
    public SeqPort? Find(string name)
    {
        foreach (var port in _ports)
        {
            if (port.Name == name) return port;
        }

        return null;
    }

    /// <inheritdoc/>
    public IEnumerator<SeqPort> GetEnumerator() => ((IEnumerable<SeqPort>)_ports).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>The owner of ports.</summary>
internal interface IPortOwner
{
    /// <summary>Called before a shape is read.</summary>
    /// <param name="withOutputs">Whether the shape is an output's, which needs inference.</param>
    /// <exception cref="ObjectDisposedException">The owner has been disposed.</exception>
    void BringUpToDate(bool withOutputs);
}
