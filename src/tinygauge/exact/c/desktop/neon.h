/* How sums become outputs on Arm's 64-bit processors, for the inner loops of both levels. */
#ifndef TINYGAUGE_NEON_H
#define TINYGAUGE_NEON_H

#include <arm_neon.h>

#include "batch.h"

/* The scales of 4 lanes. */
typedef struct {
  int32x4_t multiplier, left, right; /* right: a shift to the left by a negative number */
  float32x4_t factor;
} tg_lanes4;

static inline tg_lanes4 tg_lanes_of(int32x4_t multiplier, int32x4_t shift) {
  tg_lanes4 s;
  s.factor = vdupq_n_f32(0.0f);
  s.multiplier = multiplier;
  s.left = vmaxq_s32(shift, vdupq_n_s32(0));
  s.right = vminq_s32(shift, vdupq_n_s32(0));
  return s;
}

/* Load the scales of `count` times 4 lanes. */
static inline void tg_load_lanes(const tg_batch_conv *p, int32_t first, int32_t count,
                                 tg_lanes4 *scales) {
  for (int32_t i = 0; i < count; ++i, first += 4) {
    scales[i] = tg_lanes_of(vld1q_s32(p->multipliers + first), vld1q_s32(p->shifts + first));
    scales[i].factor = vld1q_f32(p->factors + first);
  }
}

/* tg_rescale_ties_up of 4 sums: both instructions round ties up, with room for the carry. */
static inline int32x4_t tg_rescale4_ties_up(int32x4_t x, const tg_lanes4 *s) {
  return vrshlq_s32(vqrdmulhq_s32(vshlq_s32(x, s->left), s->multiplier), s->right);
}

/* tg_rescale of 4 sums: where bits are shifted out, what lies below zero is lowered by one count
 * first, so that its ties go away from zero. */
static inline int32x4_t tg_rescale4(int32x4_t x, const tg_lanes4 *s) {
  const int32x4_t high = vqrdmulhq_s32(vshlq_s32(x, s->left), s->multiplier);
  const int32x4_t lower = vshrq_n_s32(vandq_s32(high, s->right), 31);
  return vrshlq_s32(vqaddq_s32(high, lower), s->right);
}

/* What all lanes have in common; a copy, as an output of bytes might change what p points to. */
typedef struct {
  int32_t rounding;
  int32x4_t zero, low, high;
  float32x4_t least, most; /* without the zero point */
} tg_range4;

static inline tg_range4 tg_range_of(const tg_batch_conv *p) {
  const tg_window *w = &p->window;
  tg_range4 range;
  range.rounding = p->rounding;
  range.zero = vdupq_n_s32(w->out_zero);
  range.low = vdupq_n_s32(w->low);
  range.high = vdupq_n_s32(w->high);
  range.least = vcvtq_f32_s32(vsubq_s32(range.low, range.zero));
  range.most = vcvtq_f32_s32(vsubq_s32(range.high, range.zero));
  return range;
}

/* tg_wrap_add of 4 values; vaddq_s32 is a sum in C to some compilers. */
static inline int32x4_t tg_wrap_add4(int32x4_t a, int32x4_t b) {
  return vreinterpretq_s32_u32(vaddq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
}

/* tg_finish of 4 sums that began with their bias. */
static inline int32x4_t tg_finish4(const tg_range4 *range, const tg_lanes4 *s, int32x4_t sum) {
  int32x4_t value;
  if (range->rounding == TG_FLOAT_ROUNDING) {
    const float32x4_t real = vmulq_f32(vcvtq_f32_s32(sum), s->factor);
    value = vcvtnq_s32_f32(vmaxq_f32(vminq_f32(real, range->most), range->least));
  } else if (range->rounding == TG_TIES_UP) {
    value = tg_rescale4_ties_up(sum, s);
  } else {
    value = tg_rescale4(sum, s);
  }
  value = tg_wrap_add4(value, range->zero);
  return vminq_s32(vmaxq_s32(value, range->low), range->high);
}

/* Store the first `count` of 8 values that fit into 8 bits. */
static inline void tg_store8(int32x4_t low, int32x4_t high, int64_t count, int8_t *y) {
  const int8x8_t bytes = vmovn_s16(vcombine_s16(vmovn_s32(low), vmovn_s32(high)));
  int8_t eight[8];
  if (count >= 8) {
    vst1_s8(y, bytes);
    return;
  }
  vst1_s8(eight, bytes);
  for (int64_t i = 0; i < count; ++i) {
    y[i] = eight[i];
  }
}

/* Finish 16 sums, and store `count` of them. */
static inline void tg_finish16(const tg_range4 *range, const tg_lanes4 scales[4],
                               const int32x4_t sums[4], int32_t count, int8_t *y) {
  int32x4_t values[4];
  for (int32_t i = 0; i < 4; ++i) {
    values[i] = tg_finish4(range, &scales[i], sums[i]);
  }
  tg_store8(values[0], values[1], count, y);
  if (count > 8) {
    tg_store8(values[2], values[3], count - 8, y + 8);
  }
}

/* Of neon.c, the `add` of both levels. */
void tg_add_neon(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b, int8_t *y);

#endif
