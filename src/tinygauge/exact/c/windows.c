/* Reference kernels of ops that move a filter over an image: convolutions and pooling.
 *
 * The order of ops, and what is left out at the borders, are those of tflite-micro's
 * kernels/internal/reference/integer_ops/{conv,depthwise_conv,transpose_conv,pooling}.h.
 */
#include "kernels.h"

/* The part of a filter that lies inside the image, for one output position along one axis. */
typedef struct {
  int32_t origin, begin, end;
} reach;

static reach reach_of(int32_t out, int32_t stride, int32_t pad, int32_t dilation, int32_t filter,
                      int32_t in) {
  reach r = {out * stride - pad, 0, filter};
  while (r.begin < r.end && r.origin + dilation * r.begin < 0) {
    ++r.begin;
  }
  while (r.end > r.begin && r.origin + dilation * (r.end - 1) >= in) {
    --r.end;
  }
  return r;
}

static reach rows_of(const tg_window *p, int32_t out_y) {
  return reach_of(out_y, p->stride_h, p->pad_h, p->dilation_h, p->filter_h, p->in_h);
}

static reach columns_of(const tg_window *p, int32_t out_x) {
  return reach_of(out_x, p->stride_w, p->pad_w, p->dilation_w, p->filter_w, p->in_w);
}

static int8_t finish_s8(const tg_window *p, int32_t sum, tg_scale scale) {
  return (int8_t)tg_clamp(tg_wrap_add(tg_rescale(sum, scale), p->out_zero), p->low, p->high);
}

static int16_t finish_s16(const tg_window *p, int64_t sum, tg_scale scale) {
  return (int16_t)tg_clamp(tg_rescale_wide(sum, scale), p->low, p->high);
}

#define DEFINE_CONV(NAME, VALUE, SUM, UNSIGNED_SUM, FINISH)                                     \
  void NAME(const tg_window *p, const VALUE *x, const int8_t *weights, const SUM *bias,         \
            const tg_scale *scales, VALUE *y) {                                                 \
    const int32_t per_group = p->out_c / (p->in_c / p->filter_c);                               \
    for (int32_t out_y = 0; out_y < p->out_h; ++out_y) {                                        \
      const reach rows = rows_of(p, out_y);                                                     \
      for (int32_t out_x = 0; out_x < p->out_w; ++out_x) {                                      \
        const reach columns = columns_of(p, out_x);                                             \
        for (int32_t c = 0; c < p->out_c; ++c) {                                                \
          UNSIGNED_SUM sum = bias ? (UNSIGNED_SUM)bias[c] : 0;                                  \
          for (int32_t fy = rows.begin; fy < rows.end; ++fy) {                                  \
            const int32_t in_y = rows.origin + p->dilation_h * fy;                              \
            for (int32_t fx = columns.begin; fx < columns.end; ++fx) {                          \
              const int32_t in_x = columns.origin + p->dilation_w * fx;                         \
              const VALUE *pixel =                                                              \
                  x + (in_y * p->in_w + in_x) * p->in_c + c / per_group * p->filter_c;          \
              const int8_t *taps =                                                              \
                  weights + ((c * p->filter_h + fy) * p->filter_w + fx) * p->filter_c;          \
              for (int32_t i = 0; i < p->filter_c; ++i) {                                       \
                sum += (UNSIGNED_SUM)(SUM)((pixel[i] - p->in_zero) * taps[i]);                  \
              }                                                                                 \
            }                                                                                   \
          }                                                                                     \
          *y++ = FINISH(p, (SUM)sum, scales[c]);                                                \
        }                                                                                       \
      }                                                                                         \
    }                                                                                           \
  }

DEFINE_CONV(tg_conv_s8, int8_t, int32_t, uint32_t, finish_s8)
DEFINE_CONV(tg_conv_s16, int16_t, int64_t, uint64_t, finish_s16)

#define DEFINE_DEPTHWISE(NAME, VALUE, SUM, UNSIGNED_SUM, FINISH)                                \
  void NAME(const tg_window *p, const VALUE *x, const int8_t *weights, const SUM *bias,         \
            const tg_scale *scales, VALUE *y) {                                                 \
    const int32_t multiplier = p->out_c / p->in_c;                                              \
    for (int32_t out_y = 0; out_y < p->out_h; ++out_y) {                                        \
      const reach rows = rows_of(p, out_y);                                                     \
      for (int32_t out_x = 0; out_x < p->out_w; ++out_x) {                                      \
        const reach columns = columns_of(p, out_x);                                             \
        for (int32_t c = 0; c < p->out_c; ++c) {                                                \
          UNSIGNED_SUM sum = bias ? (UNSIGNED_SUM)bias[c] : 0;                                  \
          for (int32_t fy = rows.begin; fy < rows.end; ++fy) {                                  \
            const int32_t in_y = rows.origin + p->dilation_h * fy;                              \
            for (int32_t fx = columns.begin; fx < columns.end; ++fx) {                          \
              const int32_t in_x = columns.origin + p->dilation_w * fx;                         \
              const VALUE value = x[(in_y * p->in_w + in_x) * p->in_c + c / multiplier];        \
              const int8_t tap = weights[(fy * p->filter_w + fx) * p->out_c + c];               \
              sum += (UNSIGNED_SUM)(SUM)((value - p->in_zero) * tap);                           \
            }                                                                                   \
          }                                                                                     \
          *y++ = FINISH(p, (SUM)sum, scales[c]);                                                \
        }                                                                                       \
      }                                                                                         \
    }                                                                                           \
  }

DEFINE_DEPTHWISE(tg_depthwise_s8, int8_t, int32_t, uint32_t, finish_s8)
DEFINE_DEPTHWISE(tg_depthwise_s16, int16_t, int64_t, uint64_t, finish_s16)

