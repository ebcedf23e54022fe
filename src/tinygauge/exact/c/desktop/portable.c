/* The inner loops in plain C, for any processor: values and weights are int16, in loops that
 * compilers turn into instructions for several lanes (GCC's report: -fopt-info-vec). */
#include <string.h>

#include "batch.h"

enum { TOGETHER = 4, LONGEST = 1024 };

static void stage(const int8_t *x, size_t count, uint8_t *to) {
  int16_t *values = (int16_t *)to;
  for (size_t i = 0; i < count; ++i) {
    values[i] = x[i];
  }
}

/* See tg_quick; `quick` has been moved to the lane. */
static inline int32_t finish_quickly(int32_t sum, const int64_t *quick, int32_t shift,
                                     int64_t sign) {
  const int64_t less = (int64_t)(sum >> 31) & sign; /* no branch: signs are hard to predict */
  return (int32_t)((sum * quick[0] + quick[16] - less) >> shift);
}

/* Finish an even number of sums of up to 16 neighbouring lanes; the first lane is even. */
static void finish_sums(const tg_batch_conv *p, int32_t first, int32_t count, int32_t *sums) {
  const int32_t *bias = p->bias + first;
  if (p->rounding == TG_FLOAT_ROUNDING || !p->is_quick) {
    for (int32_t i = 0; i < count; ++i) {
      const int32_t lane = first + i;
      sums[i] = tg_finish(tg_wrap_add(sums[i], bias[i]), p->multipliers[lane], p->shifts[lane],
                          p->factors[lane], p->rounding, &p->window);
    }
    return;
  }
  const int64_t *quick = p->quick + first / 16 * TG_QUICK + first % 16 / 2;
  const int64_t sign = p->is_wide || p->rounding == TG_TIES_UP ? 0 : INT64_C(1) << 31;
  for (int32_t i = 0; i < count; i += 2, ++quick) {
    sums[i] = finish_quickly(tg_wrap_add(sums[i], bias[i]), quick, (int32_t)quick[32], sign);
    sums[i + 1] = finish_quickly(tg_wrap_add(sums[i + 1], bias[i + 1]), quick + 8,
                                 (int32_t)quick[40] + 32, sign);
  }
}

/* Finish and store up to 16 lanes, from the `at`th output on. */
static void finish(const tg_batch_conv *p, int32_t first, int32_t count, int32_t *sums, int8_t *y,
                   int32_t at) {
  finish_sums(p, first, (count + 1) / 2 * 2, sums);
  for (int32_t i = 0; i < count; ++i) {
    const int32_t value = tg_clamp(sums[i], p->window.low, p->window.high);
    if (p->is_wide) {
      ((int16_t *)y)[at + i] = (int16_t)value;
    } else {
      y[at + i] = (int8_t)value;
    }
  }
}

/* The products of a run with the weights of four channels, which lie `depth` apart. */
static void multiply(const int16_t *x, const int16_t *w, int32_t depth, int32_t run,
                     int32_t sums[TOGETHER]) {
  const int16_t *w1 = w + depth, *w2 = w1 + depth, *w3 = w2 + depth;
  int32_t a = 0, b = 0, c = 0, d = 0;
  for (int32_t k = 0; k < run; ++k) {
    a += x[k] * w[k];
    b += x[k] * w1[k];
    c += x[k] * w2[k];
    d += x[k] * w3[k];
  }
  sums[0] += a;
  sums[1] += b;
  sums[2] += c;
  sums[3] += d;
}

static void multiply_all(const tg_batch_conv *p, const tg_patches *patches, int8_t *y) {
  const int32_t channels = p->window.out_c;
  const int32_t depth = p->runs * p->run;
  for (int32_t first = 0; first < channels; first += TG_COLUMNS) {
    const int32_t few = channels - first < TG_COLUMNS ? channels - first : TG_COLUMNS;
    for (int32_t i = 0; i < patches->count; ++i) {
      int32_t sums[TG_COLUMNS] = {0};
      for (int32_t c = 0; c < few; c += TOGETHER) {
        const int16_t *w = (const int16_t *)p->weights + (size_t)(first + c) * (size_t)depth;
        for (int32_t run = 0; run < p->runs; ++run, w += p->run) {
          const uint8_t *x = patches->starts[i] + patches->offsets[run];
          multiply((const int16_t *)x, w, depth, p->run, sums + c);
        }
      }
      finish(p, first, few, sums, y, i * channels + first);
    }
  }
}

