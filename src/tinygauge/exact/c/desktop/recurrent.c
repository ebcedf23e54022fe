/* One step of an LSTM over a batch: what tg_lstm_step_* does, in loops that compilers vectorise.
 *
 * Curves come as tables of all 65,536 values: the logistic function, tanh of a gate, tanh of the
 * cell.
 */
#include <stdlib.h>

#include "batch.h"

enum { INPUT = 0, FORGET = 1, CELL = 2, OUTPUT = 3, CURVE = 1 << 16 };

/* A scale, its shift taken apart once. Multipliers are never INT32_MIN. */
typedef struct {
  int32_t multiplier, left, right, mask;
} parts;

static inline parts parts_of(tg_scale scale) {
  const int32_t right = scale.shift > 0 ? 0 : -scale.shift;
  const parts p = {scale.multiplier, scale.shift > 0 ? scale.shift : 0, right,
                   (int32_t)((UINT32_C(1) << right) - 1u)};
  return p;
}

static inline int32_t scaled(int32_t x, parts p) {
  const int64_t product = (int64_t)tg_shift_left(x, p.left) * p.multiplier;
  const int32_t high = (int32_t)((product + (1 << 30)) >> 31);
  return (high >> p.right) + ((high & p.mask) > (p.mask >> 1) + (high < 0));
}

static inline int32_t clamp_s16(int32_t x) {
  return tg_clamp(x, INT16_MIN, INT16_MAX);
}

static inline void gate_s8(const tg_lstm *p, int32_t gate, const int32_t *from_input,
                           const int32_t *from_hidden, int16_t *to) {
  const parts input = parts_of(p->from_input[gate]), hidden = parts_of(p->from_hidden[gate]);
  for (int32_t i = 0; i < p->units; ++i) {
    const int32_t first = clamp_s16(scaled(from_input[i], input));
    to[i] = (int16_t)clamp_s16(first + clamp_s16(scaled(from_hidden[i], hidden)));
  }
}

static inline void gate_s16(const tg_lstm *p, int32_t gate, const int64_t *from_input,
                            const int64_t *from_hidden, int16_t *to) {
  const tg_scale input = p->from_input[gate], hidden = p->from_hidden[gate];
  for (int32_t i = 0; i < p->units; ++i) {
    const int32_t first = clamp_s16(tg_rescale_wide(from_input[i], input));
    to[i] = (int16_t)clamp_s16(first + clamp_s16(tg_rescale_wide(from_hidden[i], hidden)));
  }
}

/* The new cell, from what the gates let through. */
static inline void update_cell(const tg_lstm *p, const int16_t *gates, int16_t *cell) {
  const parts kept = parts_of(p->kept), added = parts_of(p->added);
  const int32_t units = p->units;
  const int16_t *input = gates, *forget = gates + units, *fresh = gates + 2 * units;
  for (int32_t i = 0; i < units; ++i) {
    const int32_t old = clamp_s16(scaled(forget[i] * cell[i], kept));
    const int32_t more = clamp_s16(scaled(input[i] * fresh[i], added));
    cell[i] = (int16_t)tg_clamp(clamp_s16(old + more), p->cell_low, p->cell_high);
  }
}

static inline void look_up(const int16_t *curve, int32_t count, int16_t *x) {
  for (int32_t i = 0; i < count; ++i) {
    x[i] = curve[x[i] + (CURVE / 2)];
  }
}

