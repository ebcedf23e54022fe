/* The inner loops, once for each instruction set; the processor chooses at run time. */
#include "batch.h"

#if TG_X86
#include <immintrin.h>
#endif

/* Weights are (columns / 32, depth / 4, 32, 4). */
static void tile_portable(const uint8_t *const rows[TG_ROWS], int32_t depth, const int8_t *weights,
                          int32_t sums[TG_ROWS][TG_COLUMNS]) {
  for (int32_t r = 0; r < TG_ROWS; ++r) {
    for (int32_t c = 0; c < TG_COLUMNS; ++c) {
      sums[r][c] = 0;
    }
    for (int32_t k = 0; k < depth; k += 4) {
      const int8_t *w = weights + k * TG_COLUMNS;
      const int32_t a = rows[r][k], b = rows[r][k + 1], c = rows[r][k + 2], d = rows[r][k + 3];
      for (int32_t i = 0; i < TG_COLUMNS; ++i) {
        sums[r][i] += a * w[4 * i] + b * w[4 * i + 1] + c * w[4 * i + 2] + d * w[4 * i + 3];
      }
    }
  }
}

static inline void finish_rows(const tg_batch_conv *p, int32_t first, int32_t rows, int32_t columns,
                               int32_t sums[TG_ROWS][TG_COLUMNS], int8_t *y, int32_t stride) {
  const int32_t rounding = p->rounding;
  for (int32_t r = 0; r < rows; ++r) {
    for (int32_t c = 0; c < columns; ++c) {
      const int32_t sum = tg_wrap_add(sums[r][c], p->bias[first + c]);
      y[r * stride + c] =
          (int8_t)tg_finish(sum, p->multipliers[first + c], p->shifts[first + c],
                            p->factors[first + c], rounding, &p->window);
    }
  }
}

static void finish_portable(const tg_batch_conv *p, int32_t first, int32_t rows, int32_t columns,
                            int32_t sums[TG_ROWS][TG_COLUMNS], int8_t *y, int32_t stride) {
  finish_rows(p, first, rows, columns, sums, y, stride);
}

/* Weights are (patterns, depth, 64), lanes in their order. */
static inline void lane_row_plain(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                                  int8_t *y) {
  const int32_t rounding = p->rounding;
  for (int32_t start = 0, pattern = 0; start < count; start += TG_LANES) {
    const int32_t first = pattern * TG_LANES;
    const int32_t lanes = count - start < TG_LANES ? count - start : TG_LANES;
    int32_t sums[TG_LANES] = {0};
    const int8_t *w = p->weights + (size_t)first * (size_t)p->depth;
    for (int32_t tap = 0; tap < p->depth; ++tap, w += TG_LANES) {
      const uint8_t *x = taps[tap] + start;
      for (int32_t i = 0; i < TG_LANES; ++i) {
        sums[i] += x[i] * w[i];
      }
    }
    for (int32_t i = 0; i < lanes; ++i) {
      y[start + i] = (int8_t)tg_finish(tg_wrap_add(sums[i], p->bias[first + i]),
                                       p->multipliers[first + i], p->shifts[first + i],
                                       p->factors[first + i], rounding, &p->window);
    }
    pattern = pattern + 1 == p->patterns ? 0 : pattern + 1;
  }
}

static void lane_row_portable(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                              int8_t *y) {
  lane_row_plain(p, taps, count, y);
}

static inline void add_plain(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b,
                             int8_t *y) {
  const tg_pair pair = *p;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t left = tg_rescale(tg_shift_left(a[i] - pair.a_zero, 20), pair.a);
    const int32_t right = tg_rescale(tg_shift_left(b[i] - pair.b_zero, 20), pair.b);
    const int32_t sum = tg_rescale(pair.negate_b ? left - right : left + right, pair.out);
    y[i] = (int8_t)tg_clamp(sum + pair.out_zero, pair.low, pair.high);
  }
}

static void add_portable(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b,
                         int8_t *y) {
  add_plain(p, count, a, b, y);
}

#if TG_X86

TG_AVX2 static void add_avx2(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b,
                             int8_t *y) {
  add_plain(p, count, a, b, y);
}

