using SeqRuntime.Converter.IO;

namespace SeqRuntime.Tests.IO;

public sealed class ShellWordsTests
{
    [Theory]
    [InlineData("a b", "a", "b")]
    [InlineData("'a b' c", "a b", "c")]
    [InlineData(@"'it'\''s' ''", "it's", "")]
    [InlineData("name=x.onnx '--dim' 'T =1'", "name=x.onnx", "--dim", "T =1")]
    public void Lines_split_into_words(string line, params string[] words) => Assert.Equal(words, ShellWords.Split(line));

    [Fact]
    public void Joined_words_split_into_the_same()
    {
        var random = new Random(3);
        const string letters = "ab'\\\" =-$*\n\u00e4";
        for (var i = 0; i < 2000; i++)
        {
            var words = Enumerable.Range(0, random.Next(1, 5)).Select(_ => new string([.. Enumerable.Range(0, random.Next(0, 6)).Select(_ => letters[random.Next(letters.Length)])])).ToList();
            Assert.Equal(words, ShellWords.Split(ShellWords.Join(words)));
        }
    }

    [Fact]
    public void A_quote_without_an_end_is_no_line() => Assert.Null(ShellWords.Split("a 'b"));
}
