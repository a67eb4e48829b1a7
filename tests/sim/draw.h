/*
 * draw.h - all chance of a simulated run: a stream of numbers that one seed decides.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_DRAW_H
#define SIM_DRAW_H

#include <stdbool.h>
#include <stdint.h>

struct draw {
    uint64_t state;
};

void draw_init(struct draw *d, uint64_t seed);
uint64_t draw_u64(struct draw *d);
/* 0 to n - 1; 0 < n < 2^32. */
uint64_t draw_below(struct draw *d, uint64_t n);
/* low to high, both included. */
uint64_t draw_range(struct draw *d, uint64_t low, uint64_t high);
bool draw_one_in(struct draw *d, uint64_t n);
/* Mostly small, now and then up to max: 1 or more. */
uint64_t draw_skewed(struct draw *d, uint64_t max);

#endif
