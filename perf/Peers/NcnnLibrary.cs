using System.Runtime.InteropServices;

namespace SeqRuntime.Perf.Peers;

/// <summary>
/// ncnn's shared library, called through its C interface (<c>src/c_api.h</c> of ncnn). It is no part of this repository. Once loaded, it stays until
/// the process ends.
/// </summary>
internal sealed unsafe class NcnnLibrary
{
    public readonly delegate* unmanaged<byte*, Layer*> CreateLayer;
    public readonly delegate* unmanaged<Layer*, void> DestroyLayer;
    public readonly delegate* unmanaged<nint> CreateOption;
    public readonly delegate* unmanaged<nint, void> DestroyOption;
    public readonly delegate* unmanaged<nint, int, void> SetThreads;
    public readonly delegate* unmanaged<nint, nint, void> SetBlobAllocator;
    public readonly delegate* unmanaged<nint, nint, void> SetWorkspaceAllocator;
    public readonly delegate* unmanaged<nint> CreateAllocator;
    public readonly delegate* unmanaged<nint, void> DestroyAllocator;
    public readonly delegate* unmanaged<nint> CreateNet;
    public readonly delegate* unmanaged<nint, void> DestroyNet;
    public readonly delegate* unmanaged<nint, nint, void> SetNetOption;

    /// <summary>A net, the name of a layer's type, what makes a layer of it, what destroys it, and a value for both.</summary>
    public readonly delegate* unmanaged<nint, byte*, delegate* unmanaged<nint, Layer*>, delegate* unmanaged<Layer*, nint, void>, nint, void> RegisterLayer;
    public readonly delegate* unmanaged<nint, byte*, int> LoadGraph;

    /// <summary>Returns the number of bytes read.</summary>
    public readonly delegate* unmanaged<nint, byte*, nuint> LoadWeights;
    public readonly delegate* unmanaged<int, int, nint, nint> CreateMatrix;
    public readonly delegate* unmanaged<nint, float, void> FillMatrix;
    public readonly delegate* unmanaged<nint, float*> MatrixData;

    /// <summary>Takes some nanoseconds, so the call leaves out the runtime's transition, which takes as long.</summary>
    public readonly delegate* unmanaged[SuppressGCTransition]<nint, void> DestroyMatrix;

    private readonly string _path;
    private readonly nint _library;

    private NcnnLibrary(string path, nint library)
    {
        (_path, _library) = (path, library);
        Version = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)Find("ncnn_version"))()) ?? "?";
        CreateLayer = (delegate* unmanaged<byte*, Layer*>)Find("ncnn_layer_create_by_type");
        DestroyLayer = (delegate* unmanaged<Layer*, void>)Find("ncnn_layer_destroy");
        CreateOption = (delegate* unmanaged<nint>)Find("ncnn_option_create");
        DestroyOption = (delegate* unmanaged<nint, void>)Find("ncnn_option_destroy");
        SetThreads = (delegate* unmanaged<nint, int, void>)Find("ncnn_option_set_num_threads");
        SetBlobAllocator = (delegate* unmanaged<nint, nint, void>)Find("ncnn_option_set_blob_allocator");
        SetWorkspaceAllocator = (delegate* unmanaged<nint, nint, void>)Find("ncnn_option_set_workspace_allocator");
        CreateAllocator = (delegate* unmanaged<nint>)Find("ncnn_allocator_create_unlocked_pool_allocator");
        DestroyAllocator = (delegate* unmanaged<nint, void>)Find("ncnn_allocator_destroy");
        CreateNet = (delegate* unmanaged<nint>)Find("ncnn_net_create");
        DestroyNet = (delegate* unmanaged<nint, void>)Find("ncnn_net_destroy");
        SetNetOption = (delegate* unmanaged<nint, nint, void>)Find("ncnn_net_set_option");
        RegisterLayer = (delegate* unmanaged<nint, byte*, delegate* unmanaged<nint, Layer*>, delegate* unmanaged<Layer*, nint, void>, nint, void>)Find("ncnn_net_register_custom_layer_by_type");
        LoadGraph = (delegate* unmanaged<nint, byte*, int>)Find("ncnn_net_load_param_memory");
        LoadWeights = (delegate* unmanaged<nint, byte*, nuint>)Find("ncnn_net_load_model_memory");
        CreateMatrix = (delegate* unmanaged<int, int, nint, nint>)Find("ncnn_mat_create_2d");
        FillMatrix = (delegate* unmanaged<nint, float, void>)Find("ncnn_mat_fill_float");
        MatrixData = (delegate* unmanaged<nint, float*>)Find("ncnn_mat_get_data");
        DestroyMatrix = (delegate* unmanaged[SuppressGCTransition]<nint, void>)Find("ncnn_mat_destroy");
    }

    /// <summary>ncnn's version, such as 1.0.20260526.</summary>
    public string Version { get; }

    /// <param name="path">The library's file, or a name that the system's loader finds.</param>
    /// <exception cref="InvalidDataException">There is no such library, or it does not have ncnn's C interface.</exception>
    public static NcnnLibrary Load(string path)
    {
        try
        {
            // Without a folder in its name, the loader would not look here.
            return new NcnnLibrary(path, NativeLibrary.Load(File.Exists(path) ? Path.GetFullPath(path) : path));
        }
        catch (Exception fault) when (fault is DllNotFoundException or BadImageFormatException)
        {
            // The last line is the system's reason; the others are advice on finding it.
            throw new InvalidDataException($"{path} could not be loaded as ncnn's shared library ({fault.Message.TrimEnd().Split('\n')[^1]})", fault);
        }
    }

    private nint Find(string function) => NativeLibrary.TryGetExport(_library, function, out var address)
        ? address
        : throw new InvalidDataException($"{_path} has no function {function}; build ncnn with NCNN_SHARED_LIB=ON and NCNN_C_API=ON");

    /// <summary>A layer: the beginning of <c>struct __ncnn_layer_t</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Layer
    {
        private readonly nint _this;
        private readonly nint _loadParameters;
        private readonly nint _loadModel;
        private readonly nint _createPipeline;
        private readonly nint _destroyPipeline;
        private readonly nint _forwardOne;

        /// <summary>The layer, inputs and their number, outputs and their number, an option. Returns 0, or an error code. The caller destroys the outputs.</summary>
        public readonly delegate* unmanaged<Layer*, nint*, int, nint*, int, nint, int> Forward;
    }
}
