/* One step of an LSTM over a batch. */
#include <stddef.h>

#include "batch.h"

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
