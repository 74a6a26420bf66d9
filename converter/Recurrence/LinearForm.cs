using SeqRuntime.Converter.Fusion;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Recurrence;

/// <summary>
/// A range of elements along the last axis of a value, as a sum of matrices times other values, vectors times other values (peepholes,
/// precomputed products), and constants. It looks through splits, slices and concatenations along the last axis. So the gates of a cell
/// may have one matrix or several, and input and state may be multiplied together or separately.
/// </summary>
internal sealed class LinearForm
{
    /// <summary>How many nodes deep sums are followed.</summary>
    private const int Depth = 32;

    private readonly Rewriter _rewriter;
    private readonly IReadOnlySet<string> _whole;
    private int _open;

    /// <summary>Limit of the rows of a cell's sums. A hostile file's shape may claim billions.</summary>
    private const int MostRows = 1 << 18;

    private LinearForm(Rewriter rewriter, int rows, IReadOnlySet<string> whole)
    {
        (_rewriter, _whole) = (rewriter, whole);
        Bias = new float[rows];
    }

    public int Rows => Bias.Length;

    public float[] Bias { get; }

    public List<Product> Products { get; } = [];

    /// <summary>Terms that multiply a vector with elements of other values.</summary>
    public List<Rest> Others { get; } = [];

    /// <param name="rewriter">The graph.</param>
    /// <param name="value">A float value.</param>
    /// <param name="start">The first element of the last axis.</param>
    /// <param name="rows">The number of elements.</param>
    /// <param name="whole">Values that are not taken apart.</param>
    public static LinearForm? Of(Rewriter rewriter, string value, int start, int rows, IReadOnlySet<string> whole)
    {
        if (rows > MostRows) return null;
        var form = new LinearForm(rewriter, rows, whole);
        return form.Add(value, start, null) ? form : null;
    }

    /// <summary>A sum of constants only.</summary>
    public static LinearForm Of(float[] bias, Rewriter rewriter)
    {
        var form = new LinearForm(rewriter, bias.Length, new HashSet<string>());
        bias.CopyTo(form.Bias, 0);
        return form;
    }

    /// <summary>The value before views that keep its last axis.</summary>
    public static string Root(Rewriter rewriter, string value)
    {
        for (var steps = 0; steps < Depth && rewriter.Producer(value) is { } node && KeepsLastAxis(rewriter, node); steps++) value = node.Input(0);
        return value;
    }

    /// <summary>The product with a value. Null if there is none.</summary>
    public Product? With(string source) => Products.Find(p => p.Source == source);

    /// <summary>The sum without a product.</summary>
    public LinearForm Without(Product product)
    {
        Products.Remove(product);
        return this;
    }

    /// <summary>The sum with the opposite sign.</summary>
    public LinearForm Negated()
    {
        for (var i = 0; i < Bias.Length; i++) Bias[i] = -Bias[i];
        foreach (var product in Products) product.Scale(null, -1);
        for (var i = 0; i < Others.Count; i++) Others[i] = Others[i] with { Scale = Array.ConvertAll(Others[i].Scale, s => -s) };
        return this;
    }

    private static bool KeepsLastAxis(Rewriter rewriter, IrNode node) =>
        (NoOps.IsView(node) || node.Op == "Identity") && rewriter.Shape(node.Input(0)).Sizes is [.., var before] && rewriter.Shape(node.Output(0)).Sizes is [.., var after] && before == after && before > 0;

