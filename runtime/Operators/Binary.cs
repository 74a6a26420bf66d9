using System.Numerics;
using SeqRuntime.Format;
using SeqRuntime.Kernels;

namespace SeqRuntime.Operators;

/// <summary>
/// Y = f(A, B) with NumPy's broadcasting: arithmetic on fp32 by the kernels, on other numbers plainly (integers wrap around;
/// dividing an integer by zero is an error); comparisons and logic give bool.
/// </summary>
internal sealed unsafe class Binary(Attributes attributes) : Operator
{
    private readonly BinaryFunction _function = attributes.Enum(AttributeKey.Function, BinaryFunction.Add);

    private bool IsComparison => _function is >= BinaryFunction.Equal and <= BinaryFunction.GreaterOrEqual;

    private bool IsLogic => _function is >= BinaryFunction.And and <= BinaryFunction.Xor;

    public override bool CanRunAtInference => true;

    public override bool CanOverwrite(int input) => !IsComparison;

    public override void Infer(NodeContext context)
    {
        var a = Require.AnyDense(context.Input(0));
        var b = Require.AnyDense(context.Input(1));
        if (a.Type != b.Type) throw OperatorError.Type(b, $"{a.Type.Name()}, the type of '{a.Name}'");
        if (IsLogic && a.Type != ElementType.Bool) throw OperatorError.Type(a, "bool");
        if (!IsLogic && a.Type == ElementType.Bool && _function != BinaryFunction.Equal) throw OperatorError.Type(a, "numbers");
        if (a.Type != ElementType.Float32 && _function is BinaryFunction.Pow or BinaryFunction.PRelu or BinaryFunction.FMod && a.Type is not (ElementType.Int32 or ElementType.Int64)) throw OperatorError.Type(a, "float32, int32 or int64");
        context.Output(0).Set(IsComparison || IsLogic ? ElementType.Bool : a.Type, Axes.Broadcast(a, b));
    }

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

        Walk(kernels, a, b, y);
    }

    /// <summary>Lines along the innermost axes that both inputs step through alike, for every index of the others.</summary>
    private void Walk(KernelSet kernels, Tensor a, Tensor b, Tensor y)
    {
        Span<long> stridesA = stackalloc long[Shape.MaxRank];
        Span<long> stridesB = stackalloc long[Shape.MaxRank];
        Axes.BroadcastStrides(a.Shape, y.Shape, stridesA);
        Axes.BroadcastStrides(b.Shape, y.Shape, stridesB);
        var rank = y.Rank;
        while (rank > 1 && y.Shape[rank - 1] == 1) rank--;
        int lineA = stridesA[rank - 1] == 0 ? 0 : 1, lineB = stridesB[rank - 1] == 0 ? 0 : 1;
        long line = y.Shape[rank - 1];
        rank--;
        while (rank > 0 && (y.Shape[rank - 1] == 1 || (stridesA[rank - 1] == line * lineA && stridesB[rank - 1] == line * lineB))) line *= y.Shape[--rank];

        Span<int> index = stackalloc int[Shape.MaxRank];
        index.Clear();
        int width = a.Type.Size(), widthY = y.Type.Size();
        byte* pa = a.Data, pb = b.Data, py = y.Data;
        while (true)
        {
            Line(kernels, a.Type, pa, lineA, pb, lineB, py, line);
            py += line * widthY;
            var axis = rank - 1;
            for (; axis >= 0; axis--)
            {
                pa += stridesA[axis] * width;
                pb += stridesB[axis] * width;
                if (++index[axis] < y.Shape[axis]) break;
                pa -= stridesA[axis] * width * y.Shape[axis];
                pb -= stridesB[axis] * width * y.Shape[axis];
                index[axis] = 0;
            }

            if (axis < 0) return;
        }
    }

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

    private void Logic(byte* a, int stepA, byte* b, int stepB, byte* y, long n)
    {
        for (var i = 0L; i < n; i++)
        {
            bool p = a[i * stepA] != 0, q = b[i * stepB] != 0;
            y[i] = (_function == BinaryFunction.And ? p && q : _function == BinaryFunction.Or ? p || q : p != q) ? (byte)1 : (byte)0;
        }
    }

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
            // MinValue / -1 does not fit; it wraps around like all integer arithmetic here.
            if (T.Zero - b == T.One) return _function == BinaryFunction.Div ? T.Zero - a : T.Zero;
        }

        if (_function == BinaryFunction.Div) return a / b;
        var rest = a % b;
        return _function == BinaryFunction.Mod && rest != T.Zero && rest < T.Zero != b < T.Zero ? rest + b : rest;
    }

    private static T Power<T>(T a, T b)
        where T : unmanaged, INumber<T>
    {
        if (b < T.Zero) throw OperatorError.Value("An integer is raised to a negative power.");
        var result = T.One;
        var two = T.One + T.One;
        while (b > T.Zero)
        {
            if (b % two == T.One) result *= a;
            b /= two;
            if (b > T.Zero) a *= a;
        }

        return result;
    }
}
