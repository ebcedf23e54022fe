// Stands in for TFLM's header where generated code is compiled in tests: our own text.
#pragma once

namespace tflite {
struct Model;
inline const Model* GetModel(const void* data) { return static_cast<const Model*>(data); }
}  // namespace tflite
