/*
 * offsets.c - ListOffsets and OffsetForLeaderEpoch: where a log begins, ends, or was at some time.
 *
 * There is one leader epoch, 0, for all time (KIP-320): a client that knows a later one is told
 * that we do not, and the end of epoch 0 is the end of the log.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/request.h"

enum { NONE = -1 };

/* The times below zero that mean something else (KIP-79, KIP-405, KIP-734, KIP-1005, KIP-1023).
 * Without remote storage the local log is all there is, nothing is tiered and nothing waits for it.
 * */
static const struct special_time {
    int64_t timestamp;
    int16_t since; /* version */
    bool    is_nowhere;
    int64_t asked; /* of the engine */
} special_times[] = {
    { -1, 1, false, OFFSET_LATEST },
    { -2, 1, false, OFFSET_EARLIEST },
    { -3, 7, false, OFFSET_MAX_TIMESTAMP },
    { -4, 8, false, OFFSET_EARLIEST }, /* earliest local */
    { -5, 9, true, 0 },                /* latest tiered */
    { -6, 11, true, 0 },               /* earliest pending upload */
};

struct offsets_state {
    struct list_offsets_response             response;
    struct list_offsets_call                *call;
    struct list_offsets_response_partition **targets; /* of the call's items */
};

static const struct special_time *find_special(int64_t timestamp, int16_t version)
{
    for (size_t i = 0; i < COUNT(special_times); i++) {
        if (special_times[i].timestamp == timestamp && version >= special_times[i].since)
            return &special_times[i];
    }
    return NULL;
}

static int16_t check_epoch(int32_t known_to_client)
{
    return known_to_client > KAFKA_LEADER_EPOCH ? KAFKA_UNKNOWN_LEADER_EPOCH : KAFKA_NONE;
}

/* ---- ListOffsets ---- */

static void on_offsets(struct kafka_request *r)
{
    struct offsets_state *s = r->state;

    for (size_t i = 0; i < s->call->item_count; i++) {
        const struct list_offsets_item         *item = &s->call->items[i];
        struct list_offsets_response_partition *p = s->targets[i];

        p->error_code = kafka_error(s->call->call.err ? s->call->call.err : item->err);
        if (p->error_code != KAFKA_NONE)
            continue;
        p->offset = item->offset;
        p->timestamp = item->found_ms;
        p->leader_epoch = item->offset >= 0 ? KAFKA_LEADER_EPOCH : NONE;
    }
    kafka_answer(r, &s->response);
}

static void take_partition(struct kafka_request *r, struct bytes name,
                           const struct list_offsets_request_partition *from,
                           struct list_offsets_response_partition *to)
{
    struct offsets_state      *s = r->state;
    const struct special_time *special = find_special(from->timestamp, r->version.number);
    int16_t                    code = check_epoch(from->current_leader_epoch);

    if (r->version.number < 4)
        code = KAFKA_NONE;
    if (from->index < 0)
        code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    else if (from->timestamp < 0 && !special)
        code = KAFKA_UNSUPPORTED_VERSION;
    *to = (struct list_offsets_response_partition){
        .index = from->index,
        .error_code = code,
        .timestamp = NONE,
        .offset = NONE,
        .leader_epoch = NONE,
    };
    if (code != KAFKA_NONE || (special && special->is_nowhere))
        return;
    s->targets[s->call->item_count] = to;
    s->call->items[s->call->item_count++] = (struct list_offsets_item){
        .name = name,
        .partition = (uint32_t)from->index,
        .timestamp_ms = special ? special->asked : from->timestamp,
    };
}

static void take_topic(struct kafka_request *r, const struct list_offsets_request_topic *from,
                       struct list_offsets_response_topic *to)
{
    to->name = from->name;
    to->partitions.count = from->partitions.count;
    to->partitions.at = kafka_array(r, from->partitions.count, sizeof *to->partitions.at);
    for (size_t i = 0; i < from->partitions.count; i++)
        take_partition(r, from->name, &from->partitions.at[i], &to->partitions.at[i]);
}

