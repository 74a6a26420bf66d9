using SeqRuntime.Converter.Graph;
using SeqRuntime.Converter.Importers.Description;

namespace SeqRuntime.Converter.Importers.Keras;

/// <summary>Layers that move, join, repeat or cut elements. None of them passes a mask on, as in Keras.</summary>
internal sealed class KerasShaping(KerasEmitter emitter)
{
    private GraphComposer Graph => emitter.Graph;

    /// <summary>The layers by Keras' class.</summary>
    public IEnumerable<(string Class, KerasEmit Emit)> Layers
    {
        get
        {
            yield return ("RepeatVector", emitter.Unmasked(Repeat));
            yield return ("Flatten", emitter.Unmasked((_, x) => new KerasValue(Graph.Op("Flatten", [x.Name], ("axis", 1L)), 2)));
            yield return ("Reshape", emitter.Unmasked(Reshape));
            yield return ("Permute", emitter.Unmasked(Permute));
            for (var spatial = 1; spatial <= 3; spatial++)
            {
                var count = spatial;
                yield return ($"ZeroPadding{count}D", emitter.Unmasked((layer, x) => Pad(layer, x, count)));
                yield return ($"Cropping{count}D", emitter.Unmasked((layer, x) => Crop(layer, x, count)));
                yield return ($"UpSampling{count}D", emitter.Unmasked((layer, x) => Enlarge(layer, x, count)));
            }
        }
    }

    private KerasValue Repeat(KerasLayer layer, KerasValue x)
    {
        if (x.Rank != 2) throw layer.Fault($"its input has {x.Rank} dimensions; it must be [batch, features]");
        return new(Graph.Op("Tile", [Graph.Unsqueeze(x.Name, 1), Graph.Axes(1, layer.Int("n", 1), 1)]), x.Rank + 1);
    }

    private KerasValue Reshape(KerasLayer layer, KerasValue x)
    {
        var shape = layer.Longs("target_shape");
        if (Array.Exists(shape, s => s is 0 or < -1) || shape.Count(s => s == -1) > 1) throw layer.Fault($"its 'target_shape' is {string.Join(", ", shape)}; sizes must be at least 1, and one of them may be -1");
        return new KerasValue(Graph.Op("Reshape", [x.Name, Graph.Axes([0, .. shape])]), 1 + shape.Length);
    }

    private KerasValue Permute(KerasLayer layer, KerasValue x)
    {
        var dims = layer.Longs("dims");
        if (!dims.Order().SequenceEqual(KerasSpatial.Axes(1, x.Rank - 1))) throw layer.Fault($"its 'dims' is {string.Join(", ", dims)}; it must have each of the numbers 1 to {x.Rank - 1} once");
        return new KerasValue(Graph.Transpose(x.Name, [0, .. dims]), x.Rank);
    }

    private KerasValue Pad(KerasLayer layer, KerasValue x, int spatial)
    {
        KerasSpatial.Require(layer, x, spatial);
        var (before, after) = KerasSpatial.Ends(layer, "padding", spatial);
        long[] Around(long[] ends) => KerasSpatial.IsChannelsFirst(layer) ? [0, 0, .. ends] : [0, .. ends, 0];
        return new(Graph.Op("Pad", [x.Name, Graph.Axes([.. Around(before), .. Around(after)])]), x.Rank);
    }

    private KerasValue Crop(KerasLayer layer, KerasValue x, int spatial)
    {
        KerasSpatial.Require(layer, x, spatial);
        var (before, after) = KerasSpatial.Ends(layer, "cropping", spatial);
        return new(Graph.Op("Slice", [x.Name, Graph.Axes(before), Graph.Axes(Array.ConvertAll(after, a => a == 0 ? int.MaxValue : -a)), Graph.Axes(KerasSpatial.Axes(KerasSpatial.FirstAxis(layer), spatial))]), x.Rank);
    }

    /// <summary>Repeats each element, or interpolates between the centres or, in old versions, the corners of the elements.</summary>
    private KerasValue Enlarge(KerasLayer layer, KerasValue x, int spatial)
    {
        KerasSpatial.Require(layer, x, spatial);
        var factors = KerasSpatial.Numbers(layer, "size", spatial, 2);
        var scales = new float[x.Rank];
        Array.Fill(scales, 1);
        for (var axis = 0; axis < spatial; axis++) scales[KerasSpatial.FirstAxis(layer) + axis] = factors[axis];
        (string, object)[] attributes = layer.String("interpolation") switch
        {
            null or "nearest" => [("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")],
            "bilinear" when spatial == 2 && emitter.Version.IsTheano => throw layer.Fault("the bilinear interpolation of Theano is not supported; nearest is"),
            "bilinear" when spatial == 2 => [("mode", "linear"), ("coordinate_transformation_mode", emitter.Version.TellInterpolatesCentres() ? "half_pixel" : "asymmetric")],
            var other => throw layer.Fault($"the interpolation '{other}' is not supported; nearest{(spatial == 2 ? " and bilinear are" : " is")}"),
        };
        if (attributes.Length == 2 && emitter.Version.MayInterpolateCorners) emitter.Notes.Add($"layer '{layer.Name}' ({layer.Class}) interpolates between the centres of elements, as TensorFlow 2 does; TensorFlow 1.13 wrote the same version ({emitter.Version.Major}.{emitter.Version.Minor}, -tf) and interpolated from the first element. If that made the file, load it with TensorFlow 2 and compare");
        return new(Graph.Op("Resize", [x.Name, null, Graph.Constant("scales", IrTensor.Of<float>([scales.Length], scales))], attributes), x.Rank);
    }
}
