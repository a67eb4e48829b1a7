/* draw.c - see draw.h. splitmix64. */
#include "draw.h"

void draw_init(struct draw *d, uint64_t seed)
{
    d->state = seed * 0x9e3779b97f4a7c15u + 0x6a09e667f3bcc909u;
    draw_u64(d);
}

uint64_t draw_u64(struct draw *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t draw_below(struct draw *d, uint64_t n)
{
    return (draw_u64(d) >> 32) * n >> 32;
}

uint64_t draw_range(struct draw *d, uint64_t low, uint64_t high)
{
    return low + draw_below(d, high - low + 1);
}

bool draw_one_in(struct draw *d, uint64_t n)
{
    return draw_below(d, n) == 0;
}

uint64_t draw_skewed(struct draw *d, uint64_t max)
{
    uint64_t limit = max;

    while (limit > 1 && !draw_one_in(d, 4))
        limit /= 2;
    return draw_range(d, 1, limit > 0 ? limit : 1);
}
