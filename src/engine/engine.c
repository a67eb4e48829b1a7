/*
 * engine.c - the turn, the dispatch of calls, parking, and recovery. See engine.h and engine_int.h.
 *
 * A turn handles a batch of calls, then hands out messages of the queues that became dirty, then
 * kicks the journal: so all that came in one turn shares one commit and one delivery per consumer.
 *
 * Thread: the shard's.
 */
#include "engine/checkpoint.h"
#include "base/diag.h"
#include "engine/log_int.h"
#include "engine/outbox.h"
#include "engine/retention.h"
#include "engine/txn.h"
#include "engine/walk.h"
#include "engine/share.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    RECORD_HEADER_BYTES = 8,  /* of the journal */
    PROGRESS_BYTES = 1 << 20, /* a power of two */
};

typedef void call_handler(struct engine *e, struct call *c);

static call_handler *const handlers[CALL_KIND_COUNT] = {
#define X(name, handler) [CALL_##name] = handler,
    CALL_LIST(X)
#undef X
};

/* xorshift128+; the seed comes with the options, so a run can be repeated. */
uint64_t engine_random(struct engine *e)
{
    uint64_t a = e->random[0];
    uint64_t b = e->random[1];

    e->random[0] = b;
    a ^= a << 23;
    e->random[1] = a ^ b ^ a >> 17 ^ b >> 26;
    return e->random[1] + b;
}

static void seed_random(struct engine *e, uint64_t seed)
{
    for (int i = 0; i < 2; i++) { /* splitmix64, so that no seed gives a weak state */
        uint64_t z = seed += 0x9e3779b97f4a7c15ull;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ z >> 27) * 0x94d049bb133111ebull;
        e->random[i] = z ^ z >> 31;
    }
}

static void unpark(struct engine *e, struct call *c)
{
    list_remove(&c->parked);
    list_remove(&c->in_session);
    timer_stop(&e->timers, &c->timer);
    if (c->on_unpark) {
        c->on_unpark(e, c);
        c->on_unpark = NULL;
    }
}

static void run_done(struct mail *m)
{
    struct call *c = CONTAINER(m, struct call, mail);

    c->done(c);
}

void engine_answer_messages(struct engine *e, struct call *c, enum err err,
                            struct message_ref *refs, size_t count)
{
    unpark(e, c);
    c->err = err;
    c->mail.run = run_done;
    if (c->relaxed && count == 0)
        mail_post(c->home, &c->mail);
    else
        outbox_put(e->outbox, journal_end(e->journal), c->home, &c->mail, refs, count);
}

void engine_answer(struct engine *e, struct call *c, enum err err)
{
    engine_answer_messages(e, c, err, NULL, 0);
}

static void on_call_timer(struct timer *t, int64_t now_ms)
{
    struct call *c = CONTAINER(t, struct call, timer);

    (void)now_ms;
    c->on_timeout(c->engine, c);
}

void engine_park(struct engine *e, struct call *c, struct list *waiters, int64_t deadline_ms,
                 void (*on_timeout)(struct engine *e, struct call *c))
{
    list_push(waiters, &c->parked);
    list_push(c->session ? &session_get(e, c->session)->parked : &e->no_session, &c->in_session);
    c->engine = e;
    c->on_timeout = on_timeout;
    c->timer.fire = on_call_timer;
    if (deadline_ms != INT64_MAX)
        timer_start(&e->timers, &c->timer, deadline_ms);
}

static void run_deliver(struct mail *m)
{
    struct delivery *d = CONTAINER(m, struct delivery, mail);

    d->deliver(d);
}

void engine_deliver(struct engine *e, struct mailbox *home, struct delivery *d)
{
    d->mail.run = run_deliver;
    outbox_put(e->outbox, journal_end(e->journal), home, &d->mail, d->messages, d->message_count);
}

