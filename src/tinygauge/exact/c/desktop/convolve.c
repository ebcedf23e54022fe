/* Convolutions over a batch: staged images, and patches that are read where they lie. */
#include <stdlib.h>
#include <string.h>

#include "batch.h"

typedef void (*stage_function)(const int8_t *x, size_t count, uint8_t *to);

/* An image as it is staged: filled up at the borders, its columns sorted by phase, which is the
 * column modulo the stride, so that neighbours of one phase lie together. */
typedef struct {
  stage_function stage;
  size_t stored, staged;    /* bytes of a value before and after */
  int32_t rows, columns;
  int32_t phases, in_phase; /* columns in a phase */
  size_t pixel, pitch;      /* bytes of a pixel and of a row */
} canvas;

/* int16 values are what the loops multiply. */
static void stage_wide(const int8_t *x, size_t count, uint8_t *to) { memcpy(to, x, 2 * count); }

/* Rows or columns that the filter reaches in all. */
static int32_t reach(int32_t out, int32_t stride, int32_t filter, int32_t dilation) {
  return (out - 1) * stride + (filter - 1) * dilation + 1;
}

static canvas canvas_of(const tg_batch_conv *p, int32_t phases, const tg_loops *loops) {
  const tg_window *w = &p->window;
  canvas c;
  c.stage = p->is_wide ? stage_wide : loops->stage;
  c.stored = p->is_wide ? 2 : 1;
  c.staged = (size_t)loops->width;
  c.rows = reach(w->out_h, w->stride_h, w->filter_h, w->dilation_h);
  c.columns = reach(w->out_w, w->stride_w, w->filter_w, w->dilation_w);
  c.phases = phases;
  c.in_phase = (c.columns + phases - 1) / phases;
  c.pixel = (size_t)w->in_c * c.staged;
  c.pitch = (size_t)(c.in_phase * phases) * c.pixel;
  return c;
}

/* Return room for an image, all of it zero points, and for one row behind it; NULL if there is
 * none. `block` is to be freed; loads are faster where lanes begin at multiples of 64 bytes. */
static uint8_t *new_canvas(const tg_window *w, const canvas *c, void **block) {
  int8_t zeros[TG_LANES];
  const size_t bytes = (size_t)c->rows * c->pitch;
  *block = calloc(bytes + TG_SLACK + (size_t)w->in_w * c->pixel + 63, 1);
  if (!*block) {
    return NULL;
  }
  uint8_t *room = (uint8_t *)*block + (64 - (uintptr_t)*block % 64) % 64;
  memset(zeros, w->in_zero & 0xFF, sizeof zeros); /* int16 values have a zero point of 0 */
  const size_t few = sizeof zeros / c->stored;
  for (size_t at = 0; at < bytes; at += few * c->staged) {
    const size_t left = (bytes - at) / c->staged;
    c->stage(zeros, left < few ? left : few, room + at);
  }
  return room;
}

/* How much of an image lies on the canvas, along one axis. */
static int32_t inside_of(int32_t in, int32_t canvas_size, int32_t pad) {
  const int32_t left = canvas_size > pad ? canvas_size - pad : 0;
  return in < left ? in : left;
}

static size_t place_of(const canvas *c, int32_t column) {
  return (size_t)(column % c->phases * c->in_phase + column / c->phases) * c->pixel;
}

/* Copy pixels that lie `step` bytes apart to where they lie together; a constant size is soon
 * copied. */
static inline void draw_together(const uint8_t *from, size_t step, int32_t count, size_t value,
                                 uint8_t *to) {
  for (int32_t i = 0; i < count; ++i) {
    memcpy(to + (size_t)i * value, from + (size_t)i * step, value);
  }
}

static void gather(const uint8_t *from, size_t step, int32_t count, size_t value, uint8_t *to) {
  switch (value) {
    case 8: draw_together(from, step, count, 8, to); break;
    case 16: draw_together(from, step, count, 16, to); break;
    case 32: draw_together(from, step, count, 32, to); break;
    case 64: draw_together(from, step, count, 64, to); break;
    default: draw_together(from, step, count, value, to);
  }
}

