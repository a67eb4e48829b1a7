/*
 * read.c - reading logs: whole batches by offset, long polls.
 *
 * A read shows only what is on disk (log_durable), so its answer is relaxed: nothing in it can be
 * taken back. Where a log begins can, for a moment: an answer that shows a new start waits for it.
 * A read that finds too little parks on every log it asked for and looks again when
 * one of them has more on disk, or when what was cold is loaded. What comes behind a hole in the log
 * is as good as what would be in it.
 *
 *     look --enough, or an error--> answered
 *       |  --too little--> parked: in log.readers, or cold: waiting for a load --look again--.
 *       `------------------------------------------------------------------------------------'
 *
 *   R1  A read that has nothing because all of it is cold waits for the first load, however short
 *       its wait is and however little would be enough for it: else one that does not wait would
 *       never get anything.
 *   R2  A read of what is committed ends where the log is stable, as it is on disk (txn.h T5), and
 *       comes with the transactions in it that were aborted: whoever asked leaves them out.
 *   R3  At most LOADS_MAX loads are begun for one look.
 *
 * Thread: the shard's.
 */
#include "engine/read_int.h"
#include "engine/txn.h"

#include <assert.h>
#include <stdlib.h>

enum { LOADS_MAX = 8 };

/* What a parked read waits for, of one item; in the call's arena. */
struct read_wait {
    struct read_call *call;
    struct log_watch *watch;  /* NULL: there is no such log, or it is not parked */
    struct list       in_log; /* log_watch.readers */
    struct load_wait  load;
};

struct parked_read {
    struct read_wait *waits;   /* of each item */
    size_t            count;
    bool              is_late; /* the wait is over (R1) */
};

enum err read_find_log(struct engine *e, struct bytes ns, struct bytes name,
                       const struct uuid *uuid, uint32_t partition, struct log **out)
{
    struct topic *t = topic_find_either(e, ns, name, uuid);

    *out = NULL;
    if (!t)
        return ERR_NO_TOPIC;
    if (partition >= t->log_count)
        return ERR_NO_PARTITION;
    *out = t->logs[partition];
    return ERR_OK;
}

/* ---- taking batches ---- */

static enum log_answer next_batch(const struct log *l, struct log_at *at)
{
    if (log_step(l, at))
        return LOG_FOUND;
    return log_find(l, at->entry->base_offset + at->entry->count, at, NULL);
}

struct limits {
    uint64_t end; /* of what may be shown */
    uint32_t bytes_max;
    bool     first_always; /* however large it is */
};

/* How many batches from `at` on are within the limits. */
static size_t count_batches(const struct log *l, struct log_at at, const struct limits *limits,
                            uint32_t *bytes)
{
    enum log_answer answer = LOG_FOUND;
    size_t          n = 0;

    *bytes = 0;
    while (answer == LOG_FOUND && at.entry->base_offset + at.entry->count <= limits->end) {
        uint32_t len = at.entry->batch_len;

        if ((uint64_t)*bytes + len > limits->bytes_max && !(limits->first_always && n == 0))
            break;
        *bytes += len;
        n++;
        answer = next_batch(l, &at);
    }
    return n;
}

/* A reader that goes on will want what comes next soon. */
static void read_ahead(struct engine *e, struct log *l, const struct log_at *last)
{
    if (!last->load)
        return;
    load_touch(e, last->load);
    if ((size_t)(last->entry - last->load->entries) >= last->load->count / 2)
        load_ahead(e, l, last->load);
}

static uint32_t bytes_left(const struct look *k, const struct read_item *item)
{
    uint32_t left = k->bytes_max > k->bytes ? k->bytes_max - k->bytes : 0;

    return left < item->bytes_max ? left : item->bytes_max;
}

static uint64_t end_of(const struct look *k, const struct read_item *item)
{
    return k->committed_only ? item->stable : item->high_watermark;
}

static void tell_aborted(struct look *k, struct read_item *item, const struct log *l)
{
    size_t count = item->batch_count;

    item->aborted_count = txn_log_tell(l, item->batches, &count, &k->call->arena, &item->aborted);
    while (item->batch_count > count)
        slice_drop(&item->batches[--item->batch_count].bytes);
}

static enum err take_batches(struct look *k, struct read_item *item, struct log *l,
                             struct log_at at)
{
    const struct limits limits = { end_of(k, item), bytes_left(k, item), k->bytes == 0 };
    uint32_t            bytes;
    size_t              n = count_batches(l, at, &limits, &bytes);

