/* Reference kernels of ops along rows and axes: sums, extremes, softmax, lengths, copies.
 *
 * After tflite-micro's kernels/internal/reference/{arg_min_max,reduce,select,softmax}.h,
 * reference/integer_ops/l2normalization.h, quantization_util.cc and common.h (LUTLookup).
 */
#include "fixedpoint.h"
#include "kernels.h"

static int32_t leading_zeros(uint32_t x) {
  int32_t count = 0;
  for (uint32_t bit = UINT32_C(1) << 31; bit && !(x & bit); bit >>= 1) {
    ++count;
  }
  return count;
}

/* The scale of a mean: that of the sum over `count`, with as many bits as fit. */
static tg_scale scale_of_mean(tg_scale scale, int32_t count) {
  int32_t shift = 31 - leading_zeros((uint32_t)count);
  if (shift > 31 + scale.shift) {
    shift = 31 + scale.shift;
  }
  scale.multiplier = (int32_t)(((int64_t)scale.multiplier << shift) / count);
  scale.shift -= shift;
  return scale;
}

#define DEFINE_SUM(NAME, VALUE, IS_MEAN, LOWEST, HIGHEST)                                     \
  void NAME(const tg_reduction *p, const VALUE *x, VALUE *y) {                                \
    const tg_scale scale = IS_MEAN ? scale_of_mean(p->scale, p->reduced) : p->scale;          \
    for (int32_t outer = 0; outer < p->outer; ++outer) {                                      \
      for (int32_t inner = 0; inner < p->inner; ++inner) {                                    \
        uint32_t sum = 0;                                                                     \
        for (int32_t i = 0; i < p->reduced; ++i) {                                            \
          sum += (uint32_t)(x[(outer * p->reduced + i) * p->inner + inner] - p->in_zero);     \
        }                                                                                     \
        const int32_t value = tg_wrap_add(tg_rescale((int32_t)sum, scale), p->out_zero);      \
        *y++ = (VALUE)tg_clamp(value, LOWEST, HIGHEST);                                       \
      }                                                                                       \
    }                                                                                         \
  }

DEFINE_SUM(tg_mean_s8, int8_t, 1, INT8_MIN, INT8_MAX)
DEFINE_SUM(tg_mean_s16, int16_t, 1, INT16_MIN, INT16_MAX)
DEFINE_SUM(tg_sum_s8, int8_t, 0, INT8_MIN, INT8_MAX)
DEFINE_SUM(tg_sum_s16, int16_t, 0, INT16_MIN, INT16_MAX)

void tg_reduce_extremum_s8(const tg_reduction *p, int32_t want_max, const int8_t *x, int8_t *y) {
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    for (int32_t inner = 0; inner < p->inner; ++inner) {
      int8_t most = want_max ? INT8_MIN : INT8_MAX;
      for (int32_t i = 0; i < p->reduced; ++i) {
        const int8_t value = x[(outer * p->reduced + i) * p->inner + inner];
        most = (value > most) == (want_max != 0) ? value : most;
      }
      *y++ = most;
    }
  }
}

void tg_arg_extremum_s8(const tg_reduction *p, int32_t want_max, const int8_t *x, int32_t *y) {
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    for (int32_t inner = 0; inner < p->inner; ++inner) {
      const int8_t *values = x + outer * p->reduced * p->inner + inner;
      int32_t place = 0;
      for (int32_t i = 1; i < p->reduced; ++i) {
        const int32_t value = values[i * p->inner], most = values[place * p->inner];
        place = (want_max ? value > most : value < most) ? i : place;
      }
      *y++ = place;
    }
  }
}

/* 1 / sqrt(x) for x >= 0, 0 being taken for 1: GetInvSqrtQuantizedMultiplierExp, which moves a shift
 * to the left into the multiplier. */
