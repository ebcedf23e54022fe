/* A port to the desk: standard input and output in place of a serial line. For trying the harness
 * and an engine without a board, with the host's own compiler and its sanitizers. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <time.h>

#include "tg_harness.h"
#include "tg_port.h"

int tg_port_read(void)
{
    fflush(stdout);
    return getchar(); /* EOF is -1 */
}

void tg_port_write(uint8_t byte)
{
    putchar(byte);
}

uint64_t tg_port_microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

#ifdef TG_ENERGY
void tg_port_timestamp_pulse(void)
{
}
#endif

int main(void)
{
    _Static_assert(EOF == -1, "tg_port_read() returns -1 at the end");
    tg_run();
    return 0;
}