void delivery_free(struct delivery *d)
{
    for (size_t i = 0; i < d->message_count; i++)
        slice_drop(&d->messages[i].batch);
    free(d);
}

uint64_t engine_change(struct engine *e, enum change kind, const struct buf *head,
                       struct slice payload)
{
    return journal_add(e->journal, (uint8_t)kind, buf_view(head), payload);
}

void engine_begin(struct engine *e, int64_t now_ms)
{
    if (now_ms > e->now_ms) /* time never goes back inside the engine */
        e->now_ms = now_ms;
    timers_run(&e->timers, e->now_ms);
}

void engine_submit(struct engine *e, struct call *c)
{
    assert(c->kind < CALL_KIND_COUNT);
    if (c->kind != CALL_APPEND)
        stage_flush(e);
    journal_begin_group(e->journal);
    handlers[c->kind](e, c);
    journal_end_group(e->journal);
}

void engine_end(struct engine *e)
{
    struct list *node;

    stage_flush(e);
    queue_on_room(e);
    while ((node = list_pop(&e->dirty)) != NULL)
        queue_dispatch(e, queue_of_dirty(node));
    log_trim_settled(e);
    mover_on_turn(e);
    cleaner_on_turn(e);
    room_on_turn(e);
    load_shrink(e);
    journal_kick(e->journal);
    outbox_release(e->outbox);
    checkpoint_on_turn(e->checkpoint);
}

static void on_durable(void *ctx, uint64_t position)
{
    struct engine *e = ctx;

    (void)position;
    read_on_durable(e);
    queue_on_durable(e);
    outbox_release(e->outbox);
    room_on_durable(e);
    move_on_durable(e);
    checkpoint_on_durable(e->checkpoint);
    journal_kick(e->journal);
}

static void on_failed(void *ctx, enum err err, const char *what)
{
    struct engine *e = ctx;

    e->options.on_failed(e->options.ctx, err, what);
}

int64_t engine_next_ms(const struct engine *e)
{
    int64_t timer_ms = timers_next_ms(&e->timers);
    int64_t clean_ms = cleaner_next_ms(e);

    if (checkpoint_wants_turn(e->checkpoint) || mover_wants_turn(e))
        return e->now_ms;
    return timer_ms < clean_ms ? timer_ms : clean_ms;
}

bool engine_is_idle(const struct engine *e)
{
    return journal_is_idle(e->journal) && outbox_is_empty(e->outbox) && load_is_idle(e) &&
           room_is_idle(e) && move_is_idle(e) && list_empty(&e->walks);
}

struct engine_counters engine_counters(const struct engine *e)
{
    return (struct engine_counters){
        .leases = e->held.used,
        .leases_bytes = e->held.lease_bytes,
        .leases_bytes_max = e->options.leases_bytes_max,
        .outstanding_bytes = held_pool_bytes(&e->held),
        .starved = e->starved_count,
    };
}

bool engine_is_saving(const struct engine *e)
{
    return !checkpoint_is_idle(e->checkpoint);
}

bool engine_is_congested(const struct engine *e)
{
    return journal_pending_bytes(e->journal) > e->options.pending_bytes_max || mover_is_behind(e);
}

uint64_t engine_replayed_bytes(const struct engine *e)
{
    return e->replayed_bytes;
}

/* ---- opening and closing ---- */

static change_apply_fn *const appliers[CHANGE_KIND_END] = {
#define X(number, name, apply) [number] = apply,
    CHANGE_LIST(X)
#undef X
};

enum err engine_apply(struct engine *e, uint8_t kind, struct bytes head, struct bytes payload,
                      uint64_t position)
{
    struct rd r = rd_of(head);
    enum err  err;

    if (kind >= CHANGE_KIND_END || !appliers[kind])
        return ERR_NEWER_FORMAT;
    err = appliers[kind](e, &r, payload, position);
    if (err == ERR_OK && r.failed)
        err = ERR_CORRUPT;
    if (err)
        diag(DIAG_ERROR,
             "engine: a change of kind %u (position %" PRIu64 ") does not fit what came before it",
             kind, position);
    return err;
}