/* `line` has room for a row. */
static void stage_row(const tg_window *w, const canvas *c, const int8_t *x, uint8_t *line,
                      uint8_t *to) {
  const int32_t inside = inside_of(w->in_w, c->columns, w->pad_w);
  if (c->phases == 1) {
    c->stage(x, (size_t)inside * (size_t)w->in_c, to + (size_t)w->pad_w * c->pixel);
    return;
  }
  c->stage(x, (size_t)inside * (size_t)w->in_c, line);
  for (int32_t i = 0; i < c->phases && i < inside; ++i) {
    gather(line + (size_t)i * c->pixel, (size_t)c->phases * c->pixel,
           (inside - i + c->phases - 1) / c->phases, c->pixel, to + place_of(c, i + w->pad_w));
  }
}

static void stage_image(const tg_window *w, const canvas *c, const int8_t *x, uint8_t *to) {
  const size_t row = (size_t)(w->in_w * w->in_c);
  const int32_t inside = inside_of(w->in_h, c->rows, w->pad_h);
  if (c->phases == 1 && w->pad_w == 0 && c->columns == w->in_w) {
    c->stage(x, (size_t)inside * row, to + (size_t)w->pad_h * c->pitch);
    return;
  }
  uint8_t *line = to + (size_t)c->rows * c->pitch + TG_SLACK;
  to += (size_t)w->pad_h * c->pitch;
  const int32_t tall = (w->filter_h - 1) * w->dilation_h + 1;
  for (int32_t i = 0; i < inside; ++i) {
    if ((i + w->pad_h) % w->stride_h < tall) { /* or else no filter reaches it */
      stage_row(w, c, x + (size_t)i * row * c->stored, line, to + (size_t)i * c->pitch);
    }
  }
}

/* 1 x 1 convolutions and dense ops: every pixel is a patch as it stands. */
static int32_t multiply_pixels(const tg_batch_conv *p, const tg_loops *loops, int64_t pixels,
                               const int8_t *x, int8_t *y) {
  const canvas c = canvas_of(p, 1, loops);
  const size_t depth = (size_t)p->window.in_c;
  const ptrdiff_t offsets[1] = {0};
  tg_patches patches = {{NULL}, offsets, 0};
  uint8_t *block = (uint8_t *)calloc(TG_PATCHES * c.pixel + TG_SLACK, 1);
  if (!block) {
    return -1;
  }
  for (int64_t pixel = 0; pixel < pixels; pixel += TG_PATCHES) {
    patches.count = pixels - pixel < TG_PATCHES ? (int32_t)(pixels - pixel) : TG_PATCHES;
    c.stage(x + (size_t)pixel * depth * c.stored, (size_t)patches.count * depth, block);
    for (int32_t i = 0; i < TG_PATCHES; ++i) {
      patches.starts[i] = block + (i < patches.count ? (size_t)i * c.pixel : 0);
    }
    loops->dense(p, &patches, y + (size_t)pixel * (size_t)p->window.out_c * c.stored);
  }
  free(block);
  return 0;
}

static void convolve_image(const tg_batch_conv *p, const tg_loops *loops, const canvas *c,
                           const uint8_t *image, const ptrdiff_t *offsets, int8_t *y) {
  const tg_window *w = &p->window;
  const size_t step = (size_t)w->stride_w * c->pixel;
  const int32_t pixels = w->out_h * w->out_w;
  tg_patches patches = {{NULL}, offsets, 0};
  const uint8_t *line = image, *at = image;
  for (int32_t pixel = 0, column = 0; pixel < pixels; pixel += TG_PATCHES) {
    patches.count = pixels - pixel < TG_PATCHES ? pixels - pixel : TG_PATCHES;
    for (int32_t i = 0; i < TG_PATCHES; ++i) {
      if (i >= patches.count) {
        patches.starts[i] = patches.starts[0];
        continue;
      }
      patches.starts[i] = at;
      at += step;
      if (++column == w->out_w) {
        column = 0;
        line += (size_t)w->stride_h * c->pitch;
        at = line;
      }
    }
    loops->dense(p, &patches, y + (size_t)pixel * (size_t)w->out_c * c->stored);
  }
}

/* Where the runs of a patch begin: its rows, or its pixels if they are apart. */
static void set_offsets(const tg_batch_conv *p, const canvas *c, ptrdiff_t *offsets) {
  const tg_window *w = &p->window;
  const int32_t in_row = p->runs / w->filter_h;
  for (int32_t i = 0; i < p->runs; ++i) {
    offsets[i] = (ptrdiff_t)((size_t)(i / in_row * w->dilation_h) * c->pitch +
                             (size_t)(i % in_row * w->dilation_w) * c->pixel);
  }
}

