namespace SeqRuntime.Format;

/// <summary>Names of node attributes. Their numbers are part of the file format: never change one, only append.</summary>
internal enum AttributeKey : byte
{
    Axis = 1, Axes = 2, Perm = 3, KeepDims = 4, NoopWithEmptyAxes = 5, AllowZero = 6, Mode = 7, To = 8, Value = 9, Start = 10, End = 11,
    Function = 12, Alpha = 13, Beta = 14, Epsilon = 15, KernelShape = 16, Strides = 17, Pads = 18, Dilations = 19, Group = 20,
    OutputPadding = 21, CeilMode = 22, CountIncludePad = 23, Hidden = 24, Direction = 25, Activations = 26, ActivationAlpha = 27,
    ActivationBeta = 28, CellClip = 29, InputForget = 30, LinearBeforeReset = 31, BatchDims = 32, BatchAxis = 33, TimeAxis = 34,
    Upper = 35, Exclusive = 36, Reverse = 37, Largest = 38, Sorted = 39, SelectLastIndex = 40, Reduction = 41, NumGroups = 42, P = 43,
    NumOutputs = 44, DetectNegative = 45, DetectPositive = 46,
}
