/* Reference kernels of comparisons.
 *
 * After tflite-micro's kernels/internal/reference/comparisons.h.
 */
#include "kernels.h"

#define DEFINE_HOLDS(NAME, VALUE)                    \
  static uint8_t NAME(int32_t kind, VALUE a, VALUE b) { \
    switch (kind) {                                  \
      case TG_EQUAL:                                 \
        return a == b;                               \
      case TG_NOT_EQUAL:                             \
        return a != b;                               \
      case TG_GREATER:                               \
        return a > b;                                \
      case TG_GREATER_EQUAL:                         \
        return a >= b;                               \
      case TG_LESS:                                  \
        return a < b;                                \
      default:                                       \
        return a <= b;                               \
    }                                                \
  }

DEFINE_HOLDS(holds, int32_t)
DEFINE_HOLDS(holds_f32, float)

void tg_compare_s8(const tg_pair *p, int32_t kind, int32_t count, const int8_t *a, int32_t a_count,
                   const int8_t *b, int32_t b_count, uint8_t *y) {
  for (int32_t i = 0; i < count; ++i) {
    const int32_t shifted_a = tg_shift_left(a[i % a_count] - p->a_zero, p->left_shift);
    const int32_t shifted_b = tg_shift_left(b[i % b_count] - p->b_zero, p->left_shift);
    y[i] = holds(kind, tg_rescale(shifted_a, p->a), tg_rescale(shifted_b, p->b));
  }
}

#define DEFINE_COMPARE(NAME, VALUE, HOLDS)                                             \
  void NAME(int32_t kind, int32_t count, const VALUE *a, int32_t a_count, const VALUE *b, \
            int32_t b_count, uint8_t *y) {                                             \
    for (int32_t i = 0; i < count; ++i) {                                              \
      y[i] = HOLDS(kind, a[i % a_count], b[i % b_count]);                              \
    }                                                                                  \
  }

DEFINE_COMPARE(tg_compare_u8, uint8_t, holds)
DEFINE_COMPARE(tg_compare_s32, int32_t, holds)
DEFINE_COMPARE(tg_compare_f32, float, holds_f32)
