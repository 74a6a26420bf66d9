using System.Numerics;
using System.Runtime.CompilerServices;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>Y = f(A, B) with NumPy's broadcasting; f is the attribute Function.</summary>
/// <remarks>
/// A and B have the same type. fp32 arithmetic uses the kernels. float64 has all functions except Pow. Integers wrap around: the smallest
/// number divided by -1 is itself, and powers are exact modulo the type's size. Dividing an integer by zero, or raising zero to a negative
/// power, is an error. Comparisons return bool; And, Or and Xor take and return bool. The output may overwrite an input of its
/// size.
/// </remarks>
internal sealed unsafe class Binary(Attributes attributes) : Operator
{
    private readonly BinaryFunction _function = attributes.Enum(AttributeKey.Function, BinaryFunction.Add);

    private bool IsComparison
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _function is >= BinaryFunction.Equal and <= BinaryFunction.GreaterOrEqual;
    }

    private bool IsLogic
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _function is >= BinaryFunction.And and <= BinaryFunction.Xor;
    }

    public override bool CanRunAtInference => true;

    public override bool CanOverwrite(int input) => !IsComparison;

    public override bool TryBatch(in Batching batch) => batch.One.Input(0).Type == ElementType.Float32 && batch.Broadcast();

    public override void Infer(NodeContext context)
    {
        var a = Require.AnyDense(context.Input(0));
        var b = Require.AnyDense(context.Input(1));
        if (a.Type != b.Type) throw OperatorError.Type(b, $"{a.Type.Name()}, the type of '{a.Name}'");
        if (IsLogic && a.Type != ElementType.Bool) throw OperatorError.Type(a, "bool");
        if (!IsLogic && a.Type == ElementType.Bool && _function != BinaryFunction.Equal) throw OperatorError.Type(a, "numbers");
        if (_function == BinaryFunction.Pow && a.Type == ElementType.Float64) throw OperatorError.Type(a, "float32 or integers for Pow");
        context.Output(0).Set(IsComparison || IsLogic ? ElementType.Bool : a.Type, Axes.Broadcast(a, b));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(NodeContext context)
    {
        var a = context.Input(0);
        var b = context.Input(1);
        var y = context.Output(0);
        if (y.Count == 0) return;
        var kernels = context.Kernels;
        if (a.Shape.Equals(b.Shape) || a.Count == 1 || b.Count == 1)
        {
            Line(kernels, a.Type, a.Data, a.Count == 1 && y.Count != 1 ? 0 : 1, b.Data, b.Count == 1 && y.Count != 1 ? 0 : 1, y.Data, y.Count);
            return;
        }

        int width = a.Type.Size(), widthY = y.Type.Size();
        var lines = new BroadcastLines(y.Shape, a.Shape, b.Shape);
        do
        {
            Line(kernels, a.Type, a.Data + lines.A * width, lines.StepA, b.Data + lines.B * width, lines.StepB, y.Data + lines.Y * widthY, lines.Length);
        }
        while (lines.Next());
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Line(KernelSet kernels, ElementType type, byte* a, int stepA, byte* b, int stepB, byte* y, long n)
    {
        switch (type)
        {
            case ElementType.Float32 when !IsComparison: kernels.Binary(_function, (float*)a, stepA, (float*)b, stepB, (float*)y, (nint)n); break;
            case ElementType.Float32: Compare((float*)a, stepA, (float*)b, stepB, y, n); break;
            case ElementType.Float64: Numbers((double*)a, stepA, (double*)b, stepB, y, n); break;
            case ElementType.Int64: Numbers((long*)a, stepA, (long*)b, stepB, y, n); break;
            case ElementType.Int32: Numbers((int*)a, stepA, (int*)b, stepB, y, n); break;
            case ElementType.Int8: Numbers((sbyte*)a, stepA, (sbyte*)b, stepB, y, n); break;
            case ElementType.Bool when IsLogic: Logic(a, stepA, b, stepB, y, n); break;
            default: Numbers(a, stepA, b, stepB, y, n); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Logic(byte* a, int stepA, byte* b, int stepB, byte* y, long n)
    {
        for (var i = 0L; i < n; i++)
        {
            bool p = a[i * stepA] != 0, q = b[i * stepB] != 0;
            y[i] = (_function == BinaryFunction.And ? p && q : _function == BinaryFunction.Or ? p || q : p != q) ? (byte)1 : (byte)0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Compare<T>(T* a, int stepA, T* b, int stepB, byte* y, long n)
        where T : unmanaged, INumber<T>
    {
        for (var i = 0L; i < n; i++)
        {
            T p = a[i * stepA], q = b[i * stepB];
            var holds = _function switch
            {
                BinaryFunction.Equal => p == q,
                BinaryFunction.Less => p < q,
                BinaryFunction.LessOrEqual => p <= q,
                BinaryFunction.Greater => p > q,
                _ => p >= q,
            };
            y[i] = holds ? (byte)1 : (byte)0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Numbers<T>(T* a, int stepA, T* b, int stepB, byte* result, long n)
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        if (IsComparison)
        {
            Compare(a, stepA, b, stepB, result, n);
            return;
        }

        var y = (T*)result;
        for (var i = 0L; i < n; i++) y[i] = Apply(a[i * stepA], b[i * stepB]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private T Apply<T>(T a, T b)
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        switch (_function)
        {
            case BinaryFunction.Add: return a + b;
            case BinaryFunction.Sub: return a - b;
            case BinaryFunction.Mul: return a * b;
            case BinaryFunction.Min: return a < b ? a : b;
            case BinaryFunction.Max: return a > b ? a : b;
            case BinaryFunction.PRelu: return a < T.Zero ? a * b : a;
            case BinaryFunction.Pow: return Power(a, b);
        }

        if (typeof(T) != typeof(double))
        {
            if (b == T.Zero) throw OperatorError.Value("An integer is divided by zero.");
            if (IsMinusOne(b)) return _function == BinaryFunction.Div ? T.Zero - a : T.Zero;
        }

        if (_function == BinaryFunction.Div) return a / b;
        var rest = a % b;
        if (_function == BinaryFunction.FMod) return rest;
        if (rest == T.Zero) return typeof(T) == typeof(double) ? T.CopySign(rest, b) : rest;
        return rest < T.Zero != b < T.Zero ? rest + b : rest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsMinusOne<T>(T b)
        where T : unmanaged, INumber<T> => b < T.Zero && b + T.One == T.Zero;

    /// <summary>Integer powers by squaring. A negative power of any base except 1 and -1 is a fraction, truncated to 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static T Power<T>(T a, T b)
        where T : unmanaged, INumber<T>
    {
        var isOdd = T.IsOddInteger(b);
        if (b < T.Zero)
        {
            if (a == T.Zero) throw OperatorError.Value("The integer zero is raised to a negative power.");
            return a == T.One || (IsMinusOne(a) && !isOdd) ? T.One : IsMinusOne(a) ? a : T.Zero;
        }

        var result = T.One;
        var two = T.One + T.One;
        while (b > T.Zero)
        {
            if (T.IsOddInteger(b)) result *= a;
            b /= two;
            a *= a;
        }

        return result;
    }
}
