/*
 * queue_rig.h - the real engine on a simulated disk, for the tests of queues, consumers and
 * exchanges.
 *
 * Nothing happens by itself: rig_turn is one turn of the engine and all the disk's work,
 * rig_turn_unsynced only the turn. rig_crash loses what was not synced and recovers. Included by
 * x_test.c only.
 */
#ifndef ENGINE_QUEUE_RIG_H
#define ENGINE_QUEUE_RIG_H

#include "engine/describe_rig.h"
#include "engine/queue_int.h"
#include "store/disk_sim.h"
#include "store/volume_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RIG_REFS_MAX = 4096, RIG_SESSION = 7 };

/* What one subscription received. */
struct inbox {
    struct message_ref refs[RIG_REFS_MAX]; /* without the batches */
    char               values[RIG_REFS_MAX][16];
    size_t             count;
    size_t             delivery_count;
    int                ended;
    uint64_t           consumer;
};

struct rig {
    struct disk   *disk;
    struct volume *volume;
    struct shard  *shard;
    struct engine *engine;
    struct mailbox completions;
    struct mailbox home;
    int64_t        now_ms;
    int            answered;
    bool           is_damaged;      /* by the test: what it left behind need not make sense */
    uint64_t       seed;            /* of the last engine */
    struct engine_options options;  /* but for the seed */
};

static void rig_wake(void *ctx)
{
    (void)ctx;
}

static void rig_failed(void *ctx, enum err err, const char *what)
{
    (void)ctx;
    fail_msg("the journal failed: %s (%s)", err_text(err), what);
}

static inline void rig_open_engine(struct rig *r)
{
    r->options.seed = ++r->seed;
    r->options.on_failed = rig_failed;
    r->options.ctx = r;
    assert_int_equal(volume_file_open(&r->volume, r->disk, false), ERR_OK);
    assert_int_equal(shard_claim(&r->shard, r->volume, 0, &r->completions), ERR_OK);
    assert_int_equal(engine_open(&r->engine, r->shard, &r->options, r->now_ms), ERR_OK);
}

static inline void rig_close_engine(struct rig *r)
{
    engine_close(r->engine);
    shard_release(r->shard);
    volume_close(r->volume);
    mail_run(&r->completions);
    mail_run(&r->home);
}

static inline void rig_turn_unsynced(struct rig *r)
{
    engine_begin(r->engine, r->now_ms);
    engine_end(r->engine);
    mail_run(&r->home);
}

static inline void rig_turn(struct rig *r)
{
    rig_turn_unsynced(r);
    do {
        while (volume_file_step(r->volume))
            ;
        engine_begin(r->engine, r->now_ms);
        mail_run(&r->completions);
        engine_end(r->engine);
    } while (!engine_is_idle(r->engine));
    mail_run(&r->home);
}

static inline void rig_open_options(struct rig *r, const struct engine_options *options)
{
    *r = (struct rig){ .now_ms = 1000000, .disk = disk_sim_keep(1), .options = *options };
    mailbox_init(&r->completions, rig_wake, r);
    mailbox_init(&r->home, rig_wake, r);
    rig_open_engine(r);
    rig_turn(r);
}

static inline void rig_open_with(struct rig *r, size_t checkpoint_rows)
{
    struct engine_options options = { .journal_file_bytes = 1 << 20,
                                      .checkpoint = { .every_rows = checkpoint_rows,
                                                      .turn_rows = 2 } };

    rig_open_options(r, &options);
}

/* There is always a checkpoint under way. */
static inline void rig_open(struct rig *r)
{
    rig_open_with(r, 7);
}

static inline void rig_close(struct rig *r)
{
    rig_close_engine(r);
    if (!r->is_damaged) {
        assert_int_equal(volume_file_open(&r->volume, r->disk, false), ERR_OK);
        describe_all(r->volume, &r->completions);
        volume_close(r->volume);
    }
    disk_sim_free(r->disk);
    mailbox_fini(&r->completions);
    mailbox_fini(&r->home);
}

/* The power fails; what was synced comes back by replay. */
static inline void rig_fail_power(struct rig *r)
{
    disk_sim_crash(r->disk);
    r->engine->is_open = false; /* dead processes write no checkpoints */
    rig_close_engine(r);
    rig_open_engine(r);
    rig_turn(r);
}

