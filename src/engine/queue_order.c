/*
 * queue_order.c - queues that keep the order of each key (policy.is_ordered).
 *
 * A message of a key is handed out only when every earlier one of that key is settled, or leased to
 * the same taker: one taker may have many of a key under way, two takers never. When one is given
 * back or runs out, the later ones of its key that were leased are taken back, too, so that they
 * come again behind it. Messages without a key have no order.
 *
 * All of this is derived from what the ledger holds and from the keys in the batches; nothing of it
 * is journalled.
 *
 *     messages of one key:   LEASED ... LEASED | READY or DELAYED | BLOCKED ... BLOCKED
 *                            to one taker        the first that   the rest
 *                                                is not leased
 *
 *   O1  Every message with a key and an entry is in its key's list, in this order, leased ones by
 *       offset and the others by offset.
 *   O2  At most one that is not leased is not BLOCKED: the first.
 *   O3  Messages that were never leased are looked past when they are blocked, at most
 *       ORDER_BLOCKED_MAX of them: a few busy keys do not hold up the others.
 *   O4  A key whose taker may not take more waits in that consumer's list (order_waiting).
 *
 * The order is that of one log, whose offsets say what is earlier: the same key in two logs, where a
 * producer may put it, is two keys. Keys are compared by a hash of both: a collision within a log
 * makes two keys one, which is safe. A key is read from the batch, so a message is handed out only
 * when it is on disk; queues that wait for that are in engine.undurable.
 *
 * Thread: the shard's.
 */
#include "engine/queue_int.h"

#include <assert.h>
#include <stdlib.h>

enum {
    ORDER_BLOCKED_MAX = 20000,
    POKED_MAX = 256, /* keys that one freed consumer looks at again */
};

static const uint64_t LOG_STEP = 0x9e3779b97f4a7c15u; /* between the hashes of a key in two logs */

struct order_key {
    uint64_t     hash;
    struct list  messages; /* order_message.in_key: leased ones first */
    struct held *open;    /* the first that is not leased, or NULL */
    uint64_t     taker;   /* of the leased ones; 0: nobody that lives */
    size_t       leased_count;
    struct list  in_waiting; /* consumer.order_waiting */
};

struct order_message { /* held.order */
    struct held      *held;
    struct order_key *key;
    struct list       in_key;
};

struct queue_order {
    struct queue       *queue;
    struct idmap        keys; /* hash -> struct order_key */
    size_t              blocked_count;
    struct slice        batch; /* read last, and where it is from */
    const struct log   *batch_log;
    uint64_t            batch_base;
    struct batch_reader reader;
    bool                is_open;
    bool                is_stuck;   /* waits for a load before it can be begun */
    uint32_t            begun_lane; /* how far what was there at first is in its keys: all, at the last lane's end */
    uint64_t            begun_offset;
};

/* ---- reading keys ---- */

static void close_batch(struct queue_order *o)
{
    if (!o->is_open)
        return;
    batch_close(&o->reader);
    slice_drop(&o->batch);
    o->is_open = false;
}

static bool open_batch(struct queue_order *o, const struct log *l, const struct log_at *at)
{
    close_batch(o);
    if (log_view(o->queue->engine, at, &o->batch) != ERR_OK)
        return false;
    if (batch_open(&o->reader, o->batch.bytes) != ERR_OK) {
        slice_drop(&o->batch);
        return false;
    }
    o->batch_log = l;
    o->batch_base = at->entry->base_offset;
    o->is_open = true;
    return true;
}

/* The hash of the record's key; false: it has none, or cannot be read. Cheap for records of a batch
 * in order. */