    private bool Add(string value, int start, float[]? scale)
    {
        if (++_open > 4 * Depth) return false;
        if (_rewriter.Constant(value) is { } constant) return AddConstant(constant, start, scale);
        if (_rewriter.Producer(value) is not { } node || _whole.Contains(Root(_rewriter, value))) return AddRest(value, start, scale);
        switch (node.Op)
        {
            case "Add":
                return AreAlike(node) && Add(node.Input(0), start, scale) && Add(node.Input(1), start, scale);
            case "Sub":
                return AreAlike(node) && Add(node.Input(0), start, scale) && Add(node.Input(1), start, Times(scale, -1));
            case "Neg":
                return Add(node.Input(0), start, Times(scale, -1));
            case "Mul":
                foreach (var (a, b) in Rewriter.Operands(node))
                {
                    if (Vector(b, start) is { } factors && Last(a) == Last(value)) return Add(a, start, Times(scale, factors));
                }

                return AddRest(value, start, scale);
            case "Div":
                return Vector(node.Input(1), start) is { } divisors && Last(node.Input(0)) == Last(value) ? Add(node.Input(0), start, Times(scale, Array.ConvertAll(divisors, d => 1 / d))) : AddRest(value, start, scale);
            case "Linear" when _rewriter.Constant(node.Input(1)) is { Type: ElementType.Float32 } w && (node.Input(2).Length == 0 || _rewriter.Constant(node.Input(2)) is not null):
                AddProduct(node.Input(0), w.Floats.Slice(start * w.Shape[1], Rows * w.Shape[1]).ToArray(), w.Shape[1], scale, node.Input(1));
                return node.Input(2).Length == 0 || AddConstant(_rewriter.Constant(node.Input(2))!, start, scale);
            case "MatMul" when _rewriter.Constant(node.Input(1)) is { Type: ElementType.Float32, Shape: [var columns, _] } m:
                AddProduct(node.Input(0), m.Transposed().Floats.Slice(start * columns, Rows * columns).ToArray(), columns, scale, node.Input(1));
                return true;
            default:
                if (KeepsLastAxis(_rewriter, node)) return Add(node.Input(0), start, scale);
                return Part(_rewriter, node, value) is { } part ? Add(part.Of, start + part.Offset, scale)
                    : Piece(node, start) is { } piece ? Add(piece.Of, start - piece.Offset, scale)
                    : AddRest(value, start, scale);
        }
    }

    /// <summary>The operand of a split or slice along the last axis, and the offset of this part. Null for another node.</summary>
    public static (string Of, int Offset)? Part(Rewriter rewriter, IrNode node, string value)
    {
        if (node.Op is not ("Split" or "Slice")) return null;
        var rank = rewriter.Shape(node.Input(0)).Rank;
        if (node.Op == "Split")
        {
            var axis = node.Int("axis", 0);
            if ((axis < 0 ? axis + rank : axis) != rank - 1) return null;
            var offset = 0;
            foreach (var output in node.Outputs)
            {
                if (output == value) return (node.Input(0), offset);
                if (rewriter.Shape(output).Sizes[^1] is var size and >= 0) offset += size;
                else return null;
            }

            return null;
        }

        if (rewriter.Constant(node.Input(1))?.Integers() is not [var start] || rewriter.Shape(node.Input(0)).Sizes[^1] is not (var width and >= 0)) return null;
        if (node.Input(3).Length == 0 ? rank != 1 : rewriter.Constant(node.Input(3))?.Integers() is not [var along] || (along < 0 ? along + rank : along) != rank - 1) return null;
        if (node.Input(4).Length > 0 && rewriter.Constant(node.Input(4))?.Integers() is not [1]) return null;
        return (node.Input(0), (int)Math.Clamp(start < 0 ? start + width : start, 0, width));
    }

    /// <summary>The operand of a concatenation along the last axis that holds all these elements.</summary>
    private (string Of, int Offset)? Piece(IrNode node, int start)
    {
        if (node.Op != "Concat") return null;
        var rank = _rewriter.Shape(node.Output(0)).Rank;
        var axis = node.Int("axis", 0);
        if ((axis < 0 ? axis + rank : axis) != rank - 1) return null;
        var offset = 0;
        foreach (var input in node.Inputs)
        {
            if (Last(input) is not (var size and >= 0)) return null;
            if (start >= offset && start + Rows <= offset + size) return (input, offset);
            offset += size;
        }

        return null;
    }

    private int Last(string value) => _rewriter.Shape(value).Sizes is [.., var last] ? last : 1;

    /// <summary>Whether both operands have the result's shape (except leading dimensions of 1), are constant rows, or are products with constant rows.</summary>
    private bool AreAlike(IrNode node)
    {
        var sizes = Significant(node.Output(0));
        return node.Inputs.TrueForAll(i => _rewriter.Constant(i) is not null || Significant(i).SequenceEqual(sizes) || (IsOfConstant(i, 0) && Significant(i) is [var width] && width == sizes[^1]));
    }

