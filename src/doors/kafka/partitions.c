/*
 * partitions.c - CreatePartitions, DeleteRecords, ElectLeaders and ListPartitionReassignments.
 *
 * A topic's partitions only grow. Records are deleted from the beginning of a partition, and not of
 * a topic that is compacted and nothing else, where that would be another way to lose the last of a
 * key. Each partition has the leader it should have, so no election is needed, and none
 * is ever on its way to another node.
 *
 * Thread: the loop's.
 */
#include "base/map.h"
#include "doors/kafka/configs.h"
#include "doors/kafka/names.h"
#include "doors/kafka/nodes.h"
#include "doors/kafka/throttle.h"

enum { NO_WATERMARK = -1, GROW_STRICT_SINCE = 3 }; /* the version that knows THROTTLING_QUOTA_EXCEEDED */

static struct topic_get_call *get_call(struct kafka_request *r, size_t items_max)
{
    struct topic_get_call *c = kafka_call(r, sizeof *c, CALL_TOPIC_GET);

    c->ns = kafka_ns();
    c->items = kafka_array(r, items_max, sizeof *c->items);
    return c;
}

static enum err item_err(const struct topic_get_call *c, const struct topic_get_item *item)
{
    if (c->call.err || item->err)
        return c->call.err ? c->call.err : item->err;
    return item->view.is_private ? ERR_NO_TOPIC : ERR_OK;
}

/* ---- CreatePartitions ---- */

struct grow_state {
    struct create_partitions_response response;
    struct topic_get_call            *get;
    struct topic_get_item           **items; /* by the index of the topics; NULL: refused */
    struct topic_alter_call         **calls; /* likewise */
};

static void refuse_growth(struct kafka_request *r, size_t i, int16_t code, struct buf *text)
{
    struct grow_state *s = r->state;

    s->response.results.at[i].error_code = code;
    s->response.results.at[i].error_message = kafka_text(r, text);
    s->items[i] = NULL;
}

static void refuse_growth_str(struct kafka_request *r, size_t i, int16_t code, const char *sentence)
{
    struct buf text;

    buf_init(&text);
    buf_str(&text, sentence);
    refuse_growth(r, i, code, &text);
}

static void on_grown(struct kafka_request *r)
{
    struct grow_state *s = r->state;

    for (size_t i = 0; i < s->response.results.count; i++) {
        enum err err = s->calls[i] ? s->calls[i]->call.err : ERR_OK;

        if (err == ERR_BAD_ARGUMENT) /* somebody was faster */
            refuse_growth_str(r, i, KAFKA_INVALID_PARTITIONS, "The topic has grown meanwhile.");
        else if (err)
            refuse_growth_str(r, i, kafka_error(err), err_text(err));
    }
    kafka_answer(r, &s->response);
}

static bool is_assignment(const struct kafka_request                         *r,
                          const struct create_partitions_request_topic *q, uint32_t have)
{
    if (!q->assignments.at)
        return true;
    if (q->assignments.count != (uint32_t)q->count - have)
        return false;
    for (size_t i = 0; i < q->assignments.count; i++) {
        if (!kafka_is_replica_list(r, q->assignments.at[i].broker_ids))
            return false;
    }
    return true;
}

static bool check_growth(struct kafka_request *r, size_t i)
{
    const struct create_partitions_request       *q = r->body;
    const struct create_partitions_request_topic *from = &q->topics.at[i];
    struct grow_state                            *s = r->state;
    enum err                                      err = item_err(s->get, s->items[i]);
    uint32_t                                      have = s->items[i]->view.partition_count;
    struct buf                                    text;

    if (err) {
        refuse_growth_str(r, i, kafka_error(err), err_text(err));
        return false;
    }
    buf_init(&text);
    if (from->count > TOPIC_PARTITIONS_MAX) {
        buf_printf(&text, "A topic has at most %d partitions.", TOPIC_PARTITIONS_MAX);
        refuse_growth(r, i, KAFKA_INVALID_PARTITIONS, &text);
    } else if (from->count == (int32_t)have) {
        buf_printf(&text, "Topic already has %u partition(s).", have);
        refuse_growth(r, i, KAFKA_INVALID_PARTITIONS, &text);
    } else if (from->count < (int32_t)have) {
        buf_printf(&text, "The topic %.*s currently has %u partition(s); %d would not be an increase.",
                   (int)from->name.len, (const char *)from->name.at, have, from->count);
        refuse_growth(r, i, KAFKA_INVALID_PARTITIONS, &text);
    } else if (!is_assignment(r, from, have)) {
        buf_str(&text, "An assignment names nodes that there are, for each new partition.");
        refuse_growth(r, i, KAFKA_INVALID_REPLICA_ASSIGNMENT, &text);
    } else {
        buf_fini(&text);
        return true;
    }
    return false;
}

