namespace SeqRuntime.Converter.Kinds;

/// <summary>What the converter does with a kind of file.</summary>
internal enum KindUse
{
    /// <summary>Converts it.</summary>
    Model,

    /// <summary>Reads its tensors, which a description names.</summary>
    Weights,

    /// <summary>Refuses it and says another way.</summary>
    Unread,

    /// <summary>Refuses it: it is not the file that was meant, or it must be unpacked first.</summary>
    Wrapped,
}

/// <summary>A kind of file.</summary>
/// <param name="What">What a file of this kind is, with its article.</param>
/// <param name="Use">What the converter does with it.</param>
/// <param name="WayOut">What to do with a file that is not read. {name} is the file, {stem} the same without its extension.</param>
internal sealed record FileKind(string What, KindUse Use, string WayOut = "")
{
    private const string ExportOriginal = "Export the model that it was made from as ONNX, and convert that";
    private const string Numpy = "python -c \"import torch, numpy; numpy.savez('{stem}.npz', **{k: v.float().numpy() for k, v in torch.load('{name}', map_location='cpu').items()})\"";
    private const string Exported = "python -c \"import torch; torch.onnx.export(torch.load('{name}', map_location='cpu', weights_only=False).eval(), (torch.zeros(SHAPE),), '{stem}.onnx')\"";

    public static FileKind Unknown { get; } = new("a file of an unknown kind", KindUse.Unread, "Give an ONNX model, a whole Keras model (.keras or .h5), a TensorFlow Lite model, or a description (.json) of weights in safetensors, npz, HDF5 or a PyTorch checkpoint");

    // Read.
    public static FileKind Onnx { get; } = new("an ONNX model", KindUse.Model);

    public static FileKind Hdf5 { get; } = new("HDF5", KindUse.Model);

    public static FileKind Description { get; } = new("a JSON document", KindUse.Model);

    public static FileKind RtNeural { get; } = new("an RTNeural model", KindUse.Model);

    public static FileKind GuitarMl { get; } = new("a model of GuitarML", KindUse.Model);

    /// <summary>Also read as the weights of a description.</summary>
    public static FileKind StateDict { get; } = new("PyTorch's state_dict as JSON", KindUse.Model);

    public static FileKind Nam { get; } = new("a model of Neural Amp Modeler (.nam)", KindUse.Model);

    public static FileKind RnNoise { get; } = new("the weights of RNNoise as text (.rnnn)", KindUse.Model);

    public static FileKind TensorFlowLite { get; } = new("a TensorFlow Lite model", KindUse.Model);

    public static FileKind Npz { get; } = new("an archive of NumPy arrays", KindUse.Weights);

    /// <summary>JSON that names the file of each tensor: Hugging Face's shards.</summary>
    public static FileKind WeightIndex { get; } = new("the index of weights in several files", KindUse.Weights);

    public static FileKind Safetensors { get; } = new("a safetensors file", KindUse.Weights);

    public static FileKind Seq { get; } = new("a converted model", KindUse.Unread, "'seqconvert inspect {name}' shows it, and 'seqconvert run {name}' runs it");

    // NumPy and Keras.
    public static FileKind Npy { get; } = new("one NumPy array", KindUse.Unread, "Put the arrays of all weights into one archive (numpy.savez), and describe the layers in JSON");

    public static FileKind KerasArchive { get; } = new("a Keras archive (.keras)", KindUse.Model);

    public static FileKind KerasArchitecture { get; } = new("an architecture that Keras saved without weights", KindUse.Model);

    // PyTorch.
    public static FileKind PyTorch { get; } = new("a PyTorch checkpoint", KindUse.Weights);

    public static FileKind PyTorchModule { get; } = new("a whole PyTorch module, whose code is not in the file", KindUse.Unread, "If you trust the file, export the module as ONNX where its class is known, " + Exported + "; or draft a description of its layers from the weights in it: seqconvert scaffold takes the file as it is");

    public static FileKind OldPyTorch { get; } = new("a PyTorch checkpoint of the format before 1.6", KindUse.Weights);

    public static FileKind TorchScript { get; } = new("a TorchScript model", KindUse.Model);