    item->batches = arena_array(&k->call->arena, n, sizeof *item->batches);
    while (item->batch_count < n) {
        struct batch_ref *ref = &item->batches[item->batch_count];
        enum err          err = log_view(k->e, &at, &ref->bytes);

        if (err)
            return item->batch_count > 0 ? ERR_OK : err; /* what is before it comes first */
        ref->base_offset = at.entry->base_offset;
        if (++item->batch_count < n && next_batch(l, &at) != LOG_FOUND)
            assert(false); /* count_batches went there */
    }
    if (n > 0)
        read_ahead(k->e, l, &at);
    if (n > 0 && k->committed_only)
        tell_aborted(k, item, l);
    k->bytes += bytes;
    return ERR_OK;
}

static enum err want_load(struct look *k, struct log *l, uint64_t offset,
                          struct load_wait *w)
{
    k->is_cold = true;
    if (k->loads++ < LOADS_MAX)
        load_want(k->e, l, offset, w);
    return ERR_OK;
}

enum err look_at_log(struct look *k, struct read_item *item, struct log *l, struct load_wait *w)
{
    struct log_at at;

    item->high_watermark = log_durable(k->e, l);
    item->stable = txn_log_committed(l);
    item->log_start = l->start;
    k->has_new_start |= l->trimmed_at > journal_durable(k->e->journal);
    if (item->offset < l->start || item->offset > item->high_watermark)
        return ERR_OUT_OF_RANGE;
    if (item->offset >= end_of(k, item))
        return ERR_OK;
    switch (log_find(l, item->offset, &at, NULL)) {
    case LOG_FOUND:
        return take_batches(k, item, l, at);
    case LOG_COLD:
        return want_load(k, l, item->offset, w);
    case LOG_BAD:
        return ERR_CORRUPT;
    case LOG_END:
        break;
    }
    return ERR_OK;
}

static enum err look_at_item(struct look *k, struct read_item *item, struct bytes ns, struct load_wait *w)
{
    struct log *l;
    enum err    err = read_find_log(k->e, ns, item->name, &item->uuid, item->partition, &l);

    return err ? err : look_at_log(k, item, l, w);
}

static void drop_batches(struct read_call *a)
{
    for (size_t i = 0; i < a->item_count; i++) {
        for (size_t k = 0; k < a->items[i].batch_count; k++)
            slice_drop(&a->items[i].batches[k].bytes);
        a->items[i].batch_count = 0;
        a->items[i].aborted_count = 0;
    }
}

/* Takes what there is. True when that is the answer. */
static bool look(struct engine *e, struct read_call *a)
{
    struct parked_read *p = a->call.waits;
    struct look         k = { .e = e,
                              .call = &a->call,
                              .committed_only = a->committed_only,
                              .bytes_max = a->bytes_max };

    for (size_t i = 0; i < a->item_count; i++) {
        a->items[i].err = look_at_item(&k, &a->items[i], a->ns, &p->waits[i].load);
        k.has_error |= a->items[i].err != ERR_OK;
    }
    a->call.relaxed = !k.has_new_start;
    if (k.has_error)
        return true;
    if ((k.bytes >= a->bytes_min || p->is_late) && (k.bytes > 0 || !k.is_cold)) /* R1 */
        return true;
    drop_batches(a);
    return false;
}

/* ---- parking ---- */

static void look_again(struct engine *e, struct read_call *a)
{
    if (look(e, a))
        engine_answer(e, &a->call, ERR_OK);
}

static void on_timeout(struct engine *e, struct call *c)
{
    ((struct parked_read *)c->waits)->is_late = true;
    look_again(e, (struct read_call *)c);
}

static void on_load(struct engine *e, struct load_wait *w)
{
    look_again(e, CONTAINER(w, struct read_wait, load)->call);
}

struct log_watch *log_watch_enter(struct engine *e, struct log *l)
{
    if (!l->watch) {
        l->watch = mem_new(sizeof *l->watch);
        l->watch->log = l;
        l->watch->woken_at = l->durable; /* whoever begins to watch has seen that much */
        list_init(&l->watch->readers);
        list_init(&l->watch->sessions);
        list_init(&l->watch->in_fresh);
    }
    l->watch->count++;
    if (!log_is_durable(l) && list_empty(&l->watch->in_fresh))
        list_push(&e->fresh, &l->watch->in_fresh);
    return l->watch;
}

