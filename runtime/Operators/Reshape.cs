using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>How <see cref="Reshape"/> determines the shape.</summary>
internal enum ReshapeForm
{
    Identity,
    Reshape,
    Squeeze,
    Unsqueeze,
    Flatten,
}

/// <summary>Operators that only change their input's shape: Identity, Reshape, Squeeze, Unsqueeze, Flatten. They do nothing if the planner gives input and output the same memory, which it normally does.</summary>
internal sealed unsafe class Reshape(Attributes attributes, ReshapeForm form) : Operator
{
    private readonly bool _allowZero = attributes.Bool(AttributeKey.AllowZero, false);
    private readonly long _axis = attributes.Int(AttributeKey.Axis, 1);

    public override bool IsView => true;

    public override bool CanRunAtInference => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var shape = form switch
        {
            ReshapeForm.Reshape => Target(x, context.Known(1)),
            ReshapeForm.Squeeze => Squeezed(x, context.Optional(1) is null ? null : context.Known(1)),
            ReshapeForm.Unsqueeze => Unsqueezed(x, context.Known(1)),
            ReshapeForm.Flatten => Flattened(x),
            _ => x.Shape,
        };
        context.Output(0).Set(x.Type, shape);
    }

    /// <summary>Copies nothing if both have the same memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        if (x.Data != y.Data) Buffer.MemoryCopy(x.Data, y.Data, y.Bytes, x.Bytes);
    }

    private Shape Target(Tensor x, Tensor target)
    {
        if (target.Count > Shape.MaxRank) throw OperatorError.Value($"'{target.Name}' has {target.Count} dimensions; the limit is {Shape.MaxRank}.");
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        var free = -1;
        var product = 1L;
        for (var i = 0; i < target.Count; i++)
        {
            var size = target.Integer(i);
            if (size == 0 && !_allowZero) size = i < x.Rank ? x.Shape[i] : throw OperatorError.Value($"'{target.Name}' copies dimension {i}, which {x.Shape} does not have.");
            if (size is < -1 or > int.MaxValue || (size == -1 && free >= 0)) throw OperatorError.Value($"'{target.Name}' holds {size} at {i}, which is not a size.");
            if (size == -1) free = i;
            else product = Math.Min(product * size, long.MaxValue >> 32);
            sizes[i] = (int)size;
        }

        if (free >= 0)
        {
            if (product == 0 || x.Count % product != 0) throw OperatorError.Value($"'{x.Name}' of shape {x.Shape} cannot become {new Shape(sizes[..target.Count])}, the shape in '{target.Name}'.");
            sizes[free] = (int)(x.Count / product);
        }
        else if (product != x.Count)
        {
            throw OperatorError.Value($"'{x.Name}' of shape {x.Shape} has {x.Count} elements; {new Shape(sizes[..target.Count])}, the shape in '{target.Name}', has {product}.");
        }

        return new Shape(sizes[..target.Count]);
    }

    private static Shape Squeezed(Tensor x, Tensor? axes)
    {
        var mask = axes is null ? -1 : Axes.Mask(axes, x.Rank);
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        var rank = 0;
        for (var axis = 0; axis < x.Rank; axis++)
        {
            var isNamed = (mask & 1 << axis) != 0;
            if (isNamed && axes is not null && x.Shape[axis] != 1) throw OperatorError.Size(x, axis, 1);
            if (!isNamed || x.Shape[axis] != 1) sizes[rank++] = x.Shape[axis];
        }

        return new Shape(sizes[..rank]);
    }

    private static Shape Unsqueezed(Tensor x, Tensor axes)
    {
        var rank = x.Rank + axes.Count;
        if (rank > Shape.MaxRank) throw OperatorError.Value($"'{x.Name}' would get {rank} dimensions; the limit is {Shape.MaxRank}.");
        var mask = Axes.Mask(axes, rank);
        Span<int> sizes = stackalloc int[Shape.MaxRank];
        for (int axis = 0, from = 0; axis < rank; axis++) sizes[axis] = (mask & 1 << axis) != 0 ? 1 : x.Shape[from++];
        return new Shape(sizes[..rank]);
    }

    private Shape Flattened(Tensor x)
    {
        if (_axis < -x.Rank || _axis > x.Rank) throw OperatorError.Value($"Axis {_axis} does not fit '{x.Name}' of shape {x.Shape}.");
        var axis = (int)(_axis < 0 ? _axis + x.Rank : _axis);
        return new Shape(x.Shape.Product(0, axis), x.Shape.Product(axis, x.Rank));
    }
}
