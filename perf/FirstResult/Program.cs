using System.Diagnostics;
using System.Globalization;
using SeqRuntime;

// Loads a model, steps it once and says how many microseconds lie between this line and the first result.
var start = Stopwatch.GetTimestamp();
using var model = SeqModel.Load(args[0]);
using var session = model.CreateSession();
session.Run();
var first = session.Output<float>(0)[0];
var elapsed = Stopwatch.GetElapsedTime(start);
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{elapsed.TotalMicroseconds:F1} {first}"));
