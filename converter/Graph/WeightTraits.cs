namespace SeqRuntime.Converter.Graph;

/// <summary>What is known of weights that are packed in one way. A constant keeps it, because reading and hashing large weights takes long.</summary>
internal sealed class WeightTraits
{
    public ContentKey? Key { get; set; }

    /// <summary>The largest magnitude.</summary>
    public float? Largest { get; set; }
}
