/*
 * topic_partitions.c - DescribeTopicPartitions: topics and their partitions in pages (KIP-966).
 *
 * Topics come by name. A page has at most as many partitions as asked for and PAGE_PARTITIONS_MAX;
 * what comes next is said by topic and partition, which is where the next page begins. A topic that
 * was asked for and is not there is named with an error and takes no room.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/authorize.h"
#include "doors/kafka/names.h"
#include "doors/kafka/nodes.h"

#include <stdlib.h>

enum { PAGE_PARTITIONS_MAX = 2000, OPERATIONS_TOPIC = 0x0df8 }; /* operations: bits of KIP-430 */

struct page_state {
    struct topic_partitions_response response;
    struct topic_get_call           *get;
    uint32_t                         left; /* partitions that still have room */
};

static int compare_names(const void *a, const void *b)
{
    const struct topic_get_item *x = a;
    const struct topic_get_item *y = b;
    struct bytes                 p = bytes_is_null(x->name) ? x->view.name : x->name;
    struct bytes                 q = bytes_is_null(y->name) ? y->view.name : y->name;

    return bytes_cmp(p, q);
}

static struct bytes name_of(const struct topic_get_item *item)
{
    return bytes_is_null(item->name) ? item->view.name : item->name;
}

static void fill_partitions(struct kafka_request *r, const struct topic_view *view, uint32_t from,
                            uint32_t count, struct topic_partitions_response_topic *t)
{
    t->partitions.count = count;
    t->partitions.at = kafka_array(r, count, sizeof *t->partitions.at);
    for (uint32_t i = 0; i < count; i++) {
        struct wire_i32s replicas = kafka_replicas(r, view, from + i);

        t->partitions.at[i] = (struct topic_partitions_response_partition){
            .partition_index = (int32_t)(from + i),
            .leader_id = kafka_leader(r, &view->uuid, from + i),
            .leader_epoch = KAFKA_LEADER_EPOCH,
            .replica_nodes = replicas,
            .isr_nodes = replicas,
            .eligible_leader_replicas = { 0, kafka_array(r, 0, sizeof(int32_t)) },
            .last_known_elr = { 0, kafka_array(r, 0, sizeof(int32_t)) },
        };
    }
}

static void set_cursor(struct kafka_request *r, struct bytes topic, uint32_t partition)
{
    struct page_state *s = r->state;

    s->response.next_cursor = arena_struct(&r->arena, struct topic_partitions_response_cursor);
    s->response.next_cursor->topic_name = topic;
    s->response.next_cursor->partition_index = (int32_t)partition;
}

/* False: the page is full. */
static bool add_topic(struct kafka_request *r, const struct topic_get_item *item, uint32_t from)
{
    struct page_state                      *s = r->state;
    struct topic_partitions_response_topic *t;
    uint32_t                                count;

    if (s->left == 0) {
        set_cursor(r, name_of(item), 0);
        return false;
    }
    t = &s->response.topics.at[s->response.topics.count++];
    t->name = name_of(item);
    t->topic_id = item->view.uuid;
    t->topic_authorized_operations = kafka_allowed(r, OPERATIONS_TOPIC, ACL_TOPIC, t->name);
    count = from < item->view.partition_count ? item->view.partition_count - from : 0;
    if (count > s->left) {
        fill_partitions(r, &item->view, from, s->left, t);
        set_cursor(r, name_of(item), from + s->left);
        return false;
    }
    fill_partitions(r, &item->view, from, count, t);
    s->left -= count;
    return true;
}

static void add_missing(struct kafka_request *r, const struct topic_get_item *item)
{
    struct page_state                      *s = r->state;
    struct topic_partitions_response_topic *t = &s->response.topics.at[s->response.topics.count++];

    t->name = item->name;
    t->error_code = kafka_is_topic_name(item->name) ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION
                                                    : KAFKA_INVALID_TOPIC_EXCEPTION;
    t->topic_authorized_operations = INT32_MIN;
}

static bool is_repeated(const struct topic_get_call *c, size_t i)
{
    return i > 0 && bytes_eq(name_of(&c->items[i]), name_of(&c->items[i - 1]));
}

static void on_topics(struct kafka_request *r)
{
    const struct topic_partitions_request        *q = r->body;
    const struct topic_partitions_request_cursor *cursor = q->cursor;
    struct page_state                            *s = r->state;
    struct topic_get_call                        *c = s->get;

    qsort(c->items, c->item_count, sizeof *c->items, compare_names);
    s->response.topics.at = kafka_array(r, c->item_count, sizeof *s->response.topics.at);
    for (size_t i = 0; i < c->item_count; i++) {
        struct topic_get_item *item = &c->items[i];
        int                    order = cursor ? bytes_cmp(name_of(item), cursor->topic_name) : 1;
        bool                   is_there = !c->call.err && !item->err && !item->view.is_private;

        if (order < 0 || is_repeated(c, i) || !kafka_is_showable(name_of(item)) ||
            !kafka_may(r, ACL_DESCRIBE, ACL_TOPIC, name_of(item)))
            continue;
        if (!is_there)
            add_missing(r, item);
        else if (!add_topic(r, item, order == 0 ? (uint32_t)cursor->partition_index : 0))
            break;
    }
    kafka_answer(r, &s->response);
}

/* All topics that were named have the error. */
static void refuse(struct kafka_request *r, int16_t code)
{
    const struct topic_partitions_request *q = r->body;
    struct topic_partitions_response       a = { .topics = { .count = q->topics.count } };

    a.topics.at = kafka_array(r, q->topics.count, sizeof *a.topics.at);
    for (size_t i = 0; i < q->topics.count; i++) {
        a.topics.at[i].name = q->topics.at[i].name;
        a.topics.at[i].error_code = code;
        a.topics.at[i].topic_authorized_operations = INT32_MIN;
    }
    kafka_answer(r, &a);
}

void kafka_on_topic_partitions(struct kafka_request *r)
{
    const struct topic_partitions_request *q = r->body;
    struct page_state                     *s = arena_struct(&r->arena, struct page_state);
    int32_t                                limit = q->response_partition_limit;

    r->state = s;
    if (q->cursor && q->cursor->partition_index < 0) {
        refuse(r, KAFKA_INVALID_REQUEST);
        return;
    }
    s->left = limit < 1 ? 1 : limit > PAGE_PARTITIONS_MAX ? PAGE_PARTITIONS_MAX : (uint32_t)limit;
    s->get = kafka_call(r, sizeof *s->get, CALL_TOPIC_GET);
    s->get->ns = kafka_ns();
    s->get->all = q->topics.count == 0;
    s->get->item_count = q->topics.count;
    s->get->items = kafka_array(r, q->topics.count, sizeof *s->get->items);
    for (size_t i = 0; i < q->topics.count; i++)
        s->get->items[i].name = q->topics.at[i].name;
    r->on_calls_done = on_topics;
    kafka_submit(r, s->get);
}
