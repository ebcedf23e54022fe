"""The C text around a model's constants and calls, as templates of `string.Template`.

References
----------
What the benchmark's firmware does with its input and output: mlcommons/tiny @ 1afd2c9,
benchmark/reference_submissions, ``th_load_tensor`` and ``th_results`` of each benchmark.
"""

from __future__ import annotations

__all__ = ["ENGINE", "INPUTS", "RESULTS"]

ENGINE = """\
/* The reference engine of one quantised model, written by TinyGauge $version: do not edit.
 * The model's SHA-256: $sha256. */
#include "kernels.h"
#include "tg_engine.h"

static _Alignas($alignment) uint8_t arena[$arena_bytes];
#define AT(type, offset) ((type *)(void *)(arena + (offset)))

$definitions

const char tg_engine_model[] = "$model";
const uint32_t tg_engine_input_bytes = $input_bytes;

$set_input

bool tg_engine_infer(void)
{
$calls
    return true;
}

$result

uint32_t tg_engine_output_bytes(void)
{
    return $output_tensor_bytes;
}

const uint8_t *tg_engine_output(void)
{
    return (const uint8_t *)(const void *)$output_pointer;
}
"""

INPUTS = {
    "tensor": """\
bool tg_engine_set_input(const uint8_t *bytes)
{
    uint8_t *to = (uint8_t *)(void *)$input_pointer;
    for (uint32_t i = 0; i < $input_tensor_bytes; i++) {
        to[i] = bytes[i];
    }
    return true;
}""",
    # The zero point of these models is -128 and the scale that of a pixel.
    "pixels": """\
bool tg_engine_set_input(const uint8_t *bytes)
{
    int8_t *to = $input_pointer;
    for (uint32_t i = 0; i < $input_elements; i++) {
        to[i] = (int8_t)((int32_t)bytes[i] - 128);
    }
    return true;
}""",
    "floats": """\
static float held[$input_elements];

bool tg_engine_set_input(const uint8_t *bytes)
{
    uint8_t *to = (uint8_t *)(void *)held;
    for (uint32_t i = 0; i < sizeof held; i++) {
        to[i] = bytes[i];
    }
    tg_quantize_s8($input_scale, $input_zero, $input_elements, held, $input_pointer);
    return true;
}""",
}

RESULTS = {
    "scores": """\
uint32_t tg_engine_result_count(void)
{
    return $output_elements;
}

float tg_engine_result(uint32_t index)
{
    const $output_type *output = $output_pointer;
    return $output_scale * (float)(output[index] - ($output_zero));
}""",
    "floats": """\
uint32_t tg_engine_result_count(void)
{
    return $output_elements;
}

float tg_engine_result(uint32_t index)
{
    const float *output = $output_pointer;
    return output[index];
}""",
    "error": """\
uint32_t tg_engine_result_count(void)
{
    return 1;
}

float tg_engine_result(uint32_t index)
{
    const int8_t *output = $output_pointer;
    float sum = 0.0f;
    (void)index;
    for (uint32_t i = 0; i < $output_elements; i++) {
        const float real = $output_scale * (float)(output[i] - ($output_zero));
        const float difference = real - held[i];
        sum += difference * difference;
    }
    return sum / $output_elements.0f;
}""",
}
