using SeqRuntime.Tests;
using SeqRuntime.Tests.Graph;
using SeqRuntime.Tests.Importers;
using SeqRuntime.Tests.IO;
using SeqRuntime.Tests.Operators;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongestFirst))]

namespace SeqRuntime.Tests;

/// <summary>Starts the classes that take longest first. A long one that starts last would leave the other processors without work.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] s_long = [.. new[]
    {
        typeof(BudgetTests),
        typeof(Docs.CommandTests),
        typeof(RealModels.OneCommandTests),
        typeof(Diagnosing.DiagnosisTests),
        typeof(RealModels.FewerBitsTests),
        typeof(HostileOnnxTests),
        typeof(HdfTests),
        typeof(SmallStatesTests),
        typeof(Docs.SnippetTests),
    }.Select(type => type.FullName!)];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => Array.FindIndex(s_long, name => collection.TestCollectionDisplayName.Contains($" {name} ", StringComparison.Ordinal)) is >= 0 and var place ? place : s_long.Length)];
}
