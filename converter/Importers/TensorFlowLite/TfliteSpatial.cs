using SeqRuntime.Converter.Decomposition;

namespace SeqRuntime.Converter.Importers.TensorFlowLite;

/// <summary>Operators over the height and the width of [batch, height, width, channels]: enlarging, shrinking, and blocks moved to or from the channels.</summary>
internal static class TfliteSpatial
{
    public static Dictionary<string, Func<TfliteCall, string>> All { get; } = new()
    {
        ["RESIZE_BILINEAR"] = call => Resize(call, "linear", call.Options.Flag(2), call.Options.Flag(3)),
        ["RESIZE_NEAREST_NEIGHBOR"] = call => Resize(call, "nearest", call.Options.Flag(0), call.Options.Flag(1)),
        ["DEPTH_TO_SPACE"] = call => Blocks(call, "DepthToSpace"),
        ["SPACE_TO_DEPTH"] = call => Blocks(call, "SpaceToDepth"),
    };

    /// <summary>Inputs: the value, and its new height and width. Elements are at their corners' places, at their centres, or at places that join both ends.</summary>
    private static string Resize(TfliteCall call, string mode, bool isAligned, bool isCentred)
    {
        if (isAligned && isCentred) throw call.Fault("aligned corners and centres of half a pixel exclude each other; the file is damaged");
        call.Image(0);
        var isNearest = mode == "nearest";
        var places = isAligned ? "align_corners" : !isCentred ? "asymmetric" : isNearest ? "tf_half_pixel_for_nn" : "half_pixel";
        List<(string, object)> attributes = [("mode", mode), ("coordinate_transformation_mode", places), ("axes", new long[] { 1, 2 })];
        if (isNearest) attributes.AddRange([("nearest_mode", isAligned ? "round_prefer_ceil" : "floor"), (DecomposeSpatial.InSingle, 1L)]);
        return call.Graph.Op("Resize", [call.Value(0), null, null, call.Long(1)], [.. attributes]);
    }

    private static string Blocks(TfliteCall call, string op)
    {
        call.Image(0);
        var moved = call.Graph.Op(op, [call.Graph.Transpose(call.Value(0), 0, 3, 1, 2)], ("blocksize", (long)call.Options.Int(0)));
        return call.Graph.Transpose(moved, 0, 2, 3, 1);
    }
}
