/* The inner loops for AVX2: values and weights are int16, of which two products make a sum. */
#include "batch.h"

#if TG_X86
#include "avx2.h"

TG_AVX2 static void stage(const int8_t *x, size_t count, uint8_t *to) {
  int16_t *values = (int16_t *)to;
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(x + i));
    _mm256_storeu_si256((__m256i *)(values + i), _mm256_cvtepi8_epi16(bytes));
  }
  for (; i < count; ++i) {
    values[i] = x[i];
  }
}

/* Four patches and 16 channels. */
TG_AVX2_INLINE void tile(const tg_batch_conv *p, const tg_patches *patches, int32_t begin,
                         int32_t first, int32_t quickly, int8_t *y) {
  const int16_t *w = (const int16_t *)p->weights + (size_t)first * (size_t)(p->runs * p->run);
  __m256i low[4], high[4];
#pragma GCC unroll 4
  for (int32_t i = 0; i < 4; ++i) {
    low[i] = _mm256_loadu_si256((const __m256i *)(p->bias + first));
    high[i] = _mm256_loadu_si256((const __m256i *)(p->bias + first + 8));
  }
  for (int32_t run = 0; run < p->runs; ++run) {
    const int16_t *x[4];
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; ++i) {
      x[i] = (const int16_t *)(patches->starts[begin + i] + patches->offsets[run]);
    }
    for (int32_t k = 0; k < p->run; k += 2, w += 32) {
      const __m256i one = _mm256_loadu_si256((const __m256i *)w);
      const __m256i other = _mm256_loadu_si256((const __m256i *)(w + 16));
#pragma GCC unroll 4
      for (int32_t i = 0; i < 4; ++i) {
        int32_t two;
        __builtin_memcpy(&two, x[i] + k, 4);
        const __m256i values = _mm256_set1_epi32(two);
        low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(values, one));
        high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(values, other));
      }
    }
  }
  store_tile(p, patches, begin, first, low, high, quickly, y);
}

/* Weights are (out_c / 16, runs, run / 2, 16, 2). */
DEFINE_DENSE(TG_AVX2)

/* 16 lanes of one or two rows. */
TG_AVX2_INLINE void lanes(const tg_batch_conv *p, const uint8_t *const *taps, const int16_t *w,
                          int32_t start, int32_t first, int32_t rows, __m256i sums[2][2]) {
#pragma GCC unroll 2
  for (int32_t r = 0; r < rows; ++r) {
    sums[0][r] = _mm256_loadu_si256((const __m256i *)(p->bias + first));
    sums[1][r] = _mm256_loadu_si256((const __m256i *)(p->bias + first + 8));
  }
  for (int32_t tap = 0; tap < p->taps; tap += 2) {
    const __m256i a = _mm256_loadu_si256((const __m256i *)((const int16_t *)taps[tap] + start));
    const __m256i b = _mm256_loadu_si256((const __m256i *)((const int16_t *)taps[tap + 1] + start));
    const __m256i x[2] = {_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)};
#pragma GCC unroll 2
    for (int32_t r = 0; r < rows; ++r, w += 32) {
#pragma GCC unroll 2
      for (int32_t i = 0; i < 2; ++i) {
        const __m256i taken = _mm256_loadu_si256((const __m256i *)(w + 16 * i));
        sums[i][r] = _mm256_add_epi32(sums[i][r], _mm256_madd_epi16(x[i], taken));
      }
    }
  }
}

TG_AVX2_INLINE void depthwise_as(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                                 int32_t rows, int32_t quickly, int8_t *y) {
  for (int32_t start = 0, first = 0; start < count; start += 16, first += 16) {
    first = first == p->patterns * TG_LANES ? 0 : first;
    const int16_t *w = (const int16_t *)p->weights + first * rows * p->taps;
    __m256i sums[2][2];
    lanes(p, taps, w, start, first, rows, sums);
    finish_all(p, first, sums[0], rows, quickly);
    finish_all(p, first + 8, sums[1], rows, quickly);
#pragma GCC unroll 2
    for (int32_t r = 0; r < rows; ++r) {
      const __m256i words = _mm256_packs_epi32(sums[0][r], sums[1][r]);
      store_words(p, words, count - start, y, r * count + start);
    }
  }
}

/* Weights are (patterns, 4, taps / 2, rows, 2, 8, 2): lanes in the order that unpacking gives, 0-3
 * and 8-11 of 16 before the others; _mm256_packs_epi32 undoes it. */
DEFINE_DEPTHWISE(TG_AVX2)

/* See tg_operand. */
TG_AVX2_INLINE __m256i operand8(__m128i stored, const tg_operand *o) {
  const __m256i d = _mm256_sub_epi32(_mm256_cvtepi8_epi32(stored), _mm256_set1_epi32(o->zero));
  if (o->is_power) {
    return _mm256_sll_epi32(d, _mm_cvtsi32_si128(o->left));
  }
  const __m256i less = _mm256_slli_epi32(_mm256_srai_epi32(d, 31), 11);
  const __m256i rest = _mm256_add_epi32(_mm256_mullo_epi32(d, _mm256_set1_epi32(o->low)),
                                        _mm256_add_epi32(_mm256_set1_epi32(o->nudge), less));
  const __m256i high = _mm256_sll_epi32(_mm256_mullo_epi32(d, _mm256_set1_epi32(o->high)),
                                        _mm_cvtsi32_si128(o->left));
  return _mm256_sra_epi32(
      _mm256_add_epi32(high, _mm256_sra_epi32(rest, _mm_cvtsi32_si128(o->before))),
      _mm_cvtsi32_si128(o->after));
}

TG_AVX2 void tg_add_avx2(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b,
                         int8_t *y) {
  int64_t i = 0;
  if (tg_is_usual(p)) {
    const tg_operand first = tg_operand_of(p->a, p->a_zero);
    const tg_operand second = tg_operand_of(p->b, p->b_zero);
    const int32_t right = -p->out.shift;
    const __m256i nudge = _mm256_set1_epi64x(tg_nudge_of(right, p->out_zero) ^ INT64_MIN);
    const __m256i multiplier = _mm256_set1_epi32(p->out.multiplier);
    const quick8 out = {{multiplier, multiplier},
                        {nudge, nudge},
                        {_mm256_set1_epi64x(31 + right), _mm256_set1_epi64x(right - 1)},
                        _mm256_set1_epi64x(INT64_C(1) << 31),
                        _mm256_set1_epi32((int32_t)(UINT32_C(1) << (32 - right)))};
    const __m128i low = _mm_set1_epi8((char)p->low), high = _mm_set1_epi8((char)p->high);
    for (; i + 8 <= count; i += 8) {
      const __m256i left = operand8(_mm_loadl_epi64((const __m128i *)(a + i)), &first);
      const __m256i other = operand8(_mm_loadl_epi64((const __m128i *)(b + i)), &second);
      const __m256i sum =
          p->negate_b ? _mm256_sub_epi32(left, other) : _mm256_add_epi32(left, other);
      const __m256i value = quickly8(sum, &out);
      const __m128i words =
          _mm_packs_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1));
      const __m128i bytes = _mm_packs_epi16(words, words);
      _mm_storel_epi64((__m128i *)(y + i), _mm_min_epi8(_mm_max_epi8(bytes, low), high));
    }
  }
  for (; i < count; ++i) {
    y[i] = (int8_t)tg_add_values(p, a[i], b[i]);
  }
}

const tg_loops tg_avx2_loops = {2, stage, dense, depthwise, tg_add_avx2};
#endif
