/* What an engine supplies: set the input, infer, and tell the results.
 *
 * firmware/generate.py writes these functions for a quantised model on TinyGauge's reference kernels;
 * a vendor's engine is measured with the same harness by writing them for it.
 */
#ifndef TG_ENGINE_H
#define TG_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

/* The model's name on the wire, such as "kws01". */
extern const char tg_engine_model[];

/* Bytes of one input as the host sends it, at least 1 and at most TG_MAX_INPUT_BYTES. */
extern const uint32_t tg_engine_input_bytes;

/* Puts one input, tg_engine_input_bytes long, where inference reads it. Not timed.
 * False where that failed. */
bool tg_engine_set_input(const uint8_t *bytes);

/* Runs the model once. This, and nothing else, is timed. It must leave the input as it is, or
 * restore it, since it is called again and again. False where it failed. */
bool tg_engine_infer(void);

/* How many results there are after an inference, and the one at `index`: a class's score, or the
 * reconstruction error of an autoencoder. Not timed. */
uint32_t tg_engine_result_count(void);
float tg_engine_result(uint32_t index);

/* The raw output tensor, for comparing to the bit. Not timed. */
uint32_t tg_engine_output_bytes(void);
const uint8_t *tg_engine_output(void);

#endif
