/*
 * txn_end.c - the end of transactions, asked for or not: markers, offsets and state as one.
 *
 * A marker is a control batch (KIP-98): one record whose key says commit or abort, with the producer's
 * id and epoch in the batch header. All logs get the same one, so it is journalled once.
 */
#include "engine/txn.h"

#include <assert.h>
#include <stdlib.h>

enum {
    MARKER_VERSION = 0,
    TARGETS_MAX = 1024, /* of one APPENDED */
    EPOCH_LAST = INT16_MAX - 1, /* of a producer id: the one beyond is for its last marker */
};

/* The one coordinator there ever was. */
enum { COORDINATOR_EPOCH = 0 };

static struct slice marker_batch(const struct engine *e, int64_t producer, int16_t epoch,
                                 bool is_commit, struct batch_head *head)
{
    uint8_t             key[4] = { 0 };
    uint8_t             value[6] = { 0 };
    struct batch_writer w;
    struct slice        batch;
    struct buf          b;
    enum err            err;

    put_u16(key, MARKER_VERSION);
    put_u16(key + 2, is_commit);
    put_u16(value, MARKER_VERSION);
    put_u32(value + 2, COORDINATOR_EPOCH);
    buf_init(&b);
    batch_begin(&w, &b);
    batch_add(&w, e->now_ms, bytes_of(key, sizeof key), bytes_of(value, sizeof value), NULL, 0);
    batch_end(&w);
    err = batch_head(buf_view(&b), head);
    assert(err == ERR_OK);
    (void)err;
    head->attributes |= BATCH_CONTROL | BATCH_TRANSACTIONAL;
    head->producer_id = producer;
    head->producer_epoch = epoch;
    batch_seal_head(b.at, b.len, head);
    batch = slice_copy(buf_view(&b));
    buf_fini(&b);
    return batch;
}

/* To at most TARGETS_MAX of its logs, from the i-th on. Returns the next. Logs of topics that were
 * deleted meanwhile are passed over. */
static size_t mark_some(struct txn *t, size_t i, bool is_commit, int16_t epoch)
{
    struct engine        *e = t->engine;
    struct append_target *targets = mem_new(TARGETS_MAX * sizeof *targets);
    struct batch_head     head;
    struct slice          batch = marker_batch(e, t->producer, epoch, is_commit, &head);
    size_t                n = 0;

    for (; i < t->logs.count && n < TARGETS_MAX; i++) {
        struct log *l = idmap_get(&e->logs, t->logs.at[i]);

        if (!l)
            continue;
        producer_note_marker(e, l, &head, is_commit, l->end, e->now_ms);
        targets[n++] = (struct append_target){ .log = l };
    }
    if (n > 0)
        append_batch(e, batch, &head, targets, n);
    else
        slice_drop(&batch);
    free(targets);
    return i;
}

void txn_end(struct txn *t, bool is_commit, int16_t epoch, const struct txn_next *next)
{
    struct engine *e = t->engine;

    journal_begin_group(e->journal);
    for (size_t i = 0; i < t->logs.count;)
        i = mark_some(t, i, is_commit, epoch);
    if (is_commit)
        txn_offsets_commit(t);
    txn_set(t, next);
    journal_end_group(e->journal);
}

/* As in Kafka the epoch goes up by two: one would look like the bump that its own end makes, and the
 * fenced producer would pass for one that asks again. */
void txn_fence(struct txn *t)
{
    struct txn_next next = txn_next_of(t);
    int16_t         epoch = t->epoch < INT16_MAX - 1 ? (int16_t)(t->epoch + 2) : INT16_MAX;

    next.state = TXN_ABORTED;
    next.bumps = true;
    next.previous = -1;
    next.epoch = epoch;
    next.last_epoch = (int16_t)(epoch - 1);
    if (epoch >= EPOCH_LAST) { /* T7 */
        next.producer = producer_new_id(t->engine);
        next.epoch = 0;
        next.last_epoch = -1;
    }
    txn_end(t, false, epoch, &next);
}

/* ---- CALL_TXN_END ---- */

/* The same end was asked for before, and its answer did not arrive: the epoch is the one before. */
static bool is_repeated(const struct txn *t, const struct txn_end_call *a)
{
    if (!t->bumps || (t->state != TXN_COMMITTED && t->state != TXN_ABORTED))
        return false;
    if (t->producer == a->producer_id)
        return t->epoch == a->producer_epoch + 1;
    return t->previous == a->producer_id && a->producer_epoch == EPOCH_LAST && t->epoch == 0;
}

static void end_now(struct txn *t, const struct txn_end_call *a)
{
    struct txn_next next = txn_next_of(t);
    int16_t         epoch = t->epoch;

    next.state = a->is_commit ? TXN_COMMITTED : TXN_ABORTED;
    next.bumps = a->bumps;
    if (a->bumps) {
        epoch = (int16_t)(t->epoch + 1);
        next.last_epoch = t->epoch;
        next.epoch = epoch;
    }
    if (a->bumps && t->epoch >= EPOCH_LAST) {
        next.previous = t->producer;
        next.producer = producer_new_id(t->engine);
        next.epoch = 0;
    }
    txn_end(t, a->is_commit, epoch, &next);
}

/* An id that has nothing open: only repeating is right, and aborting nothing in the second version,
 * which raises the epoch all the same. */
static enum err end_nothing(struct txn *t, const struct txn_end_call *a, bool is_repeat)
{
    bool is_same = t->state == (a->is_commit ? TXN_COMMITTED : TXN_ABORTED);

    if (is_same && (is_repeat || !a->bumps))
        return ERR_OK;
    if (is_repeat || a->is_commit || !a->bumps)
        return ERR_TXN_STATE;
    end_now(t, a);
    return ERR_OK;
}

static enum err end(struct engine *e, struct txn_end_call *a)
{
    struct txn *t = txn_find(e, a->ns, a->id);
    bool        is_repeat = t && a->bumps && is_repeated(t, a);
    enum err    err = ERR_OK;

    if (!t || (t->producer != a->producer_id && !is_repeat))
        return ERR_UNKNOWN_PRODUCER;
    if (t->epoch != a->producer_epoch && !is_repeat)
        return ERR_FENCED_PRODUCER;
    if (t->state == TXN_ONGOING)
        end_now(t, a);
    else
        err = end_nothing(t, a, is_repeat);
    a->producer_id = t->producer;
    a->producer_epoch = t->epoch;
    return err;
}

void txn_on_end(struct engine *e, struct call *c)
{
    engine_answer(e, c, end(e, (struct txn_end_call *)c));
}
