/* The inner loops for AVX-512 with VNNI: values are uint8 (stored + 128), weights int8. */
#include "batch.h"

#if TG_X86
#include <immintrin.h>

#define TG_AVX512 \
  __attribute__((target("avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#define INLINE TG_AVX512 static inline __attribute__((always_inline))

/* Each lane plus four products of uint8 (x) and int8; GCC 12 copies sums to and fro around the
 * intrinsic. */
INLINE __m512i dot4(__m512i sums, __m512i x, __m512i w) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(x), "vm"(w));
  return sums;
}

enum { HALF = TG_PATCHES / 2 };

/* How sums are finished: as the roundings say, or by the shorter way to two roundings. */
typedef enum { BY_ROUNDING, QUICKLY } finish_kind;

TG_AVX512 static void stage(const int8_t *x, size_t count, uint8_t *to) {
  const __m512i flip = _mm512_set1_epi8(-128);
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    _mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(x + i), flip));
  }
  if (i < count) {
    const __mmask64 rest = ((__mmask64)1 << (count - i)) - 1;
    _mm512_mask_storeu_epi8(to + i, rest,
                            _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, x + i), flip));
  }
}

/* The scales of 16 lanes. */
typedef struct {
  __m512i multiplier, left, right, rest, threshold;
  __m512 factor;
} lanes16;

INLINE lanes16 lanes_of(__m512i multiplier, __m512i shift) {
  lanes16 s;
  const __m512i zero = _mm512_setzero_si512();
  s.factor = _mm512_setzero_ps();
  s.multiplier = multiplier;
  s.left = _mm512_max_epi32(shift, zero);
  s.right = _mm512_sub_epi32(zero, _mm512_min_epi32(shift, zero));
  s.rest = _mm512_sub_epi32(_mm512_sllv_epi32(_mm512_set1_epi32(1), s.right), _mm512_set1_epi32(1));
  s.threshold = _mm512_srli_epi32(s.rest, 1);
  return s;
}

/* tg_high_mul of 16 sums, shifted to the left before. */
INLINE __m512i high_mul16(__m512i x, const lanes16 *s) {
  const __m512i nudge = _mm512_set1_epi64(1 << 30);
  x = _mm512_sllv_epi32(x, s->left);
  const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(x, s->multiplier), nudge);
  const __m512i odd = _mm512_add_epi64(
      _mm512_mul_epi32(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(s->multiplier, 32)), nudge);
  return _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1));
}

/* tg_rescale of 16 sums. */
INLINE __m512i rescale_twice(__m512i x, const lanes16 *s) {
  const __m512i high = high_mul16(x, s);
  const __m512i threshold = _mm512_sub_epi32(s->threshold, _mm512_srai_epi32(high, 31));
  const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(high, s->rest), threshold);
  const __m512i value = _mm512_srav_epi32(high, s->right);
  return _mm512_mask_add_epi32(value, up, value, _mm512_set1_epi32(1));
}

/* tg_rescale_ties_up of 16 sums. */
INLINE __m512i rescale_ties_up(__m512i x, const lanes16 *s) {
  const __m512i high = high_mul16(x, s);
  const __m512i half = _mm512_sub_epi32(s->rest, s->threshold); /* 0 without a shift */
  const __m512i value = _mm512_srav_epi32(high, s->right);
  return _mm512_mask_add_epi32(value, _mm512_test_epi32_mask(high, half), value,
                               _mm512_set1_epi32(1));
}

INLINE __m512i finish16(const tg_batch_conv *p, __m512i sum, const lanes16 *s) {
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
  return _mm512_add_epi32(value, _mm512_set1_epi32(w->out_zero));
}

/* See batch.h. */
typedef struct {
  __m512i multiplier[2], nudge[2], shift[2], sign;
} quick16;

INLINE quick16 quick_of(const tg_batch_conv *p, int32_t first) {
  quick16 q;
  const int64_t *quick = p->quick + first / 16 * TG_QUICK;
#pragma GCC unroll 2
  for (int32_t i = 0; i < 2; ++i) {
    q.multiplier[i] = _mm512_loadu_si512(quick + 8 * i);
    q.nudge[i] = _mm512_loadu_si512(quick + 16 + 8 * i);
    q.shift[i] = _mm512_loadu_si512(quick + 32 + 8 * i);
  }
  q.sign = _mm512_set1_epi64(p->rounding == TG_TWO_ROUNDINGS ? INT64_C(1) << 31 : 0);
  return q;
}

