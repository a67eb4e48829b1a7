/* traffic.c - see traffic.h. */
#include "traffic.h"
#include "bench.h"

#include <stdlib.h>

enum {
    WINDOW = 4096,     /* published and not settled, beyond the backlog */
    RUN_MESSAGES_MIN = 2 * WINDOW, /* a run does not end before, however slow the disk is */
    FILL_WINDOW = 256, /* calls under way while filling */
    FILL_ITEMS = 64,   /* messages of such a call */
    SETTLE_ITEMS_MAX = 512,
    PREFETCH = 4096,
    SESSION = 1,
    BUFFER_BYTES = 64 << 10,
};

/* Calls are used again: a pool for each shape. */
struct publish {
    struct append_call append; /* first */
    struct publish    *next;
    struct publish   **pool;
    struct append_item items[];
};

struct settler {
    struct settle_call call; /* first */
    struct settler    *next;
    struct settle_item items[SETTLE_ITEMS_MAX];
};

struct crediter {
    struct credit_call call; /* first */
    struct crediter   *next;
};

struct traffic {
    struct rig      *rig;
    const char      *queue;
    struct buf       batch;
    struct block    *buffer; /* where the next batches are written, as into a connection's */
    size_t           buffer_used;
    struct publish  *singles, *fills;
    struct settler  *settlers;
    struct crediter *crediters;
    uint64_t         consumer;
    uint64_t         published, settled; /* of the run */
    uint64_t         under_way;          /* calls */
};

/* ---- publishing ---- */

static void on_published(struct call *c)
{
    struct publish *p = (struct publish *)c;
    struct traffic *t = c->ctx;

    for (size_t i = 0; i < p->append.item_count; i++)
        if (p->items[i].err)
            bench_die("publish: %s", err_text(p->items[i].err));
    t->under_way--;
    p->next = *p->pool;
    *p->pool = p;
}

static struct slice next_batch(struct traffic *t)
{
    uint8_t *at;

    if (!t->buffer || t->buffer_used + t->batch.len > BUFFER_BYTES) {
        block_drop(t->buffer);
        t->buffer = block_new(BUFFER_BYTES);
        t->buffer_used = 0;
    }
    at = t->buffer->at + t->buffer_used;
    memcpy(at, t->batch.at, t->batch.len);
    t->buffer_used += t->batch.len;
    return slice_of(block_hold(t->buffer), at, t->batch.len);
}

static struct publish *take_publish(struct publish **pool, size_t count_max)
{
    struct publish *p = *pool;

    if (!p) {
        p = mem_new(sizeof *p + count_max * sizeof p->items[0]);
        p->pool = pool;
        return p;
    }
    *pool = p->next;
    call_fini(&p->append.call);
    return p;
}

static void publish(struct traffic *t, struct publish *p, size_t count)
{
    call_init(&p->append.call, CALL_APPEND, &t->rig->home, on_published, t);
    p->append.ns = bytes_of_str(NAMESPACE_DEFAULT);
    p->append.to_queue = true;
    p->append.item_count = count;
    p->append.items = p->items;
    for (size_t i = 0; i < count; i++)
        p->items[i] = (struct append_item){ .name = bytes_of_str(t->queue),
                                            .batch = next_batch(t),
                                            .delay_ms = -1 };
    t->under_way++;
    rig_submit(t->rig, &p->append.call);
}

void traffic_fill(struct traffic *t, uint64_t count)
{
    while (count > 0 || t->under_way > 0) {
        while (count > 0 && t->under_way < FILL_WINDOW) {
            size_t n = count < FILL_ITEMS ? (size_t)count : FILL_ITEMS;

            publish(t, take_publish(&t->fills, FILL_ITEMS), n);
            count -= n;
        }
        rig_flush(t->rig);
        rig_wait(t->rig);
    }
}

/* ---- consuming ---- */

static void on_settled(struct call *c)
{
    struct settler *s = (struct settler *)c;
    struct traffic *t = c->ctx;

    for (size_t i = 0; i < s->call.item_count; i++)
        if (s->items[i].err)
            bench_die("settle: %s", err_text(s->items[i].err));
    t->settled += s->call.item_count;
    t->under_way--;
    s->next = t->settlers;
    t->settlers = s;
}

static struct settler *take_settler(struct traffic *t)
{
    struct settler *s = t->settlers;

    if (s) {
        t->settlers = s->next;
        call_fini(&s->call.call);
    } else {
        s = mem_new(sizeof *s);
    }
    call_init(&s->call.call, CALL_SETTLE, &t->rig->home, on_settled, t);
    s->call.call.session = SESSION;
    s->call.items = s->items;
    s->call.item_count = 0;
    return s;
}

