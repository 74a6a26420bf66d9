using System.Runtime.CompilerServices;
using SeqRuntime.Training.Native;

namespace SeqRuntime.Training.Tests;

/// <summary>The native library, made ready before any test touches it.</summary>
internal static class Native
{
    /// <summary>Collection of all tests, one after the other: the library has one random generator for all threads.</summary>
    public const string Alone = "alone";

    [ModuleInitializer]
    public static void Prepare() => LibStdCxx.Prepare();
}
