/* Reference kernels over a batch: grouped and transposed convolutions, and int16. */
#include <stdlib.h>

#include "batch.h"

enum { CONV = 0, DEPTHWISE = 1, TRANSPOSE = 2 };

#define DEFINE_LOOP(NAME, VALUE, SUM, CONV_KERNEL, DEPTHWISE_KERNEL, TRANSPOSE_KERNEL)             \
  int32_t NAME(const tg_window *w, int32_t kind, int32_t n, const VALUE *x,              \
                         const int8_t *weights, const SUM *bias, const tg_scale *scales, VALUE *y); \
  int32_t NAME(const tg_window *w, int32_t kind, int32_t n, const VALUE *x, const int8_t *weights, \
               const SUM *bias, const tg_scale *scales, VALUE *y) {                                \
    const size_t in = (size_t)(w->in_h * w->in_w * w->in_c);                                       \
    const size_t out = (size_t)(w->out_h * w->out_w * w->out_c);                                   \
    SUM *sums = kind == TRANSPOSE ? (SUM *)malloc(out * sizeof *sums) : NULL;                      \
    if (kind == TRANSPOSE && !sums) {                                                              \
      return -1;                                                                                   \
    }                                                                                              \
    for (int32_t i = 0; i < n; ++i, x += in, y += out) {                                           \
      if (kind == CONV) {                                                                          \
        CONV_KERNEL(w, x, weights, bias, scales, y);                                               \
      } else if (kind == DEPTHWISE) {                                                              \
        DEPTHWISE_KERNEL(w, x, weights, bias, scales, y);                                          \
      } else {                                                                                     \
        TRANSPOSE_KERNEL(w, x, weights, bias, scales, sums, y);                                    \
      }                                                                                            \
    }                                                                                              \
    free(sums);                                                                                    \
    return 0;                                                                                      \
  }

DEFINE_LOOP(tg_loop_convolve_s8, int8_t, int32_t, tg_conv_s8, tg_depthwise_s8, tg_transpose_conv_s8)
DEFINE_LOOP(tg_loop_convolve_s16, int16_t, int64_t, tg_conv_s16, tg_depthwise_s16,
            tg_transpose_conv_s16)

void tg_loop_pool_s16(const tg_window *w, int32_t is_max, int32_t n, const int16_t *x,
                                int16_t *y);
void tg_loop_pool_s16(const tg_window *w, int32_t is_max, int32_t n, const int16_t *x,
                      int16_t *y) {
  for (int32_t i = 0; i < n; ++i) {
    (is_max ? tg_max_pool_s16 : tg_average_pool_s16)(w, x, y);
    x += (size_t)(w->in_h * w->in_w * w->in_c);
    y += (size_t)(w->out_h * w->out_w * w->out_c);
  }
}
