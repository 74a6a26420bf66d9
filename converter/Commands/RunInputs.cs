using SeqRuntime.Converter.IO;
using SeqRuntime.Converter.Kinds;

namespace SeqRuntime.Converter.Commands;

/// <summary>One input of a graph and its array. A stepped input's array has one axis more than the graph's input.</summary>
internal sealed record RunInput(string Name, NpyArray Array, bool Stepped)
{
    /// <summary>The bytes of one step, or of the whole array if the input is not stepped.</summary>
    public ReadOnlySpan<byte> Step(int step)
    {
        if (!Stepped) return Array.Data;
        var bytes = Array.Data.Length / Array.Shape[0];
        return Array.Data.AsSpan(step * bytes, bytes);
    }
}

/// <summary>Arrays matched with a graph's inputs, with types and shapes checked and symbolic sizes found.</summary>
internal sealed record RunInputs(IReadOnlyList<RunInput> Inputs, IReadOnlyDictionary<string, int> Sizes, int Steps)
{
    public static RunInputs Load(SeqGraphInfo graph, Dictionary<string, string> files, string? archive, Dictionary<string, int> sizes, bool step)
    {
        var arrays = ReadAll(files, archive);
        foreach (var name in arrays.Keys)
        {
            if (graph.Inputs.Any(i => i.Name == name)) continue;
            throw new ConversionException($"{arrays[name].Where}: graph '{graph.Name}' has no input '{name}'; it has {Names(graph)}");
        }

        var symbols = new Dictionary<string, int>(sizes, StringComparer.Ordinal);
        CheckSymbols(graph, sizes.Keys);
        var inputs = new List<RunInput>();
        int? steps = null;
        foreach (var info in graph.Inputs)
        {
            if (!arrays.TryGetValue(info.Name, out var source))
                throw new ConversionException($"input '{info.Name}' {Describe(info)} of graph '{graph.Name}' is missing; give --input {info.Name}=FILE.npy, or an array of that name in --inputs FILE.npz");
            var input = Match(info, source, symbols, step);
            inputs.Add(input);
            if (!input.Stepped) continue;
            if (steps is { } known && known != input.Array.Shape[0])
                throw new ConversionException($"{source.Where}: input '{info.Name}' has {input.Array.Shape[0]} steps, but another input has {known}; give all inputs the same number");
            steps = input.Array.Shape[0];
        }

        if (step && steps is null) throw new ConversionException($"--step: no input has a step axis; graph '{graph.Name}' takes {Names(graph)}: add a leading axis, or leave out --step");
        return steps is 0 ? throw new ConversionException("the inputs have no steps; the first axis must be at least 1") : new RunInputs(inputs, symbols, steps ?? 1);
    }

    private static Dictionary<string, (NpyArray Array, string Where)> ReadAll(Dictionary<string, string> files, string? archive)
    {
        var arrays = new Dictionary<string, (NpyArray, string)>(StringComparer.Ordinal);
        if (archive is not null)
        {
            ModelFile.MustExist(archive);
            var content = new SourceFiles([]).ReadNamed(archive);
            if (FileKinds.Of(content) == FileKind.Npy) throw new ConversionException($"{archive}: this is a single array, not a .npz archive; give it with --input NAME={archive}");
            foreach (var (name, array) in NpzFile.Read(content, archive)) arrays[name] = (array, archive);
        }

        foreach (var (name, file) in files)
        {
            ModelFile.MustExist(file);
            var content = new SourceFiles([]).ReadNamed(file);
            if (FileKinds.Of(content) == FileKind.Npz) throw new ConversionException($"{file}: this is an archive, not a .npy file; give it with --inputs {file}");
            arrays[name] = (NpyReader.Read(content, file), file);
        }

        return arrays;
    }

    private static RunInput Match(SeqPortInfo info, (NpyArray Array, string Where) source, Dictionary<string, int> symbols, bool step)
    {
        var (array, where) = source;
        var wanted = StoredTypes.From(info.Type!.Value);
        var converted = array.ConvertTo(wanted) ?? throw new ConversionException(
            $"{where}: input '{info.Name}' is {wanted.Name()}, the array is {array.Type.Name()}; save it as array.astype('{wanted.Name()}')");
        var dimensions = info.Dimensions!;
        var extra = array.Shape.Length - dimensions.Count;
        var stepped = step && extra == 1;
        if (extra != (stepped ? 1 : 0)) throw WrongShape(info, array, where, step);
        for (var i = 0; i < dimensions.Count; i++)
        {
            var (dimension, size) = (dimensions[i], array.Shape[i + extra]);
            if (dimension.Symbol is null ? dimension.Size != size : symbols.TryGetValue(dimension.Symbol, out var bound) && bound != size)
                throw WrongShape(info, array, where, step, dimension.Symbol is null ? null : $" where {dimension.Symbol} = {symbols[dimension.Symbol]}");
            if (dimension.Symbol is null) continue;
            symbols[dimension.Symbol] = size;
        }

        return new RunInput(info.Name, converted, stepped);
    }

    private static ConversionException WrongShape(SeqPortInfo info, NpyArray array, string where, bool step, string? detail = null)
    {
        var advice = !step && array.Shape.Length == info.Dimensions!.Count + 1 ? "; give --step to step through the first axis" : "; reshape the array";
        return new ConversionException($"{where}: input '{info.Name}' is {Describe(info)}{detail}, the array is {Text.Shape(array.Shape)}{advice}");
    }

    private static void CheckSymbols(SeqGraphInfo graph, IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            if (!graph.Symbols.Contains(name))
                throw new UsageException($"--size {name}: graph '{graph.Name}' has {(graph.Symbols.Count == 0 ? "no symbolic dimension" : "the symbolic dimensions " + string.Join(", ", graph.Symbols))}");
        }
    }

    private static string Names(SeqGraphInfo graph) =>
        graph.Inputs.Count == 0 ? "no inputs" : string.Join(", ", graph.Inputs.Select(i => $"{i.Name} {Describe(i)}"));

    private static string Describe(SeqPortInfo info) => $"{info.Type!.Value.Name()} {Text.Shape(info.Dimensions!)}";
}
