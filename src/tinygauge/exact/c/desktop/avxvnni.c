/* The inner loops for AVX-VNNI, which has the dot products of AVX-512 in 256 bits: values are
 * uint8 (stored + 128), weights int8. */
#include "batch.h"

#if TG_AVXVNNI
#include "avx2.h"

#define VNNI __attribute__((target("avx2,fma,avxvnni")))
#define INLINE VNNI static inline __attribute__((always_inline))

/* Each lane plus four products of uint8 (x) and int8. GCC 12 copies sums to and fro around the
 * intrinsic; the prefix is what tells the instruction from that of AVX-512. */
INLINE __m256i dot4(__m256i sums, __m256i x, __m256i w) {
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums) : "x"(x), "xm"(w));
  return sums;
}

VNNI static void stage(const int8_t *x, size_t count, uint8_t *to) {
  const __m256i flip = _mm256_set1_epi8(-128);
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    const __m256i bytes = _mm256_loadu_si256((const __m256i *)(x + i));
    _mm256_storeu_si256((__m256i *)(to + i), _mm256_xor_si256(bytes, flip));
  }
  for (; i < count; ++i) {
    to[i] = (uint8_t)((uint8_t)x[i] ^ 0x80u);
  }
}

/* Four patches and 16 channels. */
INLINE void tile(const tg_batch_conv *p, const tg_patches *patches, int32_t begin, int32_t first,
                 int32_t quickly, int8_t *y) {
  const int8_t *w = (const int8_t *)p->weights + (size_t)first * (size_t)(p->runs * p->run);
  __m256i low[4], high[4];
#pragma GCC unroll 4
  for (int32_t i = 0; i < 4; ++i) {
    low[i] = _mm256_loadu_si256((const __m256i *)(p->bias + first));
    high[i] = _mm256_loadu_si256((const __m256i *)(p->bias + first + 8));
  }
  for (int32_t run = 0; run < p->runs; ++run) {
    const uint8_t *x[4];
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; ++i) {
      x[i] = patches->starts[begin + i] + patches->offsets[run];
    }
    for (int32_t k = 0; k < p->run; k += 4, w += 64) {
      const __m256i one = _mm256_loadu_si256((const __m256i *)w);
      const __m256i other = _mm256_loadu_si256((const __m256i *)(w + 32));
#pragma GCC unroll 4
      for (int32_t i = 0; i < 4; ++i) {
        int32_t four;
        __builtin_memcpy(&four, x[i] + k, 4);
        const __m256i values = _mm256_set1_epi32(four);
        low[i] = dot4(low[i], values, one);
        high[i] = dot4(high[i], values, other);
      }
    }
  }
  store_tile(p, patches, begin, first, low, high, quickly, y);
}

/* Weights are (out_c / 16, runs, run / 4, 16, 4). */
DEFINE_DENSE(VNNI)

/* Dwords with the bytes of four taps, 8 lanes each, in the order that unpacking gives. */
INLINE void interleave(const uint8_t *const *taps, int32_t start, __m256i x[4]) {
  const __m256i a = _mm256_loadu_si256((const __m256i *)(taps[0] + start));
  const __m256i b = _mm256_loadu_si256((const __m256i *)(taps[1] + start));
  const __m256i c = _mm256_loadu_si256((const __m256i *)(taps[2] + start));
  const __m256i d = _mm256_loadu_si256((const __m256i *)(taps[3] + start));
  const __m256i ab = _mm256_unpacklo_epi8(a, b), cd = _mm256_unpacklo_epi8(c, d);
  const __m256i ab_high = _mm256_unpackhi_epi8(a, b), cd_high = _mm256_unpackhi_epi8(c, d);
  x[0] = _mm256_unpacklo_epi16(ab, cd);
  x[1] = _mm256_unpackhi_epi16(ab, cd);
  x[2] = _mm256_unpacklo_epi16(ab_high, cd_high);
  x[3] = _mm256_unpackhi_epi16(ab_high, cd_high);
}

INLINE void store32(const tg_window *w, __m256i sums[4][2], int32_t row, int32_t count, int8_t *y) {
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(sums[0][row], sums[1][row]),
                                           _mm256_packs_epi32(sums[2][row], sums[3][row]));
  store_few(clamp16(w, _mm256_castsi256_si128(bytes)), count, y);
  if (count > 16) {
    store_few(clamp16(w, _mm256_extracti128_si256(bytes, 1)), count - 16, y + 16);
  }
}

INLINE void depthwise_as(const tg_batch_conv *p, const uint8_t *const *taps, int32_t count,
                         int32_t rows, int32_t quickly, int8_t *y) {
  for (int32_t start = 0, first = 0; start < count; start += 32, first += 32) {
    first = first == p->patterns * TG_LANES ? 0 : first;
    const int8_t *w = (const int8_t *)p->weights + first * rows * p->taps;
    __m256i sums[4][2], x[4];
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; ++i) {
      sums[i][0] = sums[i][1] = _mm256_loadu_si256((const __m256i *)(p->bias + first + 8 * i));
    }
    for (int32_t tap = 0; tap < p->taps; tap += 4) {
      interleave(taps + tap, start, x);
#pragma GCC unroll 2
      for (int32_t r = 0; r < rows; ++r, w += 128) {
#pragma GCC unroll 4
        for (int32_t i = 0; i < 4; ++i) {
          const __m256i taken = _mm256_loadu_si256((const __m256i *)(w + 32 * i));
          sums[i][r] = dot4(sums[i][r], x[i], taken);
        }
      }
    }
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; ++i) {
      finish_all(p, first + 8 * i, sums[i], rows, quickly);
    }
#pragma GCC unroll 2
    for (int32_t r = 0; r < rows; ++r) {
      store32(&p->window, sums, r, count - start, y + r * count + start);
    }
  }
}

/* Weights are (2 patterns, taps / 4, rows, 4, 8, 4), and lanes in the order that unpacking gives;
 * packing undoes it. */
DEFINE_DEPTHWISE(VNNI)

const tg_loops tg_avxvnni_loops = {1, stage, dense, depthwise, tg_add_avx2};
#endif
