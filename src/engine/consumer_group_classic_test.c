/* consumer_group_classic_test.c - a group of two protocols: how a classic one becomes one, and back. */
#include <stdio.h>

#include "engine/consumer_group.h"
#include "engine/engine_rig.h"

enum { PARTS = 4, SESSION_MS = 10000, REBALANCE_MS = 20000 };

/* Reads "t" and owns so many of its first partitions. */
static struct bytes subscription(struct call *c, int owned)
{
    struct bytes kept;
    struct buf   b;

    buf_init(&b);
    buf_u16(&b, 1);
    buf_u32(&b, 1);
    buf_u16(&b, 1);
    buf_str(&b, "t");
    buf_u32(&b, UINT32_MAX);
    buf_u32(&b, 1);
    buf_u16(&b, 1);
    buf_str(&b, "t");
    buf_u32(&b, (uint32_t)owned);
    for (int i = 0; i < owned; i++)
        buf_u32(&b, (uint32_t)i);
    kept = arena_bytes(&c->arena, buf_view(&b));
    buf_fini(&b);
    return kept;
}

static struct group_join_call *join(struct rig *r, const char *member, int owned)
{
    struct group_join_call *j = RIG_NEW(r, group_join_call, CALL_GROUP_JOIN);

    j->ns = bytes_str(NAMESPACE_DEFAULT);
    j->group = bytes_str("g");
    j->member_id = bytes_str(member);
    j->session_ms = SESSION_MS;
    j->rebalance_ms = REBALANCE_MS;
    j->protocol_type = bytes_str(GROUP_PROTOCOL_CONSUMER);
    j->protocol_count = 1;
    j->protocols = arena_array(&j->call.arena, 1, sizeof *j->protocols);
    j->protocols[0] = (struct group_protocol){ bytes_str("range"), subscription(&j->call, owned) };
    rig_call(r, j);
    return j;
}

/* How many partitions the member is told to have. */
static size_t sync_parts(struct rig *r, struct bytes member, int32_t generation, bool leads)
{
    struct group_sync_call *s = RIG_NEW(r, group_sync_call, CALL_GROUP_SYNC);
    int32_t                 all[PARTS] = { 0, 1, 2, 3 };
    struct topic_parts      mine = { .name = bytes_str("t"), .count = PARTS, .partitions = all };
    struct group_assignment given = { member, consumer_assignment_write(&s->call.arena, &mine, 1, 1) };
    struct topic_parts     *parts = NULL;
    size_t                  count;

    s->ns = bytes_str(NAMESPACE_DEFAULT);
    s->group = bytes_str("g");
    s->member_id = member;
    s->generation = generation;
    s->assignments = &given;
    s->assignment_count = leads;
    assert_true(rig_call(r, s));
    assert_int_equal(s->call.err, ERR_OK);
    assert_true(consumer_assignment_read(s->assignment, &s->call.arena, &parts, &count));
    count = count > 0 ? parts[0].count : 0;
    call_free(s);
    return count;
}

static enum err heartbeat(struct rig *r, struct bytes member, int32_t generation)
{
    struct group_heartbeat_call *h = RIG_NEW(r, group_heartbeat_call, CALL_GROUP_HEARTBEAT);
    enum err                     err;

    h->ns = bytes_str(NAMESPACE_DEFAULT);
    h->group = bytes_str("g");
    h->member_id = member;
    h->generation = generation;
    assert_true(rig_call(r, h));
    err = h->call.err;
    call_free(h);
    return err;
}

/* The member of the consumer protocol; how many partitions it has, -1: it was not told anew. */
static int beat(struct rig *r, int32_t *epoch, enum err wanted)
{
    struct consumer_heartbeat_call *h = RIG_NEW(r, consumer_heartbeat_call, CALL_CONSUMER_HEARTBEAT);
    struct bytes                    topic = bytes_str("t");
    int                             count;

    h->ns = bytes_str(NAMESPACE_DEFAULT);
    h->group = bytes_str("g");
    h->member_id = bytes_str("new");
    h->epoch = *epoch;
    h->rebalance_ms = *epoch == MEMBER_EPOCH_JOIN ? REBALANCE_MS : -1;
    h->has_names = h->has_owned = *epoch == MEMBER_EPOCH_JOIN;
    h->names = &topic;
    h->name_count = 1;
    assert_true(rig_call(r, h));
    assert_int_equal(h->call.err, wanted);
    *epoch = h->epoch;
    count = !h->has_assignment ? -1 : h->assigned_count > 0 ? (int)h->assigned[0].count : 0;
    call_free(h);
    return count;
}