void engine_progress(struct engine *e, enum engine_stage stage, uint64_t done, uint64_t all)
{
    if (e->options.on_progress)
        e->options.on_progress(e->options.ctx, stage, done, all);
}

/* As records lie in the journal. */
static uint64_t aligned(size_t len)
{
    return ((uint64_t)len + 7) / 8 * 8;
}

static enum err replay(void *ctx, uint8_t kind, struct bytes head, struct bytes payload,
                       uint64_t position)
{
    struct engine *e = ctx;
    uint64_t       before = e->replayed_bytes;

    e->replayed_bytes += RECORD_HEADER_BYTES + aligned(head.len) + aligned(payload.len);
    if ((before ^ e->replayed_bytes) >= PROGRESS_BYTES)
        engine_progress(e, ENGINE_REPLAYS, e->replayed_bytes, shard_replay_bytes(e->shard));
    return engine_apply(e, kind, head, payload, position);
}

/* IDS: last id of a log or queue, last producer id. Only in checkpoints: what has these numbers
 * may be deleted by now, and they must not be given again. */
enum err engine_apply_ids(struct engine *e, struct rd *head, struct bytes payload, uint64_t position)
{
    (void)payload;
    (void)position;
    e->last_id = rd_uvarint64(head);
    e->last_producer = (int64_t)rd_uvarint64(head);
    row_touch(e, &e->ids);
    return ERR_OK;
}

void engine_row_key(struct engine *e, const struct row *row, struct buf *out)
{
    (void)e;
    (void)row;
    (void)out;
}

void engine_row_head(struct engine *e, const struct row *row, struct buf *out)
{
    (void)row;
    buf_uvarint(out, e->last_id);
    buf_uvarint(out, (uint64_t)e->last_producer);
}

void engine_share_memory(struct engine_options *o, uint64_t bytes)
{
    o->leases_bytes_max = bytes / 2;
    o->cache_bytes_max = bytes / 4;
    o->index_bytes_max = bytes / 8;
    o->pending_bytes_max = bytes / 8;
    o->compact_keys_bytes = bytes / 16;
}

static void set_default(uint64_t *option, uint64_t value)
{
    if (*option == 0)
        *option = value;
}

static void set_defaults(struct engine_options *o)
{
    set_default(&o->pending_bytes_max, ENGINE_PENDING_BYTES);
    set_default(&o->journal_bytes_max, ENGINE_JOURNAL_BYTES);
    set_default(&o->index_bytes_max, ENGINE_INDEX_BYTES);
    set_default(&o->cache_bytes_max, ENGINE_CACHE_BYTES);
    set_default(&o->hot_bytes, ENGINE_HOT_BYTES);
    set_default(&o->scrub_bytes_per_s, ENGINE_SCRUB_BYTES_PER_S);
    set_default(&o->segment_bytes, ENGINE_SEGMENT_BYTES);
    set_default(&o->leases_bytes_max, ENGINE_LEASES_BYTES);
    set_default(&o->direct_bytes_min, ENGINE_DIRECT_BYTES);
    set_default(&o->compact_keys_bytes, ENGINE_COMPACT_BYTES);
}