static void settle(struct traffic *t, struct settler *s)
{
    t->under_way++;
    rig_submit(t->rig, &s->call.call);
}

static void on_credited(struct call *c)
{
    struct crediter *k = (struct crediter *)c;
    struct traffic  *t = c->ctx;

    t->under_way--;
    k->next = t->crediters;
    t->crediters = k;
}

/* The messages have left for the client: there is room for as many more. */
static void give_credit(struct traffic *t, uint32_t messages, uint32_t bytes)
{
    struct crediter *k = t->crediters;

    if (k) {
        t->crediters = k->next;
        call_fini(&k->call.call);
    } else {
        k = mem_new(sizeof *k);
    }
    memset(&k->call, 0, sizeof k->call);
    call_init(&k->call.call, CALL_CREDIT, &t->rig->home, on_credited, t);
    k->call.call.session = SESSION;
    k->call.call.relaxed = true;
    k->call.consumer = t->consumer;
    k->call.messages = messages;
    k->call.bytes = bytes;
    t->under_way++;
    rig_submit(t->rig, &k->call.call);
}

static void on_delivery(struct delivery *d)
{
    struct traffic *t = d->ctx;
    struct settler *s = NULL;
    uint32_t        bytes = 0;

    for (size_t i = 0; i < d->message_count; i++) {
        if (!s)
            s = take_settler(t);
        s->items[s->call.item_count++] =
            (struct settle_item){ .lease = d->messages[i].lease, .action = SETTLE_ACK };
        bytes += d->messages[i].bytes;
        if (s->call.item_count == SETTLE_ITEMS_MAX || i + 1 == d->message_count) {
            settle(t, s);
            s = NULL;
        }
    }
    give_credit(t, (uint32_t)d->message_count, bytes);
    delivery_free(d);
}

/* The first delivery may be the next mail: its credit needs the consumer's number. */
static void on_subscribed(struct call *c)
{
    struct subscribe_call *s = (struct subscribe_call *)c;
    struct traffic        *t = s->ctx;

    t->consumer = s->consumer;
    t->rig->is_answered = true;
}

static void subscribe(struct traffic *t)
{
    struct subscribe_call s;
    enum err              err;

    rig_init(t->rig, &s, sizeof s, CALL_SUBSCRIBE);
    s.call.done = on_subscribed;
    s.call.session = SESSION;
    s.ns = bytes_of_str(NAMESPACE_DEFAULT);
    s.queue = bytes_of_str(t->queue);
    s.messages_max = PREFETCH;
    s.is_bound = true;
    s.lease_ms = -1;
    s.deliver = on_delivery;
    s.ctx = t;
    err = rig_call(t->rig, &s.call);
    if (err)
        bench_die("subscribe: %s", err_text(err));
    call_fini(&s.call);
}

static void unsubscribe(struct traffic *t)
{
    struct unsubscribe_call u;

    rig_init(t->rig, &u, sizeof u, CALL_UNSUBSCRIBE);
    u.call.session = SESSION;
    u.consumer = t->consumer;
    if (rig_call(t->rig, &u.call) != ERR_OK)
        bench_die("unsubscribe: %s", err_text(u.call.err));
    call_fini(&u.call);
}

uint64_t traffic_run(struct traffic *t, double seconds)
{
    double   begin = bench_now();
    uint64_t settled;

    t->published = t->settled = 0;
    subscribe(t);
    while (bench_now() - begin < seconds || t->settled < RUN_MESSAGES_MIN) {
        for (; t->published - t->settled < WINDOW; t->published++)
            publish(t, take_publish(&t->singles, 1), 1);
        rig_flush(t->rig);
        rig_wait(t->rig);
    }
    settled = t->settled;
    unsubscribe(t);
    while (t->under_way > 0) {
        rig_flush(t->rig);
        rig_wait(t->rig);
    }
    return settled;
}

/* ---- the ends ---- */

struct traffic *traffic_new(struct rig *r, const char *queue, size_t record_bytes)
{
    struct traffic *t = mem_new(sizeof *t);

    t->rig = r;
    t->queue = queue;
    rig_batch(&t->batch, 1, record_bytes);
    return t;
}

static void free_publishes(struct publish *p)
{
    while (p) {
        struct publish *next = p->next;

        call_free(p);
        p = next;
    }
}

void traffic_free(struct traffic *t)
{
    free_publishes(t->singles);
    free_publishes(t->fills);
    for (struct settler *s = t->settlers, *next; s; s = next) {
        next = s->next;
        call_free(s);
    }
    for (struct crediter *k = t->crediters, *next; k; k = next) {
        next = k->next;
        call_free(k);
    }
    block_drop(t->buffer);
    buf_fini(&t->batch);
    free(t);
}
