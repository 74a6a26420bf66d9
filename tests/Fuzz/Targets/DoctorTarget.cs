using Google.Protobuf;
using SeqRuntime.Converter;
using SeqRuntime.Converter.Commands;
using SeqRuntime.Fuzz.Mutating;

namespace SeqRuntime.Fuzz.Targets;

/// <summary>A model of any kind that is read, whose bytes are mutated, at the doctor. It must tell what it can, and refuse the rest.</summary>
internal sealed class DoctorTarget : ConverterTarget
{
    private readonly List<byte[]> _seeds = [.. OperatorModels.Onnx().Select(model => model.ToByteArray()), .. KerasModels.Files(), .. Corpus("doctor")];

    public override string Name => "doctor";

    public override IReadOnlyList<byte[]> Seeds => _seeds;

    public override byte[] Make(Random random) => Bytes.Mutate(random, Pick(random, _seeds), Pick(random, _seeds));

    public override Outcome Run(byte[] input)
    {
        try
        {
            var report = Examination.Of([("main", Write("model.onnx", input))], new ConversionOptions());
            report.Print(TextWriter.Null);
            Why = report.Refusal;
            return report.Converts ? Outcome.Taken : Outcome.Refused;
        }
        catch (ConversionException fault)
        {
            Why = fault.Message;
            return Outcome.Refused;
        }
    }
}