static bool read_key(struct queue_order *o, const struct log *l, const struct log_at *at,
                     uint64_t offset, uint64_t *hash)
{
    int32_t       delta = (int32_t)(offset - at->entry->base_offset);
    struct record record;

    if (!o->is_open || o->batch_log != l || o->batch_base != at->entry->base_offset ||
        o->reader.read > delta)
        if (!open_batch(o, l, at))
            return false;
    if (!batch_find(&o->reader, delta, &record) || record.key.len == 0)
        return false;
    *hash = bytes_hash(record.key) + l->partition * LOG_STEP;
    return true;
}

/* ---- keys ---- */

static struct order_key *key_get(struct queue_order *o, uint64_t hash)
{
    struct order_key *k = idmap_get(&o->keys, hash);

    if (k)
        return k;
    k = mem_new(sizeof *k);
    k->hash = hash;
    list_init(&k->messages);
    list_init(&k->in_waiting);
    idmap_put(&o->keys, hash, k);
    return k;
}

static struct held *held_at(const struct list *node)
{
    return CONTAINER(node, struct order_message, in_key)->held;
}

static struct list *node_of(const struct held *h)
{
    return &((struct order_message *)h->order)->in_key;
}

/* The one behind h in its key, or NULL. */
static struct held *next_of(const struct held *h)
{
    const struct order_message *m = h->order;

    return m->in_key.next != &m->key->messages ? held_at(m->in_key.next) : NULL;
}

static void block(struct queue_order *o, struct held *h)
{
    if (h->state != HELD_READY)
        return;
    ledger_block(held_lane(h), h->offset);
    o->blocked_count++;
}

static void unblock(struct queue_order *o, struct held *h)
{
    if (h->state != HELD_BLOCKED)
        return;
    held_unblock(h);
    o->blocked_count--;
}

/* O2: the first that is not leased may be looked at again. */
static void poke(struct queue_order *o, struct order_key *k)
{
    list_remove(&k->in_waiting);
    if (k->open)
        unblock(o, k->open);
}

/* Where a leased one goes among those of its key: before the first with a higher offset. It may have been delayed while
 * later ones were handed out. */
static struct list *leased_behind(struct order_key *k, const struct held *h)
{
    struct list *before = k->open ? node_of(k->open) : &k->messages;

    while (before->prev != &k->messages && held_at(before->prev)->offset > h->offset)
        before = before->prev;
    return before;
}

/* Into its key's list: among the leased ones, or among the others behind them, by offset. */
static void enlist(struct queue_order *o, struct held *h, uint64_t hash)
{
    struct order_key     *k = key_get(o, hash);
    struct order_message *m = mem_new(sizeof *m);
    struct list          *before = &k->messages;

    m->held = h;
    m->key = k;
    h->order = m;
    if (h->state == HELD_LEASED) {
        list_insert(leased_behind(k, h), &m->in_key);
        return;
    }
    while (k->open && before != node_of(k->open) && held_at(before->prev)->offset > h->offset)
        before = before->prev;
    list_insert(before, &m->in_key);
    if (!k->open || next_of(h) == k->open)
        k->open = h;
}

static void delist(struct queue_order *o, struct held *h)
{
    struct order_message *m = h->order;
    struct order_key     *k = m->key;

    if (k->open == h)
        k->open = next_of(h);
    list_remove(&m->in_key);
    free(m);
    h->order = NULL;
    if (!list_empty(&k->messages)) {
        poke(o, k);
        return;
    }
    list_remove(&k->in_waiting);
    idmap_remove(&o->keys, k->hash);
    free(k);
}

static void count_lease_end(struct order_key *k)
{
    assert(k->leased_count > 0);
    if (--k->leased_count == 0)
        k->taker = 0;
}

/* ---- beginning ---- */

/* What a replay, a checkpoint or a change of policy left behind: leases whose takers are not known
 * any more. False: its batch must be loaded first. */
