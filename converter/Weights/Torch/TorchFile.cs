using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.IO;

namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>
/// Reads the tensors of a PyTorch file: a zip archive whose <c>data.pkl</c> names them and whose entries <c>data/0</c>, <c>data/1</c> … are storages.
/// Checkpoints, state_dicts and TorchScript's modules are read; the code in the file is not.
/// </summary>
internal sealed class TorchFile
{
    private const string Pickle = "data.pkl";
    private readonly TorchEntries _entries;
    private readonly string _where;
    private readonly string _folder;
    private readonly bool _isBigEndian;
    private readonly SortedSet<string> _ignored = new(StringComparer.Ordinal);
    private HashSet<string> _shared = [];
    private List<WholeModule> _modules = [];
    private List<(string Path, string Json)> _settings = [];
    private readonly Dictionary<string, byte[]> _storages = new(StringComparer.Ordinal);
    private readonly long _most;
    private readonly object? _root;
    private long _taken;

    private TorchFile(TorchEntries entries, int length, string where, bool hasConstants)
        : this(entries, length, where)
    {
        var pickle = entries.Names.Where(name => name == Pickle || name.EndsWith("/" + Pickle, StringComparison.Ordinal)).MinBy(name => name.Count(letter => letter == '/')) ?? throw entries.Damaged($"it has no {Pickle}");
        _folder = pickle[..^Pickle.Length];
        _isBigEndian = entries.LengthOf(_folder + "byteorder") is not null && entries.Read(_folder + "byteorder").AsSpan().StartsWith("big"u8);
        _root = Value(pickle);
        Take(hasConstants);
    }

    private TorchFile(TorchEntries entries, object? root, int length, string where)
        : this(entries, length, where)
    {
        _root = root;
        _ignored.UnionWith(entries.Ignored);
        Take(hasConstants: false);
    }

    private TorchFile(TorchEntries entries, int length, string where) => (_entries, _where, _most, _folder) = (entries, where, UnpackLimit.Of(length), "");

    private Dictionary<string, TorchTensor> Tensors { get; set; } = [];

    private void Take(bool hasConstants)
    {
        (Tensors, _modules, _settings) = TensorTree.Find(_root, _where);
        if (hasConstants) AddConstants();
        _shared = [.. Tensors.Values.GroupBy(tensor => EntryOf(tensor.Storage)).Where(group => group.Skip(1).Any()).Select(group => group.Key)];
        foreach (var (name, tensor) in Tensors) Check(name, tensor.Storage);
    }

    /// <param name="bytes">The file.</param>
    /// <param name="where">The file's name for messages.</param>
    /// <exception cref="ConversionException">The file is damaged, or holds what is not read.</exception>
    public static WeightSet Read(byte[] bytes, string where)
    {
        return new TorchFile(TorchEntries.OfArchive(bytes, where), bytes.Length, where, hasConstants: false).Weights();
    }

    /// <summary>Reads a file of the format before version 1.6.</summary>
    /// <inheritdoc cref="Read"/>
    public static WeightSet ReadOld(byte[] bytes, string where)
    {
        var (entries, root) = TorchEntries.OfOldFile(bytes, where);
        return new TorchFile(entries, root, bytes.Length, where).Weights();
    }

    private WeightSet Weights()
    {
        var weights = new WeightSet(_where, WeightNorm.Join([.. Tensors.Select(pair => new WeightTensor(pair.Key, () => pair.Value.Shape, () => Value(pair.Key, pair.Value)))])) { IsInOrder = true, Ignored = _ignored, Modules = _modules, Settings = _settings };
        // One tensor may have two names.
        ShortNames.Add(weights, name => Tensors.TryGetValue(name, out var tensor) ? TorchScriptFile.Key(tensor) : name);
        return weights;
    }

    /// <summary>Reads a TorchScript archive with its objects and its code.</summary>
    /// <inheritdoc cref="Read"/>
    public static TorchScriptFile ReadScript(byte[] bytes, string where)
    {
        const int longestSource = 1 << 24;
        var file = new TorchFile(TorchEntries.OfArchive(bytes, where, "TorchScript archive", "save it again with torch.jit.save"), bytes.Length, where, hasConstants: true);
        if (file._root is not PickledModule { IsWhole: false } root) throw file._entries.Damaged("its outermost object is no module");
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, tensor) in file.Tensors) names.TryAdd(TorchScriptFile.Key(tensor), name);
        var weights = new WeightSet(where, file.Tensors.Select(pair => new WeightTensor(pair.Key, () => pair.Value.Shape, () => file.Value(pair.Key, pair.Value)))) { IsInOrder = true };
        return new TorchScriptFile(weights, root, names, entry =>
        {
            if (file._entries.LengthOf(file._folder + entry) is not { } length) return null;
            return length <= longestSource ? TorchScriptFile.Text(file._entries.Read(file._folder + entry)) : throw file._entries.Damaged($"'{entry}' has {length} bytes");
        });
    }

    /// <summary>Adds the tensors that code names by number.</summary>
    private void AddConstants()
    {
        var pickle = _folder + "constants.pkl";
        if (_entries.LengthOf(pickle) is null || Value(pickle) is not IList<object?> constants) return;
        foreach (var (i, value) in constants.Index())
        {
            if (value is TorchTensor tensor) Tensors[$"{TorchScriptFile.Constants}.c{i}"] = tensor with { Storage = tensor.Storage with { Folder = "constants" } };
        }
    }

    private object? Value(string pickle)
    {
        var bytes = new PickleBytes(_entries.Read(pickle), what => _entries.Damaged($"in {pickle}, {what}"));
        var names = new TorchNames(bytes, _where);
        var value = Unpickler.Read(bytes, names);
        _ignored.UnionWith(names.Ignored);
        return value;
    }

    private void Check(string name, TorchStorage storage)
    {
        if (_entries.LengthOf(EntryOf(storage)) is not { } length) throw _entries.Damaged($"the storage '{EntryOf(storage)}' of the tensor '{name}' is missing");
        if (length / storage.ElementBytes < storage.Count) throw _entries.Damaged($"the storage '{EntryOf(storage)}' has {length} bytes, too few for {storage.Elements(storage.Count)}");
    }

    private string EntryOf(TorchStorage storage) => $"{_folder}{storage.Folder}/{storage.Key}";

    private IrTensor Value(string name, TorchTensor tensor)
    {
        var size = tensor.Type.Size();
        if ((_taken += tensor.Count * size) > _most || tensor.Count * size > Array.MaxLength)
            throw new ConversionException($"{_where}: with '{name}' of shape [{string.Join(", ", tensor.Shape)}], its tensors take more than {_most >> 20} MiB, which is over {UnpackLimit.PerByte} times the file's size; save copies of expanded tensors (tensor.clone())");
        var values = Strided.ToRowMajor(Bytes(tensor.Storage), tensor.Offset, tensor.Shape, tensor.Strides, size);
        if (_isBigEndian) Strided.Reverse(values, size);
        return StoredTensor.Of(tensor.Type, tensor.Shape, values);
    }

    /// <summary>A storage's bytes. Those that several tensors read are kept.</summary>
    private byte[] Bytes(TorchStorage storage)
    {
        var entry = EntryOf(storage);
        if (_storages.TryGetValue(entry, out var kept)) return kept;
        var bytes = _entries.Read(entry);
        if (_shared.Contains(entry)) _storages[entry] = bytes;
        return bytes;
    }
}
