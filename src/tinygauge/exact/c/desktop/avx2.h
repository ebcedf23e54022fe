/* What the levels with 256 bits share: finishing sums of eight lanes, and adding. */
#ifndef TINYGAUGE_AVX2_H
#define TINYGAUGE_AVX2_H

#include <immintrin.h>

#include "batch.h"

#define TG_AVX2 __attribute__((target("avx2,fma")))
#define TG_AVX2_INLINE TG_AVX2 static inline __attribute__((always_inline))

/* The scales of 8 lanes. */
typedef struct {
  __m256i multiplier, left, right, rest, threshold;
  __m256 factor;
} lanes8;

TG_AVX2_INLINE lanes8 lanes8_of(const tg_batch_conv *p, int32_t first) {
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
TG_AVX2_INLINE __m256i rescale8(__m256i x, const lanes8 *s, int32_t rounding) {
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

TG_AVX2_INLINE __m256i finish8(const tg_batch_conv *p, __m256i sum, const lanes8 *s) {
  const tg_window *w = &p->window;
  __m256i value;
  if (p->rounding == TG_FLOAT_ROUNDING) {
    const __m256 most = _mm256_set1_ps((float)(w->high - w->out_zero));
    const __m256 least = _mm256_set1_ps((float)(w->low - w->out_zero));
    const __m256 real = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), s->factor);
    value = _mm256_cvtps_epi32(_mm256_max_ps(_mm256_min_ps(real, most), least));
  } else {
    value = rescale8(sum, s, p->rounding);
  }
  return _mm256_add_epi32(value, _mm256_set1_epi32(w->out_zero));
}

/* See tg_quick. Shifts of 64 bits are logical here: 2^63 makes sums positive, and `surplus` is
 * what is left of it. */
typedef struct {
  __m256i multiplier[2], nudge[2], shift[2], sign, surplus;
} quick8;

TG_AVX2_INLINE quick8 quick8_of(const tg_batch_conv *p, int32_t first) {
  quick8 q;
  const int64_t *quick = p->quick + first / 16 * TG_QUICK + first % 16 / 2;
  const __m256i shift = _mm256_loadu_si256((const __m256i *)(p->shifts + first));
#pragma GCC unroll 2
  for (int32_t i = 0; i < 2; ++i) {
    q.multiplier[i] = _mm256_loadu_si256((const __m256i *)(quick + 8 * i));
    q.nudge[i] = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(quick + 16 + 8 * i)),
                                  _mm256_set1_epi64x(INT64_MIN));
    q.shift[i] = _mm256_loadu_si256((const __m256i *)(quick + 32 + 8 * i));
  }
  const int32_t is_away = p->rounding == TG_TWO_ROUNDINGS && !p->is_wide;
  q.sign = _mm256_set1_epi64x(is_away ? INT64_C(1) << 31 : 0);
  q.surplus = _mm256_sllv_epi32(_mm256_set1_epi32(1), _mm256_add_epi32(_mm256_set1_epi32(32), shift));
  return q;
}

TG_AVX2_INLINE __m256i quickly8(__m256i x, const quick8 *q) {
  const __m256i odd = _mm256_srli_epi64(x, 32);
  const __m256i low = _mm256_sub_epi64(q->nudge[0], _mm256_and_si256(x, q->sign));
  const __m256i high = _mm256_sub_epi64(q->nudge[1], _mm256_and_si256(odd, q->sign));
  const __m256i first = _mm256_add_epi64(_mm256_mul_epi32(x, q->multiplier[0]), low);
  const __m256i second = _mm256_add_epi64(_mm256_mul_epi32(odd, q->multiplier[1]), high);
  return _mm256_sub_epi32(_mm256_blend_epi32(_mm256_srlv_epi64(first, q->shift[0]),
                                             _mm256_srlv_epi64(second, q->shift[1]), 0xAA),
                          q->surplus);
}

TG_AVX2_INLINE int32_t is_quick(const tg_batch_conv *p) {
  return p->is_quick && p->rounding != TG_FLOAT_ROUNDING;
}

/* Finish sums of the same 8 lanes. */
TG_AVX2_INLINE void finish_all(const tg_batch_conv *p, int32_t first, __m256i *sums, int32_t count,
                               int32_t quickly) {
  if (quickly) {
    const quick8 q = quick8_of(p, first);
#pragma GCC unroll 4
    for (int32_t i = 0; i < count; ++i) {
      sums[i] = quickly8(sums[i], &q);
    }
    return;
  }
  const lanes8 s = lanes8_of(p, first);
#pragma GCC unroll 4
  for (int32_t i = 0; i < count; ++i) {
    sums[i] = finish8(p, sums[i], &s);
  }
}

