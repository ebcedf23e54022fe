/* Reference kernel of BATCH_MATMUL: one product of two matrices.
 *
 * After tflite-micro's kernels/internal/reference/batch_matmul.h.
 */
#include "kernels.h"

#define DEFINE_MULTIPLY(NAME, VALUE, SUM, UNSIGNED_SUM, RESCALE, LOWEST, HIGHEST)              \
  void NAME(const tg_matrices *p, const VALUE *a, const VALUE *b, VALUE *y) {                  \
    for (int32_t row = 0; row < p->rows; ++row) {                                             \
      for (int32_t column = 0; column < p->columns; ++column) {                               \
        UNSIGNED_SUM sum = 0;                                                                 \
        for (int32_t k = 0; k < p->depth; ++k) {                                              \
          const SUM left = a[row * p->a_row + k * p->a_depth] - p->a_zero;                    \
          const SUM right = b[k * p->b_depth + column * p->b_column] - p->b_zero;             \
          sum += (UNSIGNED_SUM)(left * right);                                                \
        }                                                                                     \
        const int32_t value = tg_wrap_add(RESCALE((SUM)sum, p->scale), p->out_zero);          \
        *y++ = (VALUE)tg_clamp(value, LOWEST, HIGHEST);                                       \
      }                                                                                       \
    }                                                                                         \
  }

DEFINE_MULTIPLY(tg_multiply_matrices_s8, int8_t, int32_t, uint32_t, tg_rescale, INT8_MIN, INT8_MAX)
DEFINE_MULTIPLY(tg_multiply_matrices_s16, int16_t, int64_t, uint64_t, tg_rescale_wide, INT16_MIN,
                INT16_MAX)
