using SeqRuntime.Converter.Evaluation;
using SeqRuntime.Converter.Graph;

namespace SeqRuntime.Converter.Decomposition;

/// <summary>Operators whose output size depends on their input's content, for inputs that are known at conversion.</summary>
internal static class DecomposeIndices
{
    private const int Largest = 1 << 22;

    public static List<IrNode> Apply(IrNode node, IrGraph graph, Evaluator evaluator)
    {
        var x = new Expansion(node, graph);
        switch (node.Op)
        {
            case "EyeLike":
                var shape = evaluator.ShapeOf(node.Input(0));
                if (shape.Rank != 2) throw new ShapeFault($"the input has shape {shape}; two dimensions are needed.");
                if (!shape.IsStatic) throw new UnsupportedException("the size of its input must be fixed");
                var eye = x.Constant(Eye(shape.Sizes[0], shape.Sizes[1], node.Int("k", 0)));
                return x.Finish(node.Has("dtype") ? x.Add("Cast", [eye], ("to", node.Int("dtype", 1))) : x.Cast(eye, shape.Type));
            case "NonZero":
                if (evaluator.KnownContent(node.Input(0)) is not { } content) throw new UnsupportedException("the size of its output depends on the data; remove the operator from the model and do its work in your program");
                return x.Finish(x.Constant(NonZero(content)));
            default:
                if (evaluator.KnownContent(node.Input(1)) is not { } condition) throw new UnsupportedException("the number of elements that it takes depends on the data; remove the operator from the model and do its work in your program");
                var taken = x.Vector([.. condition.Integers().Index().Where(c => c.Item != 0).Select(c => (long)c.Index)]);
                return x.Finish(x.Add("Gather", [node.Has("axis") ? node.Input(0) : x.Add("Reshape", [node.Input(0), x.Vector(-1)]), taken], ("axis", node.Int("axis", 0))));
        }
    }

    private static IrTensor Eye(int rows, int columns, long diagonal)
    {
        if ((long)rows * columns > Largest) throw new UnsupportedException($"{rows} × {columns} elements are over the limit of {Largest}");
        var eye = new float[rows * columns];
        for (var i = 0; i < rows; i++)
        {
            if (i + diagonal >= 0 && i + diagonal < columns) eye[i * columns + i + diagonal] = 1;
        }

        return IrTensor.Of([rows, columns], eye.AsSpan());
    }

    /// <summary>Indices of the nonzero elements, one row for each dimension.</summary>
    private static IrTensor NonZero(IrTensor content)
    {
        if (content.Count > Largest) throw new UnsupportedException($"{content.Count} elements are over the limit of {Largest}");
        var elements = content.ToFloats();
        var found = Enumerable.Range(0, elements.Length).Where(i => elements[i] != 0).ToArray();
        var rank = content.Shape.Length;
        if ((long)rank * found.Length > Largest) throw new UnsupportedException($"{found.Length} nonzero elements are too many; at most {Largest / rank} are supported");
        var indices = new long[rank * found.Length];
        for (var n = 0; n < found.Length; n++)
        {
            var rest = found[n];
            for (var axis = rank - 1; axis >= 0; axis--)
            {
                indices[axis * found.Length + n] = rest % content.Shape[axis];
                rest /= content.Shape[axis];
            }
        }

        return IrTensor.Of([rank, found.Length], indices.AsSpan());
    }
}
