using System.Numerics;
using SeqRuntime.Format;

namespace SeqRuntime.Operators;

/// <summary>Y = f(X), element by element: every <see cref="UnaryFunction"/> on fp32 by the kernels; sign, magnitude and rounding on other numbers; Not on bool; IsNaN and IsInf give bool.</summary>
internal sealed unsafe class Unary : Operator
{
    private readonly UnaryFunction _function;
    private readonly float _alpha;
    private readonly float _beta;

    public Unary(Attributes attributes)
    {
        _function = attributes.Enum(AttributeKey.Function, UnaryFunction.Abs);
        _alpha = attributes.Float(AttributeKey.Alpha, _function switch
        {
            UnaryFunction.LeakyRelu => 0.01f,
            UnaryFunction.HardSigmoid => 0.2f,
            UnaryFunction.Selu => 1.67326319217681884765625f,
            _ => 1,
        });
        _beta = attributes.Float(AttributeKey.Beta, _function switch
        {
            UnaryFunction.HardSigmoid => 0.5f,
            UnaryFunction.Selu => 1.05070102214813232421875f,
            _ => 0,
        });
    }

    public override bool CanRunAtInference => true;

    public override bool CanOverwrite(int input) => true;

    public override void Infer(NodeContext context)
    {
        var x = Require.AnyDense(context.Input(0));
        var isTest = _function is UnaryFunction.IsNaN or UnaryFunction.IsInf;
        if (_function == UnaryFunction.Not && x.Type != ElementType.Bool) throw OperatorError.Type(x, "bool");
        if (_function != UnaryFunction.Not && x.Type != ElementType.Float32 && (isTest || !IsGeneric(_function) || x.Type is ElementType.Bool or ElementType.UInt8)) throw OperatorError.Type(x, $"float32 for {_function}");
        context.Output(0).Set(isTest ? ElementType.Bool : x.Type, x.Shape);
    }

    public override void Execute(NodeContext context)
    {
        var x = context.Input(0);
        var y = context.Output(0);
        switch (_function)
        {
            case UnaryFunction.Not:
                for (var i = 0; i < x.Count; i++) y.Data[i] = x.Data[i] == 0 ? (byte)1 : (byte)0;
                break;
            case UnaryFunction.IsNaN or UnaryFunction.IsInf:
                for (var i = 0; i < x.Count; i++) y.Data[i] = (_function == UnaryFunction.IsNaN ? float.IsNaN(x.Floats[i]) : float.IsInfinity(x.Floats[i])) ? (byte)1 : (byte)0;
                break;
            default:
                switch (x.Type)
                {
                    case ElementType.Float32: context.Kernels.Unary(_function, x.Floats, y.Floats, x.Count, _alpha, _beta); break;
                    case ElementType.Float64: Generic((double*)x.Data, (double*)y.Data, x.Count); break;
                    case ElementType.Int64: Generic((long*)x.Data, (long*)y.Data, x.Count); break;
                    case ElementType.Int32: Generic((int*)x.Data, (int*)y.Data, x.Count); break;
                    default: Generic((sbyte*)x.Data, (sbyte*)y.Data, x.Count); break;
                }

                break;
        }
    }

    private static bool IsGeneric(UnaryFunction function) =>
        function is UnaryFunction.Abs or UnaryFunction.Neg or UnaryFunction.Relu or UnaryFunction.Sign or UnaryFunction.Floor or UnaryFunction.Ceil or UnaryFunction.Round or UnaryFunction.Sqrt or UnaryFunction.Reciprocal;

    private void Generic<T>(T* x, T* y, int n)
        where T : unmanaged, INumber<T>
    {
        for (var i = 0; i < n; i++)
        {
            var v = x[i];
            y[i] = _function switch
            {
                UnaryFunction.Abs => v < T.Zero ? T.Zero - v : v,
                UnaryFunction.Neg => T.Zero - v,
                UnaryFunction.Relu => v < T.Zero ? T.Zero : v,
                UnaryFunction.Sign => v > T.Zero ? T.One : v < T.Zero ? T.Zero - T.One : v,
                UnaryFunction.Sqrt when v is double d => (T)(object)Math.Sqrt(d),
                UnaryFunction.Floor when v is double d => (T)(object)Math.Floor(d),
                UnaryFunction.Ceil when v is double d => (T)(object)Math.Ceiling(d),
                UnaryFunction.Round when v is double d => (T)(object)Math.Round(d, MidpointRounding.ToEven),
                UnaryFunction.Reciprocal when v is double d => (T)(object)(1 / d),
                _ => v,
            };
        }
    }
}
