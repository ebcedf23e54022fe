/* Pooling, sums over axes and adding over a batch, channels innermost. */
#include <stdlib.h>

#include "batch.h"

static int32_t clipped(int32_t value, int32_t most) { return value < most ? value : most; }

static void pool_pixel(const tg_window *w, int32_t is_max, const int8_t *x, int32_t out_y,
                       int32_t out_x, int32_t *sums, int8_t *y) {
  const int32_t top = out_y * w->stride_h - w->pad_h, left = out_x * w->stride_w - w->pad_w;
  const int32_t bottom = clipped(top + w->filter_h, w->in_h);
  const int32_t right = clipped(left + w->filter_w, w->in_w);
  const int32_t first_y = top > 0 ? top : 0, first_x = left > 0 ? left : 0;
  for (int32_t c = 0; c < w->in_c; ++c) {
    sums[c] = is_max ? INT8_MIN : 0;
  }
  for (int32_t in_y = first_y; in_y < bottom; ++in_y) {
    for (int32_t in_x = first_x; in_x < right; ++in_x) {
      const int8_t *pixel = x + (in_y * w->in_w + in_x) * w->in_c;
      for (int32_t c = 0; c < w->in_c; ++c) {
        const int32_t value = pixel[c];
        sums[c] = is_max ? (value > sums[c] ? value : sums[c]) : sums[c] + value;
      }
    }
  }
  const int32_t count = (bottom - first_y) * (right - first_x);
  for (int32_t c = 0; c < w->in_c; ++c) {
    int32_t value = sums[c];
    if (!is_max) {
      value = value > 0 ? (value + count / 2) / count : (value - count / 2) / count;
    }
    y[c] = (int8_t)tg_clamp(value, w->low, w->high);
  }
}

int32_t tg_batch_pool(const tg_window *w, int32_t is_max, int32_t n, const int8_t *x,
                                int8_t *y);
int32_t tg_batch_pool(const tg_window *w, int32_t is_max, int32_t n, const int8_t *x, int8_t *y) {
  int32_t *sums = (int32_t *)malloc((size_t)w->in_c * sizeof *sums);
  if (!sums) {
    return -1;
  }
  for (int32_t i = 0; i < n; ++i, x += (size_t)(w->in_h * w->in_w * w->in_c)) {
    for (int32_t out_y = 0; out_y < w->out_h; ++out_y) {
      for (int32_t out_x = 0; out_x < w->out_w; ++out_x, y += w->in_c) {
        pool_pixel(w, is_max, x, out_y, out_x, sums, y);
      }
    }
  }
  free(sums);
  return 0;
}

/* Sums over the middle of (outer, reduced, inner), without the zero point, modulo 2^32. */
void tg_batch_sum(int32_t outer, int32_t reduced, int32_t inner, int32_t zero,
                            const int8_t *x, int32_t *y);
void tg_batch_sum(int32_t outer, int32_t reduced, int32_t inner, int32_t zero, const int8_t *x,
                  int32_t *y) {
  for (int32_t i = 0; i < outer; ++i, y += inner) {
    for (int32_t c = 0; c < inner; ++c) {
      y[c] = -reduced * zero;
    }
    for (int32_t j = 0; j < reduced; ++j, x += inner) {
      for (int32_t c = 0; c < inner; ++c) {
        y[c] += x[c];
      }
    }
  }
}

void tg_batch_add(const tg_pair *p, int32_t level, int64_t count, const int8_t *a, const int8_t *b,
                  int8_t *y);
void tg_batch_add(const tg_pair *p, int32_t level, int64_t count, const int8_t *a, const int8_t *b,
                  int8_t *y) {
  tg_loops_of(level)->add(p, count, a, b, y);
}
