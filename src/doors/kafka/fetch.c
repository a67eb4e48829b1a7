/*
 * fetch.c - Fetch: stored batches leave as they are.
 *
 *   KF1  Batches are sent from where journal or segment has them, without a copy. Only when the
 *        stored base offset is another log's (a batch that one publish put into several), or the
 *        leader epoch's place holds something of the segment's, the first sixteen bytes are sent
 *        from a corrected copy; they lie outside the CRC.
 *   KF2  An error of a partition ends the wait: the request is answered at once. So are a request
 *        for nothing and one whose min_bytes is 0.
 *   KF3  A request that has no session and wants none is one read of all its partitions; the others are
 *        in fetch_session.c.
 *   KF4  Who reads what is committed gets it up to the last stable offset, with markers and with what was
 *        aborted, and the list that says what that is; the others get everything, and no list.
 *   KF5  What other doors keep of theirs in a reserved header is taken out of the records on their
 *        way, which a bit of the batch tells; only such batches are copied.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/batches.h"
#include "doors/kafka/fetch.h"

enum {
    FETCH_BYTES_MAX = 55 * 1024 * 1024, /* Kafka's fetch.max.bytes */
    VERSION_KNOWS_SESSIONS = 7,
    NONE = -1,
};

struct fetch_state {
    struct fetch_response             response;
    struct read_call                 *read;
    struct fetch_response_partition **targets; /* of the read's items */
    bool                              has_error;
};

/* ---- answer ---- */

static void fill_aborted(struct kafka_request *r, const struct read_item *item,
                         struct fetch_response_partition *p)
{
    if (item->aborted_count == 0)
        return;
    p->aborted_transactions.count = item->aborted_count;
    p->aborted_transactions.at =
        kafka_array(r, item->aborted_count, sizeof *p->aborted_transactions.at);
    for (size_t i = 0; i < item->aborted_count; i++)
        p->aborted_transactions.at[i] = (struct fetch_aborted_transaction){
            item->aborted[i].producer_id, (int64_t)item->aborted[i].first
        };
}

void kafka_fetch_fill(struct kafka_request *r, const struct read_item *item, struct fetch_response_partition *p)
{
    if (item->err) {
        p->error_code = bytes_is_null(item->name) ? kafka_error_by_id(item->err)
                                                  : kafka_error(item->err);
        return;
    }
    p->high_watermark = (int64_t)item->high_watermark;
    p->last_stable_offset = (int64_t)item->stable;
    p->log_start_offset = (int64_t)item->log_start;
    p->records = kafka_batches(r, item->batches, item->batch_count);
    fill_aborted(r, item, p);
}

static void on_read(struct kafka_request *r)
{
    struct fetch_state *s = r->state;

    for (size_t i = 0; i < s->read->item_count; i++) {
        struct read_item *item = &s->read->items[i];

        if (s->read->call.err)
            item->err = s->read->call.err;
        kafka_fetch_fill(r, item, s->targets[i]);
    }
    kafka_answer(r, &s->response);
}

void kafka_fetch_drop(const struct read_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < items[i].batch_count; k++)
            slice_drop(&items[i].batches[k].bytes);
    }
}

static void drop_batches(struct kafka_request *r)
{
    struct fetch_state *s = r->state;

    kafka_fetch_drop(s->read->items, s->read->item_count);
}

/* ---- request ---- */

static uint32_t at_least_0(int32_t n)
{
    return n > 0 ? (uint32_t)n : 0;
}

enum err kafka_fetch_check(const struct kafka_request *r, const struct fetch_request_partition *p)
{
    if (p->index < 0)
        return ERR_NO_PARTITION;
    if (r->version.number >= 9 && p->current_leader_epoch > KAFKA_LEADER_EPOCH)
        return ERR_UNKNOWN_EPOCH;
    return p->fetch_offset < 0 ? ERR_OUT_OF_RANGE : ERR_OK;
}

struct fetch_response_partition kafka_fetch_unread(const struct kafka_request *r, int32_t index)
{
    static struct fetch_aborted_transaction none;
    const struct fetch_request             *q = r->body;