static void on_topics_to_grow(struct kafka_request *r)
{
    const struct create_partitions_request *q = r->body;
    struct grow_state                      *s = r->state;

    r->on_calls_done = on_grown;
    for (size_t i = 0; i < q->topics.count; i++) {
        struct topic_alter_call *c;
        uint32_t                 added;

        if (!s->items[i] || !check_growth(r, i))
            continue;
        added = (uint32_t)q->topics.at[i].count - s->items[i]->view.partition_count;
        if (!q->validate_only && !throttle_takes_mutations(r, added, GROW_STRICT_SINCE)) {
            refuse_growth_str(r, i, KAFKA_THROTTLING_QUOTA_EXCEEDED, "The throttling quota has been exceeded.");
            continue;
        }
        c = kafka_call(r, sizeof *c, CALL_TOPIC_ALTER);
        c->ns = kafka_ns();
        c->uuid = s->items[i]->view.uuid;
        c->partition_count = (uint32_t)q->topics.at[i].count;
        c->is_check_only = q->validate_only;
        s->calls[i] = c;
        kafka_submit(r, c);
    }
    if (r->calls_out == 0)
        on_grown(r);
}

static void refuse_doubles(struct kafka_request *r)
{
    const struct create_partitions_request *q = r->body;
    struct map                              names;

    map_init(&names);
    for (size_t i = 0; i < q->topics.count; i++) {
        struct create_partitions_request_topic *t = &q->topics.at[i];
        struct create_partitions_request_topic *other = map_put(&names, t->name, t);

        if (!other)
            continue;
        refuse_growth_str(r, i, KAFKA_INVALID_REQUEST, "Duplicate topic name.");
        refuse_growth_str(r, (size_t)(other - q->topics.at), KAFKA_INVALID_REQUEST,
                          "Duplicate topic name.");
    }
    map_fini(&names);
}

void kafka_on_create_partitions(struct kafka_request *r)
{
    const struct create_partitions_request *q = r->body;
    struct grow_state                      *s = arena_struct(&r->arena, struct grow_state);
    size_t                                  count = q->topics.count;

    r->state = s;
    s->get = get_call(r, count);
    s->get->item_count = count;
    s->items = kafka_array(r, count, sizeof(struct topic_get_item *));
    s->calls = kafka_array(r, count, sizeof(struct topic_alter_call *));
    s->response.results.count = count;
    s->response.results.at = kafka_array(r, count, sizeof *s->response.results.at);
    for (size_t i = 0; i < count; i++) {
        s->response.results.at[i].name = q->topics.at[i].name;
        s->get->items[i].name = q->topics.at[i].name;
        s->items[i] = &s->get->items[i];
    }
    refuse_doubles(r);
    r->on_calls_done = on_topics_to_grow;
    kafka_submit(r, s->get);
}

/* ---- DeleteRecords ---- */

struct trim_state {
    struct delete_records_response response;
    struct topic_get_call         *get;
    struct log_trim_call         **calls; /* one after the other; NULL: refused */
};

static bool is_only_compacted(const struct topic_view *view)
{
    struct bytes cleanup = topic_config_read(view->native[DOOR_KAFKA],
                                             topic_config_find(bytes_str("cleanup.policy")));

    return view->policy.is_compacted && bytes_eq_str(cleanup, "compact");
}

static void on_trimmed(struct kafka_request *r)
{
    struct trim_state *s = r->state;
    size_t             n = 0;

    for (size_t i = 0; i < s->response.topics.count; i++) {
        struct delete_records_response_topic *t = &s->response.topics.at[i];

        for (size_t k = 0; k < t->partitions.count; k++, n++) {
            const struct log_trim_call *c = s->calls[n];

            if (c)
                t->partitions.at[k].error_code = kafka_error(c->call.err);
            if (c && !c->call.err)
                t->partitions.at[k].low_watermark = (int64_t)c->log_start;
        }
    }
    kafka_answer(r, &s->response);
}

static struct log_trim_call *trim_call(struct kafka_request *r, const struct topic_view *view,
                                       const struct delete_records_request_partition *from,
                                       struct delete_records_response_partition      *to)
{
    struct log_trim_call *c;

    if (from->partition_index < 0)
        to->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    else if (from->offset < OFFSET_LATEST)
        to->error_code = KAFKA_OFFSET_OUT_OF_RANGE;
    else if (is_only_compacted(view))
        to->error_code = KAFKA_POLICY_VIOLATION;
    if (to->error_code != KAFKA_NONE)
        return NULL;
    c = kafka_call(r, sizeof *c, CALL_LOG_TRIM);
    c->ns = kafka_ns();
    c->uuid = view->uuid;
    c->partition = (uint32_t)from->partition_index;
    c->offset = from->offset;
    kafka_submit(r, c);
    return c;
}

