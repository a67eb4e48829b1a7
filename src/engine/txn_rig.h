/*
 * txn_rig.h - transactional producers and a consumer of what is committed, on the rig of queues, for the
 * tests of transactions. Included by x_test.c only.
 */
#ifndef ENGINE_TXN_RIG_H
#define ENGINE_TXN_RIG_H

#include "base/crc32c.h"
#include "engine/queue_rig.h"
#include "engine/txn.h"

enum { TXN_LOGS_MAX = 4, TXN_RIG_TIMEOUT_MS = 5000 };

/* A producer of one transactional id. */
struct writer {
    struct rig *rig;
    const char *id;
    bool        bumps; /* speaks the second version */
    int64_t     producer;
    int16_t     epoch;
    int32_t     next[TXN_LOGS_MAX]; /* sequence by partition of the topic "t" */
};

static inline struct bytes txn_ns(void)
{
    return bytes_str(NAMESPACE_DEFAULT);
}

static inline void txn_make_topic(struct rig *r, const char *name, uint32_t partitions)
{
    struct topic_create_call *c = RIG_CALL(r, topic_create_call, TOPIC_CREATE);

    c->ns = txn_ns();
    c->name = bytes_str(name);
    c->partition_count = partitions;
    c->policy = topic_policy_default;
    c->policy.time_basis = TIME_OF_APPEND;
    assert_int_equal(rig_end(r, c), ERR_OK);
}

static inline struct txn_init_call *txn_initing(struct writer *w)
{
    struct txn_init_call *c = RIG_CALL(w->rig, txn_init_call, TXN_INIT);

    c->ns = txn_ns();
    c->id = bytes_str(w->id);
    c->timeout_ms = TXN_RIG_TIMEOUT_MS;
    c->producer_id = -1;
    c->producer_epoch = -1;
    return c;
}

static inline void txn_take(struct writer *w, int64_t producer, int16_t epoch)
{
    w->producer = producer;
    w->epoch = epoch;
    memset(w->next, 0, sizeof w->next);
}

static inline void txn_start(struct writer *w)
{
    struct txn_init_call *c = txn_initing(w);

    assert_true(rig_run(w->rig, c));
    assert_int_equal(c->call.err, ERR_OK);
    txn_take(w, c->producer_id, c->producer_epoch);
    call_free(c);
}

static inline struct txn_add_call *txn_adding(struct writer *w, uint32_t partition)
{
    struct txn_add_call *c = RIG_CALL(w->rig, txn_add_call, TXN_ADD);

    c->ns = txn_ns();
    c->id = bytes_str(w->id);
    c->producer_id = w->producer;
    c->producer_epoch = w->epoch;
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items[0] = (struct txn_partition){ .name = bytes_str("t"), .partition = partition };
    return c;
}

static inline struct append_call *txn_writing(struct writer *w, uint32_t partition, int n)
{
    struct append_call *c = RIG_CALL(w->rig, append_call, APPEND);
    struct slice        batch = rig_batch("k", w->id, n);
    uint8_t            *at = (uint8_t *)(uintptr_t)batch.bytes.at;

    put_u16(at + 21, BATCH_TRANSACTIONAL);
    put_u64(at + 43, (uint64_t)w->producer);
    put_u16(at + 51, (uint16_t)w->epoch);
    put_u32(at + 53, (uint32_t)w->next[partition]);
    put_u32(at + 17, crc32c(0, at + 21, batch.bytes.len - 21));
    c->ns = txn_ns();
    c->txn = bytes_str(w->id);
    c->txn_bumps = w->bumps;
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items[0] = (struct append_item){ .name = bytes_str("t"),
                                        .partition = (int32_t)partition,
                                        .batch = batch,
                                        .delay_ms = -1 };
    return c;
}

/* n records in one batch; of the first version the partition is added first. */
static inline enum err txn_write(struct writer *w, uint32_t partition, int n)
{
    struct append_call *c;
    enum err            err;

    if (!w->bumps) {
        err = rig_end(w->rig, txn_adding(w, partition));
        if (err)
            return err;
    }
    c = txn_writing(w, partition, n);
    assert_true(rig_run(w->rig, c));
    err = c->items[0].err;
    call_free(c);
    w->next[partition] += err ? 0 : n;
    return err;
}

static inline struct txn_end_call *txn_ending(struct writer *w, bool is_commit)
{
    struct txn_end_call *c = RIG_CALL(w->rig, txn_end_call, TXN_END);

    c->ns = txn_ns();
    c->id = bytes_str(w->id);
    c->is_commit = is_commit;
    c->bumps = w->bumps;
    c->producer_id = w->producer;
    c->producer_epoch = w->epoch;
    return c;
}