INLINE __m512i finish_quickly(__m512i x, const quick16 *q) {
  const __m512i odd = _mm512_srli_epi64(x, 32);
  const __m512i low = _mm512_sub_epi64(q->nudge[0], _mm512_and_si512(x, q->sign));
  const __m512i high = _mm512_sub_epi64(q->nudge[1], _mm512_and_si512(odd, q->sign));
  const __m512i first = _mm512_add_epi64(_mm512_mul_epi32(x, q->multiplier[0]), low);
  const __m512i second = _mm512_add_epi64(_mm512_mul_epi32(odd, q->multiplier[1]), high);
  return _mm512_mask_blend_epi32(0xAAAA, _mm512_srav_epi64(first, q->shift[0]),
                                 _mm512_srav_epi64(second, q->shift[1]));
}

INLINE void finish_all(const tg_batch_conv *p, int32_t first, __m512i *sums, int32_t count,
                       finish_kind kind) {
  if (kind == QUICKLY) {
    const quick16 q = quick_of(p, first);
#pragma GCC unroll 8
    for (int32_t i = 0; i < count; ++i) {
      sums[i] = finish_quickly(sums[i], &q);
    }
    return;
  }
  lanes16 s = lanes_of(_mm512_loadu_si512(p->multipliers + first),
                       _mm512_loadu_si512(p->shifts + first));
  s.factor = _mm512_loadu_ps(p->factors + first);
#pragma GCC unroll 8
  for (int32_t i = 0; i < count; ++i) {
    sums[i] = finish16(p, sums[i], &s);
  }
}

/* Saturate four times 16 values to bytes; 4 bytes of each lie in each 128 bits. */
INLINE __m512i narrow(const tg_window *w, const __m512i *v) {
  const __m512i bytes =
      _mm512_packs_epi16(_mm512_packs_epi32(v[0], v[1]), _mm512_packs_epi32(v[2], v[3]));
  return _mm512_min_epi8(_mm512_max_epi8(bytes, _mm512_set1_epi8((char)w->low)),
                         _mm512_set1_epi8((char)w->high));
}

/* Store 16 channels of up to four patches. */
INLINE void store4(const tg_batch_conv *p, int32_t first, int32_t count, const __m512i *values,
                   int8_t *y) {
  const int32_t channels = p->window.out_c;
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i bytes = _mm512_permutexvar_epi32(order, narrow(&p->window, values));
  const int32_t left = channels - first;
  const __mmask16 kept = left >= 16 ? 0xFFFF : (__mmask16)((1u << left) - 1u);
  y += first;
  if (count >= 4 && channels == 16) {
    _mm512_storeu_si512(y, bytes);
    return;
  }
  if (count > 0) {
    _mm_mask_storeu_epi8(y, kept, _mm512_castsi512_si128(bytes));
  }
  if (count > 1) {
    _mm_mask_storeu_epi8(y + channels, kept, _mm512_extracti32x4_epi32(bytes, 1));
  }
  if (count > 2) {
    _mm_mask_storeu_epi8(y + 2 * channels, kept, _mm512_extracti32x4_epi32(bytes, 2));
  }
  if (count > 3) {
    _mm_mask_storeu_epi8(y + 3 * channels, kept, _mm512_extracti32x4_epi32(bytes, 3));
  }
}

/* Eight patches and 16 or 32 channels. */
INLINE void tile(const tg_batch_conv *p, const tg_patches *patches, int32_t begin, int32_t first,
                 int32_t blocks, finish_kind kind, int8_t *y) {
  const int32_t depth = p->runs * p->run;
  const int8_t *w = (const int8_t *)p->weights + (size_t)first * (size_t)depth;
  const int8_t *v = w + TG_COLUMNS * depth;
  __m512i sums[2][HALF];
#pragma GCC unroll 8
  for (int32_t i = 0; i < HALF; ++i) {
    sums[0][i] = _mm512_loadu_si512(p->bias + first);
    sums[1][i] = blocks > 1 ? _mm512_loadu_si512(p->bias + first + TG_COLUMNS) : sums[0][i];
  }
  for (int32_t run = 0; run < p->runs; ++run) {
    const uint8_t *x[HALF];
#pragma GCC unroll 8
    for (int32_t i = 0; i < HALF; ++i) {
      x[i] = patches->starts[begin + i] + patches->offsets[run];
    }
    for (int32_t k = 0; k < p->run; k += 4, w += 64, v += 64) {
      const __m512i one = _mm512_loadu_si512(w);
      const __m512i other = blocks > 1 ? _mm512_loadu_si512(v) : one;
#pragma GCC unroll 8
      for (int32_t i = 0; i < HALF; ++i) {
        int32_t four;
        __builtin_memcpy(&four, x[i] + k, 4);
        const __m512i values = _mm512_set1_epi32(four);
        sums[0][i] = dot4(sums[0][i], values, one);
        if (blocks > 1) {
          sums[1][i] = dot4(sums[1][i], values, other);
        }
      }
    }
  }
  y += begin * p->window.out_c;
#pragma GCC unroll 2
  for (int32_t b = 0; b < blocks; ++b) {
    const int32_t count = patches->count - begin;
    finish_all(p, first + b * TG_COLUMNS, sums[b], HALF, kind);
    store4(p, first + b * TG_COLUMNS, count, sums[b], y);
    store4(p, first + b * TG_COLUMNS, count - 4, sums[b] + 4, y + 4 * p->window.out_c);
  }
}

