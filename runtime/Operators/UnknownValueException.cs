namespace SeqRuntime.Operators;

/// <summary>A shape follows from a value that only a run computes.</summary>
/// <param name="value">Name of the value.</param>
internal sealed class UnknownValueException(string value) : ArgumentException($"'{value}' decides a shape, but its content depends on input data.")
{
    public string Value => value;
}
