/* clock.c - see clock.h. */
#include "node/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void clock_init(struct clock *c)
{
    c->offset_ms = read_ms(CLOCK_REALTIME) - read_ms(CLOCK_MONOTONIC);
}

int64_t clock_now_ms(const struct clock *c)
{
    return read_ms(CLOCK_MONOTONIC) + c->offset_ms;
}
