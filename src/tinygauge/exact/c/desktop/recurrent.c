/* SVDF over a batch whose states are reset, and one step of an LSTM over a batch. */
#include <stdlib.h>

#include "batch.h"

#define DEFINE_LOOP_SVDF(NAME, STATE, KERNEL)                                                    \
  int32_t NAME(const tg_svdf *p, int32_t n, const int8_t *x, const int8_t *features,             \
               const STATE *times, const int32_t *bias, int8_t *y);                              \
  int32_t NAME(const tg_svdf *p, int32_t n, const int8_t *x, const int8_t *features,             \
               const STATE *times, const int32_t *bias, int8_t *y) {                             \
    const size_t count = (size_t)(p->batch * p->filters * p->memory);                            \
    STATE *state = (STATE *)malloc(count * sizeof *state);                                       \
    if (!state) {                                                                                \
      return -1;                                                                                 \
    }                                                                                            \
    for (int32_t i = 0; i < n; ++i) {                                                            \
      for (size_t k = 0; k < count; ++k) {                                                       \
        state[k] = (STATE)p->state_zero;                                                         \
      }                                                                                          \
      KERNEL(p, x, features, times, bias, state, y);                                             \
      x += p->batch * p->inputs;                                                                 \
      y += p->batch * (p->filters / p->rank);                                                    \
    }                                                                                            \
    free(state);                                                                                 \
    return 0;                                                                                    \
  }

DEFINE_LOOP_SVDF(tg_loop_svdf_s8, int8_t, tg_svdf_s8)
DEFINE_LOOP_SVDF(tg_loop_svdf_s16, int16_t, tg_svdf_s16)

#define DEFINE_LOOP_STEP(NAME, VALUE, SUM, KERNEL)                                               \
  void NAME(const tg_lstm *p, int32_t rows, const uint16_t *table, const SUM *from_input,        \
            const SUM *from_hidden, VALUE *hidden, int16_t *cell);                               \
  void NAME(const tg_lstm *p, int32_t rows, const uint16_t *table, const SUM *from_input,        \
            const SUM *from_hidden, VALUE *hidden, int16_t *cell) {                              \
    const size_t units = (size_t)p->units;                                                       \
    for (int32_t i = 0; i < rows; ++i, from_input += 4 * units, from_hidden += 4 * units) {      \
      KERNEL(p, table, from_input, from_hidden, hidden, cell);                                   \
      hidden += units;                                                                           \
      cell += units;                                                                             \
    }                                                                                            \
  }

DEFINE_LOOP_STEP(tg_loop_lstm_step_s8, int8_t, int32_t, tg_lstm_step_s8)
DEFINE_LOOP_STEP(tg_loop_lstm_step_s16, int16_t, int64_t, tg_lstm_step_s16)
