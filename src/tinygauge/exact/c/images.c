/* Reference kernel of RESIZE_BILINEAR.
 *
 * After tflite-micro's kernels/internal/reference/resize_bilinear.h, ResizeBilinearInteger.
 */
#include "kernels.h"

/* value / 2^20 rounded to nearest, ties away from zero. */
static int32_t rounded(int32_t value) {
  return value > 0 ? (value + (1 << 19)) >> 20 : -(((1 << 19) - value) >> 20);
}

void tg_resize_bilinear_s8(const tg_resize *p, const int32_t *rows, const int32_t *columns,
                           const int8_t *x, int8_t *y) {
  const int32_t channels = p->channels;
  for (int32_t image = 0; image < p->images; ++image, x += p->in_h * p->in_w * channels) {
    for (int32_t r = 0; r < p->out_h; ++r) {
      const int32_t *row = rows + 3 * r;
      const int8_t *above = x + row[0] * p->in_w * channels;
      const int8_t *below = x + row[1] * p->in_w * channels;
      for (int32_t c = 0; c < p->out_w; ++c, y += channels) {
        const int32_t *column = columns + 3 * c;
        const int32_t left = column[0] * channels, right = column[1] * channels;
        const int32_t down = row[2], across = column[2];
        for (int32_t i = 0; i < channels; ++i) {
          const int32_t first = above[left + i] * (1024 - down) + below[left + i] * down;
          const int32_t second = above[right + i] * (1024 - down) + below[right + i] * down;
          y[i] = (int8_t)rounded(first * (1024 - across) + second * across);
        }
      }
    }
  }
}
