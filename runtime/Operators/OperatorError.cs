namespace SeqRuntime.Operators;

/// <summary>Exceptions of operators, by reason, in separate methods so that hot methods stay small. The caller adds graph and node.</summary>
internal static class OperatorError
{
    public static Exception Type(Tensor tensor, string expected) =>
        new ArgumentException($"'{tensor.Name}' is {tensor.Type.Name()}; expected {expected}.");

    public static Exception Rank(Tensor tensor, string expected) =>
        new ArgumentException($"'{tensor.Name}' has shape {tensor.Shape}; expected {expected}.");

    public static Exception Size(Tensor tensor, int axis, int expected) =>
        new ArgumentException($"'{tensor.Name}' has shape {tensor.Shape}; dimension {axis} must be {expected}.");

    public static Exception Unknown(Tensor tensor) =>
        new UnknownValueException(tensor.Name);

    public static Exception Attribute(string what) => new SeqFormatException(what);

    public static Exception Broadcast(Tensor a, Tensor b) =>
        new ArgumentException($"Shapes {a.Shape} of '{a.Name}' and {b.Shape} of '{b.Name}' do not broadcast.");

    public static Exception Missing(int index) => new SeqFormatException($"Required input {index} is missing.");

    public static Exception Arity(string what) => new SeqFormatException(what);

    public static Exception Value(string what) => new ArgumentException(what);
}