    public static FileKind ExportedProgram { get; } = new("a program of torch.export (.pt2)", KindUse.Unread, "Export it as ONNX, python -c \"import torch; torch.onnx.export(torch.export.load('{name}'), f='{stem}.onnx')\"");

    public static FileKind ExecuTorch { get; } = new("an ExecuTorch program", KindUse.Unread, ExportOriginal);

    public static FileKind StableBaselines { get; } = new("a model of Stable-Baselines3", KindUse.Unread, "Export its policy as ONNX (torch.onnx.export), or save model.policy.state_dict() as safetensors and describe the layers (.json)");

    public static FileKind Pickle { get; } = new("a Python pickle, which is never opened because it can run code", KindUse.Unread, "Save its arrays with numpy.savez or as safetensors and describe the layers (.json), or export the model as ONNX");

    public static FileKind ScikitLearn { get; } = new("a model of scikit-learn (a pickle or a joblib file)", KindUse.Unread, "Export it as ONNX with skl2onnx (skl2onnx.to_onnx), and convert that");

    // TensorFlow.
    public static FileKind SavedModel { get; } = new("a TensorFlow SavedModel", KindUse.Unread, "Convert its folder to ONNX, python -m tf2onnx.convert --saved-model FOLDER --output {stem}.onnx, and convert that; or save the Keras model as HDF5 (model.save('{stem}.h5'))");

    public static FileKind GraphDef { get; } = new("a frozen TensorFlow graph", KindUse.Unread, "Convert it to ONNX, python -m tf2onnx.convert --graphdef {name} --inputs INPUT:0 --outputs OUTPUT:0 --output {stem}.onnx, and convert that");

    public static FileKind TensorFlowCheckpoint { get; } = new("a part of a TensorFlow checkpoint", KindUse.Unread, "Load it into its Keras model (model.load_weights) and save that as HDF5 (model.save('model.h5')); or convert it to ONNX, python -m tf2onnx.convert --checkpoint NAME.meta --inputs INPUT:0 --outputs OUTPUT:0 --output model.onnx");

    public static FileKind TensorFlowJs { get; } = new("a model of TensorFlow.js", KindUse.Unread, "Convert the original Keras model (.h5)");

    // Other tools.
    public static FileKind Ort { get; } = new("a model in ONNX Runtime's own format (.ort)", KindUse.Unread, "Convert the ONNX model that it was made from");

    public static FileKind CoreMl { get; } = new("a Core ML model", KindUse.Unread, ExportOriginal);

    public static FileKind OpenVino { get; } = new("a model of OpenVINO", KindUse.Unread, ExportOriginal);

    public static FileKind Ncnn { get; } = new("a model of ncnn", KindUse.Unread, ExportOriginal);

    public static FileKind Gguf { get; } = new("a GGUF or ggml model", KindUse.Unread, ExportOriginal);

    public static FileKind Paddle { get; } = new("a model of PaddlePaddle", KindUse.Unread, "Convert it to ONNX, paddle2onnx --model_dir FOLDER --model_filename NAME.pdmodel --params_filename NAME.pdiparams --save_file {stem}.onnx, and convert that");

    public static FileKind Mxnet { get; } = new("a part of an MXNet model", KindUse.Unread, "Convert it to ONNX, mxnet.onnx.export_model('NAME-symbol.json', 'NAME-0000.params', [SHAPE], 'float32', 'model.onnx'), and convert that");

    public static FileKind Cntk { get; } = new("a model of CNTK", KindUse.Unread, "Save it as ONNX, cntk.Function.load('{name}').save('{stem}.onnx', format=cntk.ModelFormat.ONNX), and convert that");

    public static FileKind MlNet { get; } = new("a model of ML.NET", KindUse.Unread, "Save it as ONNX (mlContext.Model.ConvertToOnnx), and convert that");

    public static FileKind SentencePiece { get; } = new("a vocabulary of SentencePiece, which contains no model", KindUse.Unread, "Convert the model that uses it; a description's 'tables' can name a text file with one token on each line");

    public static FileKind Archive { get; } = new("a zip archive of no known model", KindUse.Unread, "Unpack it, and convert the model in it");

