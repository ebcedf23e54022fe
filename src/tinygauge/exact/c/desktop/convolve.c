/* Convolutions over a batch: staged images, gathered rows, tiles of a matrix product. */
#include <stdlib.h>
#include <string.h>

#include "batch.h"

static void flip(const int8_t *x, size_t count, uint8_t *to) {
  for (size_t i = 0; i < count; ++i) {
    to[i] = (uint8_t)((uint8_t)x[i] ^ 0x80u);
  }
}

static void stage_row(const tg_window *w, const int8_t *x, int32_t columns, uint8_t *to) {
  const int32_t stride = w->stride_w;
  const size_t depth = (size_t)w->in_c;
  if (stride == 1) {
    const int32_t inside = w->in_w < columns - w->pad_w ? w->in_w : columns - w->pad_w;
    flip(x, (size_t)inside * depth, to + (size_t)w->pad_w * depth);
    return;
  }
  const int32_t in_phase = (columns + stride - 1) / stride;
  for (int32_t i = 0; i < w->in_w && i + w->pad_w < columns; ++i) {
    const int32_t column = i + w->pad_w;
    const size_t place = (size_t)(column % stride * in_phase + column / stride);
    flip(x + (size_t)i * depth, depth, to + place * depth);
  }
}

void tg_stage(const tg_window *w, const int8_t *x, int32_t rows, int32_t columns, uint8_t *to) {
  const size_t row_bytes =
      (size_t)((columns + w->stride_w - 1) / w->stride_w * w->stride_w) * (size_t)w->in_c;
  const int fill = (w->in_zero + 128) & 0xFF;
  for (int32_t row = 0; row < rows; ++row) {
    const int32_t from = row - w->pad_h;
    uint8_t *goal = to + (size_t)row * row_bytes;
    if (from < 0 || from >= w->in_h || w->pad_w || w->in_w < columns || w->stride_w > 1) {
      memset(goal, fill, row_bytes);
    }
    if (from >= 0 && from < w->in_h) {
      stage_row(w, x + (size_t)from * (size_t)(w->in_w * w->in_c), columns, goal);
    }
  }
}

static void multiply_tile(const tg_batch_conv *p, const uint8_t *const rows[TG_ROWS], int32_t count,
                          tg_tile tile, tg_finish_tile finish, int8_t *y) {
  int32_t sums[TG_ROWS][TG_COLUMNS];
  const int32_t channels = p->window.out_c;
  for (int32_t first = 0; first < channels; first += TG_COLUMNS) {
    const int32_t columns = channels - first < TG_COLUMNS ? channels - first : TG_COLUMNS;
    tile(rows, p->depth, p->weights + (size_t)first * (size_t)p->depth, sums);
    finish(p, first, count, columns, sums, y + first, channels);
  }
}

/* 1 x 1 convolutions and dense ops: every pixel is a row as it stands. */
static int32_t multiply_pixels(const tg_batch_conv *p, int64_t pixels, const int8_t *x, int8_t *y) {
  const tg_tile tile = tg_tile_for(p->level);
  const tg_finish_tile finish = tg_finish_tile_for(p->level);
  const size_t depth = (size_t)p->window.in_c;
  uint8_t *block = (uint8_t *)calloc(TG_ROWS * depth + TG_LANES, 1);
  if (!block) {
    return -1;
  }
  for (int64_t pixel = 0; pixel < pixels; pixel += TG_ROWS) {
    const int32_t count = pixels - pixel < TG_ROWS ? (int32_t)(pixels - pixel) : TG_ROWS;
    const uint8_t *rows[TG_ROWS];
    flip(x + (size_t)pixel * depth, (size_t)count * depth, block);
    for (int32_t i = 0; i < TG_ROWS; ++i) {
      rows[i] = block + (size_t)(i < count ? i : 0) * depth;
    }
    multiply_tile(p, rows, count, tile, finish, y + pixel * p->window.out_c);
  }
  free(block);
  return 0;
}

/* Rows and columns that the filter reaches in all. */
static int32_t reach(int32_t out, int32_t stride, int32_t filter, int32_t dilation) {
  return (out - 1) * stride + (filter - 1) * dilation + 1;
}

/* What the filter meets at one output position, one row of the filter behind the other. */
static void gather(const tg_window *w, const uint8_t *image, size_t row_bytes, uint8_t *to) {
  const size_t depth = (size_t)w->in_c;
  const size_t run = (size_t)w->filter_w * depth;
  for (int32_t fy = 0; fy < w->filter_h; ++fy) {
    const uint8_t *from = image + (size_t)(fy * w->dilation_h) * row_bytes;
    if (w->dilation_w == 1) {
      memcpy(to, from, run);
      to += run;
      continue;
    }
    for (int32_t fx = 0; fx < w->filter_w; ++fx, to += depth) {
      memcpy(to, from + (size_t)(fx * w->dilation_w) * depth, depth);
    }
  }
}