static inline enum err txn_finish(struct writer *w, bool is_commit)
{
    struct txn_end_call *c = txn_ending(w, is_commit);
    enum err             err;

    assert_true(rig_run(w->rig, c));
    err = c->call.err;
    if (!err && w->bumps)
        txn_take(w, c->producer_id, c->producer_epoch);
    call_free(c);
    return err;
}

static inline struct txn_offsets_call *txn_offering(struct writer *w, struct offset_item *item)
{
    struct txn_offsets_call *c = RIG_CALL(w->rig, txn_offsets_call, TXN_OFFSETS);

    c->commit.ns = txn_ns();
    c->commit.group = bytes_str("g");
    c->commit.generation = -1;
    c->commit.item_count = 1;
    c->commit.items = item;
    c->id = bytes_str(w->id);
    c->producer_id = w->producer;
    c->producer_epoch = w->epoch;
    c->bumps = w->bumps;
    return c;
}

static inline enum err txn_offer(struct writer *w, int64_t offset)
{
    struct offset_item item = { .name = bytes_str("t"), .offset = offset, .leader_epoch = -1 };

    return rig_end(w->rig, txn_offering(w, &item));
}

/* What group "g" has committed in partition 0; *err is the item's. */
static inline int64_t txn_offset(struct rig *r, bool stable_only, enum err *err)
{
    struct offset_item       item = { .name = bytes_str("t") };
    struct offsets_get_call *c = RIG_CALL(r, offsets_get_call, OFFSETS_GET);

    c->ns = txn_ns();
    c->group = bytes_str("g");
    c->stable_only = stable_only;
    c->item_count = 1;
    c->items = &item;
    assert_int_equal(rig_end(r, c), ERR_OK);
    if (err)
        *err = item.err;
    return item.offset;
}

/* What a consumer makes of a partition. */
struct sight {
    uint64_t records; /* that it shows */
    uint64_t commits, aborts; /* markers */
    uint64_t stable, end;
};

/* As clients do: from its first offset on a producer's records are left out until its marker. */
enum { TXN_ABORTS_MAX = 256 };
struct consumer_view {
    struct read_item *item;
    int64_t           aborting[TXN_ABORTS_MAX];
    size_t            aborting_count;
    bool              is_used[TXN_ABORTS_MAX]; /* of item.aborted */
};

static inline void txn_view_batch(struct consumer_view *v, const struct batch_ref *ref,
                                  struct sight *s)
{
    struct batch_head head;
    bool              is_commit;

    assert_int_equal(batch_check(ref->bytes.bytes, &head), ERR_OK);
    for (size_t i = 0; i < v->item->aborted_count; i++)
        if (!v->is_used[i] &&
            v->item->aborted[i].first <= ref->base_offset + (uint64_t)head.last_offset_delta) {
            v->is_used[i] = true;
            v->aborting[v->aborting_count++] = v->item->aborted[i].producer_id;
        }
    if (head.attributes & BATCH_CONTROL) {
        assert_true(batch_read_marker(ref->bytes.bytes, &is_commit));
        s->commits += is_commit;
        s->aborts += !is_commit;
        for (size_t i = 0; !is_commit && i < v->aborting_count; i++)
            if (v->aborting[i] == head.producer_id) {
                v->aborting[i] = v->aborting[--v->aborting_count];
                break;
            }
        return;
    }
    for (size_t i = 0; i < v->aborting_count; i++)
        if (head.attributes & BATCH_TRANSACTIONAL && v->aborting[i] == head.producer_id)
            return;
    s->records += (uint64_t)head.record_count;
}

static inline struct sight txn_look(struct rig *r, uint32_t partition, bool committed_only)
{
    struct read_call    *c = RIG_CALL(r, read_call, READ);
    struct sight         s = { 0 };
    struct consumer_view v = { 0 };

    c->ns = txn_ns();
    c->committed_only = committed_only;
    c->bytes_max = 1 << 20;
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items[0] = (struct read_item){ .name = bytes_str("t"), .partition = partition,
                                      .bytes_max = 1 << 20 };
    assert_true(rig_run(r, c));
    v.item = &c->items[0];
    assert_int_equal(v.item->err, ERR_OK);
    assert_true(v.item->aborted_count <= TXN_ABORTS_MAX);
    s.stable = v.item->stable;
    s.end = v.item->high_watermark;
    for (size_t i = 0; i < v.item->batch_count; i++) {
        txn_view_batch(&v, &v.item->batches[i], &s);
        slice_drop(&v.item->batches[i].bytes);
    }
    call_free(c);
    return s;
}

static inline uint64_t txn_committed(struct rig *r, uint32_t partition)
{
    return txn_look(r, partition, true).records;
}

#endif