    /// <summary>Weights or a whole model as arrays, for microcontrollers and plugins.</summary>
    public static FileKind CSource { get; } = new("source code in C", KindUse.Unread, "Convert the model that its arrays were made from; if they are the bytes of a TensorFlow Lite model (0x1c, 0x00 …), get that back with: grep -o '0x[0-9a-fA-F]*' {name} | xxd -r -p > {stem}.tflite");

    public static FileKind DnnBlob { get; } = new("a blob of weights of RNNoise 0.2, Opus or LPCNet", KindUse.Unread, "Export the PyTorch model that it was made from as ONNX and convert that");

    // JsonKinds has the kinds of JSON.
    public static FileKind Text { get; } = new("text that is not JSON; a description is a JSON document (docs/description.md)", KindUse.Wrapped);

    // What stands around a file, or in its place.
    public static FileKind Empty { get; } = new("an empty file", KindUse.Wrapped);

    public static FileKind Zeros { get; } = new("only zeros: the download or copy was incomplete", KindUse.Wrapped);

    public static FileKind LfsPointer { get; } = new("a Git LFS pointer: the file itself was not downloaded (git lfs pull)", KindUse.Wrapped);

    public static FileKind WebPage { get; } = new("a web page: the download failed", KindUse.Wrapped);

    public static FileKind Gzip { get; } = new("packed with gzip twice; unpack it (gunzip {name})", KindUse.Wrapped);

    public static FileKind Xz { get; } = new("packed with xz twice; unpack it (unxz {name})", KindUse.Wrapped);

    public static FileKind Bzip2 { get; } = new("packed with bzip2; unpack it (bunzip2 {name})", KindUse.Wrapped);

    public static FileKind Zstd { get; } = new("packed with zstd; unpack it (unzstd {name})", KindUse.Wrapped);

    public static FileKind Lz4 { get; } = new("packed with lz4; unpack it (unlz4 {name})", KindUse.Wrapped);

    public static FileKind SevenZip { get; } = new("a 7-Zip archive; unpack it (7z x {name})", KindUse.Wrapped);

    public static FileKind Rar { get; } = new("a RAR archive; unpack it (unrar x {name})", KindUse.Wrapped);

    public static FileKind Tar { get; } = new("a tar archive; unpack it (tar xf {name})", KindUse.Wrapped);

    /// <summary>Why a file cannot be converted as a model.</summary>
    public string NoModel(string path) => Use switch
    {
        KindUse.Weights => $"{path}: this is {What}: weights but no architecture; draft a description of its layers, seqconvert scaffold {Path.GetFileName(path)} -o {Path.GetFileNameWithoutExtension(path)}.json, and convert that (docs/description.md).",
        _ => No(path, "a model"),
    };

    /// <summary>Why a description cannot take its weights from a file.</summary>
    public string NoWeights(string path) => Use switch
    {
        KindUse.Model => $"{path}: this is {What}, not a weight file; give safetensors, npz, HDF5 or a PyTorch checkpoint.",
        _ => No(path, "a weight file"),
    };

    /// <summary>Why a file is not a .seq file.</summary>
    public string NoSeq(string path) => Use switch
    {
        KindUse.Model => $"{path}: this is {What}, not a .seq file; convert it: seqconvert convert {Path.GetFileName(path)} -o {Path.GetFileNameWithoutExtension(path)}.seq",
        KindUse.Weights => $"{path}: this is {What}, not a .seq file; draft a description of its layers, seqconvert scaffold {Path.GetFileName(path)} -o {Path.GetFileNameWithoutExtension(path)}.json, and convert that.",
        _ => No(path, "a .seq file"),
    };

    /// <summary>Why a file is not what is wanted.</summary>
    /// <param name="path">The file.</param>
    /// <param name="wanted">What is wanted, with its article.</param>
    public string No(string path, string wanted) => Use switch
    {
        KindUse.Wrapped => $"{path}: this is not {wanted}, but {In(What, path)}.",
        KindUse.Unread => $"{path}: this is {What}{(this == Seq ? "" : ", which is not supported")}. {In(WayOut, path)}.",
        _ => $"{path}: this is not {wanted}, but {What}.",
    };

    private static string In(string text, string path) =>
        text.Replace("{name}", Path.GetFileName(path), StringComparison.Ordinal).Replace("{stem}", Path.GetFileNameWithoutExtension(path), StringComparison.Ordinal);
}
