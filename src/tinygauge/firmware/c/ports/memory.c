/* The two functions that compilers call on their own, for a link without a C library. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memset(void *to, int value, size_t count);

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *goal = to;
    const uint8_t *source = from;
    while (count-- != 0) {
        *goal++ = *source++;
    }
    return to;
}

void *memset(void *to, int value, size_t count)
{
    uint8_t *goal = to;
    while (count-- != 0) {
        *goal++ = (uint8_t)value;
    }
    return to;
}
