/* An engine for tests of printing: the four bytes in are one float, which is the result. */
#include "tg_engine.h"

const char tg_engine_model[] = "float";
const uint32_t tg_engine_input_bytes = 4;

static union {
    uint8_t bytes[4];
    float value;
} held;

bool tg_engine_set_input(const uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        held.bytes[i] = bytes[i];
    }
    return true;
}

bool tg_engine_infer(void)
{
    return true;
}

uint32_t tg_engine_result_count(void)
{
    return 1;
}

float tg_engine_result(uint32_t index)
{
    return index == 0 ? held.value : 0.0f;
}

uint32_t tg_engine_output_bytes(void)
{
    return 4;
}

const uint8_t *tg_engine_output(void)
{
    return held.bytes;
}
