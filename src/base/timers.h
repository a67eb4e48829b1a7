/*
 * timers.h - a heap of timers driven by whoever owns time.
 *
 * Nothing here reads a clock: the caller passes now_ms to timers_run. Timers of the same moment fire in the order in
 * which they were started, so a run is repeatable. A timer is embedded in its owner; starting a started timer moves it.
 *
 * Thread: the owner's. fire() runs from inside timers_run and may start and stop any timer.
 */
#ifndef BASE_TIMERS_H
#define BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t  due_ms;
    uint64_t order;
    size_t   slot; /* index in the heap + 1; 0 when stopped */
    void (*fire)(struct timer *t, int64_t now_ms);
};

struct timers {
    struct timer **heap;
    size_t         count;
    size_t         cap;
    uint64_t       order;
};

void timers_init(struct timers *ts);
void timers_fini(struct timers *ts);
void timer_start(struct timers *ts, struct timer *t, int64_t due_ms);
void timer_stop(struct timers *ts, struct timer *t);
/* Fires all that are due at now_ms, soonest first. */
void timers_run(struct timers *ts, int64_t now_ms);
/* When the next one is due; INT64_MAX when there is none. */
int64_t timers_next_ms(const struct timers *ts);

static inline bool timer_is_started(const struct timer *t)
{
    return t->slot != 0;
}

#endif