int32_t tg_batch_convolve(const tg_batch_conv *p, int32_t n, const int8_t *x, int8_t *y);
int32_t tg_batch_convolve(const tg_batch_conv *p, int32_t n, const int8_t *x, int8_t *y) {
  const tg_window *w = &p->window;
  const tg_loops *loops = tg_loops_of(p->level);
  const int32_t is_pixel = w->filter_h == 1 && w->filter_w == 1 && w->stride_h == 1 &&
                           w->stride_w == 1 && w->out_h == w->in_h && w->out_w == w->in_w;
  if (is_pixel) {
    return multiply_pixels(p, loops, (int64_t)n * w->in_h * w->in_w, x, y);
  }
  const canvas c = canvas_of(p, 1, loops);
  ptrdiff_t *offsets = (ptrdiff_t *)malloc((size_t)p->runs * sizeof *offsets);
  void *block;
  uint8_t *room = new_canvas(w, &c, &block);
  const size_t in = (size_t)(w->in_h * w->in_w * w->in_c);
  const size_t out = (size_t)(w->out_h * w->out_w * w->out_c);
  const int32_t failed = !offsets || !room;
  if (!failed) {
    set_offsets(p, &c, offsets);
  }
  for (int32_t i = 0; !failed && i < n; ++i) {
    stage_image(w, &c, x + (size_t)i * in * c.stored, room);
    convolve_image(p, loops, &c, room, offsets,
                   y + (size_t)i * out * c.stored);
  }
  free(block);
  free(offsets);
  return failed ? -1 : 0;
}

/* Where the taps of some rows lie, the first of them `out_y`. */
static void set_taps(const tg_batch_conv *p, const canvas *c, const uint8_t *image, int32_t out_y,
                     const uint8_t **taps) {
  const tg_window *w = &p->window;
  const int32_t lines = (p->rows - 1) * w->stride_h + w->filter_h;
  int32_t tap = 0;
  for (int32_t i = 0; i < lines; ++i) {
    const uint8_t *line = image + (size_t)(out_y * w->stride_h + i * w->dilation_h) * c->pitch;
    for (int32_t fx = 0; fx < w->filter_w; ++fx) {
      taps[tap++] = line + place_of(c, fx * w->dilation_w);
    }
  }
  for (; tap < p->taps; ++tap) {
    taps[tap] = taps[0]; /* its weights are 0 */
  }
}

static void depthwise_image(const tg_batch_conv *p, const tg_loops *loops, const canvas *c,
                            const uint8_t *image, const uint8_t **taps, int8_t *y) {
  const tg_window *w = &p->window;
  const int32_t lanes = w->out_w * w->out_c;
  const int32_t last = w->out_h - p->rows;
  for (int32_t out_y = 0; out_y < w->out_h; out_y += p->rows) {
    const int32_t row = out_y < last ? out_y : last; /* some rows twice, rather than beyond */
    set_taps(p, c, image, row, taps);
    loops->depthwise(p, taps, lanes, y + (size_t)row * (size_t)lanes * c->stored);
  }
}

int32_t tg_batch_depthwise(const tg_batch_conv *p, int32_t n, const int8_t *x, int8_t *y);
int32_t tg_batch_depthwise(const tg_batch_conv *p, int32_t n, const int8_t *x, int8_t *y) {
  const tg_window *w = &p->window;
  const tg_loops *loops = tg_loops_of(p->level);
  const canvas c = canvas_of(p, w->stride_w, loops);
  const uint8_t **taps = (const uint8_t **)malloc((size_t)p->taps * sizeof *taps);
  void *block;
  uint8_t *room = new_canvas(w, &c, &block);
  const size_t in = (size_t)(w->in_h * w->in_w * w->in_c);
  const size_t out = (size_t)(w->out_h * w->out_w * w->out_c);
  const int32_t failed = !taps || !room;
  for (int32_t i = 0; !failed && i < n; ++i) {
    stage_image(w, &c, x + (size_t)i * in * c.stored, room);
    depthwise_image(p, loops, &c, room, taps,
                    y + (size_t)i * out * c.stored);
  }
  free(block);
  free(taps);
  return failed ? -1 : 0;
}
