namespace SeqRuntime.Converter.Weights.Torch;

/// <summary>
/// Well-known names of settings, numbers and records that training programs save beside the weights. Nothing of them is built or called: each becomes a
/// placeholder without content, and a note names them. Every name that is not here, and not one of a tensor's, is refused.
/// </summary>
internal static class InertNames
{
    private static readonly HashSet<string> s_names = new(StringComparer.Ordinal)
    {
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct",
        "numpy.ndarray",
        "numpy.dtype",
        "_codecs.encode",
        "copyreg._reconstructor",
        "copy_reg._reconstructor",
        "builtins.object",
        "__builtin__.object",
        "builtins.set",
        "__builtin__.set",
        "builtins.frozenset",
        "builtins.complex",
        "builtins.bytearray",
        "builtins.range",
        "builtins.slice",
        "builtins.list",
        "builtins.dict",
        "builtins.int",
        "builtins.float",
        "builtins.bool",
        "builtins.str",
        "builtins.tuple",
        "collections.defaultdict",
        "collections.Counter",
        "collections.deque",
        "argparse.Namespace",
        "types.SimpleNamespace",
        "pathlib.Path",
        "pathlib.PosixPath",
        "pathlib.PurePosixPath",
        "pathlib.WindowsPath",
        "pathlib.PureWindowsPath",
        "pathlib._local.PosixPath",
        "pathlib._local.WindowsPath",
        "datetime.datetime",
        "datetime.date",
        "datetime.timedelta",
        "typing.Any",
        "omegaconf.dictconfig.DictConfig",
        "omegaconf.listconfig.ListConfig",
        "omegaconf.base.ContainerMetadata",
        "omegaconf.base.Metadata",
        "omegaconf.nodes.AnyNode",
        "easydict.EasyDict",
        "torch.torch_version.TorchVersion",
        "torch.nn.backends.thnn._get_thnn_function_backend",
        "pytorch_lightning.utilities.parsing.AttributeDict",
        "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
        "pytorch_lightning.callbacks.early_stopping.EarlyStopping",
        "lightning_fabric.utilities.data.AttributeDict",
        "lightning.fabric.utilities.data.AttributeDict",
        "lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint",
        "lightning.pytorch.callbacks.early_stopping.EarlyStopping",
    };

    /// <summary>Whether a name is one of them.</summary>
    public static bool Has(string name) => s_names.Contains(name);
}

/// <summary>Stands for a value of a name that is not built.</summary>
/// <param name="name">The name.</param>
internal sealed class PickledPlaceholder(string name)
{
    public string Name { get; } = name;

    /// <summary>Its attributes or items, which may be settings. No tensors are read from them.</summary>
    public PickledDict Attributes { get; } = new();
}