void log_watch_leave(struct log_watch *watch)
{
    if (--watch->count > 0)
        return;
    watch->log->watch = NULL;
    list_remove(&watch->in_fresh);
    free(watch);
}

static void enter(struct engine *e, struct log *l, struct read_wait *w)
{
    w->watch = log_watch_enter(e, l);
    list_push(&w->watch->readers, &w->in_log);
}

static void leave(struct read_wait *w)
{
    struct log_watch *watch = w->watch;

    list_remove(&w->in_log);
    w->watch = NULL;
    if (watch)
        log_watch_leave(watch);
}

static void on_unpark(struct engine *e, struct call *c)
{
    struct parked_read *p = c->waits;

    (void)e;
    for (size_t i = 0; i < p->count; i++) {
        leave(&p->waits[i]);
        list_remove(&p->waits[i].load.in_load);
    }
}

static void begin(struct read_call *a)
{
    struct parked_read *p = arena_struct(&a->call.arena, struct parked_read);

    p->waits = arena_array(&a->call.arena, a->item_count, sizeof *p->waits);
    p->count = a->item_count;
    p->is_late = a->wait_ms <= 0;
    for (size_t i = 0; i < p->count; i++) {
        p->waits[i].call = a;
        p->waits[i].load.on_load = on_load;
        list_init(&p->waits[i].in_log);
        list_init(&p->waits[i].load.in_load);
    }
    a->call.waits = p;
    a->call.on_unpark = on_unpark;
}

static void park(struct engine *e, struct read_call *a)
{
    struct parked_read *p = a->call.waits;

    for (size_t i = 0; i < a->item_count; i++) {
        struct read_item *item = &a->items[i];
        struct log       *l;

        if (read_find_log(e, a->ns, item->name, &item->uuid, item->partition, &l) == ERR_OK)
            enter(e, l, &p->waits[i]);
    }
    engine_park(e, &a->call, &e->reads, p->is_late ? INT64_MAX : e->now_ms + a->wait_ms,
                on_timeout);
}

void read_on_read(struct engine *e, struct call *c)
{
    struct read_call *a = (struct read_call *)c;

    begin(a);
    if (look(e, a))
        engine_answer(e, &a->call, ERR_OK);
    else
        park(e, a);
}

void read_wake(struct engine *e, struct log *l)
{
    struct log_watch *watch = l->watch; /* there until the last of them is answered */
    struct list       all;
    struct list      *n;

    if (!watch)
        return;
    watch->count++; /* it stays until all have looked */
    fetch_session_wake(e, watch);
    list_init(&all);
    while ((n = list_pop(&watch->readers)) != NULL)
        list_push(&all, n);
    while ((n = list_pop(&all)) != NULL) {
        list_push(&watch->readers, n); /* until it is answered */
        look_again(e, CONTAINER(n, struct read_wait, in_log)->call);
    }
    log_watch_leave(watch);
}

void read_on_append(struct engine *e, struct log *l)
{
    if (l->watch && list_empty(&l->watch->in_fresh))
        list_push(&e->fresh, &l->watch->in_fresh);
}

void read_on_durable(struct engine *e)
{
    struct list  all;
    struct list *n;

    list_init(&all);
    while ((n = list_pop(&e->fresh)) != NULL)
        list_push(&all, n);
    while ((n = list_pop(&all)) != NULL) { /* an answer may take others out of it */
        struct log_watch *watch = CONTAINER(n, struct log_watch, in_fresh);
        struct log       *l = watch->log;
        uint64_t          durable = log_durable(e, l);

        if (!log_is_durable(l))
            list_push(&e->fresh, n);
        if (durable > watch->woken_at) {
            watch->woken_at = durable;
            read_wake(e, l);
        }
    }
}

void read_abandon(struct engine *e, struct log *l)
{
    if (l->watch)
        fetch_session_abandon(e, l->watch);
    while (l->watch) {
        struct read_wait *w = CONTAINER(l->watch->readers.next, struct read_wait, in_log);

        for (size_t i = 0; i < w->call->item_count; i++)
            w->call->items[i].err = ERR_NO_TOPIC;
        engine_answer(e, &w->call->call, ERR_OK);
    }
}