/* Every input value is spread over the outputs that the filter reaches from it. */
#define DEFINE_TRANSPOSE_CONV(NAME, VALUE, SUM, UNSIGNED_SUM, FINISH)                           \
  static void NAME##_spread(const tg_window *p, const VALUE *pixel, const int8_t *weights,      \
                            int32_t in_y, int32_t in_x, SUM *sums) {                            \
    for (int32_t fy = 0; fy < p->filter_h; ++fy) {                                              \
      const int32_t out_y = in_y * p->stride_h - p->pad_h + fy;                                 \
      for (int32_t fx = 0; fx < p->filter_w; ++fx) {                                            \
        const int32_t out_x = in_x * p->stride_w - p->pad_w + fx;                               \
        if (out_y < 0 || out_y >= p->out_h || out_x < 0 || out_x >= p->out_w) {                 \
          continue;                                                                             \
        }                                                                                       \
        for (int32_t c = 0; c < p->out_c; ++c) {                                                \
          const int8_t *taps = weights + ((c * p->filter_h + fy) * p->filter_w + fx) * p->in_c; \
          SUM *sum = sums + (out_y * p->out_w + out_x) * p->out_c + c;                          \
          for (int32_t i = 0; i < p->in_c; ++i) {                                               \
            const SUM product = (SUM)((pixel[i] - p->in_zero) * taps[i]);                       \
            *sum = (SUM)((UNSIGNED_SUM)*sum + (UNSIGNED_SUM)product);                           \
          }                                                                                     \
        }                                                                                       \
      }                                                                                         \
    }                                                                                           \
  }                                                                                             \
  void NAME(const tg_window *p, const VALUE *x, const int8_t *weights, const SUM *bias,         \
            const tg_scale *scales, SUM *sums, VALUE *y) {                                      \
    const int32_t pixels = p->out_h * p->out_w;                                                 \
    for (int32_t i = 0; i < pixels * p->out_c; ++i) {                                           \
      sums[i] = bias ? bias[i % p->out_c] : 0;                                                  \
    }                                                                                           \
    for (int32_t in_y = 0; in_y < p->in_h; ++in_y) {                                            \
      for (int32_t in_x = 0; in_x < p->in_w; ++in_x) {                                          \
        NAME##_spread(p, x + (in_y * p->in_w + in_x) * p->in_c, weights, in_y, in_x, sums);     \
      }                                                                                         \
    }                                                                                           \
    for (int32_t i = 0; i < pixels * p->out_c; ++i) {                                           \
      y[i] = FINISH(p, sums[i], scales[i % p->out_c]);                                          \
    }                                                                                           \
  }

DEFINE_TRANSPOSE_CONV(tg_transpose_conv_s8, int8_t, int32_t, uint32_t, finish_s8)
DEFINE_TRANSPOSE_CONV(tg_transpose_conv_s16, int16_t, int64_t, uint64_t, finish_s16)

/* The mean is rounded to nearest, half away from zero, over the part inside the image. */
static int32_t rounded_mean(int32_t sum, int32_t count) {
  return sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
}

#define DEFINE_POOLS(AVERAGE, MAX, VALUE, LOWEST)                                               \
  void AVERAGE(const tg_window *p, const VALUE *x, VALUE *y) {                                  \
    for (int32_t out_y = 0; out_y < p->out_h; ++out_y) {                                        \
      const reach rows = rows_of(p, out_y);                                                     \
      for (int32_t out_x = 0; out_x < p->out_w; ++out_x) {                                      \
        const reach columns = columns_of(p, out_x);                                             \
        const int32_t count = (rows.end - rows.begin) * (columns.end - columns.begin);          \
        for (int32_t c = 0; c < p->out_c; ++c) {                                                \
          int32_t sum = 0;                                                                      \
          for (int32_t fy = rows.begin; fy < rows.end; ++fy) {                                  \
            for (int32_t fx = columns.begin; fx < columns.end; ++fx) {                          \
              sum += x[((rows.origin + fy) * p->in_w + columns.origin + fx) * p->in_c + c];     \
            }                                                                                   \
          }                                                                                     \
          *y++ = (VALUE)tg_clamp(rounded_mean(sum, count), p->low, p->high);                    \
        }                                                                                       \
      }                                                                                         \
    }                                                                                           \
  }                                                                                             \
  void MAX(const tg_window *p, const VALUE *x, VALUE *y) {                                      \
    for (int32_t out_y = 0; out_y < p->out_h; ++out_y) {                                        \
      const reach rows = rows_of(p, out_y);                                                     \
      for (int32_t out_x = 0; out_x < p->out_w; ++out_x) {                                      \
        const reach columns = columns_of(p, out_x);                                             \
        for (int32_t c = 0; c < p->out_c; ++c) {                                                \
          VALUE most = LOWEST;                                                                  \
          for (int32_t fy = rows.begin; fy < rows.end; ++fy) {                                  \
            for (int32_t fx = columns.begin; fx < columns.end; ++fx) {                          \
              const VALUE value =                                                               \
                  x[((rows.origin + fy) * p->in_w + columns.origin + fx) * p->in_c + c];        \
              most = value > most ? value : most;                                               \
            }                                                                                   \
          }                                                                                     \
          *y++ = (VALUE)tg_clamp(most, p->low, p->high);                                        \
        }                                                                                       \
      }                                                                                         \
    }                                                                                           \
  }

DEFINE_POOLS(tg_average_pool_s8, tg_max_pool_s8, int8_t, INT8_MIN)
DEFINE_POOLS(tg_average_pool_s16, tg_max_pool_s16, int16_t, INT16_MIN)
