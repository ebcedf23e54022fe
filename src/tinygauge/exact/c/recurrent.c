/* Reference kernels of ops that keep a state: SVDF and LSTM.
 *
 * After tflite-micro's kernels/svdf_common.cc and kernels/lstm_eval.{h,cc}. Whoever calls them
 * resets the state: to the zero point where it is int8, else to 0.
 */
#include "curve.h"
#include "kernels.h"

#define DEFINE_SVDF(NAME, STATE, LOWEST, HIGHEST)                                             \
  static uint32_t NAME##_filter(const tg_svdf *p, const int8_t *x, const int8_t *features,     \
                                const STATE *times, STATE *state) {                            \
    uint32_t feature = 0;                                                                     \
    for (int32_t i = 0; i < p->inputs; ++i) {                                                 \
      feature += (uint32_t)((x[i] - p->in_zero) * features[i]);                               \
    }                                                                                         \
    const int32_t scaled = tg_clamp(tg_rescale((int32_t)feature, p->to_state), LOWEST, HIGHEST); \
    for (int32_t i = 1; i < p->memory; ++i) {                                                 \
      state[i - 1] = state[i];                                                                \
    }                                                                                         \
    state[p->memory - 1] = (STATE)(scaled + p->state_zero); /* wraps around, as TFLM's */     \
    uint32_t sum = 0;                                                                         \
    for (int32_t i = 0; i < p->memory; ++i) {                                                 \
      sum += (uint32_t)((state[i] - p->state_zero) * times[i]);                               \
    }                                                                                         \
    return sum;                                                                               \
  }                                                                                           \
                                                                                              \
  void NAME(const tg_svdf *p, const int8_t *x, const int8_t *features, const STATE *times,    \
            const int32_t *bias, STATE *state, int8_t *y) {                                   \
    for (int32_t b = 0; b < p->batch; ++b, x += p->inputs) {                                  \
      for (int32_t filter = 0; filter < p->filters; filter += p->rank) {                      \
        uint32_t sum = (uint32_t)bias[filter / p->rank];                                      \
        for (int32_t i = filter; i < filter + p->rank; ++i, state += p->memory) {             \
          sum += NAME##_filter(p, x, features + i * p->inputs, times + i * p->memory, state); \
        }                                                                                     \
        const int32_t value = tg_wrap_add(tg_rescale((int32_t)sum, p->to_output), p->out_zero); \
        *y++ = (int8_t)tg_clamp(value, INT8_MIN, INT8_MAX);                                   \
      }                                                                                       \
    }                                                                                         \
  }

DEFINE_SVDF(tg_svdf_s8, int8_t, INT8_MIN, INT8_MAX)
DEFINE_SVDF(tg_svdf_s16, int16_t, INT16_MIN, INT16_MAX)

static int32_t clamp_s16(int32_t x) {
  return tg_clamp(x, INT16_MIN, INT16_MAX);
}

static const tg_curve logistic = {0, 0, 0}, gate_tanh = {0, 0, 1};
enum { INPUT = 0, FORGET = 1, CELL = 2, OUTPUT = 3 };

/* One gate's value in Q0.15 from its two sums. */
#define DEFINE_GATE(NAME, SUM, RESCALE)                                                       \
  static int32_t NAME(const tg_lstm *p, const uint16_t *table, int32_t gate, SUM from_input,  \
                      SUM from_hidden) {                                                      \
    const int32_t input = clamp_s16(RESCALE(from_input, p->from_input[gate]));                \
    const int32_t hidden = clamp_s16(RESCALE(from_hidden, p->from_hidden[gate]));             \
    const tg_curve *curve = gate == CELL ? &gate_tanh : &logistic;                            \
    return tg_curve_value(curve, table, clamp_s16(input + hidden));                           \
  }

DEFINE_GATE(gate_s8, int32_t, tg_rescale)
DEFINE_GATE(gate_s16, int64_t, tg_rescale_wide)

