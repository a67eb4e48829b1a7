/*
 * log_dirs.c - DescribeLogDirs: how much each partition has, in the one directory that there is.
 *
 * Sizes are those of the batches as they are stored. Nodes on paper (nodes.h) each show the
 * partitions of which they are a replica.
 *
 * Thread: the loop's.
 */
#include "base/map.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/names.h"
#include "doors/kafka/nodes.h"

#include <stdlib.h>
#include <sys/statvfs.h>

enum { BYTES_UNKNOWN = -1 };

struct dirs_state {
    struct describe_log_dirs_response_result result;
    struct topic_sizes_call                 *call;
    struct map                               wanted; /* name -> describe_log_dirs_request_topic */
};

static void fill_space(const char *path, struct describe_log_dirs_response_result *result)
{
    struct statvfs v;

    result->total_bytes = result->usable_bytes = BYTES_UNKNOWN;
    if (!path || statvfs(path, &v) != 0)
        return;
    result->total_bytes = (int64_t)(v.f_blocks * v.f_frsize);
    result->usable_bytes = (int64_t)(v.f_bavail * v.f_frsize);
}

/* Absolute, as Kafka shows it. */
static struct bytes path_of(struct kafka_request *r, const char *data)
{
    char        *real = data ? realpath(data, NULL) : NULL;
    struct bytes path = arena_bytes(&r->arena, bytes_str(real ? real : data ? data : ""));

    free(real);
    return path;
}

static bool is_replica(struct kafka_request *r, const struct topic_view *view, uint32_t partition)
{
    struct wire_i32s nodes = kafka_replicas(r, view, partition);

    for (size_t i = 0; i < nodes.count; i++) {
        if (nodes.at[i] == kafka_nodes_of(r).self)
            return true;
    }
    return false;
}

static void add_partition(struct kafka_request *r, const struct topic_size_item *item, int32_t partition,
                          struct describe_log_dirs_response_topic *to)
{
    if (partition < 0 || (uint32_t)partition >= item->view.partition_count ||
        !is_replica(r, &item->view, (uint32_t)partition))
        return;
    to->partitions.at[to->partitions.count++] = (struct describe_log_dirs_response_partition){
        .partition_index = partition,
        .partition_size = (int64_t)item->bytes[partition],
    };
}

static void add_topic(struct kafka_request *r, const struct topic_size_item *item)
{
    const struct describe_log_dirs_request       *q = r->body;
    struct dirs_state                            *s = r->state;
    const struct describe_log_dirs_request_topic *wanted = map_get(&s->wanted, item->view.name);
    struct describe_log_dirs_response_topic      *to = &s->result.topics.at[s->result.topics.count];
    size_t count = q->topics.at ? (wanted ? wanted->partitions.count : 0) : item->view.partition_count;

    if (count == 0 || !kafka_is_showable(item->view.name))
        return;
    to->name = item->view.name;
    to->partitions.at = kafka_array(r, count, sizeof *to->partitions.at);
    for (size_t i = 0; i < count; i++)
        add_partition(r, item, wanted ? wanted->partitions.at[i] : (int32_t)i, to);
    s->result.topics.count += to->partitions.count > 0;
}

static void on_sizes(struct kafka_request *r)
{
    struct dirs_state                *s = r->state;
    struct describe_log_dirs_response a = { .results = { 1, &s->result } };

    s->result.error_code = kafka_error(s->call->call.err);
    s->result.topics.at = kafka_array(r, s->call->item_count, sizeof *s->result.topics.at);
    for (size_t i = 0; i < s->call->item_count; i++)
        add_topic(r, &s->call->items[i]);
    kafka_answer(r, &a);
}

static void forget_wanted(struct kafka_request *r)
{
    struct dirs_state *s = r->state;

    map_fini(&s->wanted);
}

void kafka_on_describe_log_dirs(struct kafka_request *r)
{
    const struct describe_log_dirs_request *q = r->body;
    struct dirs_state                      *s = arena_struct(&r->arena, struct dirs_state);
    const char                             *data = kafka_conn_env(r->conn)->data;

    r->state = s;
    r->on_free = forget_wanted;
    map_init(&s->wanted);
    for (size_t i = 0; i < q->topics.count; i++)
        map_put(&s->wanted, q->topics.at[i].topic, &q->topics.at[i]);
    s->result.log_dir = path_of(r, data);
    fill_space(data, &s->result);
    s->call = kafka_call(r, sizeof *s->call, CALL_TOPIC_SIZES);
    s->call->ns = kafka_ns();
    r->on_calls_done = on_sizes;
    kafka_submit(r, s->call);
}