static void convolve_image(const tg_batch_conv *p, const uint8_t *image, size_t row_bytes,
                           uint8_t *block, int8_t *y) {
  const tg_window *w = &p->window;
  const tg_tile tile = tg_tile_for(p->level);
  const tg_finish_tile finish = tg_finish_tile_for(p->level);
  const int32_t pixels = w->out_h * w->out_w;
  int32_t column = 0;
  const uint8_t *line = image;
  for (int32_t pixel = 0; pixel < pixels; pixel += TG_ROWS) {
    const int32_t count = pixels - pixel < TG_ROWS ? pixels - pixel : TG_ROWS;
    const uint8_t *rows[TG_ROWS];
    for (int32_t i = 0; i < TG_ROWS; ++i) {
      uint8_t *row = block + (size_t)(i < count ? i : 0) * (size_t)p->depth;
      rows[i] = row;
      if (i >= count) {
        continue;
      }
      gather(w, line + (size_t)(column * w->stride_w) * (size_t)w->in_c, row_bytes, row);
      if (++column == w->out_w) {
        column = 0;
        line += (size_t)w->stride_h * row_bytes;
      }
    }
    multiply_tile(p, rows, count, tile, finish, y + (size_t)pixel * (size_t)w->out_c);
  }
}

int32_t tg_batch_convolve(const tg_batch_conv *p, int32_t n, const int8_t *x, int8_t *y);
int32_t tg_batch_convolve(const tg_batch_conv *p, int32_t n, const int8_t *x, int8_t *y) {
  const tg_window *w = &p->window;
  const int32_t is_pixel = w->filter_h == 1 && w->filter_w == 1 && w->stride_h == 1 &&
                           w->stride_w == 1 && w->out_h == w->in_h && w->out_w == w->in_w;
  if (is_pixel) {
    return multiply_pixels(p, (int64_t)n * w->in_h * w->in_w, x, y);
  }
  tg_window flat = *w; /* staged without phases: gathering takes care of the stride */
  flat.stride_w = 1;
  const int32_t rows = reach(w->out_h, w->stride_h, w->filter_h, w->dilation_h);
  const int32_t columns = reach(w->out_w, w->stride_w, w->filter_w, w->dilation_w);
  const size_t row_bytes = (size_t)columns * (size_t)w->in_c;
  const size_t image_bytes = (size_t)rows * row_bytes + TG_LANES;
  uint8_t *room = (uint8_t *)calloc(image_bytes + TG_ROWS * (size_t)p->depth + TG_LANES, 1);
  if (!room) {
    return -1;
  }
  for (int32_t i = 0; i < n; ++i) {
    tg_stage(&flat, x + (size_t)i * (size_t)(w->in_h * w->in_w * w->in_c), rows, columns, room);
    convolve_image(p, room, row_bytes, room + image_bytes,
                   y + (size_t)i * (size_t)(w->out_h * w->out_w * w->out_c));
  }
  free(room);
  return 0;
}

static void depthwise_image(const tg_batch_conv *p, const uint8_t *image, int32_t columns,
                            const uint8_t **taps, int8_t *y) {
  const tg_window *w = &p->window;
  const tg_lane_row lane_row = tg_lane_row_for(p->level);
  const int32_t in_phase = (columns + w->stride_w - 1) / w->stride_w;
  const size_t row_bytes = (size_t)(in_phase * w->stride_w) * (size_t)w->in_c;
  const int32_t lanes = w->out_w * w->out_c;
  for (int32_t out_y = 0; out_y < w->out_h; ++out_y) {
    int32_t tap = 0;
    for (int32_t fy = 0; fy < w->filter_h; ++fy) {
      const uint8_t *line = image + (size_t)(out_y * w->stride_h + fy * w->dilation_h) * row_bytes;
      for (int32_t fx = 0; fx < w->filter_w; ++fx) {
        const int32_t column = fx * w->dilation_w;
        const int32_t place = column % w->stride_w * in_phase + column / w->stride_w;
        taps[tap++] = line + (size_t)place * (size_t)w->in_c;
      }
    }
    for (; tap < p->depth; ++tap) {
      taps[tap] = taps[0]; /* its weights are 0 */
    }
    lane_row(p, taps, lanes, y + (size_t)out_y * (size_t)lanes);
  }
}

int32_t tg_batch_depthwise(const tg_batch_conv *p, int32_t n, const int8_t *x, int8_t *y);
int32_t tg_batch_depthwise(const tg_batch_conv *p, int32_t n, const int8_t *x, int8_t *y) {
  const tg_window *w = &p->window;
  const int32_t rows = reach(w->out_h, w->stride_h, w->filter_h, w->dilation_h);
  const int32_t columns = reach(w->out_w, w->stride_w, w->filter_w, w->dilation_w);
  const size_t row_bytes =
      (size_t)((columns + w->stride_w - 1) / w->stride_w * w->stride_w) * (size_t)w->in_c;
  uint8_t *room = (uint8_t *)calloc((size_t)rows * row_bytes + TG_LANES, 1);
  const uint8_t **taps = (const uint8_t **)malloc((size_t)p->depth * sizeof *taps);
  if (!room || !taps) {
    free(room);
    free(taps);
    return -1;
  }
  for (int32_t i = 0; i < n; ++i) {
    tg_stage(w, x + (size_t)i * (size_t)(w->in_h * w->in_w * w->in_c), rows, columns, room);
    depthwise_image(p, room, columns, taps,
                    y + (size_t)i * (size_t)(w->out_h * w->out_w * w->out_c));
  }
  free(room);
  free(taps);
  return 0;
}