/* Four int16 products of a channel in two lanes, which are added at the end. */
TG_AVX2 static void tile_avx2(const uint8_t *const rows[TG_ROWS], int32_t depth,
                              const int8_t *weights, int32_t sums[TG_ROWS][TG_COLUMNS]) {
  for (int32_t r = 0; r < TG_ROWS; r += 4) {
    for (int32_t c = 0; c < TG_COLUMNS; c += 8) {
      __m256i low[4], high[4];
      for (int32_t i = 0; i < 4; ++i) {
        low[i] = high[i] = _mm256_setzero_si256();
      }
      for (int32_t k = 0; k < depth; k += 4) {
        const int8_t *w = weights + k * TG_COLUMNS + 4 * c;
        const __m256i first = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w));
        const __m256i second = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(w + 16)));
        for (int32_t i = 0; i < 4; ++i) {
          int32_t four;
          __builtin_memcpy(&four, rows[r + i] + k, 4);
          const __m256i x = _mm256_cvtepu8_epi16(_mm_set1_epi32(four));
          low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(x, first));
          high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(x, second));
        }
      }
      for (int32_t i = 0; i < 4; ++i) {
        const __m256i pairs = _mm256_hadd_epi32(low[i], high[i]);
        _mm256_storeu_si256((__m256i *)&sums[r + i][c], _mm256_permute4x64_epi64(pairs, 0xD8));
      }
    }
  }
}

/* The scales of 8 lanes. */
typedef struct {
  __m256i bias, multiplier, left, right, rest, threshold;
  __m256 factor;
} lanes8;

TG_AVX2 static inline lanes8 load_lanes8(const tg_batch_conv *p, int32_t first) {
  lanes8 s;
  const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi32(1);
  const __m256i shift = _mm256_loadu_si256((const __m256i *)(p->shifts + first));
  s.bias = _mm256_loadu_si256((const __m256i *)(p->bias + first));
  s.multiplier = _mm256_loadu_si256((const __m256i *)(p->multipliers + first));
  s.factor = _mm256_loadu_ps(p->factors + first);
  s.left = _mm256_max_epi32(shift, zero);
  s.right = _mm256_sub_epi32(zero, _mm256_min_epi32(shift, zero));
  s.rest = _mm256_sub_epi32(_mm256_sllv_epi32(one, s.right), one);
  s.threshold = _mm256_srli_epi32(s.rest, 1);
  return s;
}

/* tg_rescale or tg_rescale_ties_up of 8 sums. */
TG_AVX2 static inline __m256i rescale8(__m256i x, const lanes8 *s, int32_t rounding) {
  const __m256i nudge = _mm256_set1_epi64x(1 << 30);
  x = _mm256_sllv_epi32(x, s->left);
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(x, s->multiplier), nudge);
  const __m256i odd = _mm256_add_epi64(
      _mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(s->multiplier, 32)), nudge);
  const __m256i high =
      _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
  __m256i threshold = s->threshold;
  if (rounding == TG_TWO_ROUNDINGS) { /* a tie below zero stays */
    threshold = _mm256_sub_epi32(threshold, _mm256_srai_epi32(high, 31));
  }
  const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(high, s->rest), threshold);
  return _mm256_sub_epi32(_mm256_srav_epi32(high, s->right), up);
}

/* Finish 8 sums and store `count` of them. */
TG_AVX2 static inline void finish8(const tg_batch_conv *p, __m256i sum, const lanes8 *s,
                                   int32_t count, int8_t *y) {
  const tg_window *w = &p->window;
  __m256i value;
  sum = _mm256_add_epi32(sum, s->bias);
  if (p->rounding == TG_FLOAT_ROUNDING) {
    const __m256 most = _mm256_set1_ps((float)(w->high - w->out_zero));
    const __m256 least = _mm256_set1_ps((float)(w->low - w->out_zero));
    const __m256 real = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), s->factor);
    value = _mm256_cvtps_epi32(_mm256_max_ps(_mm256_min_ps(real, most), least));
  } else {
    value = rescale8(sum, s, p->rounding);
  }
  value = _mm256_add_epi32(value, _mm256_set1_epi32(w->out_zero));
  value = _mm256_max_epi32(value, _mm256_set1_epi32(w->low));
  value = _mm256_min_epi32(value, _mm256_set1_epi32(w->high));
  const __m128i shorts =
      _mm_packs_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1));
  const int64_t bytes = _mm_cvtsi128_si64(_mm_packs_epi16(shorts, shorts));
  if (count >= 8) {
    __builtin_memcpy(y, &bytes, 8);
    return;
  }
  for (int32_t i = 0; i < count; ++i) {
    y[i] = (int8_t)(bytes >> (8 * i));
  }
}

TG_AVX2 static void finish_avx2(const tg_batch_conv *p, int32_t first, int32_t rows,
                                int32_t columns, int32_t sums[TG_ROWS][TG_COLUMNS], int8_t *y,
                                int32_t stride) {
  for (int32_t c = 0; c < columns; c += 8) {
    const lanes8 s = load_lanes8(p, first + c);
    for (int32_t r = 0; r < rows; ++r) {
      const __m256i sum = _mm256_loadu_si256((const __m256i *)&sums[r][c]);
      finish8(p, sum, &s, columns - c, y + r * stride + c);
    }
  }
}