#define DEFINE_STEP(NAME, VALUE, SUM, GATE, LOWEST, HIGHEST)                                  \
  void NAME(const tg_lstm *p, const uint16_t *table, const SUM *from_input,                   \
            const SUM *from_hidden, VALUE *hidden, int16_t *cell) {                           \
    for (int32_t i = 0; i < p->units; ++i) {                                                  \
      int32_t gates[4];                                                                       \
      for (int32_t gate = 0; gate < 4; ++gate) {                                              \
        const int32_t at = gate * p->units + i;                                               \
        gates[gate] = GATE(p, table, gate, from_input[at], from_hidden[at]);                  \
      }                                                                                       \
      const int32_t kept = clamp_s16(tg_rescale(gates[FORGET] * cell[i], p->kept));           \
      const int32_t added = clamp_s16(tg_rescale(gates[INPUT] * gates[CELL], p->added));      \
      cell[i] = (int16_t)tg_clamp(clamp_s16(kept + added), p->cell_low, p->cell_high);        \
      const int32_t product = tg_curve_value(&p->tanh, table, cell[i]) * gates[OUTPUT];       \
      const int32_t value = tg_wrap_add(tg_rescale(product, p->hidden), p->hidden_zero);      \
      hidden[i] = (VALUE)tg_clamp(value, LOWEST, HIGHEST);                                    \
    }                                                                                         \
  }

DEFINE_STEP(tg_lstm_step_s8, int8_t, int32_t, gate_s8, INT8_MIN, INT8_MAX)
DEFINE_STEP(tg_lstm_step_s16, int16_t, int64_t, gate_s16, INT16_MIN, INT16_MAX)

#define DEFINE_LSTM(NAME, VALUE, SUM, UNSIGNED_SUM, STEP)                                     \
  static void NAME##_sums(const VALUE *x, int32_t zero, int32_t depth, const int8_t *weights, \
                          const SUM *bias, int32_t count, SUM *sums) {                        \
    for (int32_t i = 0; i < count; ++i, weights += depth) {                                   \
      UNSIGNED_SUM sum = bias ? (UNSIGNED_SUM)bias[i] : 0;                                    \
      for (int32_t k = 0; k < depth; ++k) {                                                   \
        sum += (UNSIGNED_SUM)(SUM)((x[k] - zero) * weights[k]);                               \
      }                                                                                       \
      sums[i] = (SUM)sum;                                                                     \
    }                                                                                         \
  }                                                                                           \
                                                                                              \
  void NAME(const tg_lstm *p, const uint16_t *table, const VALUE *x, const int8_t *weights,   \
            const int8_t *recurrent, const SUM *bias, SUM *sums, VALUE *hidden, int16_t *cell, \
            VALUE *y) {                                                                       \
    const int32_t count = 4 * p->units;                                                       \
    for (int32_t b = 0; b < p->batch; ++b, hidden += p->units, cell += p->units) {            \
      for (int32_t t = 0; t < p->steps; ++t) {                                                \
        const int32_t row = p->is_time_major ? t * p->batch + b : b * p->steps + t;           \
        NAME##_sums(x + row * p->inputs, p->in_zero, p->inputs, weights, bias, count, sums);  \
        NAME##_sums(hidden, p->hidden_zero, p->units, recurrent, 0, count, sums + count);     \
        STEP(p, table, sums, sums + count, hidden, cell);                                     \
        for (int32_t i = 0; i < p->units; ++i) {                                              \
          y[row * p->units + i] = hidden[i];                                                  \
        }                                                                                     \
      }                                                                                       \
    }                                                                                         \
  }

DEFINE_LSTM(tg_lstm_s8, int8_t, int32_t, uint32_t, tg_lstm_step_s8)
DEFINE_LSTM(tg_lstm_s16, int16_t, int64_t, uint64_t, tg_lstm_step_s16)
