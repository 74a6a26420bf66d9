using SeqRuntime.Converter.IO;
using SeqRuntime.Format;

namespace SeqRuntime.Tests.Commands;

/// <summary>A file with a stepped graph that sums its inputs in a state, and one over sequences of any length.</summary>
internal static class TinyModel
{
    public static void Write(string path)
    {
        var model = new SeqModelBuilder();
        model.Metadata["source"] = "made by a test";
        model.Tables["labels"] = ["silence", "speech"];

        var sum = model.AddGraph("sum");
        var x = sum.Input("x", ElementType.Float32, 1, 3);
        var total = sum.State("total", ElementType.Float32, [1, 3]);
        var y = sum.Node(OpKind.Binary, [x, total], new Attributes().Set(AttributeKey.Function, BinaryFunction.Add), "add");
        sum.Output("y", y);
        sum.UpdateState(total, y);

        var half = model.AddGraph("half");
        var sequence = half.Input("sequence", ElementType.Float32, "T", 2);
        var scale = half.Constant<float>("scale", [2], 0.5f, 2f);
        half.Output("scaled", half.Node(OpKind.Binary, [sequence, scale], new Attributes().Set(AttributeKey.Function, BinaryFunction.Mul), "mul"));
        half.Output("negative", half.Node(OpKind.Unary, [sequence], new Attributes().Set(AttributeKey.Function, UnaryFunction.Neg), "neg"));

        AtomicFile.Write(path, stream => SeqWriter.Write(model, stream));
    }
}