TG_AVX2 static void lane_row_avx2(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                                  int8_t *y) {
  for (int32_t start = 0, pattern = 0; start < count; start += TG_LANES) {
    const int32_t first = pattern * TG_LANES;
    const int8_t *w = p->weights + (size_t)first * (size_t)p->depth;
    for (int32_t lane = 0; lane < TG_LANES && start + lane < count; lane += 16) {
      __m256i low = _mm256_setzero_si256(), high = low;
      for (int32_t tap = 0; tap < p->depth; tap += 2) { /* two taps in each product */
        const int8_t *taken = w + tap * TG_LANES + lane;
        const __m256i a = _mm256_cvtepu8_epi16(
            _mm_loadu_si128((const __m128i *)(taps[tap] + start + lane)));
        const __m256i b = _mm256_cvtepu8_epi16(
            _mm_loadu_si128((const __m128i *)(taps[tap + 1] + start + lane)));
        const __m256i c = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)taken));
        const __m256i d =
            _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(taken + TG_LANES)));
        low = _mm256_add_epi32(
            low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), _mm256_unpacklo_epi16(c, d)));
        high = _mm256_add_epi32(
            high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), _mm256_unpackhi_epi16(c, d)));
      }
      /* Unpacking works within 128 bits: lanes 0-3 and 8-11 are in `low`. */
      const lanes8 s = load_lanes8(p, first + lane), t = load_lanes8(p, first + lane + 8);
      const int32_t left = count - start - lane;
      finish8(p, _mm256_permute2x128_si256(low, high, 0x20), &s, left, y + start + lane);
      if (left > 8) {
        finish8(p, _mm256_permute2x128_si256(low, high, 0x31), &t, left - 8, y + start + lane + 8);
      }
    }
    pattern = pattern + 1 == p->patterns ? 0 : pattern + 1;
  }
}

TG_AVX512 static void tile_avx512(const uint8_t *const rows[TG_ROWS], int32_t depth,
                                  const int8_t *weights, int32_t sums[TG_ROWS][TG_COLUMNS]) {
  __m512i low[TG_ROWS], high[TG_ROWS];
#pragma GCC unroll 8
  for (int32_t r = 0; r < TG_ROWS; ++r) {
    low[r] = high[r] = _mm512_setzero_si512();
  }
  for (int32_t k = 0; k < depth; k += 4, weights += 4 * TG_COLUMNS) {
    const __m512i first = _mm512_loadu_si512(weights);
    const __m512i second = _mm512_loadu_si512(weights + 64);
#pragma GCC unroll 8
    for (int32_t r = 0; r < TG_ROWS; ++r) {
      int32_t four;
      __builtin_memcpy(&four, rows[r] + k, 4);
      const __m512i x = _mm512_set1_epi32(four);
      low[r] = _mm512_dpbusd_epi32(low[r], x, first);
      high[r] = _mm512_dpbusd_epi32(high[r], x, second);
    }
  }
#pragma GCC unroll 8
  for (int32_t r = 0; r < TG_ROWS; ++r) {
    _mm512_storeu_si512(&sums[r][0], low[r]);
    _mm512_storeu_si512(&sums[r][16], high[r]);
  }
}

/* The scales of 16 lanes. */
typedef struct {
  __m512i bias, multiplier, left, right, rest, threshold;
  __m512 factor;
} lanes16;

TG_AVX512 static inline lanes16 lanes_of(__m512i multiplier, __m512i shift) {
  lanes16 s;
  const __m512i zero = _mm512_setzero_si512();
  s.bias = zero;
  s.factor = _mm512_setzero_ps();
  s.multiplier = multiplier;
  s.left = _mm512_max_epi32(shift, zero);
  s.right = _mm512_sub_epi32(zero, _mm512_min_epi32(shift, zero));
  s.rest = _mm512_sub_epi32(_mm512_sllv_epi32(_mm512_set1_epi32(1), s.right), _mm512_set1_epi32(1));
  s.threshold = _mm512_srli_epi32(s.rest, 1);
  return s;
}

TG_AVX512 static inline lanes16 load_lanes(const tg_batch_conv *p, int32_t first) {
  lanes16 s = lanes_of(_mm512_loadu_si512(p->multipliers + first),
                       _mm512_loadu_si512(p->shifts + first));
  s.bias = _mm512_loadu_si512(p->bias + first);
  s.factor = _mm512_loadu_ps(p->factors + first);
  return s;
}

