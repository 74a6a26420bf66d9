namespace SeqRuntime.Converter.Importers.TorchScript;

/// <summary>An expression of TorchScript's code.</summary>
/// <param name="Line">Its line from 1.</param>
internal abstract record ScriptExpression(int Line);

internal sealed record NameExpression(int Line, string Name) : ScriptExpression(Line);

/// <summary>null, bool, long, double or string.</summary>
internal sealed record LiteralExpression(int Line, object? Value) : ScriptExpression(Line);

internal sealed record MemberExpression(int Line, ScriptExpression Of, string Name) : ScriptExpression(Line);

internal sealed record CallExpression(int Line, ScriptExpression Function, IReadOnlyList<ScriptExpression> Arguments, IReadOnlyList<(string Name, ScriptExpression Value)> Named) : ScriptExpression(Line);

internal sealed record IndexExpression(int Line, ScriptExpression Of, ScriptExpression Index) : ScriptExpression(Line);

internal sealed record ListExpression(int Line, IReadOnlyList<ScriptExpression> Items, bool IsTuple) : ScriptExpression(Line);

internal sealed record DictExpression(int Line, IReadOnlyList<(ScriptExpression Key, ScriptExpression Value)> Items) : ScriptExpression(Line);

internal sealed record ChoiceExpression(int Line, ScriptExpression Condition, ScriptExpression Then, ScriptExpression Else) : ScriptExpression(Line);

/// <summary>A statement of TorchScript's code.</summary>
/// <param name="Line">Its line from 1.</param>
internal abstract record ScriptStatement(int Line);

/// <summary>An assignment. A list of targets takes the parts of a tuple. Without targets only the value is computed.</summary>
internal sealed record AssignStatement(int Line, IReadOnlyList<ScriptExpression> Targets, bool IsTuple, ScriptExpression Value) : ScriptStatement(Line);

internal sealed record IfStatement(int Line, ScriptExpression Condition, IReadOnlyList<ScriptStatement> Then, IReadOnlyList<ScriptStatement> Else) : ScriptStatement(Line);

internal sealed record ReturnStatement(int Line, ScriptExpression? Value) : ScriptStatement(Line);

/// <summary>A loop over a range.</summary>
internal sealed record ForStatement(int Line, string Name, ScriptExpression Over, IReadOnlyList<ScriptStatement> Body) : ScriptStatement(Line);

internal sealed record WhileStatement(int Line, ScriptExpression Condition, IReadOnlyList<ScriptStatement> Body) : ScriptStatement(Line);

/// <summary>A block in a context, such as one without gradients.</summary>
internal sealed record WithStatement(int Line, ScriptExpression Context, IReadOnlyList<ScriptStatement> Body) : ScriptStatement(Line);

/// <summary>A statement that is not understood.</summary>
internal sealed record OtherStatement(int Line, string Word) : ScriptStatement(Line);

/// <summary>A function or method: its parameters with their defaults and types, and its body.</summary>
internal sealed record ScriptFunction(string File, int Line, string Name, IReadOnlyList<ScriptParameter> Parameters, IReadOnlyList<ScriptStatement> Body);

/// <param name="Name">Its name.</param>
/// <param name="Type">Its type. Null stands for Tensor.</param>
/// <param name="Default">Its default. Null if it has none.</param>
internal sealed record ScriptParameter(string Name, ScriptExpression? Type, ScriptExpression? Default);

/// <summary>A source file: its functions by name, its classes' methods by class and name, and the fields of its named tuples.</summary>
internal sealed record ScriptSource(IReadOnlyDictionary<string, ScriptFunction> Functions, IReadOnlyDictionary<(string Class, string Method), ScriptFunction> Methods, IReadOnlyDictionary<string, IReadOnlyList<(string Name, ScriptExpression Type)>> Tuples);