/* Put the runs of a patch behind one another. */
static void gather(const tg_batch_conv *p, const tg_patches *patches, int32_t patch, int16_t *to) {
  for (int32_t run = 0; run < p->runs; ++run) {
    memcpy(to + run * p->run, patches->starts[patch] + patches->offsets[run],
           (size_t)p->run * sizeof *to);
  }
}

/* Weights are (out_c, runs, run). Lanes are added up at the end of a run, so that one long run is
 * soonest done. */
static void dense(const tg_batch_conv *p, const tg_patches *patches, int8_t *y) {
  int16_t room[TOGETHER * LONGEST];
  const ptrdiff_t none[1] = {0};
  const size_t row = (size_t)p->window.out_c * (p->is_wide ? 2 : 1);
  tg_batch_conv whole = *p;
  whole.runs = 1;
  whole.run = p->runs * p->run;
  if (p->runs == 1 || whole.run > LONGEST) {
    multiply_all(p, patches, y);
    return;
  }
  for (int32_t begin = 0; begin < patches->count; begin += TOGETHER) {
    const int32_t left = patches->count - begin;
    tg_patches few = {{NULL}, none, left < TOGETHER ? left : TOGETHER};
    for (int32_t i = 0; i < few.count; ++i) {
      int16_t *to = room + i * whole.run;
      gather(p, patches, begin + i, to);
      few.starts[i] = (const uint8_t *)to;
    }
    multiply_all(&whole, &few, y + (size_t)begin * row);
  }
}

/* Add the products of one tap: a loop of its own is what compilers do well. */
static void multiply_lanes(const int16_t *x, const int16_t *w, int32_t sums[TG_LANES]) {
  for (int32_t i = 0; i < TG_LANES; ++i) {
    sums[i] += x[i] * w[i];
  }
}

/* Weights are (patterns, taps, 64). */
static void depthwise(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                      int8_t *y) {
  for (int32_t start = 0, pattern = 0; start < count; start += TG_LANES) {
    const int32_t lanes = count - start < TG_LANES ? count - start : TG_LANES;
    const int16_t *w = (const int16_t *)p->weights + pattern * TG_LANES * p->taps;
    int32_t sums[TG_LANES] = {0};
    for (int32_t tap = 0; tap < p->taps; tap += 4, w += 4 * TG_LANES) {
      multiply_lanes((const int16_t *)taps[tap] + start, w, sums);
      multiply_lanes((const int16_t *)taps[tap + 1] + start, w + TG_LANES, sums);
      multiply_lanes((const int16_t *)taps[tap + 2] + start, w + 2 * TG_LANES, sums);
      multiply_lanes((const int16_t *)taps[tap + 3] + start, w + 3 * TG_LANES, sums);
    }
    for (int32_t i = 0; i < lanes; i += 16) {
      finish(p, pattern * TG_LANES + i, lanes - i < 16 ? lanes - i : 16, sums + i, y, start + i);
    }
    pattern = pattern + 1 == p->patterns ? 0 : pattern + 1;
  }
}

static void add(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b, int8_t *y) {
  int32_t left[256], right[256];
  for (int32_t i = 0; i < 256; ++i) { /* what each value contributes */
    left[i] = tg_rescale(tg_shift_left(i - 128 - p->a_zero, 20), p->a);
    right[i] = tg_rescale(tg_shift_left(i - 128 - p->b_zero, 20), p->b);
    right[i] = p->negate_b ? -right[i] : right[i];
  }
  const tg_pair pair = *p;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t sum = left[a[i] + 128] + right[b[i] + 128];
    y[i] = (int8_t)tg_clamp(tg_rescale(sum, pair.out) + pair.out_zero, pair.low, pair.high);
  }
}

const tg_loops tg_portable_loops = {2, stage, dense, depthwise, add};