/* tg_high_mul of 16 sums, shifted to the left before. */
TG_AVX512 static inline __m512i high_mul16(__m512i x, const lanes16 *s) {
  const __m512i nudge = _mm512_set1_epi64(1 << 30);
  x = _mm512_sllv_epi32(x, s->left);
  const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(x, s->multiplier), nudge);
  const __m512i odd = _mm512_add_epi64(
      _mm512_mul_epi32(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(s->multiplier, 32)), nudge);
  return _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
}

/* tg_rescale of 16 sums. */
TG_AVX512 static inline __m512i rescale_twice(__m512i x, const lanes16 *s) {
  const __m512i high = high_mul16(x, s);
  const __m512i threshold = _mm512_sub_epi32(s->threshold, _mm512_srai_epi32(high, 31));
  const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(high, s->rest), threshold);
  const __m512i value = _mm512_srav_epi32(high, s->right);
  return _mm512_mask_add_epi32(value, up, value, _mm512_set1_epi32(1));
}

/* tg_rescale_ties_up of 16 sums. */
TG_AVX512 static inline __m512i rescale_ties_up(__m512i x, const lanes16 *s) {
  const __m512i high = high_mul16(x, s);
  const __m512i half = _mm512_sub_epi32(s->rest, s->threshold); /* 0 without a shift */
  const __m512i value = _mm512_srav_epi32(high, s->right);
  return _mm512_mask_add_epi32(value, _mm512_test_epi32_mask(high, half), value,
                               _mm512_set1_epi32(1));
}

TG_AVX512 static inline __m512i finish16(const tg_batch_conv *p, __m512i sum, const lanes16 *s) {
  const tg_window *w = &p->window;
  __m512i value;
  if (p->rounding == TG_FLOAT_ROUNDING) {
    const __m512 most = _mm512_set1_ps((float)(w->high - w->out_zero));
    const __m512 real = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), s->factor);
    value = _mm512_cvtps_epi32(_mm512_min_ps(real, most));
    value = _mm512_max_epi32(value, _mm512_set1_epi32(-(1 << 24)));
  } else if (p->rounding == TG_TIES_UP) {
    value = rescale_ties_up(sum, s);
  } else {
    value = rescale_twice(sum, s);
  }
  value = _mm512_add_epi32(value, _mm512_set1_epi32(w->out_zero));
  value = _mm512_max_epi32(value, _mm512_set1_epi32(w->low));
  return _mm512_min_epi32(value, _mm512_set1_epi32(w->high));
}

TG_AVX512 static void finish_avx512(const tg_batch_conv *p, int32_t first, int32_t rows,
                                    int32_t columns, int32_t sums[TG_ROWS][TG_COLUMNS], int8_t *y,
                                    int32_t stride) {
  for (int32_t c = 0; c < columns; c += 16) {
    const lanes16 s = load_lanes(p, first + c);
    const __mmask16 kept = columns - c >= 16 ? 0xFFFF : (__mmask16)((1u << (columns - c)) - 1u);
    for (int32_t r = 0; r < rows; ++r) {
      const __m512i sum = _mm512_add_epi32(_mm512_loadu_si512(&sums[r][c]), s.bias);
      const __m128i bytes = _mm512_cvtepi32_epi8(finish16(p, sum, &s));
      _mm_mask_storeu_epi8(y + r * stride + c, kept, bytes);
    }
  }
}

/* Weights are (patterns, depth / 4, 4, 16, 4), and lanes in the order that unpacking gives;
 * packing undoes it. */
