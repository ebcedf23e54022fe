/* Tries tg_ring.h: bytes come out in order, also round the end, and a full ring loses the newest. */
#include "tg_ring.h"

int main(void)
{
    static tg_ring ring;
    uint8_t byte;
    if (tg_ring_get(&ring, &byte)) {
        return 1;
    }
    for (uint32_t i = 0; i < 3000; i++) { /* round the end, twice */
        tg_ring_put(&ring, (uint8_t)i);
        tg_ring_put(&ring, (uint8_t)(i + 1u));
        if (!tg_ring_get(&ring, &byte) || byte != (uint8_t)i) {
            return 2;
        }
        if (!tg_ring_get(&ring, &byte) || byte != (uint8_t)(i + 1u)) {
            return 3;
        }
    }
    for (uint32_t i = 0; i < TG_RING_BYTES + 5u; i++) {
        tg_ring_put(&ring, (uint8_t)(i / 8u));
    }
    for (uint32_t i = 0; i < TG_RING_BYTES; i++) {
        if (!tg_ring_get(&ring, &byte) || byte != (uint8_t)(i / 8u)) {
            return 4;
        }
    }
    return tg_ring_get(&ring, &byte) ? 5 : 0;
}
