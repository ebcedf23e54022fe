/* Reference kernels of quantised ops, one input at a time, bit for bit those of tflite-micro.
 *
 * Plain structs of parameters, no heap, no state, no standard library but <stdint.h>: firmware
 * compiles this file set as it is, and the desktop's batch path is checked against it. Tensors
 * are dense, channels last. Nothing here checks sizes: whoever fills in the structs has to
 * (tinygauge.exact does, from the model's file).
 */
#ifndef TINYGAUGE_KERNELS_H
#define TINYGAUGE_KERNELS_H

#include <stdint.h>

#include "requant.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A filter that moves over an image: convolutions and pooling. */
typedef struct {
  int32_t in_h, in_w, in_c;
  int32_t out_h, out_w, out_c;
  int32_t filter_h, filter_w;
  int32_t stride_h, stride_w;
  int32_t dilation_h, dilation_w;
  int32_t pad_h, pad_w;           /* above and to the left */
  int32_t filter_c;               /* depth of one filter: in_c / groups; unused by depthwise ops */
  int32_t in_zero, out_zero;      /* zero points; 0 with int16 */
  int32_t low, high;              /* fused activation, in stored values */
} tg_window;

/* Ops on two tensors: adding, subtracting, multiplying. Each x is (stored - zero). Multiplying uses
 * `out` alone; PRELU uses `a` for values from 0 up, `out` for the products below; LEAKY_RELU `a` and
 * `b` for values from 0 up and below; ADD_N `a` for every operand; comparing `a` and `b`. */
typedef struct {
  int32_t a_zero, b_zero, out_zero;
  tg_scale a, b, out;
  int32_t left_shift;             /* 20 for int8, 15 for int16; 8 to compare */
  int32_t negate_b;               /* 1 to subtract */
  int32_t low, high;
} tg_pair;

/* Sums over axes: the tensor is seen as outer x reduced x inner. */
typedef struct {
  int32_t outer, reduced, inner;
  int32_t in_zero, out_zero;
  tg_scale scale;
} tg_reduction;

/* A product of two matrices; strides in elements. */
typedef struct {
  int32_t rows, depth, columns;
  int32_t a_row, a_depth, b_depth, b_column;
  int32_t a_zero, b_zero, out_zero;
  tg_scale scale;
} tg_matrices;

typedef struct {
  int32_t rows, depth;
  tg_scale scale;                 /* of the difference to the row's maximum */
  int32_t diff_min;               /* int8: smaller differences give 0 */
} tg_softmax;

/* A copy between two tensors of up to six dimensions, of elements of `width` bytes. */
typedef struct {
  int32_t width;
  int32_t extent[6];
  int32_t from[6], to[6];         /* strides in elements; 0 repeats, negative goes backwards */
  int32_t from_offset, to_offset; /* in elements */
} tg_copy;

/* int16 logistic and tanh (tg_curve_s16). A multiplier of 0 stands for a power-of-two scale. */
typedef struct {
  int32_t multiplier, shift;
  int32_t is_tanh;
} tg_curve;

/* An SVDF op: `filters` features of the input, the last `memory` of each kept as its state. */
typedef struct {
  int32_t batch, inputs, filters, rank, memory;
  int32_t in_zero, state_zero, out_zero;
  tg_scale to_state, to_output;
} tg_svdf;

/* A sequence through an LSTM. Its gates come as input, forget, cell, output. */
typedef struct {
  int32_t batch, steps, inputs, units;
  int32_t is_time_major;          /* (steps, batch, …) instead of (batch, steps, …) */
  int32_t in_zero, hidden_zero;
  tg_scale from_input[4], from_hidden[4]; /* sums to Q3.12 */
  tg_scale kept, added, hidden;   /* of the products of gates */
  int32_t cell_low, cell_high;    /* the cell is kept between them */
  tg_curve tanh;                  /* of the cell */
} tg_lstm;

/* Images that are made larger or smaller; how: the kernel's rows and columns. */
typedef struct {
  int32_t images, in_h, in_w, channels, out_h, out_w;
} tg_resize;

/* Types that tg_cast knows; a truth value is a byte of 0 or 1. */
enum { TG_INT8 = 0, TG_INT16 = 1, TG_INT32 = 2, TG_BOOL = 3, TG_FLOAT32 = 4 };

/* Comparisons. */
enum {
  TG_EQUAL = 0,
  TG_NOT_EQUAL = 1,
  TG_GREATER = 2,
  TG_GREATER_EQUAL = 3,
  TG_LESS = 4,
  TG_LESS_EQUAL = 5
};

/* Weights are (out_c, filter_h, filter_w, filter_c); one scale an output channel. */
void tg_conv_s8(const tg_window *p, const int8_t *x, const int8_t *weights, const int32_t *bias,
                const tg_scale *scales, int8_t *y);
void tg_conv_s16(const tg_window *p, const int16_t *x, const int8_t *weights, const int64_t *bias,
                 const tg_scale *scales, int16_t *y);

/* Weights are (filter_h, filter_w, out_c). */
void tg_depthwise_s8(const tg_window *p, const int8_t *x, const int8_t *weights,
                     const int32_t *bias, const tg_scale *scales, int8_t *y);