TG_AVX512 static void lane_row_avx512(const tg_batch_conv *p, const uint8_t *const *taps,
                                      int32_t count, int8_t *y) {
  for (int32_t start = 0, pattern = 0; start < count; start += TG_LANES) {
    const int32_t first = pattern * TG_LANES;
    const int8_t *w = p->weights + (size_t)first * (size_t)p->depth;
    const lanes16 s[4] = {load_lanes(p, first), load_lanes(p, first + 16),
                          load_lanes(p, first + 32), load_lanes(p, first + 48)};
    __m512i sums[4] = {s[0].bias, s[1].bias, s[2].bias, s[3].bias};
    for (int32_t tap = 0; tap < p->depth; tap += 4, w += 4 * TG_LANES) {
      const __m512i a = _mm512_loadu_si512(taps[tap] + start);
      const __m512i b = _mm512_loadu_si512(taps[tap + 1] + start);
      const __m512i c = _mm512_loadu_si512(taps[tap + 2] + start);
      const __m512i d = _mm512_loadu_si512(taps[tap + 3] + start);
      const __m512i ab = _mm512_unpacklo_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d);
      const __m512i ab_high = _mm512_unpackhi_epi8(a, b), cd_high = _mm512_unpackhi_epi8(c, d);
      const __m512i x[4] = {_mm512_unpacklo_epi16(ab, cd), _mm512_unpackhi_epi16(ab, cd),
                            _mm512_unpacklo_epi16(ab_high, cd_high),
                            _mm512_unpackhi_epi16(ab_high, cd_high)};
#pragma GCC unroll 4
      for (int32_t i = 0; i < 4; ++i) {
        sums[i] = _mm512_dpbusd_epi32(sums[i], x[i], _mm512_loadu_si512(w + 64 * i));
      }
    }
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; ++i) {
      sums[i] = finish16(p, sums[i], &s[i]);
    }
    const __m512i bytes = _mm512_packs_epi16(_mm512_packs_epi32(sums[0], sums[1]),
                                             _mm512_packs_epi32(sums[2], sums[3]));
    const int32_t left = count - start;
    const __mmask64 kept = left >= TG_LANES ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
    _mm512_mask_storeu_epi8(y + start, kept, bytes);
    pattern = pattern + 1 == p->patterns ? 0 : pattern + 1;
  }
}

TG_AVX512 static inline __m512i scaled16(__m128i stored, int32_t zero, const lanes16 *s) {
  const __m512i values = _mm512_sub_epi32(_mm512_cvtepi8_epi32(stored), _mm512_set1_epi32(zero));
  return rescale_twice(_mm512_slli_epi32(values, 20), s);
}

TG_AVX512 static void add_avx512(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b,
                                 int8_t *y) {
  const lanes16 first = lanes_of(_mm512_set1_epi32(p->a.multiplier), _mm512_set1_epi32(p->a.shift));
  const lanes16 second =
      lanes_of(_mm512_set1_epi32(p->b.multiplier), _mm512_set1_epi32(p->b.shift));
  const lanes16 out =
      lanes_of(_mm512_set1_epi32(p->out.multiplier), _mm512_set1_epi32(p->out.shift));
  const __m512i low = _mm512_set1_epi32(p->low), high = _mm512_set1_epi32(p->high);
  const __m512i zero = _mm512_set1_epi32(p->out_zero);
  for (int64_t i = 0; i < count; i += 16) {
    const __mmask16 kept = count - i >= 16 ? 0xFFFF : (__mmask16)((1u << (count - i)) - 1u);
    const __m512i left = scaled16(_mm_maskz_loadu_epi8(kept, a + i), p->a_zero, &first);
    const __m512i right = scaled16(_mm_maskz_loadu_epi8(kept, b + i), p->b_zero, &second);
    __m512i sum = p->negate_b ? _mm512_sub_epi32(left, right) : _mm512_add_epi32(left, right);
    sum = _mm512_add_epi32(rescale_twice(sum, &out), zero);
    sum = _mm512_min_epi32(_mm512_max_epi32(sum, low), high);
    _mm_mask_storeu_epi8(y + i, kept, _mm512_cvtepi32_epi8(sum));
  }
}

#endif

int32_t tg_best_level(void);
int32_t tg_best_level(void) {
#if TG_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    return TG_AVX512_LEVEL;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return TG_AVX2_LEVEL;
  }
#endif
  return TG_PORTABLE;
}

tg_tile tg_tile_for(int32_t level) {
#if TG_X86
  if (level == TG_AVX512_LEVEL) {
    return tile_avx512;
  }
  if (level == TG_AVX2_LEVEL) {
    return tile_avx2;
  }
#endif
  (void)level;
  return tile_portable;
}

tg_finish_tile tg_finish_tile_for(int32_t level) {
#if TG_X86
  if (level == TG_AVX512_LEVEL) {
    return finish_avx512;
  }
  if (level == TG_AVX2_LEVEL) {
    return finish_avx2;
  }
#endif
  (void)level;
  return finish_portable;
}

tg_lane_row tg_lane_row_for(int32_t level) {
#if TG_X86
  if (level == TG_AVX512_LEVEL) {
    return lane_row_avx512;
  }
  if (level == TG_AVX2_LEVEL) {
    return lane_row_avx2;
  }
#endif
  (void)level;
  return lane_row_portable;
}

tg_add tg_add_for(int32_t level) {
#if TG_X86
  if (level == TG_AVX512_LEVEL) {
    return add_avx512;
  }
  if (level == TG_AVX2_LEVEL) {
    return add_avx2;
  }
#endif
  (void)level;
  return add_portable;
}
