using SeqRuntime.Format;

namespace SeqRuntime.Converter.Upgrading;

/// <summary>A recurrent layer of a file of 1.x: its inputs that are in the order of gates.</summary>
internal sealed class OlderLayer
{
    private const int MaxUnits = 1 << 24;
    private readonly StoredNode _node;
    private readonly int _first;
    private readonly int _each;

    private OlderLayer(StoredNode node, int gates, int first, int each)
    {
        (_node, _first, _each) = (node, first, each);
        var units = node.Attributes.Int(AttributeKey.Hidden, 0);
        if (units is < 1 or > MaxUnits) throw new SeqFormatException($"it has {units} hidden units; expected 1 to {MaxUnits}");
        Directions = node.Attributes.Enum(AttributeKey.Direction, RecurrentDirection.Forward) == RecurrentDirection.Bidirectional ? 2 : 1;
        Rows = new LayerRows(gates, (int)units, IsStep: gates == 3);
    }

    public int Directions { get; }

    /// <summary>The order of W, R and the bias.</summary>
    public LayerRows Rows { get; }

    /// <summary>Whether the first input already holds the products with W, in the order of gates.</summary>
    public bool TakesProducts => _node.Inputs.Length <= _first || _node.Inputs[_first] < 0;

    /// <summary>The layer that a node is; null if it is none.</summary>
    /// <exception cref="SeqFormatException">Its attributes are not valid.</exception>
    public static OlderLayer? Of(StoredNode node) => node.Kind switch
    {
        OpKind.Rnn => new OlderLayer(node, gates: 1, first: 3, each: 3),
        OpKind.Gru => new OlderLayer(node, gates: 3, first: 3, each: 3),
        OpKind.Lstm => new OlderLayer(node, gates: 4, first: 4, each: 5),
        _ => null,
    };

    /// <summary>Index of a direction's R among the inputs.</summary>
    public int RecurrenceOf(int direction) => _first + direction * _each + 1;

    /// <summary>Whether an input is W, R or the bias of a direction. Peepholes and projections are not in the order of gates.</summary>
    public bool IsInOrder(int input) => input >= _first && input < _first + Directions * _each && (input - _first) % _each < 3;
}
