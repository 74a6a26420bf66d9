using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y = f(X), element by element. The attribute Function is f.</summary>
/// <remarks>
/// Every <see cref="UnaryFunction"/> takes fp32, by the kernels. float64 has the functions that IEEE 754 defines exactly. Integers have Abs,
/// Neg, Relu and Sign, and wrap around; only they have BitwiseNot. Not takes bool. IsNaN and IsInf (DetectNegative, DetectPositive) return bool. Alpha and Beta
/// default to ONNX's constants. The output may overwrite the input.
/// </remarks>
internal sealed unsafe class Unary : Operator
{
    private readonly UnaryFunction _function;
    private readonly float _alpha;
    private readonly float _beta;
    private readonly bool _detectsNegative;
    private readonly bool _detectsPositive;

    public Unary(Attributes attributes)
    {
        _function = attributes.Enum(AttributeKey.Function, UnaryFunction.Abs);
        var (alpha, beta) = _function switch
        {
            UnaryFunction.LeakyRelu => (0.01f, 0),
            UnaryFunction.HardSigmoid => (0.2f, 0.5f),
            UnaryFunction.Selu => (1.67326319217681884765625f, 1.05070102214813232421875f),
            UnaryFunction.ScaledTanh => (1, 1),
            UnaryFunction.Clip => (float.NegativeInfinity, float.PositiveInfinity),
            _ => (1f, 0f),
        };
        _alpha = attributes.Float(AttributeKey.Alpha, alpha);
        _beta = attributes.Float(AttributeKey.Beta, beta);
        _detectsNegative = attributes.Bool(AttributeKey.DetectNegative, true);
        _detectsPositive = attributes.Bool(AttributeKey.DetectPositive, true);
    }

    public override bool CanRunAtInference => true;

    public override bool CanOverwrite(int input) => true;

    public override bool TryBatch(in Batching batch) => batch.Elements();

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var isFloat = x.Type is ElementType.Float32 or ElementType.Float64;
        var isTest = _function is UnaryFunction.IsNaN or UnaryFunction.IsInf;
        var fits = _function switch
        {
            UnaryFunction.Not => x.Type == ElementType.Bool,
            UnaryFunction.BitwiseNot => !isFloat && x.Type != ElementType.Bool,
            UnaryFunction.IsNaN or UnaryFunction.IsInf => isFloat,
            UnaryFunction.Abs or UnaryFunction.Neg or UnaryFunction.Relu or UnaryFunction.Sign => x.Type != ElementType.Bool,
            UnaryFunction.Sqrt or UnaryFunction.Reciprocal or UnaryFunction.Floor or UnaryFunction.Ceil or UnaryFunction.Round
                or UnaryFunction.LeakyRelu or UnaryFunction.ThresholdedRelu or UnaryFunction.Softsign => isFloat,
            _ => x.Type == ElementType.Float32,
        };
        if (!fits) throw OperatorError.Type(x, _function switch { UnaryFunction.Not => "bool", UnaryFunction.BitwiseNot => "an integer type", _ => $"float32 for {_function}" });
        context.Output(0).Set(isTest ? ElementType.Bool : x.Type, x.Shape);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        Tensor x = context.Input(0), y = context.Output(0);
        switch (x.Type)
        {
            case ElementType.Float32 when y.Type == ElementType.Bool: Test((float*)x.Data, y.Data, x.Count); break;
            case ElementType.Float32: context.Kernels.Unary(_function, x.Floats, y.Floats, x.Count, _alpha, _beta); break;
            case ElementType.Float64 when y.Type == ElementType.Bool: Test((double*)x.Data, y.Data, x.Count); break;
            case ElementType.Float64: Doubles((double*)x.Data, (double*)y.Data, x.Count); break;
            case ElementType.Int64: Integers((long*)x.Data, (long*)y.Data, x.Count); break;
            case ElementType.Int32: Integers((int*)x.Data, (int*)y.Data, x.Count); break;
            case ElementType.Int8: Integers((sbyte*)x.Data, (sbyte*)y.Data, x.Count); break;
            case ElementType.UInt8: Integers(x.Data, y.Data, x.Count); break;
            default:
                for (nint i = 0; i < x.Count; i++) y.Data[i] = x.Data[i] == 0 ? (byte)1 : (byte)0;
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Test<T>(T* x, byte* y, nint n)
        where T : unmanaged, IFloatingPoint<T>
    {
        for (nint i = 0; i < n; i++)
        {
            var holds = _function == UnaryFunction.IsNaN ? T.IsNaN(x[i]) : (_detectsNegative && T.IsNegativeInfinity(x[i])) || (_detectsPositive && T.IsPositiveInfinity(x[i]));
            y[i] = holds ? (byte)1 : (byte)0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Integers<T>(T* x, T* y, nint n)
        where T : unmanaged, IBinaryInteger<T>
    {
        for (nint i = 0; i < n; i++)
        {
            var v = x[i];
            y[i] = _function switch
            {
                UnaryFunction.Abs => v < T.Zero ? T.Zero - v : v,
                UnaryFunction.Neg => T.Zero - v,
                UnaryFunction.Relu => v < T.Zero ? T.Zero : v,
                UnaryFunction.BitwiseNot => ~v,
                _ => v > T.Zero ? T.One : v < T.Zero ? T.Zero - T.One : v,
            };
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Doubles(double* x, double* y, nint n)
    {
        for (nint i = 0; i < n; i++)
        {
            var v = x[i];
            y[i] = _function switch
            {
                UnaryFunction.Abs => Math.Abs(v),
                UnaryFunction.Neg => -v,
                UnaryFunction.Relu => v < 0 ? 0 : v,
                UnaryFunction.Sign => v > 0 ? 1 : v < 0 ? -1 : v,
                UnaryFunction.Sqrt => Math.Sqrt(v),
                UnaryFunction.Reciprocal => 1 / v,
                UnaryFunction.Floor => Math.Floor(v),
                UnaryFunction.Ceil => Math.Ceiling(v),
                UnaryFunction.Round => Math.Round(v, MidpointRounding.ToEven),
                UnaryFunction.LeakyRelu => v < 0 ? _alpha * v : v,
                UnaryFunction.ThresholdedRelu => v > _alpha ? v : 0,
                _ => v / (1 + Math.Abs(v)),
            };
        }
    }
}
