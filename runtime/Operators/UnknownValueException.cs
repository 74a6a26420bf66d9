namespace SeqRuntime.Operators;

/// <summary>A shape depends on a value that is known only in a run.</summary>
/// <param name="value">Name of the value.</param>
internal sealed class UnknownValueException(string value) : ArgumentException($"'{value}' decides a shape, but its content depends on input data.")
{
    public string Value => value;
}
