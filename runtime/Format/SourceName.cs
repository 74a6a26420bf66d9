namespace SeqRuntime.Format;

/// <summary>What a model is read from, for messages: a file's path, or what else it is.</summary>
/// <param name="text">How messages name it.</param>
/// <param name="isFile">Whether that is a path.</param>
internal readonly struct SourceName(string text, bool isFile)
{
    public static SourceName Memory => new("memory", isFile: false);

    public static SourceName Stream => new("stream", isFile: false);

    /// <summary>How messages name it.</summary>
    public string Text => text;

    /// <summary>Whether it is a path.</summary>
    public bool IsFile => isFile;

    public static implicit operator SourceName(string path) => new(path, isFile: true);
}