/* The power fails in the middle of a turn: the process dies with what the disk has. */
static inline void rig_die(struct rig *r)
{
    disk_sim_cut(r->disk);
    engine_kill(r->engine);
    shard_release(r->shard);
    volume_close(r->volume);
    mail_run(&r->completions);
    mail_run(&r->home);
    disk_sim_crash(r->disk);
    rig_open_engine(r);
    rig_turn(r);
}

/* An orderly end and a start. */
static inline void rig_restart(struct rig *r)
{
    rig_close_engine(r);
    rig_open_engine(r);
    rig_turn(r);
}

/* The power fails, then a clean restart from a checkpoint: neither may change anything. */
static inline void rig_crash(struct rig *r)
{
    rig_fail_power(r);
    rig_restart(r);
}

static inline void rig_advance(struct rig *r, int64_t ms)
{
    r->now_ms += ms;
    rig_turn(r);
}

static inline void rig_done(struct call *c)
{
    struct rig *r = c->ctx;

    r->answered++;
}

#define RIG_CALL(rig, type, kind) \
    ((struct type *)call_new(sizeof(struct type), CALL_##kind, &(rig)->home, rig_done, (rig)))

/* Submits in a turn of its own that is not synced. */
static inline void rig_submit(struct rig *r, void *call)
{
    engine_begin(r->engine, r->now_ms);
    engine_submit(r->engine, call);
    engine_end(r->engine);
    mail_run(&r->home);
}

/* True when it was answered, not parked. */
static inline bool rig_run(struct rig *r, void *call)
{
    int before = r->answered;

    rig_submit(r, call);
    rig_turn(r);
    return r->answered > before;
}

/* The call is answered at once; its error, and it is freed. */
static inline enum err rig_end(struct rig *r, void *call)
{
    enum err err;

    assert_true(rig_run(r, call));
    err = ((struct call *)call)->err;
    call_free(call);
    return err;
}

/* ---- topics ---- */

static inline void rig_create_topic(struct rig *r, const char *name, uint32_t partitions,
                                    const struct topic_policy *policy)
{
    struct topic_create_call *c = RIG_CALL(r, topic_create_call, TOPIC_CREATE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->partition_count = partitions;
    c->policy = *policy;
    assert_int_equal(rig_end(r, c), ERR_OK);
}

static inline void rig_alter_topic(struct rig *r, const char *name,
                                   const struct topic_policy *policy)
{
    struct topic_alter_call *c = RIG_CALL(r, topic_alter_call, TOPIC_ALTER);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->set_policy = true;
    c->policy = *policy;
    assert_int_equal(rig_end(r, c), ERR_OK);
}

/* Takes over the batches. */
static inline struct append_call *rig_appending(struct rig *r, const char *topic,
                                                uint32_t partition, struct slice *batches,
                                                size_t count)
{
    struct append_call *c = RIG_CALL(r, append_call, APPEND);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->item_count = count;
    c->items = arena_array(&c->call.arena, count, sizeof *c->items);
    for (size_t i = 0; i < count; i++)
        c->items[i] = (struct append_item){ .name = bytes_str(topic),
                                            .partition = (int32_t)partition,
                                            .delay_ms = -1,
                                            .batch = batches[i] };
    return c;
}

/* One batch; its offset. */
static inline uint64_t rig_append(struct rig *r, const char *topic, uint32_t partition,
                                  struct slice batch)
{
    struct append_call *c = rig_appending(r, topic, partition, &batch, 1);
    uint64_t            base;

    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    assert_int_equal(c->items[0].err, ERR_OK);
    base = c->items[0].base_offset;
    call_free(c);
    return base;
}

static inline struct read_call *rig_reading(struct rig *r, const char *topic, uint32_t partition,
                                            uint64_t offset, uint32_t bytes_max)
{
    struct read_call *c = RIG_CALL(r, read_call, READ);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->bytes_max = bytes_max;
    c->bytes_min = 1;
    c->item_count = 1;
    c->items = arena_struct(&c->call.arena, struct read_item);
    c->items->name = bytes_str(topic);
    c->items->partition = partition;
    c->items->offset = offset;
    c->items->bytes_max = bytes_max;
    return c;
}

static inline void rig_free_reading(struct read_call *c)
{
    for (size_t i = 0; i < c->items->batch_count; i++)
        slice_drop(&c->items->batches[i].bytes);
    call_free(c);
}

/* ---- queues ---- */

static inline struct queue_declare_call *rig_declaration(struct rig *r, const char *name)
{
    struct queue_declare_call *c = RIG_CALL(r, queue_declare_call, QUEUE_DECLARE);

    c->call.session = RIG_SESSION;
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->is_durable = true;
    c->door = DOOR_AMQP;
    c->native = bytes_str("native");
    return c;
}

static inline void rig_declare(struct rig *r, const char *name)
{
    assert_int_equal(rig_end(r, rig_declaration(r, name)), ERR_OK);
}

static inline enum err rig_delete(struct rig *r, const char *name)
{
    struct queue_delete_call *c = RIG_CALL(r, queue_delete_call, QUEUE_DELETE);

    c->call.session = RIG_SESSION;
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    return rig_end(r, c);
}

static inline struct queue *rig_queue(struct rig *r, const char *name)
{
    return queue_find(r->engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(name));
}

static inline struct topic *rig_topic(struct rig *r, const char *name)
{
    return topic_find(r->engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(name));
}

static inline void rig_counts(struct rig *r, const char *name, uint64_t ready, uint64_t leased,
                              uint64_t delayed)
{
    const struct ledger *g = &rig_queue(r, name)->ledger;

    assert_int_equal(g->ready_count, ready);
    assert_int_equal(g->leased_count, leased);
    assert_int_equal(g->delayed_count, delayed);
}

/* ---- messages ---- */

static inline struct slice rig_batch(const char *key, const char *value, int n)
{
    struct buf          b;
    struct batch_writer w;
    struct slice        s;

    buf_init(&b);
    batch_begin(&w, &b);
    for (int i = 0; i < n; i++)
        batch_add(&w, 1000, bytes_str(key), bytes_str(value), NULL, 0);
    batch_end(&w);
    s = slice_copy(buf_view(&b));
    buf_fini(&b);
    return s;
}

static inline struct publish_call *rig_publication(struct rig *r, const char *exchange,
                                                   const char *key, const char *value)
{
    struct publish_call *c = RIG_CALL(r, publish_call, PUBLISH);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->exchange = bytes_str(exchange);
    c->key = bytes_str(key);
    c->batch = rig_batch(key, value, 1);
    return c;
}

/* How many it reached. */
static inline uint32_t rig_publish(struct rig *r, const char *exchange, const char *key,
                                   const char *value)
{
    struct publish_call *c = rig_publication(r, exchange, key, value);
    uint32_t             routed;

    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    routed = c->routed;
    call_free(c);
    return routed;
}

/* n messages "0", "1"... to a queue, all in one turn. */
static inline void rig_fill(struct rig *r, const char *queue, int n)
{
    struct publish_call **calls = mem_new((size_t)n * sizeof(struct publish_call *));

    engine_begin(r->engine, r->now_ms);
    for (int i = 0; i < n; i++) {
        char value[16];

        snprintf(value, sizeof value, "%d", i);
        calls[i] = rig_publication(r, "", queue, value);
        engine_submit(r->engine, &calls[i]->call);
    }
    engine_end(r->engine);
    rig_turn(r);
    for (int i = 0; i < n; i++) {
        assert_int_equal(calls[i]->call.err, ERR_OK);
        call_free(calls[i]);
    }
    free(calls);
}

static inline void rig_copy_value(const struct message_ref *m, char out[16])
{
    struct batch_reader b;
    struct record       record;

    assert_int_equal(batch_open(&b, m->batch.bytes), ERR_OK);
    assert_true(batch_find(&b, (int32_t)(m->offset - m->base_offset), &record));
    snprintf(out, 16, "%.*s", (int)record.value.len, (const char *)record.value.at);
    batch_close(&b);
}

static inline struct lease_call *rig_leasing(struct rig *r, const char *queue, uint32_t max)
{
    struct lease_call *c = RIG_CALL(r, lease_call, LEASE);

    c->call.session = RIG_SESSION;
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->queue = bytes_str(queue);
    c->messages_max = max;
    c->bytes_max = UINT32_MAX;
    c->lease_ms = -1;
    return c;
}

static inline void rig_free_leasing(struct lease_call *c)
{
    for (size_t i = 0; i < c->message_count; i++)
        slice_drop(&c->messages[i].batch);
    call_free(c);
}

/* Leases up to max, by time or bound to the rig's session; returns how many. */
static inline size_t rig_lease(struct rig *r, const char *queue, uint32_t max, int64_t lease_ms,
                               struct message_ref *out)
{
    struct lease_call *c = rig_leasing(r, queue, max);
    size_t             n;

    c->lease_ms = lease_ms;
    c->is_bound = lease_ms == 0;
    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    n = c->message_count;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(c->messages[i].batch.bytes.len, c->messages[i].batch_len);
        out[i] = c->messages[i];
        out[i].batch = (struct slice){ 0 };
    }
    rig_free_leasing(c);
    return n;
}

static inline enum err rig_settle(struct rig *r, const struct lease *lease,
                                  enum settle_action action, int64_t delay_ms)
{
    struct settle_call *c = RIG_CALL(r, settle_call, SETTLE);
    struct settle_item  item = { .lease = *lease, .action = action, .delay_ms = delay_ms };

    c->item_count = 1;
    c->items = &item;
    assert_int_equal(rig_end(r, c), ERR_OK);
    return item.err;
}

static inline void rig_settle_all(struct rig *r, const struct message_ref *refs, size_t n,
                                  enum settle_action action)
{
    struct settle_call *c = RIG_CALL(r, settle_call, SETTLE);

    c->item_count = n;
    c->items = arena_array(&c->call.arena, n, sizeof *c->items);
    for (size_t i = 0; i < n; i++)
        c->items[i] = (struct settle_item){ .lease = refs[i].lease, .action = action };
    assert_true(rig_run(r, c));
    for (size_t i = 0; i < n; i++)
        assert_int_equal(c->items[i].err, ERR_OK);
    call_free(c);
}

/* ---- subscriptions ---- */

static inline void rig_deliver(struct delivery *d)
{
    struct inbox *in = d->ctx;

    if (d->kind == DELIVERY_ENDED)
        in->ended++;
    else
        in->delivery_count++;
    for (size_t i = 0; i < d->message_count; i++) {
        assert_true(in->count < RIG_REFS_MAX);
        assert_int_equal(d->messages[i].batch.bytes.len, d->messages[i].batch_len);
        rig_copy_value(&d->messages[i], in->values[in->count]);
        in->refs[in->count] = d->messages[i];
        in->refs[in->count++].batch = (struct slice){ 0 };
    }
    delivery_free(d);
}

static inline struct subscribe_call *rig_subscription(struct rig *r, const char *queue,
                                                      struct inbox *in, uint64_t messages_max)
{
    struct subscribe_call *c = RIG_CALL(r, subscribe_call, SUBSCRIBE);

    c->call.session = RIG_SESSION;
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->queue = bytes_str(queue);
    c->messages_max = messages_max;
    c->is_bound = true;
    c->lease_ms = -1;
    c->deliver = rig_deliver;
    c->ctx = in;
    return c;
}

/* Submits the subscription; its messages may arrive in the same turn. */
static inline void rig_begin(struct rig *r, struct subscribe_call *c, struct inbox *in)
{
    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    in->consumer = c->consumer;
    call_free(c);
}

static inline void rig_subscribe(struct rig *r, const char *queue, struct inbox *in,
                                 uint64_t messages_max)
{
    rig_begin(r, rig_subscription(r, queue, in, messages_max), in);
}

static inline void rig_unsubscribe(struct rig *r, struct inbox *in)
{
    struct unsubscribe_call *c = RIG_CALL(r, unsubscribe_call, UNSUBSCRIBE);

    c->call.session = RIG_SESSION;
    c->consumer = in->consumer;
    assert_int_equal(rig_end(r, c), ERR_OK);
}

static inline void rig_close_session(struct rig *r)
{
    struct call *c = RIG_CALL(r, call, SESSION_CLOSE);

    c->session = RIG_SESSION;
    assert_int_equal(rig_end(r, c), ERR_OK);
}

#endif
