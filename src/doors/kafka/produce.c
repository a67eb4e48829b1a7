/*
 * produce.c - Produce: batches come in as they are.
 *
 *   KP1  A batch is checked here, on the loop's thread: exactly one of format 2 per partition,
 *        header consistent, CRC right. The engine gets the bytes where they were received and
 *        writes base offset and leader epoch into them; nothing is copied or opened. What the
 *        records say is looked at by the engine when the topic is compacted, has a limit for old
 *        timestamps or a codec of its own, and by nobody else; here only to tell a client which of them were refused.
 *   KP2  One append call per request; each partition has its own error. acks 1 and -1 are both
 *        answered when all is on disk. acks 0 is never answered; an error ends the connection
 *        instead, which is all such a client can notice.
 *   KP3  Transactional batches go with the transactional id of the request. From version 12 on they
 *        become part of its transaction by that (KIP-890).
 *
 * Thread: the loop's.
 */
#include "doors/kafka/authorize.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/request.h"

enum {
    ZSTD_VERSION_MIN = 7,       /* of Produce */
    ABORTABLE_VERSION_MIN = 11, /* it knows TRANSACTION_ABORTABLE */
    TXN_BUMPS_VERSION_MIN = 12, /* KP3 */
    MAGIC_AT = 16,
    ERRORS_SUMMED_UP = 3, /* of the records of a batch; as Kafka does */
};

/* ---- checks ---- */

struct refusal {
    int16_t     code; /* KAFKA_NONE: the batch may be appended */
    const char *text;
};

static struct refusal check_head(const struct kafka_request *r, const struct batch_head *h)
{
    unsigned codec = h->attributes & BATCH_CODEC_MASK;

    if (codec > CODEC_ZSTD || (codec == CODEC_ZSTD && r->version.number < ZSTD_VERSION_MIN))
        return (struct refusal){ KAFKA_UNSUPPORTED_COMPRESSION_TYPE,
                                 "zstd needs version 7 of Produce" };
    if (h->base_offset != 0)
        return (struct refusal){ KAFKA_INVALID_RECORD, "the base offset of a batch must be 0" };
    if (h->attributes & BATCH_CONTROL)
        return (struct refusal){ KAFKA_INVALID_RECORD, "clients may not write control records" };
    if (h->producer_id >= 0 && h->base_sequence < 0)
        return (struct refusal){ KAFKA_INVALID_RECORD, "a producer id needs a sequence number" };
    return (struct refusal){ KAFKA_NONE, NULL };
}

static struct refusal check_batch(const struct kafka_request *r, struct bytes records)
{
    struct batch_head h;
    struct refusal    refusal;

    if (records.len <= BATCH_HEADER_BYTES || records.at[MAGIC_AT] != 2 ||
        batch_head_dense(records, &h) != ERR_OK)
        return (struct refusal){ KAFKA_INVALID_RECORD,
                                 "exactly one well-formed record batch of magic 2 is needed" };
    refusal = check_head(r, &h);
    if (refusal.code != KAFKA_NONE)
        return refusal;
    if (batch_check(records, &h) != ERR_OK)
        return (struct refusal){ KAFKA_CORRUPT_MESSAGE, "the CRC of the batch does not match" };
    return (struct refusal){ KAFKA_NONE, NULL };
}

/* What is wrong with the request as a whole. */
static struct refusal check_request(const struct produce_request *q)
{
    if (q->acks < -1 || q->acks > 1)
        return (struct refusal){ KAFKA_INVALID_REQUIRED_ACKS, "acks must be -1, 0 or 1" };
    return (struct refusal){ KAFKA_NONE, NULL };
}

/* ---- answer ---- */

struct produce_state {
    struct produce_response             response;
    struct append_call                 *append;
    struct produce_response_partition **targets; /* of the append's items */
    struct bytes                       *batches; /* likewise; in the request's frame */
    bool                                has_error;
};

static void refuse(struct produce_state *s, struct produce_response_partition *p,
                   struct refusal refusal)
{
    p->error_code = refusal.code;
    p->error_message = bytes_str(refusal.text);
    s->has_error = true;
}