INLINE void dense_as(const tg_batch_conv *p, const tg_patches *patches, finish_kind kind,
                     int8_t *y) {
  for (int32_t first = 0; first < p->window.out_c; first += 2 * TG_COLUMNS) {
    for (int32_t begin = 0; begin < patches->count; begin += HALF) {
      if (p->window.out_c - first > TG_COLUMNS) {
        tile(p, patches, begin, first, 2, kind, y);
      } else {
        tile(p, patches, begin, first, 1, kind, y);
      }
    }
  }
}

/* Weights are (out_c / 16, runs, run / 4, 16, 4). */
TG_AVX512 static void dense(const tg_batch_conv *p, const tg_patches *patches, int8_t *y) {
  if (p->is_quick && p->rounding != TG_FLOAT_ROUNDING) {
    dense_as(p, patches, QUICKLY, y);
  } else {
    dense_as(p, patches, BY_ROUNDING, y);
  }
}

/* Dwords with the bytes of four taps, 16 lanes each, in the order that unpacking gives. */
INLINE void interleave(const uint8_t *const *taps, int32_t start, __m512i x[4]) {
  const __m512i a = _mm512_loadu_si512(taps[0] + start);
  const __m512i b = _mm512_loadu_si512(taps[1] + start);
  const __m512i c = _mm512_loadu_si512(taps[2] + start);
  const __m512i d = _mm512_loadu_si512(taps[3] + start);
  const __m512i ab = _mm512_unpacklo_epi8(a, b), cd = _mm512_unpacklo_epi8(c, d);
  const __m512i ab_high = _mm512_unpackhi_epi8(a, b), cd_high = _mm512_unpackhi_epi8(c, d);
  x[0] = _mm512_unpacklo_epi16(ab, cd);
  x[1] = _mm512_unpackhi_epi16(ab, cd);
  x[2] = _mm512_unpacklo_epi16(ab_high, cd_high);
  x[3] = _mm512_unpackhi_epi16(ab_high, cd_high);
}

INLINE void depthwise_as(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                         int32_t rows, finish_kind kind, int8_t *y) {
  for (int32_t start = 0, pattern = 0; start < count; start += TG_LANES) {
    const int32_t first = pattern * TG_LANES;
    const int8_t *w = (const int8_t *)p->weights + (size_t)(first * rows) * (size_t)p->taps;
    __m512i sums[2][4], x[4];
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; ++i) {
      sums[0][i] = sums[1][i] = _mm512_loadu_si512(p->bias + first + 16 * i);
    }
    for (int32_t tap = 0; tap < p->taps; tap += 4, w += 4 * TG_LANES * rows) {
      interleave(taps + tap, start, x);
#pragma GCC unroll 4
      for (int32_t i = 0; i < 4; ++i) {
        sums[0][i] = dot4(sums[0][i], x[i], _mm512_loadu_si512(w + 64 * i));
        if (rows > 1) {
          sums[1][i] = dot4(sums[1][i], x[i], _mm512_loadu_si512(w + 256 + 64 * i));
        }
      }
    }
    const int32_t left = count - start;
    const __mmask64 kept = left >= TG_LANES ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; ++i) {
      __m512i both[2] = {sums[0][i], sums[1][i]};
      finish_all(p, first + 16 * i, both, rows, kind);
      sums[0][i] = both[0];
      sums[1][i] = both[1];
    }
#pragma GCC unroll 2
    for (int32_t r = 0; r < rows; ++r) {
      _mm512_mask_storeu_epi8(y + r * count + start, kept, narrow(&p->window, sums[r]));
    }
    pattern = pattern + 1 == p->patterns ? 0 : pattern + 1;
  }
}

/* Weights are (patterns, taps / 4, rows, 4, 16, 4), and lanes in the order that unpacking gives;
 * narrowing undoes it. */