static tg_scale inverse_root(int32_t x) {
  if (x <= 1) {
    return (tg_scale){INT32_MAX, 0};
  }
  int32_t right = 11;
  for (; x >= 1 << 29; x /= 4) {
    ++right;
  }
  const int32_t pairs = (leading_zeros((uint32_t)x) - 1) / 2 - 1; /* of bits to the left */
  right -= pairs;
  const int32_t half = tg_round_shift(tg_shift_left(x, 2 * pairs) >> 1, 1);
  int32_t root = 1 << 28; /* Q3 */
  for (int32_t i = 0; i < 5; ++i) { /* Newton's iteration */
    const int32_t cube = tg_saturating_shift(tg_high_mul(tg_high_mul(root, root), root), 6);
    const int32_t change = tg_high_mul(root, (1 << 28) + (1 << 27)) - tg_high_mul(half, cube);
    root = tg_saturating_shift(change, 3);
  }
  return (tg_scale){tg_high_mul(root, 1518500250), -right}; /* times sqrt(1/2) */
}

void tg_l2_normalize_s8(int32_t rows, int32_t depth, int32_t zero, const int8_t *x, int8_t *y) {
  for (int32_t row = 0; row < rows; ++row, x += depth, y += depth) {
    uint32_t squares = 0;
    for (int32_t i = 0; i < depth; ++i) {
      const int32_t value = x[i] - zero;
      squares += (uint32_t)(value * value);
    }
    tg_scale scale = inverse_root((int32_t)squares);
    scale.shift += 7; /* results in 1/128 */
    for (int32_t i = 0; i < depth; ++i) {
      y[i] = (int8_t)tg_clamp(tg_rescale(x[i] - zero, scale), INT8_MIN, INT8_MAX);
    }
  }
}

/* exp(difference) in Q0 */
static int32_t exp_of(const tg_softmax *p, int32_t difference) {
  const int32_t shifted = tg_shift_left(difference, p->scale.shift);
  return tg_exp_negative(tg_high_mul(shifted, p->scale.multiplier), 5);
}

static void softmax_row_s8(const tg_softmax *p, const int8_t *x, int8_t *y) {
  int8_t most = INT8_MIN;
  for (int32_t i = 0; i < p->depth; ++i) {
    most = x[i] > most ? x[i] : most;
  }
  uint32_t sum = 0; /* Q12 */
  for (int32_t i = 0; i < p->depth; ++i) {
    if (x[i] - most >= p->diff_min) {
      sum += (uint32_t)tg_round_shift(exp_of(p, x[i] - most), 12);
    }
  }
  const int32_t zeros = leading_zeros(sum);
  const int32_t fraction = (int32_t)((sum << zeros) - (UINT32_C(1) << 31));
  const int32_t reciprocal = tg_one_over_one_plus(fraction);
  const int32_t exponent = 12 - zeros + 31 - 8;
  for (int32_t i = 0; i < p->depth; ++i) {
    y[i] = INT8_MIN;
    if (x[i] - most >= p->diff_min) {
      const int32_t share = tg_high_mul(reciprocal, exp_of(p, x[i] - most));
      y[i] = (int8_t)tg_clamp(tg_round_shift(share, exponent) + INT8_MIN, INT8_MIN, INT8_MAX);
    }
  }
}

void tg_softmax_s8(const tg_softmax *p, const int8_t *x, int8_t *y) {
  for (int32_t row = 0; row < p->rows; ++row) {
    softmax_row_s8(p, x + row * p->depth, y + row * p->depth);
  }
}

/* Between two of 513 entries for -32768 .. 32767. */
static int16_t interpolate(const int16_t *table, int32_t x) {
  const int32_t index = 256 + (x >> 7);
  const int32_t slope = (int16_t)(table[index + 1] - table[index]);
  return (int16_t)(table[index] + ((slope * (x & 0x7F) + 64) >> 7));
}

static int16_t exp_s16(const tg_softmax *p, const int16_t *table, int32_t difference) {
  const int32_t centred = tg_wrap_add(tg_rescale(difference, p->scale), INT16_MAX);
  return interpolate(table, tg_clamp(centred, INT16_MIN, INT16_MAX));
}

