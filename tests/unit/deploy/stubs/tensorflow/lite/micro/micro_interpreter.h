// Stands in for TFLM's header where generated code is compiled in tests: our own text.
// An op count that is not exactly the resolver's room fails in AllocateTensors; what is written
// to input 0 is what output 0 reads; with variables, arena_used_bytes is their number.
#pragma once

#include "tensorflow/lite/micro/micro_resource_variable.h"
#include "tensorflow/lite/schema/schema_generated.h"

STUB_BEGIN
union TfLitePtrUnion {
  void* data;
};
struct TfLiteTensor {
  TfLitePtrUnion data;
};

class MicroInterpreter {
 public:
  MicroInterpreter(const Model*, const MicroOpResolver& resolver, std::uint8_t* arena,
                   std::size_t arena_bytes)
      : resolver_(resolver), used_(arena_bytes) {
    tensor_.data.data = arena;
  }
  MicroInterpreter(const Model*, const MicroOpResolver& resolver, MicroAllocator*,
                   MicroResourceVariables* variables)
      : resolver_(resolver), used_(static_cast<std::size_t>(variables->room)) {
    static std::uint8_t arena[1024];
    tensor_.data.data = arena;
  }
  TfLiteStatus AllocateTensors() {
    return resolver_.registered == resolver_.room ? kTfLiteOk : kTfLiteError;
  }
  TfLiteStatus Invoke() { return kTfLiteOk; }
  TfLiteTensor* input(std::size_t) { return &tensor_; }
  TfLiteTensor* output(std::size_t) { return &tensor_; }
  std::size_t arena_used_bytes() const { return used_; }

 private:
  const MicroOpResolver& resolver_;
  std::size_t used_;
  TfLiteTensor tensor_;
};
STUB_END
