// Stands in for TFLM's header where generated code is compiled in tests: our own text.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

STUB_BEGIN
class MicroAllocator {
 public:
  static MicroAllocator* Create(std::uint8_t* arena, std::size_t arena_bytes) {
    static MicroAllocator allocator;
    return arena != nullptr && arena_bytes > 0 ? &allocator : nullptr;
  }
};
STUB_END
