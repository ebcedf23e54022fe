// Stands in for TFLM's header where generated code is compiled in tests: our own text.
// The methods have the names of TFLM's; they count calls and refuse more than there is room for.
// With STUB_IN_MICRO the classes are in tflite::micro, as in releases since autumn 2026.
#pragma once

#ifdef STUB_IN_MICRO
#define STUB_BEGIN namespace tflite { namespace micro {
#define STUB_END } }
#else
#define STUB_BEGIN namespace tflite {
#define STUB_END }
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
#endif

STUB_BEGIN
#ifdef STUB_IN_MICRO
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
#endif

class MicroOpResolver {
 public:
  unsigned registered = 0;
  unsigned room = 0;

 protected:
  TfLiteStatus Count() {
    if (registered == room) return kTfLiteError;
    ++registered;
    return kTfLiteOk;
  }
};

template <unsigned tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
  int table_[tOpCount];

 public:
  MicroMutableOpResolver() : table_{} {
    room = tOpCount;
    static_cast<void>(table_);
  }
#define STUB_ADD(name) \
  TfLiteStatus Add##name() { return Count(); }
  STUB_ADD(Abs) STUB_ADD(Add) STUB_ADD(AddN) STUB_ADD(ArgMax) STUB_ADD(ArgMin)
  STUB_ADD(AssignVariable) STUB_ADD(AveragePool2D) STUB_ADD(BatchMatMul) STUB_ADD(BatchToSpaceNd)
  STUB_ADD(BroadcastArgs) STUB_ADD(BroadcastTo) STUB_ADD(CallOnce) STUB_ADD(Cast) STUB_ADD(Ceil)
  STUB_ADD(CircularBuffer) STUB_ADD(Concatenation) STUB_ADD(Conv2D) STUB_ADD(Cos)
  STUB_ADD(CumSum) STUB_ADD(Delay) STUB_ADD(DepthToSpace) STUB_ADD(DepthwiseConv2D)
  STUB_ADD(Dequantize) STUB_ADD(DetectionPostprocess) STUB_ADD(Div) STUB_ADD(DynamicUpdateSlice)
  STUB_ADD(EmbeddingLookup) STUB_ADD(Energy) STUB_ADD(Elu) STUB_ADD(Equal) STUB_ADD(Exp)
  STUB_ADD(ExpandDims) STUB_ADD(FftAutoScale) STUB_ADD(Fill) STUB_ADD(FilterBank)
  STUB_ADD(FilterBankLog) STUB_ADD(FilterBankSquareRoot) STUB_ADD(FilterBankSpectralSubtraction)
  STUB_ADD(Floor) STUB_ADD(FloorDiv) STUB_ADD(FloorMod) STUB_ADD(Framer) STUB_ADD(FullyConnected)
  STUB_ADD(Gather) STUB_ADD(GatherNd) STUB_ADD(Greater) STUB_ADD(GreaterEqual)
  STUB_ADD(HardSwish) STUB_ADD(If) STUB_ADD(Irfft) STUB_ADD(L2Normalization) STUB_ADD(L2Pool2D)
  STUB_ADD(LeakyRelu) STUB_ADD(Less) STUB_ADD(LessEqual) STUB_ADD(Log) STUB_ADD(LogicalAnd)
  STUB_ADD(LogicalNot) STUB_ADD(LogicalOr) STUB_ADD(Logistic) STUB_ADD(LogSoftmax)
  STUB_ADD(Maximum) STUB_ADD(MaxPool2D) STUB_ADD(MirrorPad) STUB_ADD(Mean) STUB_ADD(Minimum)
  STUB_ADD(Mul) STUB_ADD(Neg) STUB_ADD(NotEqual) STUB_ADD(OverlapAdd) STUB_ADD(Pack)
  STUB_ADD(Pad) STUB_ADD(PadV2) STUB_ADD(PCAN) STUB_ADD(Prelu) STUB_ADD(Quantize)
  STUB_ADD(ReadVariable) STUB_ADD(ReduceAll) STUB_ADD(ReduceMax) STUB_ADD(ReduceMin)
  STUB_ADD(Relu) STUB_ADD(Relu6) STUB_ADD(Reshape) STUB_ADD(ResizeBilinear)
  STUB_ADD(ResizeNearestNeighbor) STUB_ADD(ReverseV2) STUB_ADD(Rfft) STUB_ADD(Round)
  STUB_ADD(Rsqrt) STUB_ADD(SelectV2) STUB_ADD(Shape) STUB_ADD(Sin) STUB_ADD(Slice)
  STUB_ADD(Softmax) STUB_ADD(SpaceToBatchNd) STUB_ADD(SpaceToDepth) STUB_ADD(Split)
  STUB_ADD(SplitV) STUB_ADD(Squeeze) STUB_ADD(Sqrt) STUB_ADD(Square) STUB_ADD(SquaredDifference)
  STUB_ADD(StridedSlice) STUB_ADD(Stacker) STUB_ADD(Sub) STUB_ADD(Sum) STUB_ADD(Svdf)
  STUB_ADD(Tanh) STUB_ADD(TransposeConv) STUB_ADD(Transpose) STUB_ADD(Unpack)
  STUB_ADD(UnidirectionalSequenceLSTM) STUB_ADD(VarHandle) STUB_ADD(While) STUB_ADD(Window)
  STUB_ADD(ZerosLike)
};
STUB_END