static void on_topics_to_trim(struct kafka_request *r)
{
    const struct delete_records_request *q = r->body;
    struct trim_state                   *s = r->state;
    size_t                               n = 0;

    r->on_calls_done = on_trimmed;
    for (size_t i = 0; i < q->topics.count; i++) {
        struct delete_records_response_topic *to = &s->response.topics.at[i];
        enum err                              err = item_err(s->get, &s->get->items[i]);

        for (size_t k = 0; k < to->partitions.count; k++, n++) {
            if (err)
                to->partitions.at[k].error_code = kafka_error(err);
            else
                s->calls[n] = trim_call(r, &s->get->items[i].view, &q->topics.at[i].partitions.at[k],
                                        &to->partitions.at[k]);
        }
    }
    if (r->calls_out == 0)
        on_trimmed(r);
}

/* Room in the answer; how many partitions there are. */
static size_t begin_trim_answer(struct kafka_request *r)
{
    const struct delete_records_request *q = r->body;
    struct trim_state                   *s = r->state;
    size_t                               n = 0;

    s->response.topics.count = q->topics.count;
    s->response.topics.at = kafka_array(r, q->topics.count, sizeof *s->response.topics.at);
    for (size_t i = 0; i < q->topics.count; i++) {
        struct delete_records_response_topic *to = &s->response.topics.at[i];

        to->name = q->topics.at[i].name;
        to->partitions.count = q->topics.at[i].partitions.count;
        to->partitions.at = kafka_array(r, to->partitions.count, sizeof *to->partitions.at);
        for (size_t k = 0; k < to->partitions.count; k++, n++) {
            to->partitions.at[k].partition_index = q->topics.at[i].partitions.at[k].partition_index;
            to->partitions.at[k].low_watermark = NO_WATERMARK;
        }
    }
    return n;
}

void kafka_on_delete_records(struct kafka_request *r)
{
    const struct delete_records_request *q = r->body;
    struct trim_state                   *s = arena_struct(&r->arena, struct trim_state);

    r->state = s;
    s->calls = kafka_array(r, begin_trim_answer(r), sizeof(struct log_trim_call *));
    s->get = get_call(r, q->topics.count);
    s->get->item_count = q->topics.count;
    for (size_t i = 0; i < q->topics.count; i++)
        s->get->items[i].name = q->topics.at[i].name;
    r->on_calls_done = on_topics_to_trim;
    kafka_submit(r, s->get);
}

/* ---- ElectLeaders ---- */

struct elect_state {
    struct elect_leaders_response response;
    struct topic_get_call        *get;
};

static void elect(struct kafka_request *r, const struct elect_leaders_request_partition *from,
                  const struct topic_get_item *item, struct elect_leaders_response_result *to)
{
    struct elect_state *s = r->state;
    enum err            err = item_err(s->get, item);

    to->topic = from->topic;
    to->partition_result.count = from->partitions.count;
    to->partition_result.at = kafka_array(r, from->partitions.count, sizeof *to->partition_result.at);
    for (size_t i = 0; i < from->partitions.count; i++) {
        int32_t partition = from->partitions.at[i];
        bool    is_there = !err && partition >= 0 && (uint32_t)partition < item->view.partition_count;

        to->partition_result.at[i] = (struct elect_leaders_response_partition){
            .partition_id = partition,
            .error_code = is_there ? KAFKA_ELECTION_NOT_NEEDED : KAFKA_UNKNOWN_TOPIC_OR_PARTITION,
            .error_message = bytes_str(is_there ? "Leader election not needed for topic partition."
                                                : "No such topic and partition."),
        };
    }
}

static void on_topics_to_elect(struct kafka_request *r)
{
    const struct elect_leaders_request *q = r->body;
    struct elect_state                 *s = r->state;

    for (size_t i = 0; i < q->topic_partitions.count; i++)
        elect(r, &q->topic_partitions.at[i], &s->get->items[i],
              &s->response.replica_election_results.at[i]);
    kafka_answer(r, &s->response);
}

/* Of all partitions (null), those are named that needed an election: none. */
void kafka_on_elect_leaders(struct kafka_request *r)
{
    const struct elect_leaders_request *q = r->body;
    struct elect_state                 *s = arena_struct(&r->arena, struct elect_state);
    size_t                              count = q->topic_partitions.count;

    r->state = s;
    s->response.replica_election_results.count = count;
    s->response.replica_election_results.at =
        kafka_array(r, count, sizeof *s->response.replica_election_results.at);
    if (count == 0) {
        kafka_answer(r, &s->response);
        return;
    }
    s->get = get_call(r, count);
    s->get->item_count = count;
    for (size_t i = 0; i < count; i++)
        s->get->items[i].name = q->topic_partitions.at[i].topic;
    r->on_calls_done = on_topics_to_elect;
    kafka_submit(r, s->get);
}

/* ---- ListPartitionReassignments ---- */

void kafka_on_list_reassignments(struct kafka_request *r)
{
    struct list_reassignments_response a = { 0 };

    kafka_answer(r, &a);
}
