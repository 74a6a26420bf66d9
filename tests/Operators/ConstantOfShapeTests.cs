using SeqRuntime.Format;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Operators;

public class ConstantOfShapeTests
{
    [Fact]
    public void Fills_any_shape_with_any_type()
    {
        Nd.Same(new Nd<float>([2, 2], [0, 0, 0, 0]), Run(new Attributes(), 2, 2));
        Nd.Same(new Nd<float>([3], [1.5f, 1.5f, 1.5f]), Run(new Attributes().Set(AttributeKey.Value, 1.5f), 3));
        Nd.Same(new Nd<double>([1], [2.5]), Run(To(ElementType.Float64).Set(AttributeKey.Value, 2.5f), 1));
        Nd.Same(new Nd<long>([], [long.MinValue]), Run(To(ElementType.Int64).Set(AttributeKey.Value, long.MinValue)));
        Nd.Same(new Nd<int>([2, 0], []), Run(To(ElementType.Int32).Set(AttributeKey.Value, 3), 2, 0));
        Nd.Same(new Nd<sbyte>([1], [-4]), Run(To(ElementType.Int8).Set(AttributeKey.Value, -4), 1));
        Nd.Same(new Nd<byte>([1], [200]), Run(To(ElementType.UInt8).Set(AttributeKey.Value, 200), 1));
        Nd.Same(new Nd<bool>([2], [true, true]), Run(To(ElementType.Bool).Set(AttributeKey.Value, 1), 2));
    }

    [Fact]
    public void Invalid_shapes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Run(new Attributes(), -1));
        Assert.Throws<ArgumentException>(() => Run(new Attributes(), 1, 1, 1, 1, 1, 1, 1, 1, 1));
        Assert.Throws<TooLargeException>(() => Run(new Attributes(), 65536, 65536));
        Assert.Throws<TooLargeException>(() => Run(new Attributes(), 65536, 65536, 0));
        Assert.Throws<ArgumentException>(() => new OperatorHarness().Dense<float>([1], 1).Run(new ConstantOfShape(new Attributes())));
    }

    private static Attributes To(ElementType type) => new Attributes().Set(AttributeKey.To, type);

    private static OperatorHarness.Result Run(Attributes attributes, params int[] shape) => new OperatorHarness().Integers(shape).Run(new ConstantOfShape(attributes))[0];
}
