/*
 * commits.c - OffsetCommit and OffsetFetch.
 *
 * A commit is answered when it is on disk. Nothing committed is offset -1 and no error. Consumers
 * that are no members of anything (assign mode, tools) commit with generation -1 while the group is
 * empty.
 *
 * Thread: the loop's.
 */
#include "doors/kafka/request.h"
#include "engine/group_calls.h"

/* The version of OffsetCommit that tells a missing group from an illegal generation. */
enum { VERSION_TELLS_NO_GROUP = 9, VERSION_TELLS_EPOCH = 9, NO_EPOCH = -1 };

/* ---- OffsetCommit ---- */

struct commit_state {
    struct offset_commit_response             response;
    struct offsets_commit_call               *call;
    struct offset_commit_response_partition **targets; /* of the call's items */
};

static int16_t commit_error(const struct kafka_request *r, enum err err)
{
    if (err == ERR_NO_GROUP && r->version.number < VERSION_TELLS_NO_GROUP)
        return KAFKA_ILLEGAL_GENERATION;
    if (err == ERR_STALE_MEMBER && r->version.number < VERSION_TELLS_EPOCH)
        return KAFKA_UNSUPPORTED_VERSION; /* its members must say their epoch */
    return kafka_group_error(err);
}

static int16_t item_error(const struct kafka_request *r, enum err err)
{
    if (err == ERR_TOO_BIG)
        return KAFKA_OFFSET_METADATA_TOO_LARGE;
    return r->version.number >= 10 ? kafka_error_by_id(err) : kafka_error(err);
}

static void on_committed(struct kafka_request *r)
{
    struct commit_state *s = r->state;
    enum err             err = s->call->call.err;

    for (size_t i = 0; i < s->call->item_count; i++)
        s->targets[i]->error_code = err ? commit_error(r, err)
                                        : item_error(r, s->call->items[i].err);
    kafka_answer(r, &s->response);
}

static void take_partition(struct kafka_request *r, const struct offset_commit_request_topic *topic,
                           const struct offset_commit_request_partition *from,
                           struct offset_commit_response_partition *to)
{
    struct commit_state *s = r->state;
    size_t               i = s->call->item_count++;

    to->index = from->index;
    s->targets[i] = to;
    s->call->items[i] = (struct offset_item){
        .name = topic->name,
        .uuid = topic->topic_id,
        .partition = (uint32_t)from->index,
        .offset = from->committed_offset,
        .leader_epoch = r->version.number >= 6 ? from->committed_leader_epoch : -1,
        .metadata = from->committed_metadata,
    };
}

static void take_topic(struct kafka_request *r, const struct offset_commit_request_topic *from,
                       struct offset_commit_response_topic *to)
{
    to->name = from->name;
    to->topic_id = from->topic_id;
    to->partitions.count = from->partitions.count;
    to->partitions.at = kafka_array(r, from->partitions.count, sizeof *to->partitions.at);
    for (size_t i = 0; i < from->partitions.count; i++)
        take_partition(r, from, &from->partitions.at[i], &to->partitions.at[i]);
}

static struct offsets_commit_call *commit_call(struct kafka_request *r, size_t items_max)
{
    const struct offset_commit_request *q = r->body;
    struct offsets_commit_call         *c = kafka_call(r, sizeof *c, CALL_OFFSETS_COMMIT);

    c->ns = kafka_ns();
    c->group = q->group_id;
    c->member_id = q->member_id;
    c->instance_id = q->group_instance_id;
    c->generation = q->generation_id;
    c->tells_epoch = r->version.number >= VERSION_TELLS_EPOCH;
    c->items = kafka_array(r, items_max, sizeof *c->items);
    return c;
}

void kafka_on_offset_commit(struct kafka_request *r)
{
    const struct offset_commit_request *q = r->body;
    struct commit_state                *s = arena_struct(&r->arena, struct commit_state);
    size_t                              count = 0;

    r->state = s;
    r->on_calls_done = on_committed;
    for (size_t i = 0; i < q->topics.count; i++)
        count += q->topics.at[i].partitions.count;
    s->call = commit_call(r, count);
    s->targets = kafka_array(r, count, sizeof(struct offset_commit_response_partition *));
    s->response.topics.count = q->topics.count;
    s->response.topics.at = kafka_array(r, q->topics.count, sizeof *s->response.topics.at);
    for (size_t i = 0; i < q->topics.count; i++)
        take_topic(r, &q->topics.at[i], &s->response.topics.at[i]);
    kafka_submit(r, s->call);
}

/* ---- OffsetFetch: versions before 8 ask for one group in other words ---- */

struct wanted_group {
    struct bytes                             group_id;
    struct bytes                             member_id; /* null: not said */
    int32_t                                  member_epoch;
    size_t                                   topic_count;
    const struct offset_fetch_request_topic *topics; /* NULL: all */
};

struct fetch_offsets_state {
    size_t                    group_count;
    struct wanted_group      *wanted;
    struct offsets_get_call **calls; /* by group */
};

