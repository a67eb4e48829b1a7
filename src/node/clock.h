/*
 * clock.h - the broker's time: wall-clock milliseconds that never go back while the process runs.
 * Read once from the wall clock at the start and from then on from the monotonic one. Thread: any.
 */
#ifndef NODE_CLOCK_H
#define NODE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t offset_ms; /* wall minus monotonic, at the start */
};

void clock_init(struct clock *c);
int64_t clock_now_ms(const struct clock *c);

#endif
