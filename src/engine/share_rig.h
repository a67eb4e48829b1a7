/*
 * share_rig.h - share groups through the real engine, for unit tests: engine_rig.h with the calls of a member.
 */
#ifndef ENGINE_SHARE_RIG_H
#define ENGINE_SHARE_RIG_H

#include "engine/engine_rig.h"
#include "engine/share_int.h"

#define GROUP "g"

static inline enum err share_end(struct rig *r, void *call)
{
    enum err err;

    assert_true(rig_call(r, call));
    err = r->last->err;
    call_free(call);
    return err;
}

static inline struct topic *share_topic(struct rig *r, const char *name)
{
    return topic_find(r->engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(name));
}

static inline void share_create(struct rig *r, const char *name, uint32_t partitions)
{
    struct topic_create_call *c = RIG_NEW(r, topic_create_call, CALL_TOPIC_CREATE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->partition_count = partitions;
    c->policy = topic_policy_default;
    c->door = DOOR_KAFKA;
    assert_int_equal(share_end(r, c), ERR_OK);
}

/* A batch of n records. */
static inline void share_append(struct rig *r, const char *topic, int32_t partition, int n)
{
    struct append_call *c = RIG_NEW(r, append_call, CALL_APPEND);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items[0] = (struct append_item){
        .name = bytes_str(topic), .partition = partition, .batch = rig_batch(n, r->now_ms, "k"), .delay_ms = -1
    };
    assert_int_equal(share_end(r, c), ERR_OK);
}

static inline void share_tell(struct rig *r, const struct group_policy *policy)
{
    struct group_policy_set_call *c = RIG_NEW(r, group_policy_set_call, CALL_GROUP_POLICY_SET);
    bool is_told = group_policy_of(r->engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(GROUP)) != &group_policy_default;

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = bytes_str(GROUP);
    c->policy = *policy;
    c->native = bytes_str("x");
    c->native_before = is_told ? bytes_str("x") : (struct bytes){ 0 };
    assert_int_equal(share_end(r, c), ERR_OK);
}

/* The default, but from the beginning. */
static inline struct group_policy share_earliest(void)
{
    struct group_policy p = group_policy_default;

    p.start = OFFSET_EARLIEST;
    return p;
}

/* To be freed. topic NULL: as before. */
static inline struct share_heartbeat_call *share_beat(struct rig *r, const char *member, int32_t epoch,
                                                      const char *topic)
{
    struct share_heartbeat_call *c = RIG_NEW(r, share_heartbeat_call, CALL_SHARE_HEARTBEAT);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = bytes_str(GROUP);
    c->member_id = bytes_str(member);
    c->client_id = c->client_host = bytes_str("client");
    c->epoch = epoch;
    c->subscribes = topic != NULL;
    c->topic_count = topic != NULL;
    c->topics = arena_array(&c->call.arena, 1, sizeof *c->topics);
    c->topics[0] = bytes_str(topic);
    assert_true(rig_call(r, c));
    return c;
}

static inline int32_t share_join(struct rig *r, const char *member, const char *topic)
{
    struct share_heartbeat_call *c = share_beat(r, member, 0, topic);
    int32_t                      epoch = c->epoch;

    assert_int_equal(c->call.err, ERR_OK);
    call_free(c);
    return epoch;
}

static inline enum err share_say(struct rig *r, const char *member, int32_t epoch)
{
    struct share_heartbeat_call *c = share_beat(r, member, epoch, NULL);
    enum err                     err = c->call.err;

    call_free(c);
    return err;
}

/* A request about one partition, to be submitted. types: of each offset from first on, "ara" or "A" for all. */
static inline struct share_fetch_call *share_request(struct rig *r, enum call_kind kind, const char *member,
                                                     int32_t epoch, const char *topic, uint32_t partition)
{
    struct share_fetch_call *c = RIG_NEW(r, share_fetch_call, kind);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = bytes_str(GROUP);
    c->member_id = bytes_str(member);
    c->epoch = epoch;
    c->bytes_max = 1 << 20;
    c->messages_max = 500;
    c->item_count = topic != NULL;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    if (topic)
        c->items[0].part = (struct share_part){ share_topic(r, topic)->uuid, partition };
    return c;
}

static inline void share_ack(struct share_fetch_call *c, int64_t first, int64_t last, int8_t type)
{
    struct share_ack *a = arena_array(&c->call.arena, 1, sizeof *a);
    int8_t           *t = arena_new(&c->call.arena, 1);

    *t = type;
    *a = (struct share_ack){ first, last, 1, t };
    c->items[0].acks = a;
    c->items[0].ack_count = 1;
}

/* Submits; asserts that it was answered with so many messages. To be freed with share_free. */
static inline struct share_fetch_call *share_get(struct rig *r, struct share_fetch_call *c, size_t count)
{
    assert_true(rig_call(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    assert_int_equal(c->ref_count, count);
    return c;
}

static inline void share_free(struct share_fetch_call *c)
{
    for (size_t i = 0; i < c->ref_count; i++)
        slice_drop(&c->refs[i].batch);
    call_free(c);
}

/* An acknowledgement of its own; what the partition says. */
static inline enum err share_settle_now(struct rig *r, const char *member, int32_t epoch, const char *topic,
                                        int64_t first, int64_t last, int8_t type)
{
    struct share_fetch_call *c = share_request(r, CALL_SHARE_ACKNOWLEDGE, member, epoch, topic, 0);
    enum err                 err;

    share_ack(c, first, last, type);
    c->renews = type == SHARE_RENEW;
    assert_true(rig_call(r, c));
    err = c->call.err;
    if (!err) {
        assert_int_equal(c->answer_count, 1);
        err = c->answers[0].ack_err;
    }
    call_free(c);
    return err;
}

static inline struct queue *share_queue(struct rig *r, const char *topic)
{
    struct share_group *g = share_group_find(r->engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(GROUP));

    assert_non_null(g);
    return share_queue_of(g, share_topic(r, topic));
}

static inline uint64_t share_start(struct rig *r, const char *topic, uint32_t partition)
{
    return lane_floor(&share_queue(r, topic)->ledger.lanes[partition]);
}

#endif
