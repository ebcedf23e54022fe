/* The inner loops for Arm's processors that add products of four bytes at a time (FEAT_DotProd);
 * values are int8 as they are stored, since both factors are signed there. */
#include <string.h>

#include "batch.h"

#if TG_ARM_DOTPROD
#include "neon.h"

#ifdef __clang__
#define TG_DOTPROD __attribute__((target("dotprod")))
#else
#define TG_DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

enum { PATCHES = 8, CHANNELS = 8 };

static void stage(const int8_t *x, size_t count, uint8_t *to) { memcpy(to, x, count); }

/* sums[i] += the four values `LANE` of patch i times the weights of 8 channels. */
#define ADD_PRODUCTS(LANE)                                              \
  {                                                                     \
    const int8x16_t low = vld1q_s8(w), high = vld1q_s8(w + 16);         \
    for (int32_t i = 0; i < PATCHES; ++i) {                             \
      sums[i][0] = vdotq_laneq_s32(sums[i][0], low, x[i], LANE);        \
      sums[i][1] = vdotq_laneq_s32(sums[i][1], high, x[i], LANE);       \
    }                                                                   \
    w += 4 * TG_COLUMNS;                                                \
  }

/* 8 channels of 8 patches. */
TG_DOTPROD static inline void multiply(const tg_batch_conv *p, const tg_patches *patches,
                                       int32_t from, int32_t first,
                                       int32x4_t sums[PATCHES][2]) {
  const size_t depth = (size_t)(p->runs * p->run);
  const int8_t *w = (const int8_t *)p->weights + (size_t)(first / TG_COLUMNS) * depth * TG_COLUMNS +
                    4 * (first % TG_COLUMNS);
  for (int32_t i = 0; i < PATCHES; ++i) {
    sums[i][0] = vld1q_s32(p->bias + first);
    sums[i][1] = vld1q_s32(p->bias + first + 4);
  }
  for (int32_t run = 0; run < p->runs; ++run) {
    const int8_t *at[PATCHES];
    int8x16_t x[PATCHES];
    int32_t k = 0;
    for (int32_t i = 0; i < PATCHES; ++i) {
      at[i] = (const int8_t *)patches->starts[from + i] + patches->offsets[run];
    }
    for (; k + 16 <= p->run; k += 16) {
      for (int32_t i = 0; i < PATCHES; ++i) {
        x[i] = vld1q_s8(at[i] + k);
      }
      ADD_PRODUCTS(0)
      ADD_PRODUCTS(1)
      ADD_PRODUCTS(2)
      ADD_PRODUCTS(3)
    }
    for (; k < p->run; k += 4) {
      for (int32_t i = 0; i < PATCHES; ++i) {
        int32_t four;
        memcpy(&four, at[i] + k, 4);
        x[i] = vreinterpretq_s8_s32(vdupq_n_s32(four));
      }
      ADD_PRODUCTS(0)
    }
  }
}

/* Weights are (out_c / 16, runs, run / 4, 16, 4). */
TG_DOTPROD static void dense(const tg_batch_conv *p, const tg_patches *patches, int8_t *y) {
  const int32_t channels = p->window.out_c;
  const tg_range4 range = tg_range_of(p);
  for (int32_t first = 0; first < channels; first += CHANNELS) {
    tg_lanes4 scales[2];
    tg_load_lanes(p, first, 2, scales);
    for (int32_t from = 0; from < patches->count; from += PATCHES) {
      int32x4_t sums[PATCHES][2];
      multiply(p, patches, from, first, sums);
      for (int32_t i = 0; i < PATCHES && from + i < patches->count; ++i) {
        tg_store8(tg_finish4(&range, &scales[0], sums[i][0]),
                  tg_finish4(&range, &scales[1], sums[i][1]), channels - first,
                  y + (from + i) * channels + first);
      }
    }
  }
}

/* Four taps of 16 lanes, a lane's taps side by side. */
typedef struct {
  int8x16_t lanes[4];
} four_taps;

static inline four_taps gather(const uint8_t *const *taps, int32_t place) {
  const int8x16_t a = vreinterpretq_s8_u8(vld1q_u8(taps[0] + place));
  const int8x16_t b = vreinterpretq_s8_u8(vld1q_u8(taps[1] + place));
  const int8x16_t c = vreinterpretq_s8_u8(vld1q_u8(taps[2] + place));
  const int8x16_t d = vreinterpretq_s8_u8(vld1q_u8(taps[3] + place));
  const int16x8_t ab = vreinterpretq_s16_s8(vzip1q_s8(a, b));
  const int16x8_t cd = vreinterpretq_s16_s8(vzip1q_s8(c, d));
  const int16x8_t ab_high = vreinterpretq_s16_s8(vzip2q_s8(a, b));
  const int16x8_t cd_high = vreinterpretq_s16_s8(vzip2q_s8(c, d));
  four_taps x;
  x.lanes[0] = vreinterpretq_s8_s16(vzip1q_s16(ab, cd));
  x.lanes[1] = vreinterpretq_s8_s16(vzip2q_s16(ab, cd));
  x.lanes[2] = vreinterpretq_s8_s16(vzip1q_s16(ab_high, cd_high));
  x.lanes[3] = vreinterpretq_s8_s16(vzip2q_s16(ab_high, cd_high));
  return x;
}

/* Weights are (4 patterns, taps / 4, 16, 4). */
TG_DOTPROD static void depthwise(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                                 int8_t *y) {
  const tg_range4 range = tg_range_of(p);
  for (int32_t start = 0, pattern = 0; start < count; start += TG_LANES) {
    const int32_t first = pattern * TG_LANES;
    for (int32_t lane = 0; lane < TG_LANES && start + lane < count; lane += 16) {
      const int8_t *w = (const int8_t *)p->weights + (first + lane) * p->taps;
      tg_lanes4 scales[4];
      int32x4_t sums[4];
      for (int32_t i = 0; i < 4; ++i) {
        sums[i] = vld1q_s32(p->bias + first + lane + 4 * i);
      }
      for (int32_t tap = 0; tap < p->taps; tap += 4, w += 64) {
        const four_taps x = gather(taps + tap, start + lane);
        for (int32_t i = 0; i < 4; ++i) {
          sums[i] = vdotq_s32(sums[i], x.lanes[i], vld1q_s8(w + 16 * i));
        }
      }
      tg_load_lanes(p, first + lane, 4, scales);
      tg_finish16(&range, scales, sums, count - start - lane, y + start + lane);
    }
    pattern = pattern + 1 == p->patterns ? 0 : pattern + 1;
  }
}

const tg_loops tg_dotprod_loops = {1, stage, dense, depthwise, tg_add_neon};
#endif