    private bool IsOfConstant(string value, int depth) =>
        _rewriter.Constant(value) is not null || (depth < 4 && _rewriter.Producer(value) is { Op: "MatMul" or "Linear" or "Add" or "Split" or "Slice" } node && node.Inputs.TrueForAll(i => i.Length == 0 || IsOfConstant(i, depth + 1)));

    private int[] Significant(string value) => [.. _rewriter.Shape(value).Sizes.SkipWhile(s => s == 1)];

    private bool AddConstant(IrTensor constant, int start, float[]? scale)
    {
        if (constant.Type != ElementType.Float32 || Row(constant) is not { } row || (row.Length != 1 && start + Rows > row.Length)) return false;
        for (var i = 0; i < Rows; i++) Bias[i] += (scale is null ? 1 : scale[i]) * row[row.Length == 1 ? 0 : start + i];
        return true;
    }

    /// <summary>The elements along the last axis, if they do not depend on the other axes.</summary>
    private static float[]? Row(IrTensor constant)
    {
        var width = constant.Shape is [.., var last] ? last : 1;
        var values = constant.ToFloats();
        if (width == 0) return null;
        for (var i = width; i < values.Length; i++)
        {
            if (values[i] != values[i % width]) return null;
        }

        return values[..width];
    }

    private float[]? Vector(string value, int start)
    {
        if (_rewriter.Constant(value) is not { Type: ElementType.Float32 } constant || Row(constant) is not { } row) return null;
        return row.Length == 1 ? [.. Enumerable.Repeat(row[0], Rows)] : start + Rows <= row.Length ? row[start..(start + Rows)] : null;
    }

    private bool AddRest(string value, int start, float[]? scale)
    {
        if (_rewriter.Shape(value).Type != ElementType.Float32 || start + Rows > Last(value)) return false;
        Others.Add(new Rest(Root(_rewriter, value), start, scale ?? [.. Enumerable.Repeat(1f, Rows)]));
        return true;
    }

    private void AddProduct(string source, float[] matrix, int columns, float[]? scale, string weight)
    {
        source = Root(_rewriter, source);
        if (_rewriter.Producer(source) is { Op: "Concat" } join && JoinsLast(join))
        {
            var offset = 0;
            foreach (var input in join.Inputs)
            {
                var size = Last(input);
                var part = new float[Rows * size];
                for (var row = 0; row < Rows; row++) matrix.AsSpan(row * columns + offset, size).CopyTo(part.AsSpan(row * size));
                AddProduct(input, part, size, scale, weight);
                offset += size;
            }

            return;
        }

        var product = new Product(source, columns, matrix, weight);
        product.Scale(scale, 1);
        if (With(source) is { } known) known.Add(product);
        else Products.Add(product);
    }

    private bool JoinsLast(IrNode join)
    {
        var rank = _rewriter.Shape(join.Output(0)).Rank;
        var axis = join.Int("axis", 0);
        return (axis < 0 ? axis + rank : axis) == rank - 1 && join.Inputs.TrueForAll(i => Last(i) > 0);
    }

    private float[] Times(float[]? scale, float factor) => Array.ConvertAll(scale ?? [.. Enumerable.Repeat(1f, Rows)], s => s * factor);

    private static float[] Times(float[]? scale, float[] factors) => scale is null ? factors : [.. scale.Zip(factors, (a, b) => a * b)];

    /// <summary>A matrix [rows, columns] times a value.</summary>
    public sealed class Product(string source, int columns, float[] matrix, string weight)
    {
        public string Source { get; } = source;

        public int Columns { get; } = columns;

        public float[] Matrix { get; } = matrix;

        /// <summary>Name of the constant that the matrix comes from.</summary>
        public string Weight { get; } = weight;

        public void Scale(float[]? scale, float factor)
        {
            if (scale is null && factor == 1) return;
            for (var i = 0; i < Matrix.Length; i++) Matrix[i] *= factor * (scale is null ? 1 : scale[i / Columns]);
        }

        public void Add(Product other)
        {
            for (var i = 0; i < Matrix.Length; i++) Matrix[i] += other.Matrix[i];
        }
    }

    /// <summary>Consecutive elements of a value, each times a number.</summary>
    public sealed record Rest(string Value, int Start, float[] Scale);
}