void tg_depthwise_s16(const tg_window *p, const int16_t *x, const int8_t *weights,
                      const int64_t *bias, const tg_scale *scales, int16_t *y);

/* Weights as those of convolutions; `sums` has room for one output image. */
void tg_transpose_conv_s8(const tg_window *p, const int8_t *x, const int8_t *weights,
                          const int32_t *bias, const tg_scale *scales, int32_t *sums, int8_t *y);
void tg_transpose_conv_s16(const tg_window *p, const int16_t *x, const int8_t *weights,
                           const int64_t *bias, const tg_scale *scales, int64_t *sums, int16_t *y);

void tg_average_pool_s8(const tg_window *p, const int8_t *x, int8_t *y);
void tg_average_pool_s16(const tg_window *p, const int16_t *x, int16_t *y);
void tg_max_pool_s8(const tg_window *p, const int8_t *x, int8_t *y);
void tg_max_pool_s16(const tg_window *p, const int16_t *x, int16_t *y);

/* For each row and column of the output, the two of the input's between which it lies, and how far
 * behind the first, in 1/1024. */
void tg_resize_bilinear_s8(const tg_resize *p, const int32_t *rows, const int32_t *columns,
                           const int8_t *x, int8_t *y);

/* Element by element; b repeats every `b_count` elements, a every `a_count`. */
void tg_add_s8(const tg_pair *p, int32_t count, const int8_t *a, int32_t a_count, const int8_t *b,
               int32_t b_count, int8_t *y);
void tg_add_s16(const tg_pair *p, int32_t count, const int16_t *a, int32_t a_count,
                const int16_t *b, int32_t b_count, int16_t *y);
void tg_mul_s8(const tg_pair *p, int32_t count, const int8_t *a, int32_t a_count, const int8_t *b,
               int32_t b_count, int8_t *y);
void tg_mul_s16(const tg_pair *p, int32_t count, const int16_t *a, int32_t a_count,
                const int16_t *b, int32_t b_count, int16_t *y);
void tg_squared_difference_s8(const tg_pair *p, int32_t count, const int8_t *a, int32_t a_count,
                              const int8_t *b, int32_t b_count, int8_t *y);
void tg_squared_difference_s16(const tg_pair *p, int32_t count, const int16_t *a, int32_t a_count,
                               const int16_t *b, int32_t b_count, int16_t *y);
void tg_prelu_s8(const tg_pair *p, int32_t count, const int8_t *a, int32_t a_count, const int8_t *b,
                 int32_t b_count, int8_t *y);
void tg_prelu_s16(const tg_pair *p, int32_t count, const int16_t *a, int32_t a_count,
                  const int8_t *b, int32_t b_count, int16_t *y);
/* The sum of `number` tensors of `count` values. */
void tg_add_n_s8(const tg_pair *p, int32_t number, int32_t count, const int8_t *const *x,
                 int8_t *y);
/* Truth values of a comparison; quantised values are brought to one scale, others compared as they
 * are stored. */
void tg_compare_s8(const tg_pair *p, int32_t kind, int32_t count, const int8_t *a, int32_t a_count,
                   const int8_t *b, int32_t b_count, uint8_t *y);
void tg_compare_u8(int32_t kind, int32_t count, const uint8_t *a, int32_t a_count, const uint8_t *b,
                   int32_t b_count, uint8_t *y);
void tg_compare_s32(int32_t kind, int32_t count, const int32_t *a, int32_t a_count,
                    const int32_t *b, int32_t b_count, uint8_t *y);
void tg_compare_f32(int32_t kind, int32_t count, const float *a, int32_t a_count, const float *b,
                    int32_t b_count, uint8_t *y);
/* Elements of `width` bytes: those of a where `chosen` is true, else those of b. */
void tg_select(int32_t width, int32_t count, const uint8_t *chosen, int32_t chosen_count,
               const void *a, int32_t a_count, const void *b, int32_t b_count, void *y);
void tg_multiply_matrices_s8(const tg_matrices *p, const int8_t *a, const int8_t *b, int8_t *y);
void tg_multiply_matrices_s16(const tg_matrices *p, const int16_t *a, const int16_t *b, int16_t *y);
void tg_extremum_s8(int32_t want_max, int32_t count, const int8_t *a, int32_t a_count,
                    const int8_t *b, int32_t b_count, int8_t *y);
void tg_extremum_s16(int32_t want_max, int32_t count, const int16_t *a, int32_t a_count,
                     const int16_t *b, int32_t b_count, int16_t *y);

/* Every int8 function of one value: table[x + 128]. */
void tg_lookup_s8(const int8_t *table, int32_t count, const int8_t *x, int8_t *y);
void tg_leaky_relu_s16(const tg_pair *p, int32_t count, const int16_t *x, int16_t *y);
/* Rescale from one scale and zero point to another, with the limits of the output type. */
void tg_requantize_s8_s16(tg_scale scale, int32_t in_zero, int32_t out_zero, int32_t count,
                          const int8_t *x, int16_t *y);