static void answer(struct kafka_request *r)
{
    const struct produce_request *q = r->body;
    struct produce_state         *s = r->state;

    if (q->acks != 0)
        kafka_answer(r, &s->response);
    else if (s->has_error || kafka_is_refused_in_part(r))
        kafka_hang_up(r);
    else
        kafka_answer_nothing(r);
}

/* What is wrong with one record of a batch that the engine refused, in Kafka's words (KIP-467). False: nothing. */
typedef bool record_error_fn(const struct append_item *item, const struct batch_head *head,
                             const struct raw_record *record, int32_t index, struct buf *text);

static bool has_no_key(const struct append_item *item, const struct batch_head *head,
                       const struct raw_record *record, int32_t index, struct buf *text)
{
    (void)head;
    (void)index;
    if (!bytes_is_null(record->key))
        return false;
    buf_printf(text, "Compacted topic cannot accept message without key in topic partition %.*s-%d.",
               (int)item->name.len, (const char *)item->name.at, (int)item->partition);
    return true;
}

static bool has_bad_time(const struct append_item *item, const struct batch_head *head,
                         const struct raw_record *record, int32_t index, struct buf *text)
{
    int64_t ms;

    if (__builtin_add_overflow(head->base_timestamp_ms, record->timestamp_delta, &ms) || ms < 0 ||
        (ms >= item->earliest_ms && ms <= item->latest_ms))
        return false;
    buf_printf(text,
               "Timestamp %lld of message with offset %d is out of range. The timestamp should be "
               "within [%lld, %lld]",
               (long long)ms, (int)index, (long long)item->earliest_ms, (long long)item->latest_ms);
    return true;
}

static void list_errors(struct kafka_request *r, const struct append_item *item, struct bytes batch,
                        record_error_fn *find, struct produce_response_partition *p)
{
    struct batch_reader reader;
    struct raw_record   record;

    if (batch_open(&reader, batch) != ERR_OK)
        return;
    if ((size_t)reader.head.record_count > rd_left(&reader.records)) {
        batch_close(&reader); /* it says of more records than there are bytes */
        return;
    }
    p->record_errors.at = kafka_array(r, (size_t)reader.head.record_count,
                                      sizeof *p->record_errors.at);
    for (int32_t i = 0; batch_next_raw(&reader, &record, NULL); i++) {
        struct buf text;

        buf_init(&text);
        if (find(item, &reader.head, &record, i, &text))
            p->record_errors.at[p->record_errors.count++] = (struct produce_record_error){
                i, arena_bytes(&r->arena, buf_view(&text))
            };
        buf_fini(&text);
    }
    batch_close(&reader);
}

/* The first of them, as the original broker says it. */
static struct bytes summary_of(struct kafka_request *r, const struct produce_response_partition *p)
{
    size_t     count = p->record_errors.count;
    struct buf text;

    buf_init(&text);
    buf_printf(&text,
               "One or more records have been rejected due to %zu record errors in total, and only "
               "showing the first three errors at most: [",
               count);
    for (size_t i = 0; i < count && i < ERRORS_SUMMED_UP; i++) {
        const struct produce_record_error *e = &p->record_errors.at[i];

        buf_printf(&text, "%sRecordError(batchIndex=%d, message='%.*s')", i > 0 ? ", " : "",
                   (int)e->batch_index, (int)e->message.len, (const char *)e->message.at);
    }
    buf_str(&text, "]");
    return kafka_text(r, &text);
}

static void explain_records(struct kafka_request *r, const struct append_item *item,
                            struct bytes batch, record_error_fn *find,
                            struct produce_response_partition *p)
{
    list_errors(r, item, batch, find, p);
    if (p->record_errors.count > 0)
        p->error_message = summary_of(r, p);
}

static int16_t code_of(const struct kafka_request *r, const struct append_item *item, enum err err)
{
    if (err == ERR_NOT_IN_TXN && r->version.number < ABORTABLE_VERSION_MIN)
        return KAFKA_INVALID_TXN_STATE;
    return bytes_is_null(item->name) ? kafka_error_by_id(err) : kafka_error(err);
}

