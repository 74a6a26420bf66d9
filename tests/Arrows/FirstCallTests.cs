using System.Reflection;
using System.Runtime.CompilerServices;
using SeqRuntime.Operators;

namespace SeqRuntime.Tests.Arrows;

/// <summary>
/// Whatever a run calls is compiled with all optimizations from its first call. The JIT would otherwise compile it without them first, and again only
/// after 30 calls and a pause: the first second of a stream would take three to five times as long as the rest.
/// </summary>
public sealed class FirstCallTests
{
    /// <summary>A method of at most this many bytes of code is always inlined into an optimized one, and a property of at most twice as many.</summary>
    private const int AlwaysInlined = 16;

    private static readonly CallGraph s_graph = new(typeof(SeqModel).Assembly);

    [Fact]
    public void What_a_run_calls_is_optimized_at_once()
    {
        var missing = Reached().Where(m => !IsOptimized(m)).Select(Name).Order(StringComparer.Ordinal).ToList();
        Assert.True(missing.Count == 0, $"{missing.Count} methods need [MethodImpl(MethodImplOptions.AggressiveOptimization)], or AggressiveInlining if they are small:\n{string.Join('\n', missing)}");
    }

    [Fact]
    public void The_rule_sees_operators_kernels_and_products()
    {
        var names = Reached().Select(Name).ToHashSet();
        foreach (var name in new[] { "Operators.Softmax.Execute", "Operators.PackedProduct.Multiply", "Kernels.Mathematics.RowFold`3.Of", "Kernels.Sets.SimdKernels`6.GemmDense", "SeqStreams.Run", "Operators.Recurrent.Execute" })
            Assert.Contains(name, names);
    }

    private static HashSet<MethodBase> Reached()
    {
        var roots = s_graph.Methods.Where(m => m.GetMethodBody() is not null && (
            (m.DeclaringType == typeof(SeqSession) || m.DeclaringType == typeof(SeqStreams)) && m.Name == nameof(SeqSession.Run)
            || (m.Name == nameof(Operator.Execute) && m.DeclaringType!.IsSubclassOf(typeof(Operator)))));
        return s_graph.Reached(roots, IsNoPartOfARun);
    }

    /// <summary>Faults, and what happens once after a size has changed.</summary>
    private static bool IsNoPartOfARun(MethodBase method) =>
        method.IsConstructor && typeof(Exception).IsAssignableFrom(method.DeclaringType)
        || (method is MethodInfo { ReturnType: var result } && typeof(Exception).IsAssignableFrom(result))
        || method.GetCustomAttribute<System.Diagnostics.CodeAnalysis.DoesNotReturnAttribute>() is not null
        || method.Name is "Refresh" or "InferAgain" or "Infer";

    private static bool IsOptimized(MethodBase method)
    {
        const MethodImplOptions optimized = MethodImplOptions.AggressiveOptimization | MethodImplOptions.AggressiveInlining;
        if ((method.MethodImplementationFlags & (MethodImplAttributes)optimized) != 0 || method.DeclaringType!.Name.StartsWith('<')) return true;
        var isProperty = method is MethodInfo { IsSpecialName: true };
        return method.GetMethodBody()!.GetILAsByteArray()!.Length <= (isProperty ? 2 * AlwaysInlined : AlwaysInlined) && (isProperty || !method.IsVirtual || method.DeclaringType!.IsValueType);
    }

    private static string Name(MethodBase method) => $"{method.DeclaringType!.FullName![nameof(SeqRuntime).Length..].TrimStart('.')}.{method.Name}";
}