void kafka_on_list_offsets(struct kafka_request *r)
{
    const struct list_offsets_request *q = r->body;
    struct offsets_state              *s = arena_struct(&r->arena, struct offsets_state);
    size_t                             count = 0;

    for (size_t i = 0; i < q->topics.count; i++)
        count += q->topics.at[i].partitions.count;
    r->state = s;
    s->call = kafka_call(r, sizeof *s->call, CALL_LIST_OFFSETS);
    s->call->ns = kafka_ns();
    s->call->committed_only = r->version.number >= 2 && q->isolation_level > 0;
    s->call->items = kafka_array(r, count, sizeof *s->call->items);
    s->targets = kafka_array(r, count, sizeof(struct list_offsets_response_partition *));
    s->response.topics.count = q->topics.count;
    s->response.topics.at = kafka_array(r, q->topics.count, sizeof *s->response.topics.at);
    for (size_t i = 0; i < q->topics.count; i++)
        take_topic(r, &q->topics.at[i], &s->response.topics.at[i]);
    r->on_calls_done = on_offsets;
    if (s->call->item_count > 0)
        kafka_submit(r, s->call);
    else
        kafka_answer(r, &s->response);
}

/* ---- OffsetForLeaderEpoch ---- */

struct epoch_state {
    struct epoch_end_response             response;
    struct list_offsets_call             *call;
    struct epoch_end_response_partition **targets; /* of the call's items */
};

static void on_ends(struct kafka_request *r)
{
    struct epoch_state *s = r->state;

    for (size_t i = 0; i < s->call->item_count; i++) {
        const struct list_offsets_item      *item = &s->call->items[i];
        struct epoch_end_response_partition *p = s->targets[i];

        p->error_code = kafka_error(s->call->call.err ? s->call->call.err : item->err);
        if (p->error_code != KAFKA_NONE)
            continue;
        p->leader_epoch = KAFKA_LEADER_EPOCH;
        p->end_offset = item->offset;
    }
    kafka_answer(r, &s->response);
}

/* An epoch other than ours has no end here: -1, -1. */
static void take_epoch(struct kafka_request *r, struct bytes name,
                       const struct epoch_end_request_partition *from,
                       struct epoch_end_response_partition *to)
{
    struct epoch_state *s = r->state;
    int16_t             code = check_epoch(from->current_leader_epoch);

    if (from->index < 0)
        code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    *to = (struct epoch_end_response_partition){
        .index = from->index, .error_code = code, .leader_epoch = NONE, .end_offset = NONE
    };
    if (code != KAFKA_NONE || from->leader_epoch != KAFKA_LEADER_EPOCH)
        return;
    s->targets[s->call->item_count] = to;
    s->call->items[s->call->item_count++] = (struct list_offsets_item){
        .name = name,
        .partition = (uint32_t)from->index,
        .timestamp_ms = OFFSET_LATEST,
    };
}

static void take_epoch_topic(struct kafka_request *r, const struct epoch_end_request_topic *from,
                             struct epoch_end_response_topic *to)
{
    to->name = from->name;
    to->partitions.count = from->partitions.count;
    to->partitions.at = kafka_array(r, from->partitions.count, sizeof *to->partitions.at);
    for (size_t i = 0; i < from->partitions.count; i++)
        take_epoch(r, from->name, &from->partitions.at[i], &to->partitions.at[i]);
}

void kafka_on_epoch_end(struct kafka_request *r)
{
    const struct epoch_end_request *q = r->body;
    struct epoch_state             *s = arena_struct(&r->arena, struct epoch_state);
    size_t                          count = 0;

    for (size_t i = 0; i < q->topics.count; i++)
        count += q->topics.at[i].partitions.count;
    r->state = s;
    s->call = kafka_call(r, sizeof *s->call, CALL_LIST_OFFSETS);
    s->call->ns = kafka_ns();
    s->call->items = kafka_array(r, count, sizeof *s->call->items);
    s->targets = kafka_array(r, count, sizeof(struct epoch_end_response_partition *));
    s->response.topics.count = q->topics.count;
    s->response.topics.at = kafka_array(r, q->topics.count, sizeof *s->response.topics.at);
    for (size_t i = 0; i < q->topics.count; i++)
        take_epoch_topic(r, &q->topics.at[i], &s->response.topics.at[i]);
    r->on_calls_done = on_ends;
    if (s->call->item_count > 0)
        kafka_submit(r, s->call);
    else
        kafka_answer(r, &s->response);
}