/* Store up to 16 bytes. */
TG_AVX2_INLINE void store_few(__m128i bytes, int32_t count, int8_t *y) {
  if (count >= 16) {
    _mm_storeu_si128((__m128i *)y, bytes);
    return;
  }
  int8_t all[16];
  _mm_storeu_si128((__m128i *)all, bytes);
  __builtin_memcpy(y, all, (size_t)count);
}

TG_AVX2_INLINE __m128i clamp16(const tg_window *w, __m128i bytes) {
  return _mm_min_epi8(_mm_max_epi8(bytes, _mm_set1_epi8((char)w->low)),
                      _mm_set1_epi8((char)w->high));
}

/* Store up to 16 lanes from the `at`th output on: words as bytes, or as they are. */
TG_AVX2_INLINE void store_words(const tg_batch_conv *p, __m256i words, int32_t count, int8_t *y,
                                int32_t at) {
  const tg_window *w = &p->window;
  if (!p->is_wide) {
    const __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    store_few(clamp16(w, bytes), count, y + at);
    return;
  }
  int16_t all[16], *goal = (int16_t *)y + at;
  words = _mm256_min_epi16(_mm256_max_epi16(words, _mm256_set1_epi16((int16_t)w->low)),
                           _mm256_set1_epi16((int16_t)w->high));
  _mm256_storeu_si256((__m256i *)(count >= 16 ? goal : all), words);
  if (count < 16) {
    __builtin_memcpy(goal, all, (size_t)count * 2);
  }
}

/* Store up to 16 lanes, of which `low` has the first 8. */
TG_AVX2_INLINE void store16(const tg_batch_conv *p, __m256i low, __m256i high, int32_t count,
                            int8_t *y, int32_t at) {
  store_words(p, _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8), count, y, at);
}

/* Finish sums of four patches and 16 channels, the first 8 in `low`, and store what there is. */
TG_AVX2_INLINE void store_tile(const tg_batch_conv *p, const tg_patches *patches, int32_t begin,
                               int32_t first, __m256i low[4], __m256i high[4], int32_t quickly,
                               int8_t *y) {
  const int32_t channels = p->window.out_c;
  finish_all(p, first, low, 4, quickly);
  finish_all(p, first + 8, high, 4, quickly);
#pragma GCC unroll 4
  for (int32_t i = 0; i < 4; ++i) {
    if (begin + i < patches->count) {
      store16(p, low[i], high[i], channels - first, y, (begin + i) * channels + first);
    }
  }
}

/* The loops of a level, of its own `tile` and `depthwise_as`, compiled for each way to finish. */
#define DEFINE_DENSE(TARGET)                                                                  \
  TARGET static void dense(const tg_batch_conv *p, const tg_patches *patches, int8_t *y) {    \
    for (int32_t first = 0; first < p->window.out_c; first += TG_COLUMNS) {                   \
      for (int32_t begin = 0; begin < patches->count; begin += 4) {                           \
        if (is_quick(p)) {                                                                    \
          tile(p, patches, begin, first, 1, y);                                               \
        } else {                                                                              \
          tile(p, patches, begin, first, 0, y);                                               \
        }                                                                                     \
      }                                                                                       \
    }                                                                                         \
  }
#define DEFINE_DEPTHWISE(TARGET)                                                              \
  TARGET static void depthwise(const tg_batch_conv *p, const uint8_t *const *taps,            \
                               int32_t count, int8_t *y) {                                    \
    if (p->rows > 1 && is_quick(p)) {                                                         \
      depthwise_as(p, taps, count, 2, 1, y);                                                  \
    } else if (p->rows > 1) {                                                                 \
      depthwise_as(p, taps, count, 2, 0, y);                                                  \
    } else if (is_quick(p)) {                                                                 \
      depthwise_as(p, taps, count, 1, 1, y);                                                  \
    } else {                                                                                  \
      depthwise_as(p, taps, count, 1, 0, y);                                                  \
    }                                                                                         \
  }

/* Add as c/desktop/batch.h's tg_loops says. */
void tg_add_avx2(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b, int8_t *y);

#endif
