using SeqRuntime.Converter.Kinds;

namespace SeqRuntime.Tests.Kinds;

/// <summary>Files that other tools wrote have their kind.</summary>
public sealed class RealFilesTests
{
    [Theory]
    [InlineData("unitree-g1/motion.pt", "a TorchScript model")]
    [InlineData("dtln/model_1.tflite", "a TensorFlow Lite model")]
    [InlineData("dtln/model_quant_2.tflite", "a TensorFlow Lite model")]
    [InlineData("dtln/model.h5", "HDF5")]
    [InlineData("dtln/model_1.onnx", "an ONNX model")]
    [InlineData("silero-vad/silero_vad_16k_op15.onnx", "an ONNX model")]
    [InlineData("stressrnn/weights_96.hdf5", "HDF5")]
    [InlineData("stressrnn/model.json", "an architecture that Keras saved without weights")]
    [InlineData("quant-sentinel/lstm.keras", "a Keras archive (.keras)")]
    [InlineData("nam-lstm/BossLSTM-1x16.nam", "a model of Neural Amp Modeler (.nam)")]
    [InlineData("rtneural/gru.json", "an RTNeural model")]
    [InlineData("rtneural/lstm_torch.json", "PyTorch's state_dict as JSON")]
    [InlineData("g2p_en/checkpoint20.npz", "an archive of NumPy arrays")]
    public void A_real_file_has_its_kind(string file, string what) => Assert.Equal(what, FileKinds.Of(File.ReadAllBytes(Models.Need(file))).What);
}
