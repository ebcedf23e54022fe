/* Ops on pairs of values over a batch, and softmax of int8 by tables. */
#include "../fixedpoint.h"
#include "batch.h"

void tg_batch_add(const tg_pair *p, int32_t level, int64_t count, const int8_t *a, const int8_t *b,
                  int8_t *y);
void tg_batch_add(const tg_pair *p, int32_t level, int64_t count, const int8_t *a, const int8_t *b,
                  int8_t *y) {
  tg_loops_of(level)->add(p, count, a, b, y);
}

static inline int32_t multiply_values(const tg_pair *p, int32_t a, int32_t b) {
  const int32_t product = (int32_t)((uint32_t)(a - p->a_zero) * (uint32_t)(b - p->b_zero));
  return tg_clamp(tg_wrap_add(tg_rescale(product, p->out), p->out_zero), p->low, p->high);
}

#define DEFINE_PAIR(NAME, VALUE, FUNCTION)                                                       \
  void NAME(const tg_pair *p, int64_t count, const VALUE *a, const VALUE *b, VALUE *y);          \
  void NAME(const tg_pair *p, int64_t count, const VALUE *a, const VALUE *b, VALUE *y) {         \
    const tg_pair pair = *p;                                                                     \
    for (int64_t i = 0; i < count; ++i) {                                                        \
      y[i] = (VALUE)FUNCTION(&pair, a[i], b[i]);                                                 \
    }                                                                                            \
  }

DEFINE_PAIR(tg_batch_add_s16, int16_t, tg_add_values)
DEFINE_PAIR(tg_batch_mul_s8, int8_t, multiply_values)
DEFINE_PAIR(tg_batch_mul_s16, int16_t, multiply_values)

static int32_t leading_zeros(uint32_t x) {
  int32_t count = 0;
  for (; !(x & UINT32_C(0x80000000)); x <<= 1) {
    ++count;
  }
  return count;
}

/* tg_softmax_s8 with a table of exp(-i) in Q0, i = 0..255, which is 0 where nothing counts. */
void tg_batch_softmax_s8(int64_t rows, int32_t depth, const int32_t *exps, const int8_t *x,
                         int8_t *y);
void tg_batch_softmax_s8(int64_t rows, int32_t depth, const int32_t *exps, const int8_t *x,
                         int8_t *y) {
  uint32_t addends[256]; /* Q12 */
  for (int32_t i = 0; i < 256; ++i) {
    addends[i] = (uint32_t)tg_round_shift(exps[i], 12);
  }
  for (int64_t row = 0; row < rows; ++row, x += depth, y += depth) {
    int32_t most = INT8_MIN;
    for (int32_t i = 0; i < depth; ++i) {
      most = x[i] > most ? x[i] : most;
    }
    uint32_t sum = 0;
    for (int32_t i = 0; i < depth; ++i) {
      sum += addends[most - x[i]];
    }
    const int32_t zeros = leading_zeros(sum);
    const int32_t fraction = (int32_t)((sum << zeros) - (UINT32_C(1) << 31));
    const int32_t reciprocal = tg_one_over_one_plus(fraction);
    for (int32_t i = 0; i < depth; ++i) {
      const int32_t share = tg_high_mul(reciprocal, exps[most - x[i]]);
      y[i] = (int8_t)tg_clamp(tg_round_shift(share, 35 - zeros) + INT8_MIN, INT8_MIN, INT8_MAX);
    }
  }
}
