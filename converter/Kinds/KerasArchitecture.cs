namespace SeqRuntime.Converter.Kinds;

/// <summary>An architecture that Keras saved without weights (<c>model.to_json()</c>).</summary>
internal static class KerasArchitecture
{
    /// <summary>The command that adds an architecture to a weight file, which makes it a whole model.</summary>
    public static string Command(string architecture, string weights) =>
        $"python -c \"import h5py; h5py.File('{weights}', 'r+').attrs['model_config'] = open('{architecture}').read()\"";
}
