/* The inner loops for Arm's 64-bit processors; values and weights are int16. */
#include <string.h>

#include "batch.h"

#if TG_ARM
#include "neon.h"

enum { PATCHES = 4 };

static void stage(const int8_t *x, size_t count, uint8_t *to) {
  int16_t *values = (int16_t *)(void *)to;
  for (size_t i = 0; i < count; ++i) {
    values[i] = x[i];
  }
}

/* Add value `LANE` of each patch times the weights of 16 channels. */
#define ADD_PRODUCTS(LANE)                                                                    \
  {                                                                                           \
    const int16x8_t low = vld1q_s16(w + LANE * TG_COLUMNS);                                   \
    const int16x8_t high = vld1q_s16(w + LANE * TG_COLUMNS + 8);                              \
    for (int32_t i = 0; i < PATCHES; ++i) {                                                   \
      sums[i][0] = vmlal_lane_s16(sums[i][0], vget_low_s16(low), x[i], LANE);                 \
      sums[i][1] = vmlal_high_lane_s16(sums[i][1], low, x[i], LANE);                          \
      sums[i][2] = vmlal_lane_s16(sums[i][2], vget_low_s16(high), x[i], LANE);                \
      sums[i][3] = vmlal_high_lane_s16(sums[i][3], high, x[i], LANE);                         \
    }                                                                                         \
  }

/* 16 channels of 4 patches. */
static inline void multiply(const tg_batch_conv *p, const tg_patches *patches, int32_t from,
                            int32_t first, int32x4_t sums[PATCHES][4]) {
  const int16_t *w = (const int16_t *)p->weights + (size_t)first * (size_t)(p->runs * p->run);
  for (int32_t i = 0; i < PATCHES; ++i) {
    for (int32_t c = 0; c < 4; ++c) {
      sums[i][c] = vld1q_s32(p->bias + first + 4 * c);
    }
  }
  for (int32_t run = 0; run < p->runs; ++run) {
    const int16_t *at[PATCHES];
    for (int32_t i = 0; i < PATCHES; ++i) {
      at[i] = (const int16_t *)(const void *)(patches->starts[from + i] + patches->offsets[run]);
    }
    for (int32_t k = 0; k < p->run; k += 4, w += 4 * TG_COLUMNS) {
      int16x4_t x[PATCHES];
      for (int32_t i = 0; i < PATCHES; ++i) {
        x[i] = vld1_s16(at[i] + k);
      }
      ADD_PRODUCTS(0)
      ADD_PRODUCTS(1)
      ADD_PRODUCTS(2)
      ADD_PRODUCTS(3)
    }
  }
}

/* Weights are (out_c / 16, runs, run, 16). */
static void dense(const tg_batch_conv *p, const tg_patches *patches, int8_t *y) {
  const int32_t channels = p->window.out_c;
  const tg_range4 range = tg_range_of(p);
  for (int32_t first = 0; first < channels; first += TG_COLUMNS) {
    tg_lanes4 scales[4];
    tg_load_lanes(p, first, 4, scales);
    for (int32_t from = 0; from < patches->count; from += PATCHES) {
      int32x4_t sums[PATCHES][4];
      multiply(p, patches, from, first, sums);
      for (int32_t i = 0; i < PATCHES && from + i < patches->count; ++i) {
        tg_finish16(&range, scales, sums[i], channels - first, y + (from + i) * channels + first);
      }
    }
  }
}

/* Weights are (patterns, taps, 64). */
static void depthwise(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                      int8_t *y) {
  const tg_range4 range = tg_range_of(p);
  for (int32_t start = 0, pattern = 0; start < count; start += TG_LANES) {
    const int32_t first = pattern * TG_LANES;
    const int16_t *weights = (const int16_t *)p->weights + first * p->taps;
    for (int32_t lane = 0; lane < TG_LANES && start + lane < count; lane += 16) {
      tg_lanes4 scales[4];
      int32x4_t sums[4];
      for (int32_t i = 0; i < 4; ++i) {
        sums[i] = vld1q_s32(p->bias + first + lane + 4 * i);
      }
      for (int32_t tap = 0; tap < p->taps; ++tap) {
        const int16_t *w = weights + tap * TG_LANES + lane;
        const int16_t *x = (const int16_t *)(const void *)taps[tap] + start + lane;
        for (int32_t i = 0; i < 4; ++i) {
          sums[i] = vmlal_s16(sums[i], vld1_s16(x + 4 * i), vld1_s16(w + 4 * i));
        }
      }
      tg_load_lanes(p, first + lane, 4, scales);
      tg_finish16(&range, scales, sums, count - start - lane, y + start + lane);
    }
    pattern = pattern + 1 == p->patterns ? 0 : pattern + 1;
  }
}

static inline int32x4_t scaled4(int16x4_t values, const tg_lanes4 *s) {
  return tg_rescale4(vshlq_n_s32(vmovl_s16(values), 20), s);
}

/* The sum of two times 4 values, zero points taken off. */
static inline int32x4_t add4(const tg_pair *p, int16x4_t a, int16x4_t b,
                             const tg_lanes4 scales[3]) {
  const int32x4_t left = scaled4(a, &scales[0]), right = scaled4(b, &scales[1]);
  const int32x4_t sum = p->negate_b ? vsubq_s32(left, right) : vaddq_s32(left, right);
  int32x4_t value = vaddq_s32(tg_rescale4(sum, &scales[2]), vdupq_n_s32(p->out_zero));
  value = vmaxq_s32(value, vdupq_n_s32(p->low));
  return vminq_s32(value, vdupq_n_s32(p->high));
}

static inline tg_lanes4 same_lanes(tg_scale scale) {
  return tg_lanes_of(vdupq_n_s32(scale.multiplier), vdupq_n_s32(scale.shift));
}

void tg_add_neon(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b, int8_t *y) {
  const tg_lanes4 scales[3] = {same_lanes(p->a), same_lanes(p->b), same_lanes(p->out)};
  const int8x8_t a_zero = vdup_n_s8((int8_t)p->a_zero), b_zero = vdup_n_s8((int8_t)p->b_zero);
  int8_t last[2][8] = {{0}, {0}};
  for (int64_t i = 0; i < count; i += 8) {
    const int8_t *from_a = a + i, *from_b = b + i;
    if (count - i < 8) {
      memcpy(last[0], from_a, (size_t)(count - i));
      memcpy(last[1], from_b, (size_t)(count - i));
      from_a = last[0];
      from_b = last[1];
    }
    const int16x8_t left = vsubl_s8(vld1_s8(from_a), a_zero);
    const int16x8_t right = vsubl_s8(vld1_s8(from_b), b_zero);
    tg_store8(add4(p, vget_low_s16(left), vget_low_s16(right), scales),
              add4(p, vget_high_s16(left), vget_high_s16(right), scales), count - i, y + i);
  }
}

const tg_loops tg_neon_loops = {2, stage, dense, depthwise, tg_add_neon};
#endif