    return (struct fetch_response_partition){
        .index = index,
        .high_watermark = NONE,
        .last_stable_offset = NONE,
        .log_start_offset = NONE,
        .preferred_read_replica = NONE,
        .aborted_transactions = { 0, q->isolation_level > 0 ? &none : NULL },
    };
}

static void take_partition(struct kafka_request *r, const struct fetch_request_topic *topic,
                           const struct fetch_request_partition *from,
                           struct fetch_response_partition *to)
{
    struct fetch_state *s = r->state;

    *to = kafka_fetch_unread(r, from->index);
    to->error_code = kafka_error(kafka_fetch_check(r, from));
    if (to->error_code != KAFKA_NONE) {
        s->has_error = true;
        return;
    }
    s->targets[s->read->item_count] = to;
    s->read->items[s->read->item_count++] = (struct read_item){
        .name = topic->name,
        .uuid = topic->topic_id,
        .partition = (uint32_t)from->index,
        .offset = (uint64_t)from->fetch_offset,
        .bytes_max = at_least_0(from->partition_max_bytes),
    };
}

static void take_topic(struct kafka_request *r, const struct fetch_request_topic *from,
                       struct fetch_response_topic *to)
{
    to->name = from->name;
    to->topic_id = from->topic_id;
    to->partitions.count = from->partitions.count;
    to->partitions.at = kafka_array(r, from->partitions.count, sizeof *to->partitions.at);
    for (size_t i = 0; i < from->partitions.count; i++)
        take_partition(r, from, &from->partitions.at[i], &to->partitions.at[i]);
}

static size_t count_partitions(const struct fetch_request *q)
{
    size_t count = 0;

    for (size_t i = 0; i < q->topics.count; i++)
        count += q->topics.at[i].partitions.count;
    return count;
}

static void take_topics(struct kafka_request *r)
{
    const struct fetch_request *q = r->body;
    struct fetch_state         *s = r->state;
    size_t                      count = count_partitions(q);

    s->read->items = kafka_array(r, count, sizeof *s->read->items);
    s->targets = kafka_array(r, count, sizeof(struct fetch_response_partition *));
    s->response.topics.count = q->topics.count;
    s->response.topics.at = kafka_array(r, q->topics.count, sizeof *s->response.topics.at);
    for (size_t i = 0; i < q->topics.count; i++)
        take_topic(r, &q->topics.at[i], &s->response.topics.at[i]);
}

struct fetch_limits kafka_fetch_limits(const struct fetch_request *q)
{
    struct fetch_limits limits = { .bytes_max = at_least_0(q->max_bytes),
                                   .bytes_min = at_least_0(q->min_bytes),
                                   .wait_ms = at_least_0(q->max_wait_ms) };

    if (limits.bytes_max > FETCH_BYTES_MAX)
        limits.bytes_max = FETCH_BYTES_MAX;
    if (limits.bytes_min > limits.bytes_max)
        limits.bytes_min = limits.bytes_max;
    return limits;
}

static void set_limits(struct read_call *read, const struct fetch_request *q, bool at_once)
{
    struct fetch_limits limits = kafka_fetch_limits(q);

    read->bytes_max = limits.bytes_max;
    read->bytes_min = limits.bytes_min;
    read->wait_ms = at_once ? 0 : limits.wait_ms;
}

/* KF3 */
static bool is_without_session(const struct kafka_request *r, const struct fetch_request *q)
{
    return r->version.number < VERSION_KNOWS_SESSIONS ||
           (q->session_id == FETCH_NO_SESSION && q->session_epoch == FETCH_EPOCH_FINAL);
}

void kafka_on_fetch(struct kafka_request *r)
{
    const struct fetch_request *q = r->body;
    struct fetch_state         *s;

    if (!is_without_session(r, q)) {
        kafka_fetch_in_session(r);
        return;
    }
    s = arena_struct(&r->arena, struct fetch_state);
    r->state = s;
    s->read = kafka_call(r, sizeof *s->read, CALL_READ);
    s->read->ns = kafka_ns();
    s->read->committed_only = q->isolation_level > 0;
    take_topics(r);
    set_limits(s->read, q, s->has_error);
    r->on_calls_done = on_read;
    r->on_free = drop_batches;
    if (s->read->item_count > 0)
        kafka_submit(r, s->read);
    else
        kafka_answer(r, &s->response);
}
