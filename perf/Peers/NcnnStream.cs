using System.Runtime.InteropServices;
using System.Text;

namespace SeqRuntime.Perf.Peers;

/// <summary>
/// One LSTM or GRU layer of ncnn, stepped as fast as its C interface allows: the layer alone, without the extractors of a net, which take one
/// to three microseconds a step; on one thread, with ncnn's pools without locks for its values, and its last states as the next inputs. The weights are fp32 or
/// int8: on x64 neither layer has code for the other storages that ncnn's options allow.
/// </summary>
internal sealed unsafe class NcnnStream : IDisposable
{
    private const int LineBytes = 64;

    private readonly NcnnLibrary _ncnn;
    private readonly RecurrentLayer _shape;
    private readonly int _values;
    private readonly byte* _weights;
    private readonly nint _option;
    private readonly nint[] _allocators;
    private readonly nint _net;
    private readonly GCHandle _self;
    private NcnnLibrary.Layer* _layer;

    // Input and states, output and states; in native memory, so that calls need no pinning.
    private readonly nint* _inputs;
    private readonly nint* _outputs;

    /// <exception cref="InvalidDataException">ncnn was built without this layer, or refuses its weights.</exception>
    public NcnnStream(NcnnLibrary ncnn, RecurrentLayer layer, bool isInt8, ReadOnlySpan<float> x)
    {
        if (layer is not { Steps: 1, Batch: 1 }) throw new ArgumentException("A stream of ncnn takes single steps.", nameof(layer));
        (_ncnn, _shape, _values) = (ncnn, layer, 1 + layer.States.Length);
        _self = GCHandle.Alloc(this);
        _inputs = (nint*)NativeMemory.AllocZeroed((nuint)(2 * _values * sizeof(nint)));
        _outputs = _inputs + _values;
        _option = ncnn.CreateOption();
        _allocators = [ncnn.CreateAllocator(), ncnn.CreateAllocator()];
        ncnn.SetThreads(_option, 1);
        ncnn.SetBlobAllocator(_option, _allocators[0]);
        ncnn.SetWorkspaceAllocator(_option, _allocators[1]);
        _net = ncnn.CreateNet();
        ncnn.SetNetOption(_net, _option);

        // The layer may refer to the weights in place, so they stay until the end.
        var bytes = NcnnWeights.Write(layer, isInt8);
        _weights = (byte*)NativeMemory.AlignedAlloc((nuint)bytes.Length, LineBytes);
        bytes.CopyTo(new Span<byte>(_weights, bytes.Length));
        Load(NcnnWeights.Graph(layer, isInt8, "Peer"), (nuint)bytes.Length);
        for (var i = 0; i < _values; i++) _inputs[i] = ncnn.CreateMatrix(i == 0 ? layer.Input : layer.Hidden, 1, 0);
        x.CopyTo(new Span<float>(ncnn.MatrixData(_inputs[0]), layer.Input));
        Reset();
    }

    /// <summary>One step. Its result and states are new values of ncnn; the previous ones go back to its pool.</summary>
    /// <exception cref="InvalidDataException">ncnn reports an error.</exception>
    public void Step()
    {
        if (_outputs[0] != 0) _ncnn.DestroyMatrix(_outputs[0]);
        if (_layer->Forward(_layer, _inputs, _values, _outputs, _values, _option) != 0) throw new InvalidDataException($"ncnn {_ncnn.Version}: a step of its {_shape.Op} failed");
        for (var i = 1; i < _values; i++)
        {
            _ncnn.DestroyMatrix(_inputs[i]);
            _inputs[i] = _outputs[i];
        }
    }

    /// <summary>The result of the last step.</summary>
    public float[] Output() => new Span<float>(_ncnn.MatrixData(_outputs[0]), _shape.Hidden).ToArray();

    /// <summary>Resets the states to zeros.</summary>
    public void Reset()
    {
        for (var i = 1; i < _values; i++) _ncnn.FillMatrix(_inputs[i], 0);
    }

    public void Dispose()
    {
        for (var i = 0; i < _values; i++) _ncnn.DestroyMatrix(_inputs[i]);
        if (_outputs[0] != 0) _ncnn.DestroyMatrix(_outputs[0]);
        _ncnn.DestroyNet(_net);
        _ncnn.DestroyOption(_option);
        foreach (var allocator in _allocators) _ncnn.DestroyAllocator(allocator);
        NativeMemory.AlignedFree(_weights);
        NativeMemory.Free(_inputs);
        _self.Free();
    }

    /// <summary>
    /// Loads the weights by a net, which makes the layer through <see cref="Make"/>. The C interface's own function for the weights of a single layer
    /// takes its argument for another type, and crashes.
    /// </summary>
    private void Load(string graph, nuint size)
    {
        var type = "Peer\0"u8;
        fixed (byte* name = type) _ncnn.RegisterLayer(_net, name, &Make, &Destroy, GCHandle.ToIntPtr(_self));
        var text = Encoding.UTF8.GetBytes(graph + "\0");
        fixed (byte* first = text)
        {
            var code = _ncnn.LoadGraph(_net, first);
            if (_layer is null) throw new InvalidDataException($"ncnn {_ncnn.Version} was built without its layer {_shape.Op}");
            if (code != 0 || _ncnn.LoadWeights(_net, _weights) != size) throw new InvalidDataException($"ncnn {_ncnn.Version} refuses the weights of its layer {_shape.Op}");
        }
    }

    [UnmanagedCallersOnly]
    private static NcnnLibrary.Layer* Make(nint self)
    {
        var stream = (NcnnStream)GCHandle.FromIntPtr(self).Target!;
        fixed (byte* type = stream._shape.Op == "LSTM" ? "LSTM\0"u8 : "GRU\0"u8) return stream._layer = stream._ncnn.CreateLayer(type);
    }

    [UnmanagedCallersOnly]
    private static void Destroy(NcnnLibrary.Layer* layer, nint self) => ((NcnnStream)GCHandle.FromIntPtr(self).Target!)._ncnn.DestroyLayer(layer);
}
