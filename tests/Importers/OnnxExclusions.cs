using System.IO.Enumeration;

namespace SeqRuntime.Tests.Importers;

/// <summary>Operator vectors that are not imported, each with its reason. A listed vector that passes fails the test, so that the list stays correct.</summary>
internal static class OnnxExclusions
{
    private const string Double = "float64, which the runtime has for exact operations only";
    private const string Attention = "caches, rotation and kin of attention are not imported yet";
    private const string Images = "operator of image models";
    private const string Half = "rounding to 16-bit floats: the runtime computes in float32";

    private static readonly (string Pattern, string Reason)[] s_all =
    [
        ("test_resize_*_cubic*", Images),
        ("test_resize_tf_crop_and_resize", Images),
        ("test_resize_downsample_scales_linear_align_corners", "the vector aligns the corners of 2.4 elements; ONNX Runtime, as PyTorch, those of 2"),
        ("test_lrn*", Images),
        ("test_maxpool_with_argmax_*", "indices of maxima serve unpooling of images"),
        ("test_batchnorm_*_training_mode", "training"),
        ("test_scan_sum", "Scan of opset 8, with a batch of its own; newer ones are imported"),
        ("test_attention_24_qk_matmul_output_mode3_softmax_precision", Half),
        ("test_rotary_embedding*", Attention),
        ("test_linear_attention_*", Attention),
        ("test_tensorscatter*", Attention),
        ("test_causal_conv_with_state_*", Attention),
        ("test_reduce_log_sum_exp_*", Double),
        ("test_cast_BFLOAT16_to_FLOAT", "the vector stores bfloat16 as uint16 inputs; 16-bit floats are float32 in the runtime"),
        ("test_cast_*_to_FLOAT16", Half),
        ("test_cast_*_to_BFLOAT16", Half),
    ];

    public static IEnumerable<string> Patterns => s_all.Select(e => e.Pattern);

    public static string? Reason(string name) => s_all.FirstOrDefault(e => Matches(e.Pattern, name)).Reason;

    public static bool Matches(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name);
}
