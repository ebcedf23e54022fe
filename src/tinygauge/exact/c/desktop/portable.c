/* The inner loops in plain C, for any processor; values and weights are int16. */
#include "batch.h"

static void stage(const int8_t *x, size_t count, uint8_t *to) {
  int16_t *values = (int16_t *)to;
  for (size_t i = 0; i < count; ++i) {
    values[i] = x[i];
  }
}

static void finish(const tg_batch_conv *p, int32_t first, int32_t count, const int32_t *sums,
                   int8_t *y) {
  for (int32_t i = 0; i < count; ++i) {
    const int32_t lane = first + i;
    y[i] = (int8_t)tg_finish(tg_wrap_add(sums[i], p->bias[lane]), p->multipliers[lane],
                             p->shifts[lane], p->factors[lane], p->rounding, &p->window);
  }
}

/* Weights are (out_c / 16, runs, run / 2, 16, 2). */
static void dense(const tg_batch_conv *p, const tg_patches *patches, int8_t *y) {
  const int32_t channels = p->window.out_c;
  const int16_t *block = (const int16_t *)p->weights;
  for (int32_t first = 0; first < channels; first += TG_COLUMNS) {
    const int32_t columns = channels - first < TG_COLUMNS ? channels - first : TG_COLUMNS;
    for (int32_t i = 0; i < patches->count; ++i) {
      const int16_t *w = block;
      int32_t sums[TG_COLUMNS] = {0};
      for (int32_t run = 0; run < p->runs; ++run) {
        const int16_t *x = (const int16_t *)(patches->starts[i] + patches->offsets[run]);
        for (int32_t k = 0; k < p->run; k += 2, w += 2 * TG_COLUMNS) {
          for (int32_t c = 0; c < TG_COLUMNS; ++c) {
            sums[c] += x[k] * w[2 * c] + x[k + 1] * w[2 * c + 1];
          }
        }
      }
      finish(p, first, columns, sums, y + i * channels + first);
    }
    block += TG_COLUMNS * p->runs * p->run;
  }
}

/* Weights are (patterns, taps, 64). */
static void depthwise(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                      int8_t *y) {
  for (int32_t start = 0, pattern = 0; start < count; start += TG_LANES) {
    const int32_t lanes = count - start < TG_LANES ? count - start : TG_LANES;
    const int16_t *w = (const int16_t *)p->weights + pattern * TG_LANES * p->taps;
    int32_t sums[TG_LANES] = {0};
    for (int32_t tap = 0; tap < p->taps; ++tap, w += TG_LANES) {
      const int16_t *x = (const int16_t *)taps[tap] + start;
      for (int32_t i = 0; i < TG_LANES; ++i) {
        sums[i] += x[i] * w[i];
      }
    }
    finish(p, pattern * TG_LANES, lanes, sums, y + start);
    pattern = pattern + 1 == p->patterns ? 0 : pattern + 1;
  }
}

static void add(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b, int8_t *y) {
  const tg_pair pair = *p;
  for (int64_t i = 0; i < count; ++i) {
    y[i] = (int8_t)tg_add_values(&pair, a[i], b[i]);
  }
}

const tg_loops tg_portable_loops = {2, stage, dense, depthwise, add};