static void fill_partition(const struct kafka_request *r, const struct offset_item *item,
                           struct offset_fetch_response_partition *p)
{
    p->index = (int32_t)item->partition;
    p->committed_offset = item->offset;
    p->committed_leader_epoch = item->leader_epoch;
    p->metadata = bytes_is_null(item->metadata) ? bytes_of("", 0) : item->metadata;
    p->error_code = r->version.number >= 10 ? kafka_error_by_id(item->err) : kafka_error(item->err);
}

/* Items of one topic follow each other: each run becomes a topic of the answer. */
static void fill_group(struct kafka_request *r, const struct offsets_get_call *c,
                       struct offset_fetch_response_group *g)
{
    struct offset_fetch_response_topic     *t = NULL;
    struct offset_fetch_response_partition *p = kafka_array(r, c->item_count, sizeof *p);
    struct bytes                            name = { 0 };

    g->topics.at = kafka_array(r, c->item_count, sizeof *g->topics.at);
    for (size_t i = 0; i < c->item_count; i++) {
        const struct offset_item *item = &c->items[i];

        if (!t || !bytes_eq(name, item->name) ||
            memcmp(&t->topic_id, &item->uuid, sizeof item->uuid) != 0) {
            t = &g->topics.at[g->topics.count++];
            t->name = name = item->name;
            t->topic_id = item->uuid;
            t->partitions.at = p + i;
        }
        fill_partition(r, item, &t->partitions.at[t->partitions.count++]);
    }
}

static void on_offsets(struct kafka_request *r)
{
    struct fetch_offsets_state  *s = r->state;
    struct offset_fetch_response a = { 0 };

    a.groups.count = s->group_count;
    a.groups.at = kafka_array(r, s->group_count, sizeof *a.groups.at);
    for (size_t i = 0; i < s->group_count; i++) {
        struct offset_fetch_response_group *g = &a.groups.at[i];

        g->group_id = s->wanted[i].group_id;
        g->error_code = kafka_group_error(s->calls[i]->call.err);
        if (g->error_code == KAFKA_NONE)
            fill_group(r, s->calls[i], g);
    }
    if (r->version.number < 8) {
        a.error_code = a.groups.at[0].error_code;
        a.topics.count = a.groups.at[0].topics.count;
        a.topics.at = a.groups.at[0].topics.at;
    }
    kafka_answer(r, &a);
}

static void add_items(struct offsets_get_call *c, const struct offset_fetch_request_topic *t)
{
    for (size_t i = 0; i < t->partition_indexes.count; i++)
        c->items[c->item_count++] = (struct offset_item){
            .name = t->name,
            .uuid = t->topic_id,
            .partition = (uint32_t)t->partition_indexes.at[i],
        };
}

static struct offsets_get_call *get_call(struct kafka_request *r, const struct wanted_group *w)
{
    const struct offset_fetch_request *q = r->body;
    struct offsets_get_call *c = kafka_call(r, sizeof *c, CALL_OFFSETS_GET);
    size_t                   count = 0;

    c->ns = kafka_ns();
    c->group = w->group_id;
    c->member_id = w->member_id;
    c->member_epoch = w->member_epoch;
    c->all = !w->topics;
    c->stable_only = r->version.number >= 7 && q->require_stable;
    for (size_t i = 0; i < w->topic_count; i++)
        count += w->topics[i].partition_indexes.count;
    c->items = kafka_array(r, count, sizeof *c->items);
    for (size_t i = 0; i < w->topic_count; i++)
        add_items(c, &w->topics[i]);
    return c;
}

static void take_groups(struct kafka_request *r, struct fetch_offsets_state *s)
{
    const struct offset_fetch_request *q = r->body;

    if (r->version.number < 8) {
        s->group_count = 1;
        s->wanted = kafka_array(r, 1, sizeof *s->wanted);
        s->wanted[0] = (struct wanted_group){ .group_id = q->group_id,
                                              .member_epoch = NO_EPOCH,
                                              .topic_count = q->topics.count,
                                              .topics = q->topics.at };
        return;
    }
    s->group_count = q->groups.count;
    s->wanted = kafka_array(r, q->groups.count, sizeof *s->wanted);
    for (size_t i = 0; i < q->groups.count; i++) {
        const struct offset_fetch_request_group *g = &q->groups.at[i];

        s->wanted[i] = (struct wanted_group){
            .group_id = g->group_id,
            .member_id = g->member_id,
            .member_epoch = r->version.number >= VERSION_TELLS_EPOCH ? g->member_epoch : NO_EPOCH,
            .topic_count = g->topics.count,
            .topics = g->topics.at,
        };
    }
}

void kafka_on_offset_fetch(struct kafka_request *r)
{
    struct fetch_offsets_state *s = arena_struct(&r->arena, struct fetch_offsets_state);

    r->state = s;
    r->on_calls_done = on_offsets;
    take_groups(r, s);
    s->calls = kafka_array(r, s->group_count, sizeof(struct offsets_get_call *));
    for (size_t i = 0; i < s->group_count; i++) {
        s->calls[i] = get_call(r, &s->wanted[i]);
        kafka_submit(r, s->calls[i]);
    }
    if (s->group_count == 0)
        on_offsets(r);
}
