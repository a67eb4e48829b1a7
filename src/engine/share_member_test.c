/* share_member_test.c - members of share groups: epochs, expiry, and which partitions are whose. */
#include "engine/share_rig.h"

static void set_up(struct rig *r, uint32_t partitions)
{
    struct group_policy p = share_earliest();

    rig_open(r);
    share_create(r, "t", partitions);
    share_tell(r, &p);
}

/* How many partitions the member has. */
static size_t part_of(struct rig *r, const char *member)
{
    struct share_group  *g = share_group_find(r->engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(GROUP));
    struct share_member *m = map_get(&g->by_id, bytes_str(member));

    assert_non_null(m);
    return m->target.count;
}

static void epochs_fence(void **state)
{
    struct rig r;
    int32_t    a;
    int32_t    b;

    (void)state;
    set_up(&r, 2);
    a = share_join(&r, "a", "t");
    assert_int_equal(a, 1);
    assert_int_equal(share_say(&r, "a", 1), ERR_OK);
    assert_int_equal(share_say(&r, "a", 2), ERR_ILLEGAL_GENERATION);
    assert_int_equal(share_say(&r, "nobody", 1), ERR_UNKNOWN_MEMBER);
    b = share_join(&r, "b", "t");
    assert_int_equal(b, 2);
    assert_int_equal(share_say(&r, "a", 1), ERR_OK); /* and is told of 2 */
    assert_int_equal(share_say(&r, "a", 1), ERR_OK); /* the answer was lost */
    assert_int_equal(share_say(&r, "a", 2), ERR_OK);
    share_join(&r, "c", "t");
    assert_int_equal(share_say(&r, "a", 2), ERR_OK);
    assert_int_equal(share_say(&r, "a", 1), ERR_ILLEGAL_GENERATION);
    assert_int_equal(share_say(&r, "a", -1), ERR_OK);
    assert_int_equal(share_say(&r, "a", 3), ERR_UNKNOWN_MEMBER);
    rig_close(&r);
}

static void a_member_is_told_what_is_its_own(void **state)
{
    struct share_heartbeat_call *c;
    struct rig                   r;

    (void)state;
    set_up(&r, 4);
    c = share_beat(&r, "a", 0, "t");
    assert_true(c->has_target);
    assert_int_equal(c->target_count, 1);
    assert_int_equal(c->target[0].count, 4);
    assert_int_equal(c->heartbeat_ms, group_policy_default.share_heartbeat_ms);
    call_free(c);
    c = share_beat(&r, "a", 1, NULL);
    assert_false(c->has_target);
    call_free(c);
    share_join(&r, "b", "t");
    c = share_beat(&r, "a", 1, NULL);
    assert_true(c->has_target);
    assert_int_equal(c->target[0].count, 2);
    call_free(c);
    rig_close(&r);
}

/* SM2 */
static void topics_that_come_later_are_noticed(void **state)
{
    struct share_heartbeat_call *c;
    struct rig                   r;

    (void)state;
    set_up(&r, 1);
    c = share_beat(&r, "a", 0, "later");
    assert_int_equal(c->target_count, 0);
    call_free(c);
    share_create(&r, "later", 3);
    c = share_beat(&r, "a", 1, NULL);
    assert_int_equal(c->epoch, 2);
    assert_true(c->has_target);
    assert_int_equal(c->target[0].count, 3);
    call_free(c);
    assert_non_null(share_queue(&r, "later"));
    rig_close(&r);
}

static void silent_members_go_with_their_locks(void **state)
{
    struct rig r;

    (void)state;
    set_up(&r, 1);
    share_append(&r, "t", 0, 1);
    share_join(&r, "a", "t");
    share_free(share_get(&r, share_request(&r, CALL_SHARE_FETCH, "a", 0, "t", 0), 1));
    rig_advance(&r, group_policy_default.lock_ms - 1);
    for (int i = 0; i < 2; i++) { /* its lock is renewed, but it says nothing */
        assert_int_equal(share_settle_now(&r, "a", i + 1, "t", 0, 0, SHARE_RENEW), ERR_OK);
        rig_advance(&r, 10000);
    }
    assert_int_equal(share_say(&r, "a", 1), ERR_UNKNOWN_MEMBER);
    assert_int_equal(share_queue(&r, "t")->ledger.leased_count, 0);
    rig_close(&r);
}