static void on_appended(struct kafka_request *r)
{
    struct produce_state *s = r->state;

    for (size_t i = 0; i < s->append->item_count; i++) {
        const struct append_item          *item = &s->append->items[i];
        struct produce_response_partition *p = s->targets[i];
        enum err                           err = s->append->call.err;

        if (!err)
            err = item->err;
        if (!err) {
            p->base_offset = (int64_t)item->base_offset;
            p->log_start_offset = (int64_t)item->log_start;
            p->log_append_time_ms = item->append_time ? item->append_ms : -1;
        } else {
            refuse(s, p, (struct refusal){ code_of(r, item, err), err_text(err) });
        }
        if (err == ERR_NO_KEY)
            explain_records(r, item, s->batches[i], has_no_key, p);
        if (err == ERR_BAD_TIMESTAMP)
            explain_records(r, item, s->batches[i], has_bad_time, p);
    }
    answer(r);
}

/* ---- request ---- */

static void add_item(struct kafka_request *r, const struct produce_request_topic *topic,
                     const struct produce_request_partition *partition,
                     struct produce_response_partition *target)
{
    struct produce_state *s = r->state;
    size_t                i = s->append->item_count++;

    s->targets[i] = target;
    s->batches[i] = partition->records;
    s->append->items[i] = (struct append_item){
        .name = topic->name,
        .uuid = topic->topic_id,
        .partition = partition->index,
        .batch = slice_hold((struct slice){ r->frame.block, partition->records }),
        .delay_ms = -1,
        .obeys_limits = true,
    };
}

static void take_partition(struct kafka_request *r, const struct produce_request_topic *topic,
                           const struct produce_request_partition *partition,
                           struct produce_response_partition *target)
{
    struct refusal refusal = check_request(r->body);

    *target = (struct produce_response_partition){
        .index = partition->index,
        .base_offset = -1,
        .log_append_time_ms = -1,
        .log_start_offset = -1,
    };
    if (refusal.code == KAFKA_NONE && partition->index < 0)
        refusal = (struct refusal){ KAFKA_UNKNOWN_TOPIC_OR_PARTITION, "no such partition" };
    if (refusal.code == KAFKA_NONE)
        refusal = check_batch(r, partition->records);
    if (refusal.code == KAFKA_NONE)
        add_item(r, topic, partition, target);
    else
        refuse(r->state, target, refusal);
}

static void take_topic(struct kafka_request *r, const struct produce_request_topic *from,
                       struct produce_response_topic *to)
{
    to->name = from->name;
    to->topic_id = from->topic_id;
    to->partitions.count = from->partitions.count;
    to->partitions.at = kafka_array(r, from->partitions.count, sizeof *to->partitions.at);
    for (size_t i = 0; i < from->partitions.count; i++)
        take_partition(r, from, &from->partitions.at[i], &to->partitions.at[i]);
}

static size_t count_partitions(const struct produce_request *q)
{
    size_t count = 0;

    for (size_t i = 0; i < q->topics.count; i++)
        count += q->topics.at[i].partitions.count;
    return count;
}

void kafka_on_produce(struct kafka_request *r)
{
    const struct produce_request *q = r->body;
    struct produce_state         *s = arena_struct(&r->arena, struct produce_state);
    size_t                        count = count_partitions(q);

    r->state = s;
    s->append = kafka_call(r, sizeof *s->append, CALL_APPEND);
    s->append->ns = kafka_ns();
    s->append->txn = q->transactional_id;
    s->append->txn_bumps = r->version.number >= TXN_BUMPS_VERSION_MIN;
    s->append->items = kafka_array(r, count, sizeof *s->append->items);
    s->targets = kafka_array(r, count, sizeof(struct produce_response_partition *));
    s->batches = kafka_array(r, count, sizeof *s->batches);
    s->response.topics.count = q->topics.count;
    s->response.topics.at = kafka_array(r, q->topics.count, sizeof *s->response.topics.at);
    for (size_t i = 0; i < q->topics.count; i++)
        take_topic(r, &q->topics.at[i], &s->response.topics.at[i]);
    r->on_calls_done = on_appended;
    if (s->append->item_count > 0)
        kafka_submit(r, s->append);
    else
        answer(r);
}
