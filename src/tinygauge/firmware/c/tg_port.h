/* What a port to a board supplies: three functions, and a fourth in the energy build.
 *
 * Porting TinyGauge's firmware to a board means writing one file with these functions and a main()
 * that starts the clock and the serial line and calls tg_run(). See docs/howto/port-to-a-board.md.
 */
#ifndef TG_PORT_H
#define TG_PORT_H

#include <stdint.h>

/* Waits for a byte from the host and returns it (0 to 255); -1 when the link is closed for good,
 * which a board's serial line never is. */
int tg_port_read(void);

/* Sends a byte to the host, waiting until the line takes it. */
void tg_port_write(uint8_t byte);

/* Microseconds since some moment, counting up without wrapping round for days. */
uint64_t tg_port_microseconds(void);

#ifdef TG_ENERGY
/* Energy build only: a falling edge on the timestamp pin, held low for at least one microsecond,
 * which the energy monitor takes as the start or the end of a window. */
void tg_port_timestamp_pulse(void);
#endif

#endif
