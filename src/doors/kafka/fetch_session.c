/*
 * fetch_session.c - Fetch in a session (KIP-227): the engine keeps what the client reads (engine/fetch_session.c); what
 * goes over the wire is what has changed, in either direction.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/fetch.h"

#include <stdlib.h>

/* ---- answer ---- */

/* Partitions of one topic together. */
static int compare_items(const void *a, const void *b)
{
    const struct read_item *x = a;
    const struct read_item *y = b;
    int                     order = bytes_cmp(x->name, y->name);

    if (order == 0)
        order = memcmp(x->uuid.at, y->uuid.at, sizeof x->uuid.at);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static bool same_topic(const struct read_item *x, const struct read_item *y)
{
    return bytes_eq(x->name, y->name) && memcmp(x->uuid.at, y->uuid.at, sizeof x->uuid.at) == 0;
}

static void fill_topics(struct kafka_request *r, const struct fetch_call *c, struct fetch_response *a)
{
    struct fetch_response_partition *partitions = kafka_array(r, c->told_count, sizeof *partitions);
    struct fetch_response_topic     *t = NULL;

    a->topics.at = kafka_array(r, c->told_count, sizeof *a->topics.at);
    for (size_t i = 0; i < c->told_count; i++) {
        const struct read_item *item = &c->told[i];

        if (i == 0 || !same_topic(item, &c->told[i - 1])) {
            t = &a->topics.at[a->topics.count++];
            t->name = item->name;
            t->topic_id = item->uuid;
            t->partitions.at = &partitions[i];
        }
        partitions[i] = kafka_fetch_unread(r, (int32_t)item->partition);
        kafka_fetch_fill(r, item, &partitions[i]);
        t->partitions.count++;
    }
}

static void on_fetched(struct kafka_request *r)
{
    const struct fetch_call *c = r->state;
    struct fetch_response    a = { .error_code = kafka_error(c->call.err) };

    if (!c->call.err) {
        a.session_id = c->session_id;
        qsort(c->told, c->told_count, sizeof *c->told, compare_items);
        fill_topics(r, c, &a);
    }
    kafka_answer(r, &a);
}

static void drop_batches(struct kafka_request *r)
{
    const struct fetch_call *c = r->state;

    kafka_fetch_drop(c->told, c->told_count);
}

/* ---- request ---- */

static void take_topic(struct kafka_request *r, const struct fetch_request_topic *t, struct fetch_call *c)
{
    for (size_t i = 0; i < t->partitions.count; i++) {
        const struct fetch_request_partition *p = &t->partitions.at[i];

        c->items[c->item_count++] = (struct read_item){
            .name = t->name,
            .uuid = t->topic_id,
            .partition = (uint32_t)p->index,
            .offset = (uint64_t)p->fetch_offset,
            .bytes_max = p->partition_max_bytes > 0 ? (uint32_t)p->partition_max_bytes : 0,
            .err = kafka_fetch_check(r, p),
        };
    }
}

static void take_topics(struct kafka_request *r, struct fetch_call *c)
{
    const struct fetch_request *q = r->body;
    size_t                      count = 0;

    for (size_t i = 0; i < q->topics.count; i++)
        count += q->topics.at[i].partitions.count;
    c->items = kafka_array(r, count, sizeof *c->items);
    for (size_t i = 0; i < q->topics.count; i++)
        take_topic(r, &q->topics.at[i], c);
}

static void take_forgotten(struct kafka_request *r, struct fetch_call *c)
{
    const struct fetch_request *q = r->body;
    size_t                      count = 0;

    for (size_t i = 0; i < q->forgotten_topics.count; i++)
        count += q->forgotten_topics.at[i].partitions.count;
    c->forget = kafka_array(r, count, sizeof *c->forget);
    for (size_t i = 0; i < q->forgotten_topics.count; i++) {
        const struct fetch_forgotten_topic *t = &q->forgotten_topics.at[i];

        for (size_t k = 0; k < t->partitions.count; k++)
            c->forget[c->forget_count++] = (struct fetch_forget){
                t->name, t->topic_id, (uint32_t)t->partitions.at[k]
            };
    }
}

void kafka_fetch_in_session(struct kafka_request *r)
{
    const struct fetch_request *q = r->body;
    struct fetch_call          *c = kafka_call(r, sizeof *c, CALL_FETCH);
    struct fetch_limits         limits = kafka_fetch_limits(q);

    c->ns = kafka_ns();
    c->session_id = q->session_id;
    c->epoch = q->session_epoch;
    c->by_uuid = r->version.number >= 13;
    c->committed_only = q->isolation_level > 0;
    c->bytes_max = limits.bytes_max;
    c->bytes_min = limits.bytes_min;
    c->wait_ms = limits.wait_ms;
    take_topics(r, c);
    take_forgotten(r, c);
    if (q->session_epoch <= FETCH_EPOCH_NEW && c->item_count == 0)
        c->wait_ms = 0; /* there is nothing to wait for */
    r->state = c;
    r->on_calls_done = on_fetched;
    r->on_free = drop_batches;
    kafka_submit(r, c);
}
