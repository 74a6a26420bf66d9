using System.Globalization;
using BitHash;
using SeqRuntime.Kernels;
using SeqRuntime.Kernels.Sets;

// BitHash [--kernels a,b] [--frames n] [--size symbol=n] [--brief] [model.seq …]
// BitHash --steps n [--kernels a] [--size symbol=n] layer or model.seq …      single steps, whose instructions can be counted (StepCases)
// Runs a fixed set of kernels, layers and models on every kernel set that can run here and prints a hash of each output's bits.
// Every kernel set on every processor must print the same total. Exit code: 0 all agree, 1 some differ, 2 wrong usage.
var names = new List<string>();
var files = new List<string>();
var sizes = new Dictionary<string, int>();
var frames = 24;
var steps = 0;
var brief = false;
for (var i = 0; i < args.Length; i++)
{
    var (option, value) = (args[i], i + 1 < args.Length ? args[i + 1] : "");
    switch (option)
    {
        case "--kernels": names.AddRange(value.Split(',')); i++; break;
        case "--frames" when int.TryParse(value, CultureInfo.InvariantCulture, out frames): i++; break;
        case "--steps" when int.TryParse(value, CultureInfo.InvariantCulture, out steps) && steps > 0: i++; break;
        case "--size" when value.Split('=') is [var symbol, var text] && int.TryParse(text, CultureInfo.InvariantCulture, out var size): sizes[symbol] = size; i++; break;
        case "--brief": brief = true; break;
        case ['-', ..]:
            Console.Error.WriteLine($"BitHash: {option} {value} is not understood. Usage: BitHash [--kernels a,b] [--frames n] [--size symbol=n] [--brief] [model.seq …], or BitHash --steps n [--kernels a] [--size symbol=n] layer or model.seq …");
            return 2;
        default: files.Add(option); break;
    }
}

if (steps > 0) return StepCases.Run(steps, files, sizes, names.FirstOrDefault());

var sets = names.Count == 0 ? KernelRegistry.Runnable : [.. names.Select(KernelRegistry.Choose)];
foreach (var name in KernelRegistry.Built.Where(name => sets.All(set => set.Name != name))) Console.WriteLine($"{name} not run: {(names.Count == 0 ? "this processor or build cannot" : "not asked for")}");

var cases = new CaseList();
KernelCases.Add(cases);
LayerCases.Add(cases);
StreamCases.Add(cases);
DecodeCases.Add(cases);
foreach (var file in files)
{
    if (!File.Exists(file))
    {
        Console.Error.WriteLine($"BitHash: {file} is not there.");
        return 2;
    }

    if (!DecodeCases.Add(cases, file)) FileCases.Add(cases, file, frames, sizes);
}

var later = new CaseList();
foreach (var format in CaseList.LaterFormats)
{
    KernelCases.Add(later, format);
    LayerCases.Add(later, format);
    StreamCases.Add(later, format);
}

var expected = new Dictionary<string, ulong>();
ulong? expectedTotal = null, expectedLater = null;
var differ = 0;
foreach (var kernels in sets)
{
    var total = Hash(kernels, cases);
    var totalOfLater = Hash(kernels, later);
    expectedTotal ??= total;
    expectedLater ??= totalOfLater;
    Console.WriteLine($"{kernels.Name} total {total:x16} over {cases.Items.Count} cases, later formats {totalOfLater:x16} over {later.Items.Count}");
}

Console.WriteLine(differ == 0 ? $"total {expectedTotal:x16}, later formats {expectedLater:x16}" : $"{differ} cases differ");
return differ == 0 ? 0 : 1;

ulong Hash(KernelSet kernels, CaseList list)
{
    var total = new BitHasher();
    foreach (var (name, run) in list.Items)
    {
        var hash = run(kernels);
        total.Add(hash);
        if (!brief) Console.WriteLine($"{kernels.Name} {name} {hash:x16}");
        if (expected.TryAdd(name, hash) || expected[name] == hash) continue;
        differ++;
        Console.Error.WriteLine($"{name}: {kernels.Name} gives {hash:x16}, {sets[0].Name} gave {expected[name]:x16}");
    }

    return total.Value;
}