TG_AVX512 static void depthwise(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                                int8_t *y) {
  const int32_t is_quick = p->is_quick && p->rounding != TG_FLOAT_ROUNDING;
  if (p->rows > 1 && is_quick) {
    depthwise_as(p, taps, count, 2, QUICKLY, y);
  } else if (p->rows > 1) {
    depthwise_as(p, taps, count, 2, BY_ROUNDING, y);
  } else if (is_quick) {
    depthwise_as(p, taps, count, 1, QUICKLY, y);
  } else {
    depthwise_as(p, taps, count, 1, BY_ROUNDING, y);
  }
}

INLINE __m512i scaled16(__m128i stored, int32_t zero, const lanes16 *s) {
  const __m512i values = _mm512_sub_epi32(_mm512_cvtepi8_epi32(stored), _mm512_set1_epi32(zero));
  return rescale_twice(_mm512_slli_epi32(values, 20), s);
}

TG_AVX512 static void add_by_rounding(const tg_pair *p, int64_t count, const int8_t *a,
                                      const int8_t *b, int8_t *y) {
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

/* See tg_operand. */
INLINE __m512i operand16(__m128i stored, const tg_operand *o) {
  const __m512i d = _mm512_sub_epi32(_mm512_cvtepi8_epi32(stored), _mm512_set1_epi32(o->zero));
  if (o->is_power) {
    return _mm512_sll_epi32(d, _mm_cvtsi32_si128(o->left));
  }
  const __m512i rest = _mm512_add_epi32(_mm512_mullo_epi32(d, _mm512_set1_epi32(o->low)),
                                        _mm512_set1_epi32(o->nudge));
  const __m512i less =
      _mm512_mask_sub_epi32(rest, _mm512_movepi32_mask(d), rest, _mm512_set1_epi32(1 << 11));
  const __m512i high = _mm512_sll_epi32(_mm512_mullo_epi32(d, _mm512_set1_epi32(o->high)),
                                        _mm_cvtsi32_si128(o->left));
  return _mm512_sra_epi32(
      _mm512_add_epi32(high, _mm512_sra_epi32(less, _mm_cvtsi32_si128(o->before))),
      _mm_cvtsi32_si128(o->after));
}

/* What ADD needs for every value. */
typedef struct {
  tg_operand first, second;
  quick16 out;
  __m128i low, high;
  int32_t is_negated;
} sum16;

INLINE sum16 sum_of(const tg_pair *p) {
  const int32_t right = -p->out.shift;
  const __m512i nudge = _mm512_set1_epi64(tg_nudge_of(right, p->out_zero));
  const __m512i multiplier = _mm512_set1_epi32(p->out.multiplier);
  const sum16 s = {tg_operand_of(p->a, p->a_zero),
                   tg_operand_of(p->b, p->b_zero),
                   {{multiplier, multiplier},
                    {nudge, nudge},
                    {_mm512_set1_epi64(31 + right), _mm512_set1_epi64(right - 1)},
                    _mm512_set1_epi64(INT64_C(1) << 31)},
                   _mm_set1_epi8((char)p->low),
                   _mm_set1_epi8((char)p->high),
                   p->negate_b};
  return s;
}

INLINE __m128i add_bytes(__m128i a, __m128i b, const sum16 *s) {
  const __m512i left = operand16(a, &s->first), right = operand16(b, &s->second);
  const __m512i sum =
      s->is_negated ? _mm512_sub_epi32(left, right) : _mm512_add_epi32(left, right);
  const __m128i bytes = _mm512_cvtsepi32_epi8(finish_quickly(sum, &s->out));
  return _mm_min_epi8(_mm_max_epi8(bytes, s->low), s->high);
}

TG_AVX512 static void add(const tg_pair *p, int64_t count, const int8_t *a, const int8_t *b,
                          int8_t *y) {
  if (!tg_is_usual(p)) {
    add_by_rounding(p, count, a, b, y);
    return;
  }
  const sum16 s = sum_of(p);
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m128i left = _mm_loadu_si128((const __m128i *)(a + i));
    const __m128i right = _mm_loadu_si128((const __m128i *)(b + i));
    _mm_storeu_si128((__m128i *)(y + i), add_bytes(left, right, &s));
  }
  const __mmask16 rest = (__mmask16)((1u << (count - i)) - 1u);
  _mm_mask_storeu_epi8(y + i, rest,
                       add_bytes(_mm_maskz_loadu_epi8(rest, a + i),
                                 _mm_maskz_loadu_epi8(rest, b + i), &s));
}

const tg_loops tg_avx512_loops = {1, stage, dense, depthwise, add};
#endif
