using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using SeqRuntime;

// Loads a model, steps it once and prints the microseconds from this line to the first result. Most of the time is spent on pages that are
// touched for the first time, which takes twice as long on some machines and days. So it also prints the time of a thousand new pages.
var start = Stopwatch.GetTimestamp();
using var model = SeqModel.Load(args[0]);
using var session = model.CreateSession();
session.Run();
var first = session.Output<float>(0)[0];
var elapsed = Stopwatch.GetElapsedTime(start);
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{elapsed.TotalMicroseconds:F1} {NewPages(1000).TotalMicroseconds:F1} {first}"));

static unsafe TimeSpan NewPages(int count)
{
    var page = Environment.SystemPageSize;
    var start = Stopwatch.GetTimestamp();
    var block = (byte*)NativeMemory.Alloc((nuint)(count * page));
    for (var i = 0; i < count; i++) block[i * page] = 1;
    var elapsed = Stopwatch.GetElapsedTime(start);
    NativeMemory.Free(block);
    return elapsed;
}