static bool adopt(struct queue_order *o, struct held *h)
{
    struct log           *l = o->queue->topic->logs[held_lane(h)->index];
    struct order_message *m;
    struct log_at         at;
    struct log_span       span;
    uint64_t              hash;
    enum log_answer       answer = log_find(l, h->offset, &at, &span);

    if (answer == LOG_COLD && h->offset >= span.base) {
        load_want(o->queue->engine, l, h->offset, &o->queue->load);
        return false;
    }
    if (answer != LOG_FOUND || h->offset < at.entry->base_offset ||
        !read_key(o, l, &at, h->offset, &hash))
        return true;
    enlist(o, h, hash);
    m = h->order;
    if (h->state == HELD_LEASED)
        m->key->leased_count++;
    else if (m->key->open != h)
        block(o, h);
    return true;
}

static void adopt_next(void *ctx, struct held *h)
{
    struct queue_order *o = ctx;

    if (o->is_stuck || h->offset < o->begun_offset)
        return;
    o->begun_offset = h->offset;
    o->is_stuck = !adopt(o, h);
}

static bool adopt_lane(struct queue_order *o, struct lane *l)
{
    o->is_stuck = false;
    lane_each(l, adopt_next, o);
    return !o->is_stuck;
}

static struct queue_order *order_new(struct queue *q)
{
    struct queue_order *o = mem_new(sizeof *o);

    o->queue = q;
    idmap_init(&o->keys);
    return o;
}

bool queue_order_begin(struct queue *q)
{
    struct queue_order *o = q->order;

    if (!o)
        o = q->order = order_new(q);
    while (o->begun_lane < q->ledger.lane_count) {
        if (!adopt_lane(o, &q->ledger.lanes[o->begun_lane]))
            return false;
        o->begun_offset = 0;
        o->begun_lane++;
        close_batch(o);
    }
    return true;
}

void queue_order_rest(struct queue *q)
{
    if (q->order)
        close_batch(q->order);
}

void queue_order_fini(struct queue *q)
{
    struct queue_order *o = q->order;
    struct order_key   *k;
    size_t              at;

    if (!o)
        return;
    for (at = 0; (k = idmap_next(&o->keys, &at)) != NULL;) {
        while (!list_empty(&k->messages)) {
            struct held *h = held_at(k->messages.next);

            unblock(o, h);
            list_remove(k->messages.next);
            free(h->order);
            h->order = NULL;
        }
        list_remove(&k->in_waiting);
        free(k);
    }
    close_batch(o);
    idmap_fini(&o->keys);
    free(o);
    q->order = NULL;
}

/* ---- handing out ---- */

static void pass_over(struct queue_order *o, struct lane *l, uint64_t offset, uint64_t hash)
{
    struct held *h = ledger_block(l, offset);

    o->blocked_count++;
    if (!h->order)
        enlist(o, h, hash);
}

/* Whether the taker of the key's leases may have this one, too. A consumer that is full is told
 * when it is not (O4). */
static bool is_for_taker(struct engine *e, struct order_key *k, struct order_look *look)
{
    struct consumer *c;

    if (look->taker != 0) /* a CALL_LEASE */
        return k->taker == look->taker;
    c = k->taker ? idmap_get(&e->consumers, k->taker) : NULL;
    if (!c || !c->queue)
        return false;
    if (consumer_may_take(c)) {
        look->consumer = c;
        return true;
    }
    list_remove(&k->in_waiting);
    list_push(&c->order_waiting, &k->in_waiting);
    return false;
}

static enum order_answer judge(struct queue_order *o, struct lane *l, uint64_t offset,
                               struct order_look *look)
{
    struct order_key *k = idmap_get(&o->keys, look->key);
    bool              is_first = !k || !k->open || offset <= k->open->offset;

    if (is_first && (!k || k->leased_count == 0 || is_for_taker(o->queue->engine, k, look)))
        return ORDER_TAKE;
    if (o->blocked_count >= ORDER_BLOCKED_MAX && !ledger_find(l, offset)) /* O3 */
        return ORDER_STOP;
    queue_touch(o->queue);
    pass_over(o, l, offset, look->key);
    return ORDER_NEXT;
}

