/* Pooling and sums over axes over a batch, channels innermost. */
#include <stdlib.h>
#include <string.h>

#include "batch.h"

static int32_t clipped(int32_t value, int32_t most) { return value < most ? value : most; }

/* The part of a window that lies inside, along one axis. */
typedef struct {
  int32_t first, end;
} part;

static part part_of(int32_t out, int32_t stride, int32_t pad, int32_t filter, int32_t in) {
  const int32_t first = out * stride - pad;
  const part inside = {first > 0 ? first : 0, clipped(first + filter, in)};
  return inside;
}

/* Pooling goes down the columns first, a whole row at a time, and then along that row. */
static void highest_down(const int8_t *x, int32_t rows, size_t values, int8_t *row) {
  memcpy(row, x, values);
  for (int32_t i = 1; i < rows; ++i) {
    x += values;
    for (size_t v = 0; v < values; ++v) {
      row[v] = x[v] > row[v] ? x[v] : row[v];
    }
  }
}

static void highest_along(const tg_window *w, part inside, const int8_t *row, int8_t *y) {
  const int32_t channels = w->in_c;
  row += inside.first * channels;
  memcpy(y, row, (size_t)channels);
  for (int32_t i = inside.first + 1; i < inside.end; ++i) {
    row += channels;
    for (int32_t c = 0; c < channels; ++c) {
      y[c] = row[c] > y[c] ? row[c] : y[c];
    }
  }
  for (int32_t c = 0; c < channels; ++c) {
    y[c] = (int8_t)tg_clamp(y[c], w->low, w->high);
  }
}

static void sum_down(const int8_t *x, int32_t rows, size_t values, int32_t *row) {
  for (size_t v = 0; v < values; ++v) {
    row[v] = x[v];
  }
  for (int32_t i = 1; i < rows; ++i) {
    x += values;
    for (size_t v = 0; v < values; ++v) {
      row[v] += x[v];
    }
  }
}

/* The mean of `count` values, rounded half away from zero. A quotient of floats is never rounded
 * up to an integer while the sum has 23 bits: it is 1 / count or more below it. */
static inline int32_t mean_of(int32_t sum, int32_t count) {
  const int32_t half = sum > 0 ? count / 2 : -(count / 2);
  return count < 1 << 15 ? (int32_t)((float)(sum + half) / (float)count) : (sum + half) / count;
}

static void mean_along(const tg_window *w, part inside, int32_t rows, int32_t *row, int8_t *y) {
  const int32_t channels = w->in_c;
  const int32_t count = rows * (inside.end - inside.first);
  int32_t *sums = row + inside.first * channels;
  const int32_t *pixel = sums;
  /* Windows may share pixels, so that sums go behind the row. */
  int32_t *total = row + w->in_w * channels;
  memcpy(total, sums, (size_t)channels * sizeof *total);
  for (int32_t i = inside.first + 1; i < inside.end; ++i) {
    pixel += channels;
    for (int32_t c = 0; c < channels; ++c) {
      total[c] += pixel[c];
    }
  }
  for (int32_t c = 0; c < channels; ++c) {
    y[c] = (int8_t)tg_clamp(mean_of(total[c], count), w->low, w->high);
  }
}

int32_t tg_batch_pool(const tg_window *w, int32_t is_max, int32_t n, const int8_t *x, int8_t *y);
int32_t tg_batch_pool(const tg_window *w, int32_t is_max, int32_t n, const int8_t *x, int8_t *y) {
  const size_t values = (size_t)(w->in_w * w->in_c);
  int32_t *row = (int32_t *)malloc((values + (size_t)w->in_c) * sizeof *row);
  if (!row) {
    return -1;
  }
  for (int32_t i = 0; i < n; ++i, x += (size_t)w->in_h * values) {
    for (int32_t out_y = 0; out_y < w->out_h; ++out_y) {
      const part down = part_of(out_y, w->stride_h, w->pad_h, w->filter_h, w->in_h);
      const int8_t *from = x + (size_t)down.first * values;
      const int32_t rows = down.end - down.first;
      if (is_max) {
        highest_down(from, rows, values, (int8_t *)row);
      } else {
        sum_down(from, rows, values, row);
      }
      for (int32_t out_x = 0; out_x < w->out_w; ++out_x, y += w->in_c) {
        const part along = part_of(out_x, w->stride_w, w->pad_w, w->filter_w, w->in_w);
        if (is_max) {
          highest_along(w, along, (const int8_t *)row, y);
        } else {
          mean_along(w, along, rows, row, y);
        }
      }
    }
  }
  free(row);
  return 0;
}

/* Sums over the middle of (outer, reduced, inner), without the zero point, modulo 2^32. */
static void sum_middle(int32_t reduced, int32_t inner, int32_t zero, const int8_t *x, int32_t *y) {
  for (int32_t c = 0; c < inner; ++c) {
    y[c] = (int32_t)(0u - (uint32_t)reduced * (uint32_t)zero);
  }
  for (int32_t j = 0; j < reduced; ++j, x += inner) {
    for (int32_t c = 0; c < inner; ++c) {
      y[c] += x[c];
    }
  }
}

void tg_batch_sum(int32_t outer, int32_t reduced, int32_t inner, int32_t zero, const int8_t *x,
                  int32_t *y);
void tg_batch_sum(int32_t outer, int32_t reduced, int32_t inner, int32_t zero, const int8_t *x,
                  int32_t *y) {
  for (int32_t i = 0; i < outer; ++i, x += (size_t)reduced * (size_t)inner, y += inner) {
    sum_middle(reduced, inner, zero, x, y);
  }
}

/* The same, rescaled by p->scale with two roundings. */
int32_t tg_batch_rescaled_sum(const tg_reduction *p, const int8_t *x, int8_t *y);
int32_t tg_batch_rescaled_sum(const tg_reduction *p, const int8_t *x, int8_t *y) {
  int32_t *sums = (int32_t *)malloc((size_t)p->inner * sizeof *sums);
  if (!sums) {
    return -1;
  }
  for (int32_t i = 0; i < p->outer; ++i, x += (size_t)p->reduced * (size_t)p->inner) {
    sum_middle(p->reduced, p->inner, p->in_zero, x, sums);
    for (int32_t c = 0; c < p->inner; ++c) {
      const int32_t value = tg_wrap_add(tg_rescale(sums[c], p->scale), p->out_zero);
      *y++ = (int8_t)tg_clamp(value, INT8_MIN, INT8_MAX);
    }
  }
  free(sums);
  return 0;
}