static void make_topic(struct rig *r)
{
    struct topic_create_call *c = RIG_NEW(r, topic_create_call, CALL_TOPIC_CREATE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str("t");
    c->partition_count = PARTS;
    c->policy = topic_policy_default;
    assert_true(rig_call(r, c));
    call_free(c);
}

static void there_and_back(void **state)
{
    struct rig              r;
    struct group_join_call *first;
    struct group_join_call *again;
    int32_t                 epoch = MEMBER_EPOCH_JOIN;

    (void)state;
    rig_open(&r);
    make_topic(&r);
    first = join(&r, "", 0);
    rig_advance(&r, GROUP_INITIAL_DELAY_MS);
    assert_int_equal(first->generation, 1);
    assert_int_equal(sync_parts(&r, first->member_id, 1, true), PARTS);

    assert_int_equal(beat(&r, &epoch, ERR_OK), 0); /* all is in the classic member's hands */
    assert_int_equal(epoch, 2);
    assert_int_equal(heartbeat(&r, first->member_id, 1), ERR_REBALANCING);
    rig_restart(&r); /* both are remembered */
    again = join(&r, arena_str(&first->call.arena, first->member_id), PARTS);
    assert_int_equal(again->call.err, ERR_OK);
    assert_int_equal(again->generation, 1); /* it has to give up two */
    assert_int_equal(sync_parts(&r, first->member_id, 1, false), PARTS / 2);
    assert_int_equal(beat(&r, &epoch, ERR_OK), -1);
    assert_int_equal(heartbeat(&r, first->member_id, 1), ERR_REBALANCING);
    call_free(again);
    again = join(&r, arena_str(&first->call.arena, first->member_id), PARTS / 2);
    assert_int_equal(again->generation, 2);
    assert_int_equal(sync_parts(&r, first->member_id, 2, false), PARTS / 2);
    assert_int_equal(beat(&r, &epoch, ERR_OK), PARTS / 2);
    assert_int_equal(heartbeat(&r, first->member_id, 2), ERR_OK);
    call_free(again);

    epoch = MEMBER_EPOCH_LEAVE; /* the last of its protocol */
    beat(&r, &epoch, ERR_OK);
    epoch = 2;
    beat(&r, &epoch, ERR_NO_GROUP); /* a classic group again */
    assert_int_equal(heartbeat(&r, first->member_id, 2), ERR_REBALANCING);
    again = join(&r, arena_str(&first->call.arena, first->member_id), 0);
    assert_int_equal(again->call.err, ERR_OK);
    assert_int_equal(again->generation, 3);
    assert_int_equal(sync_parts(&r, first->member_id, 3, true), PARTS);
    call_free(again);
    call_free(first);
    rig_close(&r);
}

/* What cannot be read cannot be converted. */
static void other_protocols_stay_what_they_are(void **state)
{
    struct rig              r;
    struct group_join_call *j;
    int32_t                 epoch = MEMBER_EPOCH_JOIN;

    (void)state;
    rig_open(&r);
    make_topic(&r);
    j = RIG_NEW(&r, group_join_call, CALL_GROUP_JOIN);
    j->ns = bytes_str(NAMESPACE_DEFAULT);
    j->group = bytes_str("g");
    j->session_ms = SESSION_MS;
    j->rebalance_ms = REBALANCE_MS;
    j->protocol_type = bytes_str("connect");
    j->protocol_count = 1;
    j->protocols = arena_array(&j->call.arena, 1, sizeof *j->protocols);
    j->protocols[0] = (struct group_protocol){ bytes_str("p"), bytes_str("m") };
    rig_call(&r, j);
    rig_advance(&r, GROUP_INITIAL_DELAY_MS);
    assert_int_equal(j->call.err, ERR_OK);
    beat(&r, &epoch, ERR_NO_GROUP);
    assert_int_equal(heartbeat(&r, j->member_id, 1), ERR_OK);
    call_free(j);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(other_protocols_stay_what_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
