using System.Runtime.CompilerServices;
using SeqRuntime.Training.Native;

namespace SeqRuntime.Training.Tests;

/// <summary>Prepares the native library before any test uses it.</summary>
internal static class Native
{
    /// <summary>Runs all tests one after the other, because the library has one random generator for all threads.</summary>
    public const string Alone = "alone";

    [ModuleInitializer]
    public static void Prepare() => LibStdCxx.Prepare();
}
