namespace SeqRuntime.Format;

/// <summary>What a model is read from, for messages: a file's path, or what else it was.</summary>
/// <param name="Text">How messages name it.</param>
/// <param name="IsFile">Whether that is a path.</param>
internal readonly record struct SourceName(string Text, bool IsFile)
{
    public static SourceName Memory => new("memory", IsFile: false);

    public static SourceName Stream => new("stream", IsFile: false);

    public static implicit operator SourceName(string path) => new(path, IsFile: true);

    public override string ToString() => Text;
}
