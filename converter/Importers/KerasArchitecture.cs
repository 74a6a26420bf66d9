namespace SeqRuntime.Converter.Importers;

/// <summary>An architecture that Keras saved by itself (<c>model.to_json()</c>), without weights.</summary>
internal static class KerasArchitecture
{
    /// <summary>The command that puts an architecture into a file of weights, which is a whole model then.</summary>
    public static string Command(string architecture, string weights) =>
        $"python -c \"import h5py; h5py.File('{weights}', 'r+').attrs['model_config'] = open('{architecture}').read()\"";
}
