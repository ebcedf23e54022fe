/* Reference kernels of ops that work element by element.
 *
 * After tflite-micro's kernels/internal/reference/integer_ops/{add,mul,logistic,tanh}.h and
 * kernels/internal/reference/{add_n,leaky_relu,sub,requantize,quantize,dequantize}.h.
 */
#include "curve.h"
#include "kernels.h"

static int32_t add_values(const tg_pair *p, int32_t a, int32_t b) {
  const int32_t scaled_a = tg_rescale(tg_shift_left(a - p->a_zero, p->left_shift), p->a);
  const int32_t scaled_b = tg_rescale(tg_shift_left(b - p->b_zero, p->left_shift), p->b);
  const int32_t sum = tg_wrap_add(scaled_a, p->negate_b ? -scaled_b : scaled_b);
  return tg_clamp(tg_wrap_add(tg_rescale(sum, p->out), p->out_zero), p->low, p->high);
}

static int32_t mul_values(const tg_pair *p, int32_t a, int32_t b) {
  const int32_t product = (int32_t)((uint32_t)(a - p->a_zero) * (uint32_t)(b - p->b_zero));
  return tg_clamp(tg_wrap_add(tg_rescale(product, p->out), p->out_zero), p->low, p->high);
}

static int32_t squared_difference_values(const tg_pair *p, int32_t a, int32_t b) {
  const int32_t scaled_a = tg_rescale(tg_shift_left(a - p->a_zero, p->left_shift), p->a);
  const int32_t scaled_b = tg_rescale(tg_shift_left(b - p->b_zero, p->left_shift), p->b);
  const uint32_t difference = (uint32_t)(scaled_a - scaled_b);
  const int32_t value = tg_rescale((int32_t)(difference * difference), p->out);
  return tg_clamp(tg_wrap_add(value, p->out_zero), p->low, p->high);
}

static int32_t prelu_values(const tg_pair *p, int32_t a, int32_t b) {
  const int32_t value = a - p->a_zero;
  const int32_t scaled =
      value >= 0 ? tg_rescale(value, p->a) : tg_rescale(value * (b - p->b_zero), p->out);
  return tg_clamp(tg_wrap_add(scaled, p->out_zero), p->low, p->high);
}

#define DEFINE_PAIR(NAME, VALUE, OTHER, FUNCTION)                                             \
  void NAME(const tg_pair *p, int32_t count, const VALUE *a, int32_t a_count, const OTHER *b, \
            int32_t b_count, VALUE *y) {                                                      \
    for (int32_t i = 0; i < count; ++i) {                                                     \
      y[i] = (VALUE)FUNCTION(p, a[i % a_count], b[i % b_count]);                              \
    }                                                                                         \
  }

DEFINE_PAIR(tg_add_s8, int8_t, int8_t, add_values)
DEFINE_PAIR(tg_add_s16, int16_t, int16_t, add_values)
DEFINE_PAIR(tg_mul_s8, int8_t, int8_t, mul_values)
DEFINE_PAIR(tg_mul_s16, int16_t, int16_t, mul_values)
DEFINE_PAIR(tg_squared_difference_s8, int8_t, int8_t, squared_difference_values)
DEFINE_PAIR(tg_squared_difference_s16, int16_t, int16_t, squared_difference_values)
DEFINE_PAIR(tg_prelu_s8, int8_t, int8_t, prelu_values)
DEFINE_PAIR(tg_prelu_s16, int16_t, int8_t, prelu_values)

void tg_add_n_s8(const tg_pair *p, int32_t number, int32_t count, const int8_t *const *x,
                 int8_t *y) {
  /* TFLM's sum begins with a stored 0, which takes part as any other operand. */
  const int32_t first = tg_rescale(tg_shift_left(-p->a_zero, p->left_shift), p->a);
  for (int32_t i = 0; i < count; ++i) {
    int32_t sum = first;
    for (int32_t k = 0; k < number; ++k) {
      const int32_t shifted = tg_shift_left(x[k][i] - p->a_zero, p->left_shift);
      sum = tg_wrap_add(sum, tg_rescale(shifted, p->a));
    }
    y[i] = (int8_t)tg_clamp(tg_wrap_add(tg_rescale(sum, p->out), p->out_zero), p->low, p->high);
  }
}

void tg_leaky_relu_s16(const tg_pair *p, int32_t count, const int16_t *x, int16_t *y) {
  for (int32_t i = 0; i < count; ++i) {
    const int32_t value = x[i] - p->a_zero;
    const int32_t scaled = tg_rescale(value, value >= 0 ? p->a : p->b);
    y[i] = (int16_t)tg_clamp(tg_wrap_add(scaled, p->out_zero), p->low, p->high);
  }
}

#define DEFINE_EXTREMUM(NAME, VALUE)                                                  \
  void NAME(int32_t want_max, int32_t count, const VALUE *a, int32_t a_count, const VALUE *b, \
            int32_t b_count, VALUE *y) {                                              \
    for (int32_t i = 0; i < count; ++i) {                                             \
      const VALUE one = a[i % a_count];                                               \
      const VALUE other = b[i % b_count];                                             \
      y[i] = (one > other) == (want_max != 0) ? one : other;                          \
    }                                                                                 \
  }

