/* cleaner.c - see cleaner.h. */
#include "engine/cleaner.h"
#include "engine/move.h"
#include "engine/walk.h"

#include <assert.h>
#include <stdlib.h>

enum {
    SWEEP_MS = 1000,
    SWEEP_EXTENTS = 10 * 1000, /* W3 */
    RETRY_MS = 1000,
};

void cleaner_init(struct cleaner *c)
{
    *c = (struct cleaner){ 0 };
    list_init(&c->settled);
}

/* ---- sweeping ---- */

static bool is_swept(const struct log *l)
{
    return l->topic->policy.retention == RETAIN_UNTIL_SETTLED && !list_empty(&l->topic->queues);
}

void cleaner_note(struct engine *e, struct log *l)
{
    if (l->extents.count == 0 || !list_empty(&l->in_settled) || !is_swept(l))
        return;
    if (list_empty(&e->cleaner.settled))
        e->cleaner.sweep_ms = e->now_ms + SWEEP_MS;
    list_push(&e->cleaner.settled, &l->in_settled);
}

/* What no queue has looked at yet, all of them need. */
static uint64_t seen_by_all(const struct log *l)
{
    const struct list *queues = &l->topic->queues;
    uint64_t           offset = l->end;

    for (struct list *n = queues->next; n != queues; n = n->next) {
        uint64_t next = queue_next(queue_in_topic(n), l);

        offset = next < offset ? next : offset;
    }
    return offset;
}

/* Drops runs of extents that nobody needs. Returns how many extents it looked at. */
static size_t sweep(struct engine *e, struct log *l)
{
    uint64_t seen = seen_by_all(l);
    size_t   looked = 0;
    size_t   i = 0;

    log_durable(e, l);
    while (i < l->extents.durable && log_extents(l)[i].end <= seen) {
        const struct extent *x = log_extents(l);
        size_t               past = i;

        while (past < l->extents.durable && x[past].end <= seen &&
               mover_is_unneeded(l, x[past].base, x[past].end) &&
               (past == i || log_next_base(l, x[past - 1].end) == x[past].base))
            past++;
        looked += past - i + 1;
        if (past == i)
            i++;
        else
            extent_move(e, l, x[i].base, x[past - 1].end, NULL, 0);
    }
    return looked;
}

static void sweep_all(struct engine *e)
{
    struct cleaner *c = &e->cleaner;
    struct list     later;
    size_t          looked = 0;
    struct list    *n;

    list_init(&later);
    while (looked < SWEEP_EXTENTS && (n = list_pop(&c->settled)) != NULL) {
        struct log *l = CONTAINER(n, struct log, in_settled);

        if (l->is_moving) /* M3 */
            list_push(&later, n);
        else if (is_swept(l))
            looked += sweep(e, l);
    }
    while ((n = list_pop(&later)) != NULL)
        list_push(&c->settled, n);
    c->sweep_ms = e->now_ms + SWEEP_MS;
}

/* ---- rewriting ---- */

/* What is still in it belongs to a log that was busy, or cannot be read (M4). */
static void let_go(struct engine *e)
{
    struct cleaner *c = &e->cleaner;
    struct segment *s = c->segment;

    c->segment = NULL;
    if (s->live > 0) {
        s->tries++;
        c->retry_ms = e->now_ms + RETRY_MS;
    }
    room_release(e, s);
}

static void on_moved(struct engine *e, struct move *m)
{
    if (m->err)
        e->cleaner.retry_ms = e->now_ms + RETRY_MS;
    let_go(e);
}

/* The extents of one log, one after the other, become one piece. A log that is busy keeps them until
 * the segment has its turn again. */
static size_t add_piece(struct engine *e, struct move *m, const struct walk *w, size_t i)
{
    struct log *l = idmap_get(&e->logs, w->found[i].log);
    size_t      x = l ? log_extent_index(l, w->found[i].base) : 0;
    size_t      past = i;

    if (!l || l->is_moving || l->is_damaged || x == l->extents.count ||
        !walk_is_extent(w, i, &log_extents(l)[x]))
        return i + 1;
    do
        past++;
    while (past < w->count && w->found[past].log == l->id && ++x < l->extents.count &&
           walk_is_extent(w, past, &log_extents(l)[x]) &&
           log_next_base(l, log_extents(l)[x - 1].end) == log_extents(l)[x].base);
    x = log_extent_index(l, w->found[i].base);
    move_add_piece(m, l, w->found[i].base, w->found[past - 1].end);
    for (; i < past; i++, x++)
        mover_add_extent(m, l, &log_extents(l)[x]);
    return past;
}

static void on_walked(struct engine *e, const struct walk *w, void *ctx)
{
    struct cleaner *c = &e->cleaner;
    struct move    *m = move_new(e, on_moved, NULL);

    (void)ctx;
    c->is_walking = false;
    for (size_t i = 0; i < w->count && !w->err;)
        i = add_piece(e, m, w, i);
    if (m->piece_count > 0) {
        move_start(m);
        return;
    }
    move_free(m);
    let_go(e);
}

static void begin(struct engine *e)
{
    struct cleaner *c = &e->cleaner;

    c->segment = room_take_sparse(e);
    if (!c->segment)
        return;
    c->is_walking = true;
    walk_start(e, c->segment, on_walked, NULL);
}

/* ---- time ---- */

void cleaner_on_turn(struct engine *e)
{
    struct cleaner *c = &e->cleaner;

    if (!list_empty(&c->settled) && e->now_ms >= c->sweep_ms)
        sweep_all(e);
    if (!c->segment && e->now_ms >= c->retry_ms)
        begin(e);
}

int64_t cleaner_next_ms(const struct engine *e)
{
    const struct cleaner *c = &e->cleaner;
    int64_t               next_ms = list_empty(&c->settled) ? INT64_MAX : c->sweep_ms;

    if (!c->segment && !list_empty(&e->rooms.sparse) && c->retry_ms < next_ms)
        next_ms = c->retry_ms;
    return next_ms;
}
