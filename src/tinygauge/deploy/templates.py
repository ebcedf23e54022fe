"""The generated files, as templates of `string.Template`.

The code includes TFLM's headers in ``model.cc`` alone, so that an application can be compiled
and tested without TFLM.

References
----------
.. [1] tensorflow/tflite-micro, tensorflow/lite/micro/micro_interpreter.h (constructors,
   AllocateTensors, Invoke, input, output, arena_used_bytes), micro_allocator.h and
   micro_resource_variable.h (Create).
"""

from __future__ import annotations

__all__ = ["FILES", "START", "START_WITH_VARIABLES"]

_MODEL_DATA_H = """\
$head
#ifndef ${guard}_MODEL_DATA_H_
#define ${guard}_MODEL_DATA_H_

#include <cstddef>

namespace $name {

constexpr std::size_t kModelDataBytes = $bytes;
extern const unsigned char kModelData[kModelDataBytes];

}  // namespace $name

#endif  // ${guard}_MODEL_DATA_H_
"""

_MODEL_DATA_CC = """\
$head
#include "model_data.h"

namespace $name {

// TFLM reads weights in place: the array must start at a multiple of 16.
alignas(16) const unsigned char kModelData[kModelDataBytes] = {
$array
};

}  // namespace $name
"""

_MODEL_H = """\
$head
#ifndef ${guard}_MODEL_H_
#define ${guard}_MODEL_H_

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace $name {

// What the model needs at most, as predicted, and a margin of 5 % (at least 256 bytes) for
// releases of TFLM whose structures differ. Once the model ran on your board, choose your own.
constexpr std::size_t kArenaNeededBytes = $needed;
constexpr std::size_t kArenaMarginBytes = $margin;
constexpr std::size_t kArenaBytes = kArenaNeededBytes + kArenaMarginBytes;

// Makes the interpreter. Call it once; false where an operator could not be registered or the
// arena is too small (TFLM's log says which).
bool Start();

// Runs the model on what is in its inputs; false where Start() did not succeed or an op failed.
bool Run();

// What the arena really holds; 0 before Start() succeeded.
std::size_t ArenaUsedBytes();

$quantize$ends}  // namespace $name

#endif  // ${guard}_MODEL_H_
"""

_MODEL_CC = """\
$head
#include "model.h"

#include "model_data.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
#include "tensorflow/lite/schema/schema_generated.h"

// Releases of TFLM differ in whether its classes are in tflite or in tflite::micro.
namespace tflite {
namespace micro {}
}  // namespace tflite

namespace $name {
namespace {

using namespace tflite;
using namespace tflite::micro;

// Exactly the operators of the model, in all its subgraphs.
using Resolver = MicroMutableOpResolver<$ops>;

alignas(16) std::uint8_t g_arena[kArenaBytes];
MicroInterpreter* g_interpreter = nullptr;

bool RegisterOps(Resolver& resolver) {
$register
}

}  // namespace

$start
bool Run() {
  return g_interpreter != nullptr && g_interpreter->Invoke() == kTfLiteOk;
}

std::size_t ArenaUsedBytes() {
  return g_interpreter == nullptr ? 0 : g_interpreter->arena_used_bytes();
}
$accessors
}  // namespace $name
"""

START = """\
bool Start() {
  if (g_interpreter != nullptr) return true;
  static Resolver resolver;
  if (!RegisterOps(resolver)) return false;
  static MicroInterpreter interpreter(GetModel(kModelData), resolver, g_arena, kArenaBytes);
  if (interpreter.AllocateTensors() != kTfLiteOk) return false;
  g_interpreter = &interpreter;
  return true;
}
"""

START_WITH_VARIABLES = """\
bool Start() {
  if (g_interpreter != nullptr) return true;
  static Resolver resolver;
  if (!RegisterOps(resolver)) return false;
  // The model keeps state between runs: its variables live in the arena too.
  MicroAllocator* allocator = MicroAllocator::Create(g_arena, kArenaBytes);
  if (allocator == nullptr) return false;
  MicroResourceVariables* variables = MicroResourceVariables::Create(allocator, $count);
  static MicroInterpreter interpreter(GetModel(kModelData), resolver, allocator, variables);
  if (interpreter.AllocateTensors() != kTfLiteOk) return false;
  g_interpreter = &interpreter;
  return true;
}
"""

_README = """\
# $name

Made by TinyGauge $version of $file, for $target.

| file | what it is |
| --- | --- |
| model_data.h, model_data.cc | the model's $bytes bytes, aligned to 16 |
| model.h | arena size, shapes, scales, conversions, Start(), Run(): includes nothing of TFLM |
| model.cc | the operators and the interpreter: the one file that includes TFLM |

## Adding it to a build

1. Put the folder beside your sources and compile both .cc files as C++17.
2. For model.cc, put TFLM and its third-party headers (flatbuffers, gemmlowp, ruy) on the include
   path, and define TF_LITE_STATIC_MEMORY as your build of TFLM does.
3. Link TFLM with the kernels of $engine, and implement DebugLog.

```cpp
#include <algorithm>

#include "model.h"

using namespace $name;

float FirstOutput() {
$example
}
```

Operators registered: $ops_text.

## Figures

Predicted, or counted, before any firmware was built.
The arena is $needed bytes, as predicted at most, and $margin bytes of margin (5 %, at least 256)
for releases of TFLM whose structures differ.
Where Start() returns false, read TFLM's log: a larger margin helps if the arena is too small.
Where it returns true, ArenaUsedBytes() tells what the arena holds.

| what | size |
| --- | --- |
$figures

The files are yours to use and change under the Apache License 2.0;
the model's bytes stay under their own terms.
"""

FILES = {
    "model_data.h": _MODEL_DATA_H,
    "model_data.cc": _MODEL_DATA_CC,
    "model.h": _MODEL_H,
    "model.cc": _MODEL_CC,
    "README.md": _README,
}