/* `gates` has room for four of each row's units. */
#define DEFINE_STEP(NAME, VALUE, SUM, GATE, LOWEST, HIGHEST)                                       \
  static inline void NAME(const tg_lstm *p, const int16_t *curves, const SUM *from_input,          \
                          const SUM *from_hidden, int16_t *gates, VALUE *hidden, int16_t *cell) {  \
    const parts out = parts_of(p->hidden);                                                         \
    const int32_t units = p->units;                                                                \
    for (int32_t gate = 0; gate < 4; ++gate) {                                                     \
      const int32_t at = gate * units;                                                             \
      GATE(p, gate, from_input + at, from_hidden + at, gates + at);                                \
      look_up(curves + (gate == CELL ? CURVE : 0), units, gates + at);                             \
    }                                                                                              \
    update_cell(p, gates, cell);                                                                   \
    for (int32_t i = 0; i < units; ++i) {                                                          \
      gates[i] = cell[i];                                                                          \
    }                                                                                              \
    look_up(curves + 2 * CURVE, units, gates);                                                     \
    for (int32_t i = 0; i < units; ++i) {                                                          \
      const int32_t value = scaled(gates[i] * gates[OUTPUT * units + i], out);                     \
      hidden[i] = (VALUE)tg_clamp(tg_wrap_add(value, p->hidden_zero), LOWEST, HIGHEST);            \
    }                                                                                              \
  }

DEFINE_STEP(step_s8, int8_t, int32_t, gate_s8, INT8_MIN, INT8_MAX)
DEFINE_STEP(step_s16, int16_t, int64_t, gate_s16, INT16_MIN, INT16_MAX)

#define DEFINE_ROWS(NAME, TARGET, VALUE, SUM, STEP)                                                \
  TARGET static void NAME(const tg_lstm *p, int32_t rows, const int16_t *curves,                   \
                          const SUM *from_input, const SUM *from_hidden, int16_t *gates,           \
                          VALUE *hidden, int16_t *cell) {                                          \
    const size_t units = (size_t)p->units;                                                         \
    for (int32_t i = 0; i < rows; ++i, from_input += 4 * units, from_hidden += 4 * units) {        \
      STEP(p, curves, from_input, from_hidden, gates, hidden, cell);                               \
      hidden += units;                                                                             \
      cell += units;                                                                               \
    }                                                                                              \
  }

DEFINE_ROWS(rows_s8_portable, , int8_t, int32_t, step_s8)
DEFINE_ROWS(rows_s16_portable, , int16_t, int64_t, step_s16)
#if TG_X86
#define TARGET_AVX2 __attribute__((target("avx2")))
#define TARGET_AVX512 __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512dq")))
DEFINE_ROWS(rows_s8_avx2, TARGET_AVX2, int8_t, int32_t, step_s8)
DEFINE_ROWS(rows_s16_avx2, TARGET_AVX2, int16_t, int64_t, step_s16)
DEFINE_ROWS(rows_s8_avx512, TARGET_AVX512, int8_t, int32_t, step_s8)
DEFINE_ROWS(rows_s16_avx512, TARGET_AVX512, int16_t, int64_t, step_s16)
#define ROWS_FOR(KIND, LEVEL)                            \
  ((LEVEL) == TG_AVX512_LEVEL     ? rows_##KIND##_avx512 \
   : (LEVEL) == TG_PORTABLE_LEVEL ? rows_##KIND##_portable \
                                  : rows_##KIND##_avx2)
#else
#define ROWS_FOR(KIND, LEVEL) ((void)(LEVEL), rows_##KIND##_portable)
#endif

#define DEFINE_BATCH(NAME, VALUE, SUM, KIND)                                                      \
  int32_t NAME(const tg_lstm *p, int32_t level, int32_t rows, const int16_t *curves,              \
               const SUM *from_input, const SUM *from_hidden, VALUE *hidden, int16_t *cell);      \
  int32_t NAME(const tg_lstm *p, int32_t level, int32_t rows, const int16_t *curves,              \
               const SUM *from_input, const SUM *from_hidden, VALUE *hidden, int16_t *cell) {     \
    int16_t *gates = (int16_t *)malloc(4 * (size_t)p->units * sizeof *gates);                     \
    if (!gates) {                                                                                 \
      return -1;                                                                                  \
    }                                                                                             \
    ROWS_FOR(KIND, level)(p, rows, curves, from_input, from_hidden, gates, hidden, cell);         \
    free(gates);                                                                                  \
    return 0;                                                                                     \
  }

DEFINE_BATCH(tg_batch_lstm_step_s8, int8_t, int32_t, s8)
DEFINE_BATCH(tg_batch_lstm_step_s16, int16_t, int64_t, s16)
