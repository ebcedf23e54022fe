/* Fixed-point rescaling, bit for bit as TensorFlow Lite for Microcontrollers does it.
 *
 * A scale is multiplier * 2^(shift - 31) with multiplier in [2^30, 2^31). TFLM rounds twice:
 * once in a doubling high multiply, once in a rounding shift to the right. The formulas are those
 * of gemmlowp's fixedpoint/fixedpoint.h (SaturatingRoundingDoublingHighMul, RoundingDivideByPOT)
 * and of tflite-micro's kernels/internal/common.cc (MultiplyByQuantizedMultiplier).
 *
 * C11, no heap, no input or output; for bare metal as well as for desktops. A shift to the right
 * of a negative number is arithmetic with every compiler for these.
 */
#ifndef TINYGAUGE_REQUANT_H
#define TINYGAUGE_REQUANT_H

#include <stdint.h>

typedef struct {
  int32_t multiplier; /* in [2^30, 2^31), or 0 */
  int32_t shift;      /* positive to the left; -31 to 30 */
} tg_scale;

/* The high half of 2ab, rounded to nearest. Ties go up: gemmlowp nudges by 2^30 or 1 - 2^30 and
 * then truncates, which is the floor of (ab + 2^30) / 2^31 for both signs. */
static inline int32_t tg_high_mul(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) {
    return INT32_MAX;
  }
  return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* x / 2^exponent rounded to nearest, ties away from zero; exponent in 0..31. */
static inline int32_t tg_round_shift(int32_t x, int32_t exponent) {
  const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1u);
  const int32_t threshold = (mask >> 1) + (x < 0);
  return (x >> exponent) + ((x & mask) > threshold);
}

/* Shift to the left without a trap: bits beyond 32 are lost, as on the processors. */
static inline int32_t tg_shift_left(int32_t x, int32_t bits) {
  return (int32_t)((uint32_t)x << bits);
}

/* Sum without a trap, modulo 2^32. */
static inline int32_t tg_wrap_add(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* Two roundings: TFLM, CMSIS-NN and others. */
static inline int32_t tg_rescale(int32_t x, tg_scale scale) {
  const int32_t left = scale.shift > 0 ? scale.shift : 0;
  const int32_t right = scale.shift > 0 ? 0 : -scale.shift;
  return tg_round_shift(tg_high_mul(tg_shift_left(x, left), scale.multiplier), right);
}

/* One rounding: ties go up. Not used by TFLM's default build. */
static inline int32_t tg_rescale_once(int32_t x, tg_scale scale) {
  const int32_t total = 31 - scale.shift; /* 1..62 */
  return (int32_t)(((int64_t)x * scale.multiplier + (INT64_C(1) << (total - 1))) >> total);
}

/* 64-bit accumulators (int16 activations): the multiplier is cut to 16 bits first. */
static inline int32_t tg_rescale_wide(int64_t x, tg_scale scale) {
  const int32_t reduced =
      scale.multiplier < 0x7FFF0000 ? (scale.multiplier + (1 << 15)) >> 16 : 0x7FFF;
  const int32_t total = 15 - scale.shift; /* 8..46 */
  const uint64_t product = (uint64_t)x * (uint64_t)(int64_t)reduced;
  return (int32_t)((int64_t)(product + (UINT64_C(1) << (total - 1))) >> total);
}

static inline int32_t tg_clamp(int32_t x, int32_t low, int32_t high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

#endif