static void names_are_of_one_kind_of_group(void **state)
{
    struct group_join_call      *j;
    struct offsets_commit_call  *o;
    struct offset_item           item = { .name = bytes_str("t"), .offset = 1, .leader_epoch = -1 };
    struct group_protocol        protocol = { bytes_str("range"), bytes_str("") };
    struct share_heartbeat_call *c;
    struct rig                   r;

    (void)state;
    set_up(&r, 1);
    share_join(&r, "a", "t");
    j = RIG_NEW(&r, group_join_call, CALL_GROUP_JOIN);
    j->ns = bytes_str(NAMESPACE_DEFAULT);
    j->group = bytes_str(GROUP);
    j->client_id = j->client_host = j->member_id = bytes_str("");
    j->session_ms = j->rebalance_ms = 10000;
    j->protocol_type = bytes_str("consumer");
    j->protocol_count = 1;
    j->protocols = &protocol;
    assert_int_equal(share_end(&r, j), ERR_MIXED_PROTOCOLS);
    o = RIG_NEW(&r, offsets_commit_call, CALL_OFFSETS_COMMIT);
    o->ns = bytes_str(NAMESPACE_DEFAULT);
    o->group = bytes_str("classic");
    o->member_id = bytes_str("");
    o->generation = -1;
    o->item_count = 1;
    o->items = &item;
    assert_int_equal(share_end(&r, o), ERR_OK);
    o = RIG_NEW(&r, offsets_commit_call, CALL_OFFSETS_COMMIT);
    o->ns = bytes_str(NAMESPACE_DEFAULT);
    o->group = bytes_str(GROUP);
    o->member_id = bytes_str("");
    o->generation = -1;
    assert_int_equal(share_end(&r, o), ERR_NO_GROUP);
    c = RIG_NEW(&r, share_heartbeat_call, CALL_SHARE_HEARTBEAT);
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = bytes_str("classic");
    c->member_id = bytes_str("m");
    assert_int_equal(share_end(&r, c), ERR_NO_GROUP);
    rig_close(&r);
}

/* ---- the assignor ---- */

enum { MEMBERS_MAX = 12, PARTS_MAX = 12 };

struct trial {
    uint64_t             ids[PARTS_MAX];
    struct assign_topic  topic;
    struct assign_member members[MEMBERS_MAX];
    struct parts         before[MEMBERS_MAX];
};

static const uint32_t the_topic = 0;

static void assign(struct trial *t, size_t members, size_t parts)
{
    struct assign_input in = { 1, &t->topic, members, t->members };

    t->topic = (struct assign_topic){ parts, t->ids };
    for (size_t i = 0; i < parts; i++)
        t->ids[i] = 100 + i;
    for (size_t i = 0; i < members; i++)
        t->members[i] = (struct assign_member){ .topic_count = 1, .topics = &the_topic, .before = &t->before[i] };
    assign_simple(&in);
}

static size_t holders_of(const struct trial *t, size_t members, uint64_t part)
{
    size_t n = 0;

    for (size_t i = 0; i < members; i++)
        n += parts_have(&t->members[i].after, part);
    return n;
}

/* AS3 */
static void check(const struct trial *t, size_t members, size_t parts)
{
    size_t sharers = (members + parts - 1) / parts;
    size_t least = SIZE_MAX;
    size_t most = 0;

    for (size_t k = 0; k < parts; k++) {
        size_t n = holders_of(t, members, t->ids[k]);

        assert_true(n >= 1 && n <= sharers);
    }
    for (size_t i = 0; i < members; i++) {
        size_t n = t->members[i].after.count;

        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    assert_true(least >= 1);
    assert_true(most - least <= 1 || sharers > 1);
}

static void keep(struct trial *t, size_t members)
{
    for (size_t i = 0; i < members; i++) {
        parts_copy(&t->before[i], &t->members[i].after);
        parts_fini(&t->members[i].after);
    }
}

/* From every number of members and partitions to every other one. */
static void everybody_has_something_and_everything_somebody(void **state)
{
    struct trial t = { 0 };

    (void)state;
    for (size_t members = 1; members <= MEMBERS_MAX; members++)
        for (size_t parts = 1; parts <= PARTS_MAX; parts++)
            for (size_t then = 1; then <= MEMBERS_MAX; then++) {
                assign(&t, members, parts);
                check(&t, members, parts);
                keep(&t, members);
                assign(&t, then, parts);
                check(&t, then, parts);
                keep(&t, then);
                for (size_t i = 0; i < MEMBERS_MAX; i++)
                    parts_fini(&t.before[i]);
            }
}

/* AS4 */
static void nothing_moves_without_need(void **state)
{
    struct trial t = { 0 };

    (void)state;
    for (size_t members = 1; members <= MEMBERS_MAX; members++) {
        assign(&t, members, 7);
        keep(&t, members);
        assign(&t, members, 7);
        for (size_t i = 0; i < members; i++)
            assert_true(parts_eq(&t.before[i], &t.members[i].after));
        keep(&t, members);
        for (size_t i = 0; i < members; i++)
            parts_fini(&t.before[i]);
    }
}

static void members_share_a_single_partition(void **state)
{
    struct rig r;

    (void)state;
    set_up(&r, 1);
    share_join(&r, "a", "t");
    share_join(&r, "b", "t");
    share_join(&r, "c", "t");
    assert_int_equal(part_of(&r, "a") + part_of(&r, "b") + part_of(&r, "c"), 3);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs_fence),
        cmocka_unit_test(a_member_is_told_what_is_its_own),
        cmocka_unit_test(topics_that_come_later_are_noticed),
        cmocka_unit_test(silent_members_go_with_their_locks),
        cmocka_unit_test(names_are_of_one_kind_of_group),
        cmocka_unit_test(everybody_has_something_and_everything_somebody),
        cmocka_unit_test(nothing_moves_without_need),
        cmocka_unit_test(members_share_a_single_partition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
