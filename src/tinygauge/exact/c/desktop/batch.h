/* Kernels for a batch of inputs on a desktop: the results of kernels.h, sooner.
 *
 * Values are staged as uint8 (stored + 128), with what lies outside an image filled in by the zero
 * point; the bias takes up the difference, so that sums are products of uint8 and int8. Python
 * packs weights and bias (tinygauge.exact.packing).
 */
#ifndef TINYGAUGE_BATCH_H
#define TINYGAUGE_BATCH_H

#include <stddef.h>

#include "../kernels.h"

#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
#define TG_X86 1
#define TG_AVX2 __attribute__((target("avx2,fma")))
#define TG_AVX512 \
  __attribute__((target("avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#else
#define TG_X86 0
#endif

/* How sums become outputs. */
enum { TG_TWO_ROUNDINGS = 0, TG_FLOAT_ROUNDING = 1, TG_TIES_UP = 2 };

/* The instruction sets that a kernel exists for. */
enum { TG_PORTABLE = 0, TG_AVX2_LEVEL = 1, TG_AVX512_LEVEL = 2 };

/* Rows of images and channels of outputs that one tile has. */
enum { TG_ROWS = 8, TG_COLUMNS = 32, TG_LANES = 64 };

typedef struct {
  tg_window window;
  int32_t rounding;
  int32_t level;
  int32_t depth;              /* products in a sum, a multiple of 4 */
  int32_t patterns;           /* depthwise: blocks of lanes after which channels repeat */
  const int8_t *weights;      /* packed for the level */
  const int32_t *bias;        /* one a lane, like those below */
  const int32_t *multipliers;
  const int32_t *shifts;
  const float *factors;
} tg_batch_conv;

/* tg_rescale, but ties of the second rounding go up: LiteRT's optimised kernels on x86-64. */
static inline int32_t tg_rescale_ties_up(int32_t x, tg_scale scale) {
  const int32_t left = scale.shift > 0 ? scale.shift : 0;
  const int32_t right = scale.shift > 0 ? 0 : -scale.shift;
  const int32_t high = tg_high_mul(tg_shift_left(x, left), scale.multiplier);
  const int32_t half = (int32_t)((UINT32_C(1) << right) >> 1);
  return (high >> right) + ((high & half) != 0);
}

/* One result of a sum, by any of the roundings. */
static inline int32_t tg_finish(int32_t sum, int32_t multiplier, int32_t shift, float factor,
                                int32_t rounding, const tg_window *w) {
  const tg_scale scale = {multiplier, shift};
  int32_t value;
  if (rounding == TG_FLOAT_ROUNDING) {
    float real = (float)sum * factor;
    const float most = (float)(w->high - w->out_zero);
    const float least = (float)(w->low - w->out_zero);
    real = real > most ? most : real;
    real = real < least ? least : real;
    /* Adding 1.5 * 2^23 rounds to nearest, ties to even. */
    const volatile float shifted = real + 12582912.0f;
    value = (int32_t)(shifted - 12582912.0f);
  } else {
    value = rounding == TG_TIES_UP ? tg_rescale_ties_up(sum, scale) : tg_rescale(sum, scale);
  }
  return tg_clamp(tg_wrap_add(value, w->out_zero), w->low, w->high);
}

/* Put an image into `to` as uint8: rows of pixels by their column modulo the stride. */
void tg_stage(const tg_window *w, const int8_t *x, int32_t rows, int32_t columns, uint8_t *to);

/* sums[r][c] += the products of row r and column c. */
typedef void (*tg_tile)(const uint8_t *const rows[TG_ROWS], int32_t depth, const int8_t *weights,
                        int32_t sums[TG_ROWS][TG_COLUMNS]);
/* Finish sums of some rows and channels, to y with a row every `stride` bytes. */
typedef void (*tg_finish_tile)(const tg_batch_conv *p, int32_t first, int32_t rows, int32_t columns,
                               int32_t sums[TG_ROWS][TG_COLUMNS], int8_t *y, int32_t stride);
/* One row of a depthwise convolution: `count` lanes from the places that `taps` point to. */
typedef void (*tg_lane_row)(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                            int8_t *y);

/* y = a + b, or a - b, all of them scaled; p->left_shift is 20. */
typedef void (*tg_add)(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b, int8_t *y);

tg_tile tg_tile_for(int32_t level);
tg_add tg_add_for(int32_t level);
tg_finish_tile tg_finish_tile_for(int32_t level);
tg_lane_row tg_lane_row_for(int32_t level);

#endif