static void softmax_row_s16(const tg_softmax *p, const int16_t *exp_table,
                            const int16_t *reciprocal_table, const int16_t *x, int16_t *y) {
  int16_t most = INT16_MIN;
  for (int32_t i = 0; i < p->depth; ++i) {
    most = x[i] > most ? x[i] : most;
  }
  uint32_t sum = 0; /* Q16.15 */
  for (int32_t i = 0; i < p->depth; ++i) {
    const int32_t share = exp_s16(p, exp_table, x[i] - most);
    y[i] = (int16_t)share;
    sum += (uint32_t)share;
  }
  const int32_t zeros = leading_zeros(sum);
  const int64_t normalised = (int64_t)(int32_t)sum * ((int64_t)1 << (zeros - 1));
  const int32_t centred = (int32_t)((normalised + (1 << 13)) >> 14) - ((1 << 15) + (1 << 16));
  const int32_t reciprocal =
      interpolate(reciprocal_table, tg_clamp(centred, INT16_MIN, INT16_MAX));
  const int32_t shift = 31 - zeros;
  for (int32_t i = 0; i < p->depth; ++i) {
    const int64_t share = (int64_t)y[i] * reciprocal + ((int64_t)1 << (shift - 1));
    y[i] = (int16_t)tg_clamp((int32_t)(share >> shift), 0, INT16_MAX);
  }
}

void tg_softmax_s16(const tg_softmax *p, const int16_t *exp_table, const int16_t *reciprocal_table,
                    const int16_t *x, int16_t *y) {
  for (int32_t row = 0; row < p->rows; ++row) {
    softmax_row_s16(p, exp_table, reciprocal_table, x + row * p->depth, y + row * p->depth);
  }
}

static void move(int32_t width, const uint8_t *x, uint8_t *y) {
  for (int32_t i = 0; i < width; ++i) {
    y[i] = x[i];
  }
}

void tg_strided_copy(const tg_copy *p, const void *x, void *y) {
  const uint8_t *from = (const uint8_t *)x;
  uint8_t *to = (uint8_t *)y;
  int32_t at[6] = {0, 0, 0, 0, 0, 0};
  int32_t source = p->from_offset;
  int32_t goal = p->to_offset;
  for (;;) {
    move(p->width, from + source * p->width, to + goal * p->width);
    int32_t axis = 5;
    while (axis >= 0 && ++at[axis] == p->extent[axis]) {
      source -= (p->extent[axis] - 1) * p->from[axis];
      goal -= (p->extent[axis] - 1) * p->to[axis];
      at[axis--] = 0;
    }
    if (axis < 0) {
      return;
    }
    source += p->from[axis];
    goal += p->to[axis];
  }
}

void tg_pick(int32_t width, int32_t count, const int32_t *index, const void *x, void *y) {
  for (int32_t i = 0; i < count; ++i) {
    move(width, (const uint8_t *)x + index[i] * width, (uint8_t *)y + i * width);
  }
}

void tg_select(int32_t width, int32_t count, const uint8_t *chosen, int32_t chosen_count,
               const void *a, int32_t a_count, const void *b, int32_t b_count, void *y) {
  for (int32_t i = 0; i < count; ++i) {
    const uint8_t *one = (const uint8_t *)a + i % a_count * width;
    const uint8_t *other = (const uint8_t *)b + i % b_count * width;
    move(width, chosen[i % chosen_count] ? one : other, (uint8_t *)y + i * width);
  }
}

void tg_take_rows(int32_t width, int32_t rows, int32_t count, const int32_t *places,
                  const void *table, void *y) {
  for (int32_t i = 0; i < count; ++i) {
    const int32_t place = tg_clamp(places[i], 0, rows - 1);
    move(width, (const uint8_t *)table + place * width, (uint8_t *)y + i * width);
  }
}

void tg_fill(int32_t width, int32_t count, const void *value, void *y) {
  for (int32_t i = 0; i < count; ++i) {
    move(width, (const uint8_t *)value, (uint8_t *)y + i * width);
  }
}