static void init(struct engine *e, const struct engine_options *options, int64_t now_ms)
{
    e->options = *options;
    set_defaults(&e->options);
    pins_init(&e->pins);
    load_init(&e->loads, e->options.cache_bytes_max);
    room_init(&e->rooms, e->options.segment_bytes);
    stage_init(&e->stage);
    move_init(&e->moves);
    mover_init(&e->mover);
    compactor_init(e);
    cleaner_init(&e->cleaner);
    list_init(&e->walks);
    list_init(&e->trims);
    e->now_ms = now_ms;
    seed_random(e, options->seed);
    timers_init(&e->timers);
    list_init(&e->fresh);
    list_init(&e->writers.by_age);
    list_init(&e->reads);
    list_init(&e->no_session);
    list_init(&e->unpublished);
    e->look_for_space.fire = exchange_on_look_for_space;
    list_init(&e->dirty);
    list_init(&e->undurable);
    list_init(&e->starved);
    reclaim_init(e);
    held_pool_init(&e->held, e);
    list_init(&e->sweep);
    rows_init(&e->rows);
    row_init(&e->ids, ROW_IDS);
    user_init(e);
    fetch_session_init(e);
    acl_init(e);
    quota_init(e);
}

enum err engine_open(struct engine **out, struct shard *shard, const struct engine_options *options,
                     int64_t now_ms)
{
    struct engine         *e = mem_new(sizeof *e);
    struct journal_options jo = { .file_bytes = options->journal_file_bytes,
                                  .frame_bytes = options->journal_frame_bytes,
                                  .on_durable = on_durable,
                                  .on_failed = on_failed,
                                  .ctx = e };
    uint64_t               from;
    enum err               err;

    init(e, options, now_ms);
    e->shard = shard;
    err = journal_open(&e->journal, shard, &jo);
    if (err)
        goto fail;
    e->outbox = outbox_new(e->journal);
    err = checkpoint_open(&e->checkpoint, e, shard, &from);
    if (err)
        goto fail;
    err = journal_replay(e->journal, from, replay, e);
    if (err)
        goto fail;
    e->claimed = journal_end(e->journal);
    err = room_on_recovered(e);
    if (err)
        goto fail;
    checkpoint_on_recovered(e->checkpoint, e->replayed_bytes);
    err = queue_on_recovered(e);
    if (err)
        goto fail;
    journal_kick(e->journal);
    e->is_open = true;
    producer_on_recovered(e);
    group_on_recovered(e);
    scrub_start(e, e->options.scrub_bytes_per_s);
    retention_on_recovered(e);
    compactor_on_recovered(e);
    *out = e;
    return ERR_OK;
fail:
    engine_close(e);
    return err;
}

static void answer_all(struct engine *e, struct list *parked)
{
    while (!list_empty(parked))
        engine_answer(e, CONTAINER(parked->next, struct call, in_session), ERR_SHUTDOWN);
}

/* A parked call is in the list of its session, or of those without one. */
static void answer_parked(struct engine *e)
{
    size_t          at = 0;
    struct session *s;

    answer_all(e, &e->no_session);
    while ((s = idmap_next(&e->sessions, &at)) != NULL)
        answer_all(e, &s->parked);
}

void engine_close(struct engine *e)
{
    if (e->outbox) {
        answer_parked(e);
        outbox_release(e->outbox);
    }
    checkpoint_close(e->checkpoint, e->is_open);
    if (e->is_open)
        room_seal_all(e);
    rows_close(&e->rows);
    scrub_stop(e);
    reclaim_stop(e);
    consumer_fini(e);
    session_fini(e);
    user_fini(e);
    txn_fini(e);
    txn_offsets_fini(e);
    fetch_session_fini(e);
    group_fini(e);
    group_policy_fini(e);
    exchange_fini(e);
    queue_fini(e);
    share_fini(e);
    compactor_fini(e);
    topic_fini(e);
    acl_fini(e);
    quota_fini(e);
    walk_fini(e);
    move_fini(e);
    load_fini(e);
    room_fini(e);
    pins_fini(&e->pins);
    outbox_free(e->outbox);
    if (e->journal)
        journal_close(e->journal);
    timers_fini(&e->timers);
    buf_fini(&e->scratch);
    rows_fini(&e->rows);
    free(e);
}

void engine_kill(struct engine *e)
{
    stage_abandon(e);
    answer_parked(e);
    outbox_abandon(e->outbox);
    e->is_open = false;
    engine_close(e);
}
