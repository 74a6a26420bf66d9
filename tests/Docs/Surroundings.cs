using System.Runtime.InteropServices;

namespace SeqRuntime.Tests.Docs;

/// <summary>
/// Names that the documents' snippets use without declaring them. Compiled together with each snippet. Files come from the folder in which
/// <see cref="SnippetTests"/> runs it.
/// </summary>
internal static class Surroundings
{
    public static SeqModel model { get; } = SeqModel.Load("vad.seq");

    public static SeqModel pronouncer { get; } = SeqModel.Load("g2p.seq");

    public static SeqModel recognizer { get; } = SeqModel.Load("speech.seq");

    public static SeqModel writer { get; } = SeqModel.Load("text.seq");

    public static float[][] chunks { get; } = [new float[576], new float[576]];

    public static float[] frame { get; } = [0.5f];

    public static float[] features => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes("features.bin")).ToArray();

    public static int Largest(ReadOnlySpan<float> values)
    {
        var largest = 0;
        for (var i = 1; i < values.Length; i++)
        {
            if (values[i] > values[largest]) largest = i;
        }

        return largest;
    }
}
