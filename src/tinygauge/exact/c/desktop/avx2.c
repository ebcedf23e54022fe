/* The inner loops for AVX2: values and weights are int16, of which two products make a sum. */
#include "batch.h"

#if TG_X86
#include <immintrin.h>

#define TG_AVX2 __attribute__((target("avx2,fma")))
#define INLINE TG_AVX2 static inline __attribute__((always_inline))

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

/* The scales of 8 lanes. */
typedef struct {
  __m256i multiplier, left, right, rest, threshold;
  __m256 factor;
} lanes8;

INLINE lanes8 load_lanes(const tg_batch_conv *p, int32_t first) {
  lanes8 s;
  const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi32(1);
  const __m256i shift = _mm256_loadu_si256((const __m256i *)(p->shifts + first));
  s.multiplier = _mm256_loadu_si256((const __m256i *)(p->multipliers + first));
  s.factor = _mm256_loadu_ps(p->factors + first);
  s.left = _mm256_max_epi32(shift, zero);
  s.right = _mm256_sub_epi32(zero, _mm256_min_epi32(shift, zero));
  s.rest = _mm256_sub_epi32(_mm256_sllv_epi32(one, s.right), one);
  s.threshold = _mm256_srli_epi32(s.rest, 1);
  return s;
}

/* tg_rescale or tg_rescale_ties_up of 8 sums. */
INLINE __m256i rescale8(__m256i x, const lanes8 *s, int32_t rounding) {
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

INLINE __m256i finish8(const tg_batch_conv *p, __m256i sum, int32_t first) {
  const tg_window *w = &p->window;
  const lanes8 s = load_lanes(p, first);
  __m256i value;
  if (p->rounding == TG_FLOAT_ROUNDING) {
    const __m256 most = _mm256_set1_ps((float)(w->high - w->out_zero));
    const __m256 least = _mm256_set1_ps((float)(w->low - w->out_zero));
    const __m256 real = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), s.factor);
    value = _mm256_cvtps_epi32(_mm256_max_ps(_mm256_min_ps(real, most), least));
  } else {
    value = rescale8(sum, &s, p->rounding);
  }
  return _mm256_add_epi32(value, _mm256_set1_epi32(w->out_zero));
}

/* Store `count` of 16 bytes that _mm256_packs_epi32 has put in order. */
INLINE void store16(const tg_window *w, __m256i words, int32_t count, int8_t *y) {
  __m128i bytes =
      _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  bytes = _mm_max_epi8(bytes, _mm_set1_epi8((char)w->low));
  bytes = _mm_min_epi8(bytes, _mm_set1_epi8((char)w->high));
  if (count >= 16) {
    _mm_storeu_si128((__m128i *)y, bytes);
    return;
  }
  int8_t all[16];
  _mm_storeu_si128((__m128i *)all, bytes);
  __builtin_memcpy(y, all, (size_t)count);
}

/* Four patches and 16 channels. */
INLINE void tile(const tg_batch_conv *p, const tg_patches *patches, int32_t begin, int32_t first,
                 int8_t *y) {
  const int16_t *w = (const int16_t *)p->weights + (size_t)first * (size_t)(p->runs * p->run);
  __m256i low[4], high[4];
  for (int32_t i = 0; i < 4; ++i) {
    low[i] = _mm256_loadu_si256((const __m256i *)(p->bias + first));
    high[i] = _mm256_loadu_si256((const __m256i *)(p->bias + first + 8));
  }
  for (int32_t run = 0; run < p->runs; ++run) {
    const int16_t *x[4];
    for (int32_t i = 0; i < 4; ++i) {
      x[i] = (const int16_t *)(patches->starts[begin + i] + patches->offsets[run]);
    }
    for (int32_t k = 0; k < p->run; k += 2, w += 32) {
      const __m256i one = _mm256_loadu_si256((const __m256i *)w);
      const __m256i other = _mm256_loadu_si256((const __m256i *)(w + 16));
      for (int32_t i = 0; i < 4; ++i) {
        int32_t two;
        __builtin_memcpy(&two, x[i] + k, 4);
        const __m256i values = _mm256_set1_epi32(two);
        low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(values, one));
        high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(values, other));
      }
    }
  }
  const int32_t channels = p->window.out_c;
  for (int32_t i = 0; i < 4 && begin + i < patches->count; ++i) {
    const __m256i words = _mm256_packs_epi32(finish8(p, low[i], first), finish8(p, high[i], first + 8));
    store16(&p->window, _mm256_permute4x64_epi64(words, 0xD8), channels - first,
            y + (begin + i) * channels + first);
  }
}

/* Weights are (out_c / 16, runs, run / 2, 16, 2). */
TG_AVX2 static void dense(const tg_batch_conv *p, const tg_patches *patches, int8_t *y) {
  for (int32_t first = 0; first < p->window.out_c; first += TG_COLUMNS) {
    for (int32_t begin = 0; begin < patches->count; begin += 4) {
      tile(p, patches, begin, first, y);
    }
  }
}

/* Weights are (patterns, 4, taps / 2, 2, 8, 2): lanes in the order that unpacking gives, 0-3 and
 * 8-11 of 16 before the others; _mm256_packs_epi32 undoes it. */
TG_AVX2 static void depthwise(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                              int8_t *y) {
  const int16_t *w = (const int16_t *)p->weights;
  for (int32_t start = 0, lane = 0; start < count; start += 16, lane += 16) {
    if (lane == p->patterns * TG_LANES) {
      lane = 0;
      w = (const int16_t *)p->weights;
    }
    __m256i low = _mm256_loadu_si256((const __m256i *)(p->bias + lane));
    __m256i high = _mm256_loadu_si256((const __m256i *)(p->bias + lane + 8));
    for (int32_t tap = 0; tap < p->taps; tap += 2, w += 32) {
      const __m256i a = _mm256_loadu_si256((const __m256i *)((const int16_t *)taps[tap] + start));
      const __m256i b =
          _mm256_loadu_si256((const __m256i *)((const int16_t *)taps[tap + 1] + start));
      const __m256i c = _mm256_loadu_si256((const __m256i *)w);
      const __m256i d = _mm256_loadu_si256((const __m256i *)(w + 16));
      low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), c));
      high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), d));
    }
    const __m256i words = _mm256_packs_epi32(finish8(p, low, lane), finish8(p, high, lane + 8));
    store16(&p->window, words, count - start, y + start);
  }
}

TG_AVX2 static void add(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b,
                        int8_t *y) {
  const tg_pair pair = *p;
  for (int64_t i = 0; i < count; ++i) {
    y[i] = (int8_t)tg_add_values(&pair, a[i], b[i]);
  }
}

const tg_loops tg_avx2_loops = {2, stage, dense, depthwise, add};
#endif
