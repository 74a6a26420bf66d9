using System.Runtime.InteropServices;
using SeqRuntime.Format;

namespace SeqRuntime.Converter.Upgrading;

/// <summary>The tensors of the upgraded file. First all uses are collected, then each tensor is stored once for each.</summary>
internal sealed class UpgradedTensors
{
    /// <summary>Copies beside all tensors, in bytes: more means that a file was made to grow.</summary>
    private const long MostCopies = 1 << 20;

    private readonly OlderModel _model;
    private readonly SeqModelBuilder _target;
    private readonly List<TensorUse>[] _uses;
    private readonly HashSet<(int Tensor, TensorUse Use)> _known = [];
    private readonly Dictionary<(int Tensor, TensorUse Use), int> _stored = [];
    private readonly Dictionary<(LayerRows Rows, int Directions), int> _storedOrders = [];
    private readonly Dictionary<LayerRows, int[]> _orders = [];
    private readonly HashSet<string> _names;

    /// <summary>The next number of each name that occurs again.</summary>
    private readonly Dictionary<string, int> _numbers = [];
    private long _bytes;

    public UpgradedTensors(OlderModel model, SeqModelBuilder target)
    {
        (_model, _target) = (model, target);
        _uses = Array.ConvertAll(model.Tensors, _ => new List<TensorUse>());
        _names = [.. model.Tensors.Select(t => t.Stored.Name)];
    }

    /// <summary>The number of matrices whose bytes were moved.</summary>
    public int Moved { get; private set; }

    public void Add(int tensor, TensorUse use)
    {
        if (_known.Add((tensor, use))) _uses[tensor].Add(use);
    }

    /// <summary>Stores all tensors in their order, and behind them those that are there a second time.</summary>
    public void Store()
    {
        for (var i = 0; i < _uses.Length; i++)
        {
            if (_uses[i].Count == 0) _uses[i].Add(TensorUse.Plain);
            Store(i, _uses[i][0]);
        }

        for (var i = 0; i < _uses.Length; i++)
        {
            foreach (var use in _uses[i].Skip(1)) Store(i, use);
        }
    }

    /// <summary>The index of a stored tensor.</summary>
    public int IndexOf(int tensor, TensorUse use) => _stored[(tensor, use)];

    /// <summary>A constant by which <c>Gather</c> brings a last dimension into the order of today: one row of indices for all directions.</summary>
    public int OrderOf(LayerRows rows, int directions)
    {
        if (_storedOrders.TryGetValue((rows, directions), out var known)) return known;
        var order = OrderFor(rows);
        int[] indices = [.. Enumerable.Range(0, directions).SelectMany(d => order.Select(row => d * rows.Before + row))];
        Grow((long)indices.Length * sizeof(int));
        return _storedOrders[(rows, directions)] = _target.AddDense(Unique($"order of {rows.Gates}x{rows.Units}"), ElementType.Int32, [indices.Length], MemoryMarshal.AsBytes<int>(indices));
    }

    private void Store(int index, TensorUse use)
    {
        var (stored, tiles, offset) = _model.Tensors[index];
        Grow(stored.Bytes);
        var keepsName = use == TensorUse.Plain || (use == _uses[index][0] && !_known.Contains((index, TensorUse.Plain)));
        var name = use.Name ?? (keepsName ? stored.Name : Unique(stored.Name));
        var bytes = _model.Data.Span.Slice((int)offset, (int)stored.Bytes);
        var order = use.Rows is { IsSame: false } rows ? OrderFor(rows) : null;
        _stored[(index, use)] = tiles is null ? StoreDense(name, stored, bytes, order) : StorePacked(name, stored, tiles, bytes, order, use.Rows is { IsStep: true });
    }

    private int StoreDense(string name, StoredTensor stored, ReadOnlySpan<byte> bytes, int[]? order)
    {
        int[] shape = [.. stored.Shape.AsSpan()];
        if (order is null) return _target.AddDense(name, stored.Type, shape, bytes);
        var moved = Rearranging.Last(bytes, stored.Type.Size(), shape[^1], order);
        shape[^1] = order.Length;
        return _target.AddDense(name, stored.Type, shape, moved);
    }

    private int StorePacked(string name, StoredTensor stored, TileLayout tiles, ReadOnlySpan<byte> bytes, int[]? order, bool isStep)
    {
        var panel = isStep && stored.Format == TensorFormat.PackedFloat32 ? WeightLayout.GruPanel : WeightLayout.WidestPanel;
        var layout = new WeightLayout(tiles.Format, order?.Length ?? tiles.Rows, tiles.Columns, panel);
        var matrices = new byte[stored.Count][];
        for (var i = 0; i < matrices.Length; i++) matrices[i] = Rearranging.ToPanels(bytes[(int)(i * tiles.Stride)..], tiles, layout, order);
        Moved += matrices.Length;
        return _target.AddPacked(name, layout, matrices);
    }

    private int[] OrderFor(LayerRows rows) => _orders.TryGetValue(rows, out var order) ? order : _orders[rows] = rows.Order();

    private void Grow(long bytes)
    {
        _bytes += bytes;
        if (_bytes > 2L * _model.Data.Length + MostCopies) throw SeqReader.Fault(_model.File, $"the tensors share bytes, and separately they would take more than {2L * _model.Data.Length + MostCopies} bytes", SeqLayout.Data);
        if (_bytes > int.MaxValue - MostCopies) throw new SeqFormatException(_model.File, $"{_model.File.Text}: the upgraded tensors would be larger than {int.MaxValue - MostCopies} bytes, which is too large for one file.", SeqLayout.Data);
    }

    private string Unique(string name)
    {
        var number = _numbers.GetValueOrDefault(name, 1);
        while (!_names.Add(number == 1 ? name : $"{name}#{number}")) number++;
        _numbers[name] = number + 1;
        return number == 1 ? name : $"{name}#{number}";
    }
}
