/* timers.c - see timers.h. A binary heap ordered by (due_ms, order). */
#include "base/timers.h"
#include "base/mem.h"

#include <stdlib.h>

void timers_init(struct timers *ts)
{
    *ts = (struct timers){ 0 };
}

void timers_fini(struct timers *ts)
{
    free(ts->heap);
    timers_init(ts);
}

static bool before(const struct timer *a, const struct timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void place(struct timers *ts, size_t i, struct timer *t)
{
    ts->heap[i] = t;
    t->slot = i + 1;
}

static void sift_up(struct timers *ts, size_t i, struct timer *t)
{
    while (i > 0 && before(t, ts->heap[(i - 1) / 2])) {
        place(ts, i, ts->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(ts, i, t);
}

static void sift_down(struct timers *ts, size_t i, struct timer *t)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= ts->count)
            break;
        if (child + 1 < ts->count && before(ts->heap[child + 1], ts->heap[child]))
            child++;
        if (!before(ts->heap[child], t))
            break;
        place(ts, i, ts->heap[child]);
        i = child;
    }
    place(ts, i, t);
}

void timer_stop(struct timers *ts, struct timer *t)
{
    size_t        i = t->slot - 1;
    struct timer *last;

    if (t->slot == 0)
        return;
    t->slot = 0;
    last = ts->heap[--ts->count];
    if (last == t)
        return;
    if (i > 0 && before(last, ts->heap[(i - 1) / 2]))
        sift_up(ts, i, last);
    else
        sift_down(ts, i, last);
}

void timer_start(struct timers *ts, struct timer *t, int64_t due_ms)
{
    timer_stop(ts, t);
    if (ts->count == ts->cap) {
        ts->cap = ts->cap ? ts->cap * 2 : 16;
        ts->heap = mem_resize(ts->heap, ts->cap * sizeof(ts->heap[0]));
    }
    t->due_ms = due_ms;
    t->order = ts->order++;
    sift_up(ts, ts->count++, t);
}

void timers_run(struct timers *ts, int64_t now_ms)
{
    while (ts->count > 0 && ts->heap[0]->due_ms <= now_ms) {
        struct timer *t = ts->heap[0];

        timer_stop(ts, t);
        t->fire(t, now_ms);
    }
}

int64_t timers_next_ms(const struct timers *ts)
{
    return ts->count > 0 ? ts->heap[0]->due_ms : INT64_MAX;
}