void tg_requantize_s16_s8(tg_scale scale, int32_t in_zero, int32_t out_zero, int32_t count,
                          const int16_t *x, int8_t *y);
void tg_requantize_s16(tg_scale scale, int32_t in_zero, int32_t out_zero, int32_t count,
                       const int16_t *x, int16_t *y);
void tg_requantize_u8_s8(tg_scale scale, int32_t in_zero, int32_t out_zero, int32_t count,
                         const uint8_t *x, int8_t *y);
void tg_requantize_s8_u8(tg_scale scale, int32_t in_zero, int32_t out_zero, int32_t count,
                         const int8_t *x, uint8_t *y);
/* What does not fit loses its upper bits; reals that are no 32-bit integer are the lowest. */
void tg_cast(int32_t from, int32_t to, int32_t count, const void *x, void *y);
void tg_negate_f32(int32_t count, const float *x, float *y);
/* `table` has 256 values of the logistic function (tinygauge.exact.tables). */
void tg_curve_s16(const tg_curve *p, const uint16_t *table, int32_t count, const int16_t *x,
                  int16_t *y);

void tg_mean_s8(const tg_reduction *p, const int8_t *x, int8_t *y);
void tg_mean_s16(const tg_reduction *p, const int16_t *x, int16_t *y);
void tg_sum_s8(const tg_reduction *p, const int8_t *x, int8_t *y);
void tg_sum_s16(const tg_reduction *p, const int16_t *x, int16_t *y);
void tg_reduce_extremum_s8(const tg_reduction *p, int32_t want_max, const int8_t *x, int8_t *y);
/* Places of the first of the most extreme values. */
void tg_arg_extremum_s8(const tg_reduction *p, int32_t want_max, const int8_t *x, int32_t *y);

/* Rows of `depth` values over their Euclidean length; the output's scale is 1/128. */
void tg_l2_normalize_s8(int32_t rows, int32_t depth, int32_t zero, const int8_t *x, int8_t *y);

void tg_softmax_s8(const tg_softmax *p, const int8_t *x, int8_t *y);
/* The tables have 513 values each: exp on [-10, 0] and 1 / (1 + x) on [0, 1]. */
void tg_softmax_s16(const tg_softmax *p, const int16_t *exp_table, const int16_t *reciprocal_table,
                    const int16_t *x, int16_t *y);

/* `features` are (filters, inputs), `times` (filters, memory), the state (batch, filters, memory):
 * it is read, moved on by one, and left for the next call. */
void tg_svdf_s8(const tg_svdf *p, const int8_t *x, const int8_t *features, const int8_t *times,
                const int32_t *bias, int8_t *state, int8_t *y);
void tg_svdf_s16(const tg_svdf *p, const int8_t *x, const int8_t *features, const int16_t *times,
                 const int32_t *bias, int16_t *state, int8_t *y);

/* Weights are (4, units, inputs) and (4, units, units), the bias (4, units); `table` is that of
 * tg_curve_s16. Hidden and cell, (batch, units) each, are read and left for the next call; `sums`
 * has room for 8 * units. */
void tg_lstm_s8(const tg_lstm *p, const uint16_t *table, const int8_t *x, const int8_t *weights,
                const int8_t *recurrent, const int32_t *bias, int32_t *sums, int8_t *hidden,
                int16_t *cell, int8_t *y);
void tg_lstm_s16(const tg_lstm *p, const uint16_t *table, const int16_t *x, const int8_t *weights,
                 const int8_t *recurrent, const int64_t *bias, int64_t *sums, int16_t *hidden,
                 int16_t *cell, int16_t *y);
/* One step from the sums of its gates, those of the input and those of the hidden values, 4 * units
 * each. */
void tg_lstm_step_s8(const tg_lstm *p, const uint16_t *table, const int32_t *from_input,
                     const int32_t *from_hidden, int8_t *hidden, int16_t *cell);
void tg_lstm_step_s16(const tg_lstm *p, const uint16_t *table, const int64_t *from_input,
                      const int64_t *from_hidden, int16_t *hidden, int16_t *cell);

void tg_strided_copy(const tg_copy *p, const void *x, void *y);
/* y[i] = x[index[i]], elements of `width` bytes. */
void tg_pick(int32_t width, int32_t count, const int32_t *index, const void *x, void *y);
/* Copy rows of `width` bytes by their places; one outside the table is the first or last. */
void tg_take_rows(int32_t width, int32_t rows, int32_t count, const int32_t *places,
                  const void *table, void *y);
/* Set `count` elements of `width` bytes to the one at `value`. */
void tg_fill(int32_t width, int32_t count, const void *value, void *y);

/* TFLM's rounding: half away from zero; the division is in single precision. */
void tg_quantize_s8(float scale, int32_t zero, int32_t count, const float *x, int8_t *y);
void tg_quantize_s16(float scale, int32_t zero, int32_t count, const float *x, int16_t *y);
void tg_dequantize_s8(float scale, int32_t zero, int32_t count, const int8_t *x, float *y);
void tg_dequantize_u8(float scale, int32_t zero, int32_t count, const uint8_t *x, float *y);
void tg_dequantize_s16(float scale, int32_t zero, int32_t count, const int16_t *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
