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

static inline tg_lanes4 tg_load_lanes(const tg_batch_conv *p, int32_t first) {
  tg_lanes4 s = tg_lanes_of(vld1q_s32(p->multipliers + first), vld1q_s32(p->shifts + first));
  s.factor = vld1q_f32(p->factors + first);
  return s;
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

/* tg_finish of 4 sums that began with their bias. */
static inline int32x4_t tg_finish4(const tg_batch_conv *p, int32x4_t sum, const tg_lanes4 *s) {
  const tg_window *w = &p->window;
  int32x4_t value;
  if (p->rounding == TG_FLOAT_ROUNDING) {
    const float32x4_t most = vdupq_n_f32((float)(w->high - w->out_zero));
    const float32x4_t least = vdupq_n_f32((float)(w->low - w->out_zero));
    const float32x4_t real = vmulq_f32(vcvtq_f32_s32(sum), s->factor);
    value = vcvtnq_s32_f32(vmaxq_f32(vminq_f32(real, most), least));
  } else if (p->rounding == TG_TIES_UP) {
    value = tg_rescale4_ties_up(sum, s);
  } else {
    value = tg_rescale4(sum, s);
  }
  value = vmaxq_s32(vaddq_s32(value, vdupq_n_s32(w->out_zero)), vdupq_n_s32(w->low));
  return vminq_s32(value, vdupq_n_s32(w->high));
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

/* Finish 16 lanes from `first` on, and store `count` of them. */
static inline void tg_finish16(const tg_batch_conv *p, int32_t first, const int32x4_t sums[4],
                               int32_t count, int8_t *y) {
  int32x4_t values[4];
  for (int32_t i = 0; i < 4; ++i) {
    const tg_lanes4 s = tg_load_lanes(p, first + 4 * i);
    values[i] = tg_finish4(p, sums[i], &s);
  }
  tg_store8(values[0], values[1], count, y);
  if (count > 8) {
    tg_store8(values[2], values[3], count - 8, y + 8);
  }
}

/* Of neon.c, the `add` of both levels. */
void tg_add_neon(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b, int8_t *y);

#endif
