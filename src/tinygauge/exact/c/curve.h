/* The logistic function and tanh of int16, between the entries of a table.
 *
 * After tflite-micro's kernels/internal/reference/integer_ops/{logistic,tanh}.h.
 */
#ifndef TINYGAUGE_CURVE_H
#define TINYGAUGE_CURVE_H

#include "kernels.h"

/* One value of the logistic function, or of tanh(x) = 2 logistic(2x) - 1, between two entries. */
static inline int16_t tg_curve_between(int32_t x, int32_t is_tanh, const uint16_t *table) {
  const int32_t bits = is_tanh ? 8 : 9; /* of the fraction between two entries */
  const uint32_t size = (uint32_t)(x < 0 ? -x : x);
  const uint32_t index = size >> bits;
  uint32_t result;
  if (index >= 255) {
    result = is_tanh ? UINT32_C(0xFFFF) << 8 : UINT32_C(0x7FFF) << 10;
  } else {
    const uint32_t fraction = size & ((1u << bits) - 1u);
    result = ((uint32_t)table[index] << bits) + fraction * (uint32_t)(table[index + 1] - table[index]);
  }
  if (is_tanh) {
    const int32_t centred = (int32_t)result - (1 << 23);
    return (int16_t)((x >= 0 ? centred + (1 << 7) : -centred + (1 << 7) - 1) >> 8);
  }
  result = x >= 0 ? result + (1u << 9) : (1u << 25) - result + (1u << 9) - 1u;
  return (int16_t)(result >> 10);
}

static inline int16_t tg_curve_value(const tg_curve *p, const uint16_t *table, int32_t x) {
  const int32_t multiplier = p->multiplier ? p->multiplier : 3 << p->shift;
  const int32_t shift = p->multiplier ? p->shift : 0;
  const int32_t half = shift > 0 ? 1 << (shift - 1) : 0;
  return tg_curve_between((x * multiplier + half) >> shift, p->is_tanh, table);
}

#endif
