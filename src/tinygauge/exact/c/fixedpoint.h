/* Fixed-point exponential, logistic and tanh with 32 bits, bit for bit as gemmlowp's.
 *
 * Source of the formulas and constants: gemmlowp, fixedpoint/fixedpoint.h. Qm means m integer
 * bits, 31 - m fractional ones and a sign. Only the formats that the kernels need are here.
 */
#ifndef TINYGAUGE_FIXEDPOINT_H
#define TINYGAUGE_FIXEDPOINT_H

#include "requant.h"

/* x * 2^bits, saturating; bits in 1..30. */
static inline int32_t tg_saturating_shift(int32_t x, int32_t bits) {
  const int32_t limit = (1 << (31 - bits)) - 1;
  if (x > limit) {
    return INT32_MAX;
  }
  if (x < -limit) {
    return INT32_MIN;
  }
  return tg_shift_left(x, bits);
}

/* exp(a) for a in [-1/4, 0), Q0 to Q0: Taylor's series around -1/8. */
static inline int32_t tg_exp_near_zero(int32_t a) {
  const int32_t exp_of_minus_eighth = 1895147668;
  const int32_t one_third = 715827883;
  const int32_t x = a + (1 << 28);
  const int32_t x2 = tg_high_mul(x, x);
  const int32_t x3 = tg_high_mul(x2, x);
  const int32_t x4_over_4 = tg_round_shift(tg_high_mul(x2, x2), 2);
  const int32_t series = tg_round_shift(tg_high_mul(x4_over_4 + x3, one_third) + x2, 1);
  return exp_of_minus_eighth + tg_high_mul(exp_of_minus_eighth, x + series);
}

/* exp(a) for a <= 0 in Qm; the result in Q0. m is 4 or 5. */
static inline int32_t tg_exp_negative(int32_t a, int32_t integer_bits) {
  /* exp(-2^i) for i = -2 .. 4, Q0 */
  static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308,
                                     39332535,   720401,     242};
  const int32_t quarter_bit = 29 - integer_bits;
  const int32_t quarter = 1 << quarter_bit;
  const int32_t fraction = (a & (quarter - 1)) - quarter;
  const int32_t rest = (int32_t)((uint32_t)fraction - (uint32_t)a);
  int32_t result = tg_exp_near_zero(tg_saturating_shift(fraction, integer_bits));
  for (int32_t i = 0; i < integer_bits + 2; ++i) {
    if (rest & (1 << (quarter_bit + i))) {
      result = tg_high_mul(result, factors[i]);
    }
  }
  return a == 0 ? INT32_MAX : result;
}

/* Newton's iteration for 2 / (1 + a) in Q2; a in [0, 1], Q0. */
static inline int32_t tg_twice_reciprocal(int32_t a) {
  const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
  int32_t x = 1515870810 + tg_high_mul(half_denominator, -1010580540); /* 48/17 - 32/17 d */
  for (int32_t i = 0; i < 3; ++i) {
    const int32_t error = (1 << 29) - tg_high_mul(half_denominator, x);
    x = x + tg_saturating_shift(tg_high_mul(x, error), 2);
  }
  return x;
}

/* 1 / (1 + a) for a in [0, 1], Q0 to Q0. */
static inline int32_t tg_one_over_one_plus(int32_t a) {
  return tg_saturating_shift(tg_twice_reciprocal(a), 1);
}

/* 1 / (1 + exp(-a)); Q4 to Q0. */
static inline int32_t tg_logistic(int32_t a) {
  if (a == 0) {
    return 1 << 30;
  }
  const int32_t positive = tg_one_over_one_plus(tg_exp_negative(a > 0 ? -a : a, 4));
  return a > 0 ? positive : INT32_MAX - positive;
}

/* tanh(a) = (1 - exp(-2a)) / (1 + exp(-2a)); Q4 to Q0. 2a in Q5 has the raw value of a in Q4. */
static inline int32_t tg_tanh(int32_t a) {
  if (a == 0) {
    return 0;
  }
  const int32_t twice = tg_twice_reciprocal(tg_exp_negative(a < 0 ? a : -a, 5));
  const int32_t magnitude = tg_saturating_shift(twice - (1 << 29), 2);
  return a < 0 ? -magnitude : magnitude;
}

#endif
