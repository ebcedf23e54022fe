/* An engine for tests of the harness: four bytes in, each byte / 256 out; a first byte of 255 makes
 * inference fail, one of 254 is no input that it takes. */
#include "tg_engine.h"

const char tg_engine_model[] = "echo";
const uint32_t tg_engine_input_bytes = 4;

static uint8_t held[4];

bool tg_engine_set_input(const uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        held[i] = bytes[i];
    }
    return held[0] != 254;
}

bool tg_engine_infer(void)
{
    return held[0] != 255;
}

uint32_t tg_engine_result_count(void)
{
    return 4;
}

float tg_engine_result(uint32_t index)
{
    return (float)held[index] / 256.0f;
}

uint32_t tg_engine_output_bytes(void)
{
    return 4;
}

const uint8_t *tg_engine_output(void)
{
    return held;
}
