using SeqRuntime.Operators;

namespace SeqRuntime.Sessions.Planning;

/// <summary>Finds the nodes whose scratch already holds what they would prepare: no node between them and the one that prepared it uses scratch, at any sizes.</summary>
internal static class SharedPreparation
{
    /// <summary>Marks such nodes.</summary>
    /// <param name="steps">Nodes that always run one after another, all with the same scratch.</param>
    public static void Mark(IEnumerable<(Operator Operator, NodeContext Context)> steps)
    {
        (Operator Operator, NodeContext Context)? last = null;
        foreach (var step in steps)
        {
            if (last is { } before && before.Operator.GetType() == step.Operator.GetType()) step.Context.IsPrepared = step.Operator.SharesPreparation(before.Context, step.Context);
            if (step.Operator.UsesScratch(step.Context)) last = step;
        }
    }
}
