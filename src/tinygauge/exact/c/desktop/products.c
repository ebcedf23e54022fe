/* Products of rows of stored values with a matrix of weights, for ops that compute with the sums.
 *
 * They are made in floating point, where no sum can reach what the type holds exactly: whoever
 * packs the weights sees to that (tinygauge.exact.products).
 */
#include <stdlib.h>

#include "batch.h"

/* Weights are (columns / 16, depth, 16), filled up with 0. */
enum { COLUMNS = 16, MOST_ROWS = 8 };

/* Products of some rows with 16 columns, in vectors of as many bytes as the processor has. */
#if defined(__GNUC__) || defined(__clang__)
#define DEFINE_TILE(NAME, TARGET, REAL, BYTES, ROWS)                                           \
  TARGET static inline void NAME(const REAL *x, int32_t depth, const REAL *weights, REAL *sums) { \
    typedef REAL lanes __attribute__((vector_size(BYTES)));                                    \
    enum { PARTS = COLUMNS * (int)sizeof(REAL) / (BYTES) };                                    \
    lanes total[ROWS * PARTS];                                                                 \
    _Pragma("GCC unroll 16") for (int32_t i = 0; i < ROWS * PARTS; ++i) {                       \
      total[i] = (lanes){0};                                                                   \
    }                                                                                          \
    for (int32_t k = 0; k < depth; ++k) {                                                      \
      lanes w[PARTS];                                                                          \
      _Pragma("GCC unroll 16") for (int32_t i = 0; i < PARTS; ++i) {                            \
        __builtin_memcpy(&w[i], weights + k * COLUMNS + i * COLUMNS / PARTS, BYTES);           \
      }                                                                                        \
      _Pragma("GCC unroll 16") for (int32_t r = 0; r < ROWS; ++r) {                             \
        _Pragma("GCC unroll 16") for (int32_t i = 0; i < PARTS; ++i) {                          \
          total[r * PARTS + i] += x[r * depth + k] * w[i];                                     \
        }                                                                                      \
      }                                                                                        \
    }                                                                                          \
    _Pragma("GCC unroll 16") for (int32_t i = 0; i < ROWS * PARTS; ++i) {                       \
      __builtin_memcpy(sums + i * COLUMNS / PARTS, &total[i], BYTES);                          \
    }                                                                                          \
  }
#else
#define DEFINE_TILE(NAME, TARGET, REAL, BYTES, ROWS)                                           \
  static void NAME(const REAL *x, int32_t depth, const REAL *weights, REAL *sums) {            \
    for (int32_t i = 0; i < ROWS * COLUMNS; ++i) {                                             \
      REAL total = 0;                                                                          \
      for (int32_t k = 0; k < depth; ++k) {                                                    \
        total += x[i / COLUMNS * depth + k] * weights[k * COLUMNS + i % COLUMNS];              \
      }                                                                                        \
      sums[i] = total;                                                                         \
    }                                                                                          \
  }
#endif

#define DEFINE_ROWS(NAME, TARGET, ROWS, VALUE, REAL, SUM, TILE)                                \
  TARGET static void NAME(int32_t rows, int32_t depth, int32_t columns, const VALUE *x,        \
                          const REAL *weights, const SUM *start, REAL *room, SUM *to) {        \
    while (rows > 0) {                                                                         \
      const int32_t count = rows < ROWS ? rows : ROWS;                                         \
      for (int32_t i = 0; i < count * depth; ++i) {                                            \
        room[i] = x[i];                                                                        \
      }                                                                                        \
      for (int32_t first = 0; first < columns; first += COLUMNS) {                             \
        const int32_t few = columns - first < COLUMNS ? columns - first : COLUMNS;             \
        REAL sums[MOST_ROWS * COLUMNS];                                                        \
        TILE(room, depth, weights + (ptrdiff_t)first * depth, sums);                           \
        for (int32_t r = 0; r < count; ++r) {                                                  \
          for (int32_t c = 0; c < few; ++c) {                                                  \
            const int64_t sum = (int64_t)start[first + c] + (int64_t)sums[r * COLUMNS + c];    \
            to[r * columns + first + c] = (SUM)sum; /* wraps around */                         \
          }                                                                                    \
        }                                                                                      \
      }                                                                                        \
      rows -= count;                                                                           \
      x += (ptrdiff_t)count * depth;                                                           \
      to += (ptrdiff_t)count * columns;                                                        \
    }                                                                                          \
  }

/* As many rows as leave enough registers. */
#define DEFINE_LEVEL(LEVEL, TARGET, BYTES, FLOAT_ROWS, DOUBLE_ROWS)                            \
  DEFINE_TILE(tile_floats_##LEVEL, TARGET, float, BYTES, FLOAT_ROWS)                           \
  DEFINE_TILE(tile_doubles_##LEVEL, TARGET, double, BYTES, DOUBLE_ROWS)                        \
  DEFINE_ROWS(rows_s8_##LEVEL, TARGET, FLOAT_ROWS, int8_t, float, int32_t,                     \
              tile_floats_##LEVEL)                                                             \
  DEFINE_ROWS(rows_s8_long_##LEVEL, TARGET, DOUBLE_ROWS, int8_t, double, int32_t,              \
              tile_doubles_##LEVEL)                                                            \
  DEFINE_ROWS(rows_s16_##LEVEL, TARGET, DOUBLE_ROWS, int16_t, double, int64_t,                 \
              tile_doubles_##LEVEL)

DEFINE_LEVEL(portable, , 16, 2, 2)
#if TG_X86
#define TARGET_AVX2 __attribute__((target("avx2")))
#define TARGET_AVX512 __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512dq")))
DEFINE_LEVEL(avx2, TARGET_AVX2, 32, 4, 2)
DEFINE_LEVEL(avx512, TARGET_AVX512, 64, 8, 8)
#define ROWS_FOR(KIND, LEVEL)                     \
  ((LEVEL) == TG_AVX512_LEVEL     ? KIND##_avx512 \
   : (LEVEL) == TG_PORTABLE_LEVEL ? KIND##_portable \
                                  : KIND##_avx2)
#else
#define ROWS_FOR(KIND, LEVEL) ((void)(LEVEL), KIND##_portable)
#endif

#define DEFINE_PRODUCTS(NAME, VALUE, REAL, SUM, KIND)                                          \
  int32_t NAME(int32_t level, int32_t rows, int32_t depth, int32_t columns, const VALUE *x,    \
               const REAL *weights, const SUM *start, SUM *to);                                \
  int32_t NAME(int32_t level, int32_t rows, int32_t depth, int32_t columns, const VALUE *x,    \
               const REAL *weights, const SUM *start, SUM *to) {                               \
    REAL *room = (REAL *)calloc((size_t)MOST_ROWS * (size_t)depth, sizeof *room);              \
    if (!room) {                                                                               \
      return -1;                                                                               \
    }                                                                                          \
    ROWS_FOR(KIND, level)(rows, depth, columns, x, weights, start, room, to);                  \
    free(room);                                                                                \
    return 0;                                                                                  \
  }

DEFINE_PRODUCTS(tg_batch_products_s8, int8_t, float, int32_t, rows_s8)
DEFINE_PRODUCTS(tg_batch_products_s8_long, int8_t, double, int32_t, rows_s8_long)
DEFINE_PRODUCTS(tg_batch_products_s16, int16_t, double, int64_t, rows_s16)