enum order_answer queue_order_look(struct queue *q, struct lane *l, uint64_t offset,
                                   const struct log_at *at, struct order_look *look)
{
    struct held          *h = ledger_find(l, offset);
    struct order_message *m = h ? h->order : NULL;
    struct engine        *e = q->engine;

    look->consumer = NULL;
    look->has_key = true;
    assert(q->order->begun_lane == q->ledger.lane_count);
    if (m) {
        look->key = m->key->hash;
        return judge(q->order, l, offset, look);
    }
    if (log_position(at) > journal_durable(e->journal)) {
        if (list_empty(&q->in_waiting))
            list_push(&e->undurable, &q->in_waiting);
        return ORDER_STOP;
    }
    look->has_key = read_key(q->order, q->topic->logs[l->index], at, offset, &look->key);
    return look->has_key ? judge(q->order, l, offset, look) : ORDER_TAKE;
}

void queue_order_leased(struct queue *q, struct held *h, const struct order_look *look,
                        uint64_t taker)
{
    struct order_message *m;

    if (!look->has_key)
        return;
    if (!h->order)
        enlist(q->order, h, look->key);
    m = h->order;
    if (m->key->open == h)
        m->key->open = next_of(h);
    list_remove(&m->in_key);
    list_insert(leased_behind(m->key, h), &m->in_key);
    m->key->leased_count++;
    m->key->taker = taker;
    poke(q->order, m->key);
}

/* ---- what happens to outstanding ones ---- */

void queue_order_on_settle(struct queue *q, struct held *h)
{
    struct order_message *m = h->order;

    if (!m)
        return;
    if (h->state == HELD_LEASED)
        count_lease_end(m->key);
    else if (h->state == HELD_BLOCKED)
        q->order->blocked_count--;
    delist(q->order, h);
}

/* Among those that are not leased, by offset: there may be an earlier one that was delayed while
 * this one was leased. */
void queue_order_on_release(struct queue *q, struct held *h)
{
    struct order_message *m = h->order;
    struct order_key     *k = m ? m->key : NULL;
    struct list          *before;

    if (!m)
        return;
    count_lease_end(k);
    list_remove(&m->in_key);
    before = k->open ? node_of(k->open) : &k->messages;
    while (before != &k->messages && held_at(before)->offset < h->offset)
        before = before->next;
    list_insert(before, &m->in_key);
    if (k->open && k->open->offset < h->offset) {
        block(q->order, h);
        poke(q->order, k);
        return;
    }
    if (k->open)
        block(q->order, k->open);
    k->open = h;
}

void queue_order_on_wake(struct queue *q, struct held *h)
{
    struct order_message *m = h->order;

    if (m && m->key->open != h)
        block(q->order, h);
}

struct held *queue_order_follower(const struct held *h)
{
    const struct order_message *m = h->order;
    const struct list          *end;
    struct held                *last;

    if (!m)
        return NULL;
    end = m->key->open ? node_of(m->key->open) : &m->key->messages;
    if (end->prev == &m->key->messages)
        return NULL;
    last = held_at(end->prev);
    return last->offset > h->offset ? last : NULL;
}

void queue_order_on_capacity(struct consumer *c)
{
    uint64_t left = c->messages_max > 0 ? c->messages_max - c->messages_out : POKED_MAX;

    if (left > POKED_MAX)
        left = POKED_MAX;
    while (left-- > 0 && !list_empty(&c->order_waiting))
        poke(c->queue->order,
             CONTAINER(c->order_waiting.next, struct order_key, in_waiting));
}

void queue_on_durable(struct engine *e)
{
    struct list again;
    struct list *n;

    list_init(&again);
    while ((n = list_pop(&e->undurable)) != NULL)
        list_push(&again, n); /* they may come back while they are dispatched */
    while ((n = list_pop(&again)) != NULL)
        queue_dispatch(e, CONTAINER(n, struct queue, in_waiting));
}