DEFINE_EXTREMUM(tg_extremum_s8, int8_t)
DEFINE_EXTREMUM(tg_extremum_s16, int16_t)

void tg_lookup_s8(const int8_t *table, int32_t count, const int8_t *x, int8_t *y) {
  for (int32_t i = 0; i < count; ++i) {
    y[i] = table[x[i] + 128];
  }
}

#define DEFINE_REQUANTIZE(NAME, FROM, TO, LOWEST, HIGHEST)                                  \
  void NAME(tg_scale scale, int32_t in_zero, int32_t out_zero, int32_t count, const FROM *x, \
            TO *y) {                                                                        \
    for (int32_t i = 0; i < count; ++i) {                                                   \
      const int32_t value = tg_wrap_add(tg_rescale(x[i] - in_zero, scale), out_zero);       \
      y[i] = (TO)tg_clamp(value, LOWEST, HIGHEST);                                          \
    }                                                                                       \
  }

DEFINE_REQUANTIZE(tg_requantize_s8_s16, int8_t, int16_t, INT16_MIN, INT16_MAX)
DEFINE_REQUANTIZE(tg_requantize_s16_s8, int16_t, int8_t, INT8_MIN, INT8_MAX)
DEFINE_REQUANTIZE(tg_requantize_u8_s8, uint8_t, int8_t, INT8_MIN, INT8_MAX)
DEFINE_REQUANTIZE(tg_requantize_s8_u8, int8_t, uint8_t, 0, UINT8_MAX)
DEFINE_REQUANTIZE(tg_requantize_s16, int16_t, int16_t, INT16_MIN, INT16_MAX)

void tg_curve_s16(const tg_curve *p, const uint16_t *table, int32_t count, const int16_t *x,
                  int16_t *y) {
  for (int32_t i = 0; i < count; ++i) {
    y[i] = tg_curve_value(p, table, x[i]);
  }
}

/* Round half away from zero without <math.h>; beyond the integers the limits answer. */
static int32_t round_float(float x) {
  if (!(x > -2147483648.0f)) {
    return INT32_MIN; /* NaN as well, as x86 converts it */
  }
  if (x >= 2147483648.0f) {
    return INT32_MAX;
  }
  const int32_t whole = (int32_t)x;
  const float rest = x - (float)whole; /* exact */
  return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

#define DEFINE_QUANTIZE(NAME, TO, LOWEST, HIGHEST)                                         \
  void NAME(float scale, int32_t zero, int32_t count, const float *x, TO *y) {             \
    for (int32_t i = 0; i < count; ++i) {                                                  \
      y[i] = (TO)tg_clamp(tg_wrap_add(round_float(x[i] / scale), zero), LOWEST, HIGHEST);  \
    }                                                                                      \
  }

DEFINE_QUANTIZE(tg_quantize_s8, int8_t, INT8_MIN, INT8_MAX)
DEFINE_QUANTIZE(tg_quantize_s16, int16_t, INT16_MIN, INT16_MAX)

#define DEFINE_DEQUANTIZE(NAME, FROM)                                              \
  void NAME(float scale, int32_t zero, int32_t count, const FROM *x, float *y) {   \
    for (int32_t i = 0; i < count; ++i) {                                          \
      y[i] = scale * (float)(x[i] - zero);                                         \
    }                                                                              \
  }

DEFINE_DEQUANTIZE(tg_dequantize_s8, int8_t)
DEFINE_DEQUANTIZE(tg_dequantize_u8, uint8_t)
DEFINE_DEQUANTIZE(tg_dequantize_s16, int16_t)

/* Towards zero; what is no 32-bit integer is the lowest, as x86 has it. */
static int32_t cut_float(float x) {
  return x > -2147483648.0f && x < 2147483648.0f ? (int32_t)x : INT32_MIN;
}

static int32_t load_integer(int32_t from, int32_t i, const void *x) {
  switch (from) {
    case TG_INT8:
      return ((const int8_t *)x)[i];
    case TG_INT16:
      return ((const int16_t *)x)[i];
    case TG_INT32:
      return ((const int32_t *)x)[i];
    case TG_BOOL:
      return ((const uint8_t *)x)[i];
    default:
      return cut_float(((const float *)x)[i]);
  }
}

static void store_integer(int32_t to, int32_t value, int32_t i, void *y) {
  switch (to) {
    case TG_INT8:
      ((int8_t *)y)[i] = (int8_t)value;
      break;
    case TG_INT16:
      ((int16_t *)y)[i] = (int16_t)value;
      break;
    case TG_INT32:
      ((int32_t *)y)[i] = value;
      break;
    default:
      ((float *)y)[i] = (float)value;
  }
}

void tg_cast(int32_t from, int32_t to, int32_t count, const void *x, void *y) {
  for (int32_t i = 0; i < count; ++i) {
    if (to != TG_BOOL) {
      store_integer(to, load_integer(from, i, x), i, y);
    } else if (from == TG_FLOAT32) {
      ((uint8_t *)y)[i] = ((const float *)x)[i] != 0.0f;
    } else {
      ((uint8_t *)y)[i] = load_integer(from, i, x) != 0;
    }
  }
}

void tg_negate_f32(int32_t count, const float *x, float *y) {
  for (int32_t i = 0; i < count; ++i) {
    y[i] = -x[i];
  }
}
