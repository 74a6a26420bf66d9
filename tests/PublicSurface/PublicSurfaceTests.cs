using System.Reflection;
using SeqRuntime.Decoding;

namespace SeqRuntime.Tests.PublicSurface;

/// <summary>Every public member with hostile arguments works or throws an exception that its comment names, also after Dispose.</summary>
public class PublicSurfaceTests
{
    private static readonly Type[] s_types =
        [typeof(SeqModel), typeof(SeqSession), typeof(SeqStreams), typeof(SeqPortCollection), typeof(SeqModelExtensions), typeof(SeqDecoder), typeof(SeqGenerator), typeof(FrameDecoder), typeof(DecodeResult), typeof(DecodeResultCollection), typeof(TokenTable), typeof(TokenTrie), typeof(NgramModel)];

    /// <summary>Messages of .NET about a span or an array used beyond its end. Such an exception is an accident, even if its type is documented.</summary>
    private static readonly string[] s_accidents = ["Specified argument was out of the range", "Destination is too short", "Index was out of range", "out of bounds"];

    private readonly DocumentedExceptions _documented = new();

    [Fact]
    public void Hostile_arguments_meet_documented_exceptions_only()
    {
        using var surface = new Surface();
        Check(surface, isDisposed: false);
        CheckProperties(surface, isDisposed: false);
        surface.Dispose();
        Check(surface, isDisposed: true);
        CheckProperties(surface, isDisposed: true);
    }

    [Fact]
    public void No_public_method_is_left_out()
    {
        using var surface = new Surface();
        var called = HostileCalls.All(surface).Select(call => call.Member).ToHashSet();
        var methods = s_types.SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Where(method => !method.IsSpecialName && method.Name != nameof(IDisposable.Dispose))
            .Select(method => $"{type.Name}.{method.Name}"));
        Assert.Equal([], methods.Except(called));
    }

    private void Check(Surface surface, bool isDisposed)
    {
        foreach (var (member, call) in HostileCalls.All(surface))
        {
            try
            {
                call();
            }
            catch (Exception fault)
            {
                Assert.True(
                    _documented.Names(member, fault) || (isDisposed && fault is ObjectDisposedException),
                    $"{member}{(isDisposed ? " after Dispose" : "")} threw {fault.GetType().Name}, which its comment does not name: {fault.Message}\n{fault.StackTrace}");
                Assert.True(!s_accidents.Any(text => fault.Message.Contains(text, StringComparison.Ordinal)), $"{member}: '{fault.Message}' does not help the caller.\n{fault.StackTrace}");
            }
        }
    }

    private void CheckProperties(Surface surface, bool isDisposed)
    {
        foreach (var one in surface.Objects)
        {
            foreach (var property in one.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.GetIndexParameters().Length == 0 && !p.PropertyType.IsByRefLike))
            {
                try
                {
                    var value = property.GetValue(one);
                    if (property.SetMethod is not null) property.SetValue(one, value);
                }
                catch (TargetInvocationException fault)
                {
                    Assert.True(
                        _documented.Names($"{one.GetType().Name}.{property.Name}", fault.InnerException!) || (isDisposed && fault.InnerException is ObjectDisposedException),
                        $"{one.GetType().Name}.{property.Name} threw {fault.InnerException!.GetType().Name}: {fault.InnerException.Message}");
                }
            }
        }
    }
}
