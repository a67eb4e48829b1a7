/* scrub.c - see scrub.h. */
#include "engine/scrub.h"
#include "engine/log_int.h"

enum {
    LOGS_PER_STEP = 1024, /* without anything to read, that one step passes over */
    STEP_MS = 1,
};

static struct log *next_log(struct engine *e)
{
    struct scrub *s = &e->scrub;
    struct log   *l = idmap_next(&e->logs, &s->slot);

    s->log = l ? l->id : 0;
    s->offset = 0;
    return l;
}

/* The next extent of this log that nobody has looked at lately. */
static struct extent *next_extent(struct engine *e, struct log *l)
{
    struct scrub *s = &e->scrub;
    uint64_t      durable = log_durable(e, l);

    for (size_t i = log_extent_index(l, s->offset); i < l->extents.count; i++) {
        struct extent *x = &log_extents(l)[i];

        if (x->end > durable)
            break;
        s->offset = x->end;
        if (!x->load && !x->is_loading && !x->is_bad)
            return x;
    }
    return NULL;
}

/* B1: how long what was just read keeps the next one waiting. */
static int64_t pause_ms(const struct scrub *s, uint64_t bytes)
{
    return (int64_t)(bytes * 1000 / s->bytes_per_s) + STEP_MS;
}

static void rest(struct engine *e)
{
    struct scrub *s = &e->scrub;
    int64_t       due_ms = s->pass_ms + SCRUB_PASS_MS;

    s->passes++;
    s->slot = 0;
    s->log = 0;
    s->pass_ms = due_ms > e->now_ms ? due_ms : e->now_ms;
    timer_start(&e->timers, &s->timer, s->pass_ms);
}

static void on_timer(struct timer *t, int64_t now_ms)
{
    struct engine *e = CONTAINER(t, struct engine, scrub.timer);
    struct scrub  *s = &e->scrub;
    struct log    *l = s->log ? idmap_get(&e->logs, s->log) : NULL;

    for (int n = 0; n < LOGS_PER_STEP; n++) {
        struct extent *x = l ? next_extent(e, l) : NULL;

        if (x) {
            s->extents++;
            s->bytes += x->bytes;
            load_check(e, l, x);
            timer_start(&e->timers, t, now_ms + pause_ms(s, x->bytes));
            return;
        }
        l = next_log(e);
        if (!l) {
            rest(e);
            return;
        }
    }
    timer_start(&e->timers, t, now_ms + STEP_MS);
}

void scrub_start(struct engine *e, uint64_t bytes_per_s)
{
    struct scrub *s = &e->scrub;

    *s = (struct scrub){ .bytes_per_s = bytes_per_s, .pass_ms = e->now_ms };
    s->timer.fire = on_timer;
    timer_start(&e->timers, &s->timer, e->now_ms + pause_ms(s, EXTENT_BYTES_MAX));
}

void scrub_stop(struct engine *e)
{
    timer_stop(&e->timers, &e->scrub.timer);
}
