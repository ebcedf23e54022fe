/* Bytes from the serial line's interrupt to tg_port_read(): for ports whose UART has no buffer of its
 * own, since the host sends the next command while the answer to the one before goes out.
 *
 * One writer (the interrupt), one reader (the harness); both indices only grow.
 */
#ifndef TG_RING_H
#define TG_RING_H

#include <stdbool.h>
#include <stdint.h>

/* A power of two; the host sends at most eight commands of 80 bytes ahead. */
#define TG_RING_BYTES 1024u

typedef struct {
    volatile uint32_t written;
    volatile uint32_t read;
    volatile uint8_t bytes[TG_RING_BYTES];
} tg_ring;

/* From the interrupt. A byte that finds no room is lost, and the harness refuses what it was part
 * of. */
static inline void tg_ring_put(tg_ring *ring, uint8_t byte)
{
    const uint32_t at = ring->written;
    if (at - ring->read < TG_RING_BYTES) {
        ring->bytes[at % TG_RING_BYTES] = byte;
        ring->written = at + 1u;
    }
}

/* False where there is none. */
static inline bool tg_ring_get(tg_ring *ring, uint8_t *byte)
{
    const uint32_t at = ring->read;
    if (at == ring->written) {
        return false;
    }
    *byte = ring->bytes[at % TG_RING_BYTES];
    ring->read = at + 1u;
    return true;
}

#endif
