/* The board's side of the MLPerf Tiny serial protocol. C11, no heap, no C library needed.
 *
 * Sits between a port (tg_port.h) and an engine (tg_engine.h).
 */
#ifndef TG_HARNESS_H
#define TG_HARNESS_H

/* Largest input that can be loaded, in bytes: 96 x 96 x 3, that of visual wake words. */
#ifndef TG_MAX_INPUT_BYTES
#define TG_MAX_INPUT_BYTES 27648
#endif

/* Printed in reply to "name". */
#ifndef TG_VENDOR
#define TG_VENDOR "TinyGauge"
#endif

/* Greets the host and answers its commands until tg_port_read() returns -1. */
void tg_run(void);

#endif
