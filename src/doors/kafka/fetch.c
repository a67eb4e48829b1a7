/*
 * fetch.c - Fetch: stored batches leave as they are.
 *
 *   KF1  Batches are sent from where journal or segment has them, without a copy. Only when the
 *        stored base offset is another log's (a batch that one publish put into several), or the
 *        leader epoch's place holds something of the segment's, the first sixteen bytes are sent
 *        from a corrected copy; they lie outside the CRC.
 *   KF2  An error of a partition ends the wait: the request is answered at once. So are a request
 *        for nothing and one whose min_bytes is 0.
 *   KF3  There are no fetch sessions (KIP-227): session id 0 says so, and clients send whole
 *        requests then.
 *   KF4  Who reads what is committed gets it up to the last stable offset, with markers and with what was
 *        aborted, and the list that says what that is; the others get everything, and no list.
 *   KF5  What other doors keep of theirs in a reserved header is taken out of the records on their
 *        way, which a bit of the batch tells; only such batches are copied.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/batches.h"

enum {
    FETCH_BYTES_MAX = 55 * 1024 * 1024, /* Kafka's fetch.max.bytes */
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

static void fill_partition(struct kafka_request *r, const struct read_item *item,
                           struct fetch_response_partition *p)
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
        fill_partition(r, item, s->targets[i]);
    }
    kafka_answer(r, &s->response);
}

static void drop_batches(struct kafka_request *r)
{
    struct fetch_state *s = r->state;

    for (size_t i = 0; i < s->read->item_count; i++) {
        struct read_item *item = &s->read->items[i];

        for (size_t k = 0; k < item->batch_count; k++)
            slice_drop(&item->batches[k].bytes);
    }
}

/* ---- request ---- */

static uint32_t at_least_0(int32_t n)
{
    return n > 0 ? (uint32_t)n : 0;
}

static int16_t check_partition(const struct kafka_request           *r,
                               const struct fetch_request_partition *p)
{
    if (p->index < 0)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    if (r->version.number >= 9 && p->current_leader_epoch > KAFKA_LEADER_EPOCH)
        return KAFKA_UNKNOWN_LEADER_EPOCH;
    return p->fetch_offset < 0 ? KAFKA_OFFSET_OUT_OF_RANGE : KAFKA_NONE;
}

static void take_partition(struct kafka_request *r, const struct fetch_request_topic *topic,
                           const struct fetch_request_partition *from,
                           struct fetch_response_partition *to)
{
    static struct fetch_aborted_transaction none;
    const struct fetch_request             *q = r->body;
    struct fetch_state                     *s = r->state;

    *to = (struct fetch_response_partition){
        .index = from->index,
        .error_code = check_partition(r, from),
        .high_watermark = NONE,
        .last_stable_offset = NONE,
        .log_start_offset = NONE,
        .preferred_read_replica = NONE,
        .aborted_transactions = { 0, q->isolation_level > 0 ? &none : NULL },
    };
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

static void set_limits(struct read_call *read, const struct fetch_request *q, bool at_once)
{
    uint32_t bytes_min = at_least_0(q->min_bytes);

    read->bytes_max = at_least_0(q->max_bytes);
    if (read->bytes_max > FETCH_BYTES_MAX)
        read->bytes_max = FETCH_BYTES_MAX;
    read->bytes_min = bytes_min < read->bytes_max ? bytes_min : read->bytes_max;
    read->wait_ms = at_once ? 0 : at_least_0(q->max_wait_ms);
}

/* KF3: neither the beginning nor the end of a session, so one that we never gave out. */
static bool names_session(const struct kafka_request *r, const struct fetch_request *q)
{
    return r->version.number >= 7 && q->session_epoch > 0;
}

void kafka_on_fetch(struct kafka_request *r)
{
    const struct fetch_request *q = r->body;
    struct fetch_state         *s = arena_struct(&r->arena, struct fetch_state);

    r->state = s;
    if (names_session(r, q)) {
        s->response.error_code = KAFKA_FETCH_SESSION_ID_NOT_FOUND;
        kafka_answer(r, &s->response);
        return;
    }
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
