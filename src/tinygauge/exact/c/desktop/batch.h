/* Kernels for a batch of inputs on a desktop: the results of kernels.h, sooner.
 *
 * Images are staged first: what lies outside is filled in by the zero point, and values become
 * int16 or uint8 (stored + 128) or stay int8, whichever the inner loops of the processor multiply
 * best. The bias takes up the zero point and the 128. Python packs weights and bias
 * (tinygauge.exact.packing); levels.c chooses the loops.
 */
#ifndef TINYGAUGE_BATCH_H
#define TINYGAUGE_BATCH_H

#include <stddef.h>

#include "../kernels.h"

#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
#define TG_X86 1
#else
#define TG_X86 0
#endif
#if defined(__aarch64__) && !defined(__AARCH64EB__) && (defined(__GNUC__) || defined(__clang__))
#define TG_ARM 1
#else
#define TG_ARM 0
#endif
/* Older compilers know dot products only where every function may use them. */
#if TG_ARM && (defined(__ARM_FEATURE_DOTPROD) || \
               (defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 8))
#define TG_ARM_DOTPROD 1
#else
#define TG_ARM_DOTPROD 0
#endif

/* How sums become outputs. */
enum { TG_TWO_ROUNDINGS = 0, TG_FLOAT_ROUNDING = 1, TG_TIES_UP = 2 };

/* The instruction sets that inner loops may exist for: tinygauge.exact.library.LEVELS. */
enum {
  TG_PORTABLE_LEVEL = 0,
  TG_AVX2_LEVEL = 1,
  TG_AVX512_LEVEL = 2,
  TG_NEON_LEVEL = 3,
  TG_DOTPROD_LEVEL = 4,
  TG_LEVELS = 5
};

/* Patches at a time, channels that weights are packed by, and lanes of a depthwise row. */
enum { TG_PATCHES = 16, TG_COLUMNS = 16, TG_LANES = 64 };

/* A convolution as tinygauge.exact.packing prepares it for a level. */
typedef struct {
  tg_window window;
  int32_t rounding;
  int32_t level;
  int32_t is_quick;           /* whether all shifts are in -22..-1 */
  int32_t runs;               /* dense: a patch is so many runs of values that lie together */
  int32_t run;                /* values in each, filled up to a multiple of 4 with weights of 0 */
  int32_t taps;               /* depthwise: products in a sum, filled up to a multiple of 4 */
  int32_t patterns;           /* depthwise: blocks of lanes after which channels repeat */
  const void *weights;        /* in the order and width that the level reads */
  const int32_t *bias;        /* one a lane, like those below */
  const int32_t *multipliers;
  const int32_t *shifts;
  const float *factors;
} tg_batch_conv;

/* What the filter meets at some output positions. */
typedef struct {
  const uint8_t *starts[TG_PATCHES]; /* behind `count`, the first one's again */
  const ptrdiff_t *offsets;          /* bytes from a start to each run */
  int32_t count;
} tg_patches;

/* The inner loops of one instruction set. Values are staged before: put into the type that the
 * loops multiply, `width` bytes each. Up to TG_SLACK bytes may be read behind the last one. */
typedef struct {
  int32_t width;
  void (*stage)(const int8_t *x, size_t count, uint8_t *to);
  /* All channels of some patches: y[patch * out_c + channel]. */
  void (*dense)(const tg_batch_conv *p, const tg_patches *patches, int8_t *y);
  /* One row of a depthwise convolution: `count` lanes from the places that `taps` point to. */
  void (*depthwise)(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count, int8_t *y);
  /* y = a + b, or a - b, all of them scaled; p->left_shift is 20. */
  void (*add)(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b, int8_t *y);
} tg_loops;

enum { TG_SLACK = 2 * TG_LANES };

extern const tg_loops tg_portable_loops;
#if TG_X86
extern const tg_loops tg_avx2_loops, tg_avx512_loops;
#endif
#if TG_ARM
extern const tg_loops tg_neon_loops;
#endif
#if TG_ARM_DOTPROD
extern const tg_loops tg_dotprod_loops;
#endif

/* The loops of a level; NULL if this machine has none. */
const tg_loops *tg_loops_of(int32_t level);

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

/* One result of adding, or of subtracting. */
static inline int32_t tg_add_values(const tg_pair *p, int32_t a, int32_t b) {
  const int32_t left = tg_rescale(tg_shift_left(a - p->a_zero, 20), p->a);
  const int32_t right = tg_rescale(tg_shift_left(b - p->b_zero, 20), p->b);
  const int32_t sum = tg_rescale(p->negate_b ? left - right : left + right, p->out);
  return tg_clamp(sum + p->out_zero, p->low, p->high);
}

#endif
