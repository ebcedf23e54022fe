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

/* On Windows, Clang's immintrin.h was cut to what the whole file may use, until version 19. */
#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__)) && \
    !(defined(_MSC_VER) && __clang_major__ < 19)
#define TG_X86 1
#else
#define TG_X86 0
#endif
/* Compilers of 2021 and later know AVX-VNNI. */
#if TG_X86 && (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)
#define TG_AVXVNNI 1
#else
#define TG_AVXVNNI 0
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
  TG_AVXVNNI_LEVEL = 2,
  TG_AVX512_LEVEL = 3,
  TG_NEON_LEVEL = 4,
  TG_DOTPROD_LEVEL = 5,
  TG_LEVELS = 6
};

/* Patches at a time, channels that weights are packed by, and lanes of a depthwise row. */
enum { TG_PATCHES = 16, TG_COLUMNS = 16, TG_LANES = 64 };

/* A convolution as tinygauge.exact.packing prepares it for a level. */
typedef struct {
  tg_window window;
  int32_t rounding;
  int32_t level;
  int32_t is_wide;            /* whether inputs and outputs are int16 */
  int32_t is_quick;           /* whether tg_quick finishes all sums; always if wide */
  int32_t runs;               /* dense: a patch is so many runs of values that lie together */
  int32_t run;                /* values in each, filled up with weights of 0 */
  int32_t taps;               /* depthwise: products in a sum, filled up to a multiple of 4 */
  int32_t rows;               /* depthwise: rows at a time, each with weights for all taps */
  int32_t patterns;           /* depthwise: blocks of lanes after which channels repeat */
  const void *weights;        /* in the order and width that the level reads */
  const int32_t *bias;        /* one a lane, like those below */
  const int32_t *multipliers;
  const int32_t *shifts;
  const float *factors;
  const int64_t *quick;       /* (lanes / 16, 6, 8): see below */
} tg_batch_conv;

/* tg_quick: where all shifts are quick, both roundings of tg_rescale and the zero point take one
 * sum in 64 bits. With a multiplier > 0 and a shift to the right of s = 1..22,
 *   floor((x * multiplier + 2^30 + (2^(s-1) - [x < 0]) * 2^31) / 2^(31+s)) + zero,
 * as the floor of a floor is one, and as ties away from zero are ties up where 1 was taken off
 * from what is negative; where ties go up, nothing is taken off. Of 16 lanes, `quick` has the
 * multipliers of the even and of the odd ones, then their nudges, 2^30 + 2^(30+s) +
 * zero * 2^(31+s), and then their shifts, 31 + s; those of the odd ones are 32 less, which leaves
 * their results in the upper half. */
enum { TG_QUICK = 48 }; /* numbers of 16 lanes */

static inline int64_t tg_nudge_of(int32_t right, int32_t zero) {
  return (INT64_C(1) << 30) + (INT64_C(1) << (30 + right)) + zero * (INT64_C(1) << (31 + right));
}

/* int16 values have scales of 16 bits (tg_rescale_wide), so their multipliers here are 2^16 times
 * those, their nudges 2^(30+s), and nothing is taken off. Sums fit into 32 bits: packing sees to
 * it, and leaves the others to the reference kernels. */

/* What the filter meets at some output positions. */
typedef struct {
  const uint8_t *starts[TG_PATCHES]; /* behind `count`, the first one's again */
  const ptrdiff_t *offsets;          /* bytes from a start to each run */
  int32_t count;
} tg_patches;

/* The inner loops of one instruction set; those with a width of 2 take int16 values as well. Values are staged before: put into the type that the
 * loops multiply, `width` bytes each. Up to TG_SLACK bytes may be read behind the last one. */
typedef struct {
  int32_t width;
  void (*stage)(const int8_t *x, size_t count, uint8_t *to);
  /* All channels of some patches: y[patch * out_c + channel], int16 if wide. */
  void (*dense)(const tg_batch_conv *p, const tg_patches *patches, int8_t *y);
  /* Row after row (p->rows) of a depthwise convolution: `count` lanes each, from the places that
   * `taps` point to. */
  void (*depthwise)(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count, int8_t *y);
  /* y = a + b, or a - b, all of them scaled; p->left_shift is 20. */
  void (*add)(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b, int8_t *y);
} tg_loops;

enum { TG_SLACK = 2 * TG_LANES };

extern const tg_loops tg_portable_loops;
#if TG_X86
extern const tg_loops tg_avx2_loops, tg_avx512_loops;
#endif
#if TG_AVXVNNI
extern const tg_loops tg_avxvnni_loops;
#endif
#if TG_ARM
extern const tg_loops tg_neon_loops;
#endif
#if TG_ARM_DOTPROD
extern const tg_loops tg_dotprod_loops;
#endif

/* The loops of a level that tg_has_level knows. */
const tg_loops *tg_loops_of(int32_t level);
/* Whether the processor can run the loops of a level, if there are any. */
int tg_can_run(int32_t level);

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

/* tg_rescale of (stored - zero) * 2^20 in 32 bits, for scales below 1/2 or of 2^-n. With d =
 * stored - zero, s the shift to the right and m = high * 2^15 + low the multiplier, it is
 *   floor((d * m + 2^10 + 2^(10+s) - [d < 0] * 2^11) / 2^(11+s)),
 * as in tg_quick, with 2^20 taken out; and floor((d * high * 2^15 + rest) / 2^(11+s)) is
 * floor((d * high * 2^left + floor(rest / 2^before)) / 2^after). A multiplier of 2^30 leaves
 * d * 2^left. */
typedef struct {
  int32_t is_known;    /* or else tg_rescale is called for */
  int32_t is_power;
  int32_t zero, high, low, nudge, before, left, after;
} tg_operand;

static inline tg_operand tg_operand_of(tg_scale scale, int32_t zero) {
  tg_operand o = {0, 0, zero, 0, 0, 0, 0, 0, 0};
  const int32_t right = -scale.shift;
  if (scale.multiplier == 1 << 30 && right >= 0 && right <= 19) {
    o.is_known = o.is_power = 1;
    o.left = 19 - right;
  } else if (scale.multiplier > 0 && right >= 1 && right <= 19) {
    o.is_known = 1;
    o.high = scale.multiplier >> 15;
    o.low = scale.multiplier & 0x7FFF;
    o.nudge = (1 << 10) + (1 << (10 + right));
    o.before = 11 + right < 15 ? 11 + right : 15;
    o.left = 15 - o.before;
    o.after = 11 + right - o.before;
  }
  return o;
}

/* Whether all of a pair's scales are of the usual kinds, and tg_quick finishes its sums. */
static inline int32_t tg_is_usual(const tg_pair *p) {
  return tg_operand_of(p->a, p->a_zero).is_known && tg_operand_of(p->b, p->b_zero).is_known &&
         p->out.multiplier > 0 && p->out.shift >= -22 && p->out.shift <= -1;
}

/* One result of adding, or of subtracting. */
static inline int32_t tg_add_values(const tg_pair *p, int32_t a, int32_t b) {
  const int32_t left = tg_rescale(tg_shift_left(a - p->a_zero, p->left_shift), p->a);
  const int32_t right = tg_rescale(tg_shift_left(b - p->b_zero, p->left_shift), p->b);
  const int32_t sum = tg_rescale(tg_wrap_add(left, p->negate_b ? -right : right), p->out);
  return tg_clamp(tg_wrap_add(sum, p->out_zero), p->low, p->high);
}

#endif
