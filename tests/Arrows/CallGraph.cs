using System.Reflection;
using System.Reflection.Emit;

namespace SeqRuntime.Tests.Arrows;

/// <summary>
/// The methods of one assembly and what each one calls, read from their code. A generic method counts once. A call of a virtual method counts as a call
/// of all its overrides and implementations.
/// </summary>
internal sealed class CallGraph
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
    private static readonly Dictionary<int, OpCode> s_codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (OpCode)f.GetValue(null)!).ToDictionary(code => code.Value & 0xFFFF);

    private readonly Assembly _assembly;
    private readonly ILookup<string, MethodBase> _virtual;

    public CallGraph(Assembly assembly)
    {
        _assembly = assembly;
        Methods = [.. assembly.GetTypes().SelectMany(type => type.GetMembers(All).OfType<MethodBase>())];
        _virtual = Methods.Where(m => m.GetMethodBody() is not null).ToLookup(m => m.Name[(m.Name.LastIndexOf('.') + 1)..]);
    }

    /// <summary>Every method and constructor.</summary>
    public IReadOnlyList<MethodBase> Methods { get; }

    /// <summary>All methods with a body that are called from the roots, roots included.</summary>
    /// <param name="roots">Where calls start.</param>
    /// <param name="ends">Methods that are neither included nor followed.</param>
    public HashSet<MethodBase> Reached(IEnumerable<MethodBase> roots, Func<MethodBase, bool> ends)
    {
        var reached = new HashSet<MethodBase>();
        var waiting = new Stack<MethodBase>(roots);
        while (waiting.TryPop(out var method))
        {
            if (ends(method) || !reached.Add(method)) continue;
            foreach (var called in Called(method)) waiting.Push(called);
        }

        return reached;
    }

    private IEnumerable<MethodBase> Called(MethodBase method)
    {
        foreach (var token in Tokens(method.GetMethodBody()!.GetILAsByteArray()!))
        {
            var called = method.Module.ResolveMethod(token, method.DeclaringType!.GetGenericArguments(), method.IsGenericMethod ? method.GetGenericArguments() : null)!;
            if (called.Module.Assembly != _assembly) continue;
            var definition = called.Module.ResolveMethod(called.MetadataToken)!;
            if (definition.GetMethodBody() is not null) yield return definition;
            if (!definition.IsVirtual && !definition.IsAbstract) continue;
            var count = definition.GetParameters().Length;
            foreach (var other in _virtual[definition.Name])
            {
                if (other != definition && other.GetParameters().Length == count && Derives(other.DeclaringType!, definition.DeclaringType!)) yield return other;
            }
        }
    }

    private static bool Derives(Type type, Type from)
    {
        if (from.IsInterface) return type.GetInterfaces().Any(i => Same(i, from));
        for (var above = type.BaseType; above is not null; above = above.BaseType)
        {
            if (Same(above, from)) return true;
        }

        return false;
    }

    private static bool Same(Type type, Type other) => type.Module == other.Module && type.MetadataToken == other.MetadataToken;

    /// <summary>The methods that instructions name.</summary>
    private static IEnumerable<int> Tokens(byte[] code)
    {
        for (var at = 0; at < code.Length;)
        {
            int value = code[at++];
            if (value == 0xFE) value = 0xFE00 | code[at++];
            var operation = s_codes[value];
            if (operation.OperandType == OperandType.InlineMethod) yield return BitConverter.ToInt32(code, at);
            at += operation.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, at),
                _ => 4,
            };
        }
    }
}
