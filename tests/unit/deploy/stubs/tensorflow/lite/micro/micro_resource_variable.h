// Stands in for TFLM's header where generated code is compiled in tests: our own text.
#pragma once

#include "tensorflow/lite/micro/micro_allocator.h"

STUB_BEGIN
class MicroResourceVariables {
 public:
  int room = 0;
  static MicroResourceVariables* Create(MicroAllocator*, int num_variables) {
    static MicroResourceVariables variables;
    variables.room = num_variables;
    return &variables;
  }
};
STUB_END
