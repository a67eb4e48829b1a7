/* appender.c - see appender.h. */
#include "appender.h"
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { TOPIC_NAME_BYTES = 16 };

/* A block for one batch, back in the list when its last holder drops it. */
struct parcel {
    struct block     block;
    struct parcel   *next;
    struct appender *load;
    uint8_t          bytes[];
};

struct slot {
    struct append_call append; /* first */
    struct append_item item;
    double             sent_at;
};

struct appender {
    struct rig             *rig;
    struct appender_options options;
    struct buf              batch;
    char (*names)[TOPIC_NAME_BYTES];
    uint32_t        *order; /* of the logs, shuffled */
    uint32_t         log_count;
    uint64_t         sent, done; /* of the run */
    uint64_t         sent_ever;
    struct slot     *slots;
    struct slot    **idle;
    uint32_t         idle_count;
    struct quantile *latency;
    pthread_mutex_t  lock;
    struct parcel   *parcels; /* under lock */
};

/* ---- blocks ---- */

static void parcel_free(struct block *b)
{
    struct parcel   *p = CONTAINER(b, struct parcel, block);
    struct appender *l = p->load;

    pthread_mutex_lock(&l->lock);
    p->next = l->parcels;
    l->parcels = p;
    pthread_mutex_unlock(&l->lock);
}

static struct parcel *parcel_new(struct appender *l)
{
    struct parcel *p = mem_new(sizeof *p + l->batch.len);

    p->load = l;
    memcpy(p->bytes, l->batch.at, l->batch.len);
    return p;
}

static struct slice parcel_take(struct appender *l)
{
    struct parcel *p;

    pthread_mutex_lock(&l->lock);
    p = l->parcels;
    if (p)
        l->parcels = p->next;
    pthread_mutex_unlock(&l->lock);
    if (!p)
        p = parcel_new(l);
    block_init(&p->block, p->bytes, l->batch.len, parcel_free);
    return slice_of(&p->block, p->bytes, l->batch.len);
}

/* ---- appends ---- */

static void on_done(struct call *c)
{
    struct slot     *s = (struct slot *)c;
    struct appender *l = c->ctx;

    if (s->item.err)
        bench_die("append: %s", err_text(s->item.err));
    if (l->latency)
        quantile_add(l->latency, (bench_now() - s->sent_at) * 1e3);
    l->done++;
    l->idle[l->idle_count++] = s;
}

static void send_one(struct appender *l)
{
    struct slot *s = l->idle[--l->idle_count];
    uint32_t     log = l->order[l->sent_ever++ % l->log_count];

    call_fini(&s->append.call);
    call_init(&s->append.call, CALL_APPEND, &l->rig->home, on_done, l);
    s->append.ns = bytes_of_str(NAMESPACE_DEFAULT);
    s->append.to_queue = l->options.queue != NULL;
    s->append.item_count = 1;
    s->append.items = &s->item;
    s->item = (struct append_item){
        .name = bytes_of_str(l->options.queue ? l->options.queue
                                              : l->names[log / l->options.partition_count]),
        .partition = (int32_t)(log % l->options.partition_count),
        .batch = parcel_take(l),
        .delay_ms = -1,
    };
    s->sent_at = l->latency ? bench_now() : 0;
    l->sent++;
    rig_submit(l->rig, &s->append.call);
}

double appender_run(struct appender *l, double seconds, uint64_t batches, struct quantile *latency)
{
    double begin = bench_now();

    l->latency = latency;
    l->sent = l->done = 0;
    for (;;) {
        bool is_over = (batches && l->sent >= batches) || bench_now() - begin >= seconds;

        while (!is_over && l->idle_count > 0 && !(batches && l->sent >= batches))
            send_one(l);
        rig_flush(l->rig);
        if (is_over && l->done == l->sent)
            return bench_now() - begin;
        rig_wait(l->rig);
    }
}

uint64_t appender_batches(const struct appender *l)
{
    return l->done;
}

size_t appender_batch_bytes(const struct appender *l)
{
    return l->batch.len;
}

void appender_make_topics(struct appender *l)
{
    for (uint32_t i = 0; i < l->options.topic_count; i++)
        rig_make_topic(l->rig, l->names[i], l->options.partition_count);
}

/* Fisher and Yates with a fixed generator: each run writes in the same order. */
static void shuffle(uint32_t *at, uint32_t count)
{
    uint64_t random = 88172645463325252ull;

    for (uint32_t i = count; i > 1; i--) {
        uint32_t j, swap;

        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        j = (uint32_t)(random % i);
        swap = at[i - 1];
        at[i - 1] = at[j];
        at[j] = swap;
    }
}

struct appender *appender_new(struct rig *r, const struct appender_options *o)
{
    struct appender *l = mem_new(sizeof *l);

    l->rig = r;
    l->options = *o;
    rig_batch(&l->batch, o->record_count, o->record_bytes);
    pthread_mutex_init(&l->lock, NULL);
    l->names = mem_new(o->topic_count * sizeof *l->names + 1);
    for (uint32_t i = 0; i < o->topic_count; i++)
        snprintf(l->names[i], TOPIC_NAME_BYTES, "t-%03u", i);
    l->log_count = o->queue ? 1 : o->topic_count * o->partition_count;
    l->order = mem_new(l->log_count * sizeof *l->order);
    for (uint32_t i = 0; i < l->log_count; i++)
        l->order[i] = i;
    shuffle(l->order, l->log_count);
    l->slots = mem_new(o->window * sizeof *l->slots);
    l->idle = mem_new(o->window * sizeof *l->idle);
    for (uint32_t i = 0; i < o->window; i++)
        l->idle[l->idle_count++] = &l->slots[i];
    return l;
}

/* The store is closed: nothing is held any more. */
void appender_free(struct appender *l)
{
    struct parcel *p;

    for (uint32_t i = 0; i < l->options.window; i++)
        call_fini(&l->slots[i].append.call);
    while ((p = l->parcels) != NULL) {
        l->parcels = p->next;
        free(p);
    }
    pthread_mutex_destroy(&l->lock);
    buf_fini(&l->batch);
    free(l->names);
    free(l->order);
    free(l->slots);
    free(l->idle);
    free(l);
}
