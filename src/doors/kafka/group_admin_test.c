/* group_admin_test.c - groups seen and changed from outside, over a real socket (kafka_rig.h). */
#include "doors/kafka/kafka_rig.h"
#include "engine/group_calls.h"

/* ---- members ---- */

static struct join_group_response *join_as(struct test *t, int fd, const char *group, const char *type,
                                           struct bytes metadata)
{
    struct join_group_request_protocol protocol = { bytes_str("range"), metadata };
    struct join_group_request          q = { .group_id = bytes_str(group),
                                             .session_timeout_ms = 10000,
                                             .rebalance_timeout_ms = 10000,
                                             .member_id = bytes_str(""),
                                             .protocol_type = bytes_str(type),
                                             .protocols = { 1, &protocol } };

    send_request(t, fd, JOIN, 3, &q);
    settle(t);
    rig_advance(&t->rig, GROUP_INITIAL_DELAY_MS);
    return receive_response(t, fd, JOIN, 3, t->correlation_id);
}

/* A group of one, stable; what it was assigned is "part". */
static struct bytes begin_group(struct test *t, int fd, const char *group, const char *type,
                                struct bytes metadata)
{
    struct join_group_response          *joined = join_as(t, fd, group, type, metadata);
    struct sync_group_request_assignment part = { joined->member_id, bytes_str("part") };
    struct sync_group_request            q = { .group_id = bytes_str(group),
                                               .generation_id = joined->generation_id,
                                               .member_id = joined->member_id,
                                               .assignments = { 1, &part } };
    const struct sync_group_response    *synced;

    assert_int_equal(joined->error_code, KAFKA_NONE);
    synced = ask(t, fd, SYNC, 3, &q);
    assert_int_equal(synced->error_code, KAFKA_NONE);
    return joined->member_id;
}

static void leave(struct test *t, int fd, const char *group, struct bytes member)
{
    struct leave_group_request        q = { .group_id = bytes_str(group), .member_id = member };
    const struct leave_group_response *a = ask(t, fd, LEAVE, 1, &q);

    assert_int_equal(a->error_code, KAFKA_NONE);
}

static void commit(struct test *t, int fd, const char *group, const char *topic)
{
    struct offset_commit_request_partition p = { .committed_offset = 7 };
    struct offset_commit_request_topic     entry = { .name = bytes_str(topic), .partitions = { 1, &p } };
    struct offset_commit_request           q = { .group_id = bytes_str(group),
                                                 .generation_id = -1,
                                                 .member_id = bytes_str(""),
                                                 .topics = { 1, &entry } };
    const struct offset_commit_response   *a = ask(t, fd, COMMIT, 7, &q);

    assert_int_equal(a->topics.at[0].partitions.at[0].error_code, KAFKA_NONE);
}

static int64_t committed(struct test *t, int fd, const char *group, const char *topic)
{
    int32_t                            zero = 0;
    struct offset_fetch_request_topic  entry = { .name = bytes_str(topic), .partition_indexes = { 1, &zero } };
    struct offset_fetch_request        q = { .group_id = bytes_str(group), .topics = { 1, &entry } };
    const struct offset_fetch_response *a = ask(t, fd, OFFSETS, 5, &q);

    return a->topics.at[0].partitions.at[0].committed_offset;
}

static struct describe_groups_response_group *describe(struct test *t, int fd, int16_t version,
                                                       const char *group)
{
    struct bytes                     name = bytes_str(group);
    struct describe_groups_request   q = { .groups = { 1, &name }, .include_authorized_operations = true };
    struct describe_groups_response *a = ask(t, fd, DESCRIBE_GROUPS, version, &q);

    assert_int_equal(a->groups.count, 1);
    return &a->groups.at[0];
}

/* ---- tests ---- */

static void a_stable_group_shows_what_its_members_said(void **state)
{
    struct test                                *t = *state;
    int                                         fd = connect_to(t);
    struct bytes                                member = begin_group(t, fd, "g", "consumer", bytes_str("meta"));
    const struct describe_groups_response_group *g;

    for (int16_t version = 0; version <= 6; version++) {
        g = describe(t, fd, version, "g");
        assert_int_equal(g->error_code, KAFKA_NONE);
        assert_true(bytes_eq_str(g->group_state, "Stable"));
        assert_true(bytes_eq_str(g->protocol_type, "consumer"));
        assert_true(bytes_eq_str(g->protocol_data, "range"));
        assert_int_equal(g->members.count, 1);
        assert_true(bytes_eq(g->members.at[0].member_id, member));
        assert_true(bytes_eq_str(g->members.at[0].client_id, "test"));
        assert_true(bytes_eq_str(g->members.at[0].client_host, "/127.0.0.1"));
        assert_true(bytes_eq_str(g->members.at[0].member_metadata, "meta"));
        assert_true(bytes_eq_str(g->members.at[0].member_assignment, "part"));
        if (version >= 3)
            assert_int_equal(g->authorized_operations, 0xd48);
    }
    leave(t, fd, "g", member);
    g = describe(t, fd, 5, "g");
    assert_true(bytes_eq_str(g->group_state, "Empty"));
    assert_true(bytes_eq_str(g->protocol_type, "consumer"));
    assert_int_equal(g->members.count, 0);
    close(fd);
}

static void a_missing_group_is_dead_and_later_an_error(void **state)
{
    struct test                                 *t = *state;
    int                                          fd = connect_to(t);
    const struct describe_groups_response_group *g = describe(t, fd, 5, "none");

    assert_int_equal(g->error_code, KAFKA_NONE);
    assert_true(bytes_eq_str(g->group_state, "Dead"));
    g = describe(t, fd, 6, "none");
    assert_int_equal(g->error_code, KAFKA_GROUP_ID_NOT_FOUND);
    assert_true(bytes_eq_str(g->error_message, "Group none not found."));
    close(fd);
}

/* The groups that pass one state or type, in all. */
static size_t list(struct test *t, int fd, const char *state, const char *type)
{
    struct bytes                      states = bytes_str(state), types = bytes_str(type);
    struct list_groups_request        q = { .states_filter = { state != NULL, &states },
                                            .types_filter = { type != NULL, &types } };
    const struct list_groups_response *a = ask(t, fd, LIST_GROUPS, 5, &q);

    assert_int_equal(a->error_code, KAFKA_NONE);
    return a->groups.count;
}

static void groups_are_listed_by_state_and_type(void **state)
{
    struct test                       *t = *state;
    int                                fd = connect_to(t);
    const struct list_groups_response *a;

    create(t, fd, "orders", 1);
    commit(t, fd, "offsets", "orders");
    begin_group(t, fd, "g", "consumer", bytes_str("meta"));
    assert_int_equal(list(t, fd, NULL, NULL), 2);
    assert_int_equal(list(t, fd, " sTable ", NULL), 1);
    assert_int_equal(list(t, fd, "Empty", NULL), 1);
    assert_int_equal(list(t, fd, "Dead", NULL), 0);
    assert_int_equal(list(t, fd, "Stable", "CLASSIC"), 1);
    assert_int_equal(list(t, fd, NULL, "consumer"), 0);
    a = ask(t, fd, LIST_GROUPS, 0, &(struct list_groups_request){ 0 });
    assert_int_equal(a->groups.count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(bytes_eq_str(a->groups.at[i].protocol_type,
                                 bytes_eq_str(a->groups.at[i].group_id, "g") ? "consumer" : ""));
    close(fd);
}

static int16_t delete_group(struct test *t, int fd, const char *group)
{
    struct bytes                        name = bytes_str(group);
    struct delete_groups_request        q = { { 1, &name } };
    const struct delete_groups_response *a = ask(t, fd, DELETE_GROUPS, 2, &q);

    return a->results.at[0].error_code;
}

static void only_a_group_without_members_can_be_deleted(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);
    struct bytes member;

    create(t, fd, "orders", 1);
    commit(t, fd, "g", "orders");
    member = begin_group(t, fd, "g", "consumer", bytes_str("meta"));
    assert_int_equal(delete_group(t, fd, "g"), KAFKA_NON_EMPTY_GROUP);
    leave(t, fd, "g", member);
    assert_int_equal(committed(t, fd, "g", "orders"), 7);
    assert_int_equal(delete_group(t, fd, "g"), KAFKA_NONE);
    assert_int_equal(committed(t, fd, "g", "orders"), -1);
    assert_int_equal(delete_group(t, fd, "g"), KAFKA_GROUP_ID_NOT_FOUND);
    close(fd);
}

static void a_group_that_committed_nothing_is_shown_for_a_while(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    leave(t, fd, "g", begin_group(t, fd, "g", "consumer", bytes_str("meta")));
    assert_int_equal(list(t, fd, "Empty", NULL), 1);
    rig_advance(&t->rig, GROUP_IDLE_MS);
    assert_int_equal(list(t, fd, NULL, NULL), 0);
    close(fd);
}

static const struct offset_delete_response *forget(struct test *t, int fd, const char *group,
                                                   const char *topic)
{
    struct offset_delete_request_partition p = { 0 };
    struct offset_delete_request_topic     entry = { bytes_str(topic), { 1, &p } };
    struct offset_delete_request           q = { bytes_str(group), { 1, &entry } };

    return ask(t, fd, OFFSET_DELETE, 0, &q);
}

static int16_t forget_one(struct test *t, int fd, const char *group, const char *topic)
{
    const struct offset_delete_response *a = forget(t, fd, group, topic);

    assert_int_equal(a->error_code, KAFKA_NONE);
    return a->topics.at[0].partitions.at[0].error_code;
}

static void offsets_are_forgotten_unless_somebody_reads_the_topic(void **state)
{
    static const char metadata[] = "\0\1" "\0\0\0\1" "\0\6orders" "\0\0\0\0";
    struct test      *t = *state;
    int               fd = connect_to(t);

    create(t, fd, "orders", 1);
    create(t, fd, "other", 1);
    commit(t, fd, "g", "orders");
    commit(t, fd, "g", "other");
    begin_group(t, fd, "g", "consumer", bytes_of(metadata, sizeof metadata - 1));
    assert_int_equal(forget_one(t, fd, "g", "orders"), KAFKA_GROUP_SUBSCRIBED_TO_TOPIC);
    assert_int_equal(forget_one(t, fd, "g", "other"), KAFKA_NONE);
    assert_int_equal(forget_one(t, fd, "g", "other"), KAFKA_NONE);
    assert_int_equal(forget_one(t, fd, "g", "missing"), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(committed(t, fd, "g", "orders"), 7);
    assert_int_equal(committed(t, fd, "g", "other"), -1);
    begin_group(t, fd, "workers", "connect", bytes_str("meta"));
    assert_int_equal(forget(t, fd, "workers", "orders")->error_code, KAFKA_NON_EMPTY_GROUP);
    assert_int_equal(forget(t, fd, "none", "orders")->error_code, KAFKA_GROUP_ID_NOT_FOUND);
    assert_int_equal(forget(t, fd, "", "orders")->error_code, KAFKA_INVALID_GROUP_ID);
    close(fd);
}

/* What was taken away stays away after a restart. */
static void forgetting_survives_a_restart(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    create(t, fd, "orders", 1);
    create(t, fd, "other", 1);
    commit(t, fd, "g", "orders");
    commit(t, fd, "g", "other");
    commit(t, fd, "gone", "other");
    assert_int_equal(forget_one(t, fd, "g", "orders"), KAFKA_NONE);
    assert_int_equal(delete_group(t, fd, "gone"), KAFKA_NONE);
    rig_restart(&t->rig);
    assert_int_equal(committed(t, fd, "g", "orders"), -1);
    assert_int_equal(committed(t, fd, "g", "other"), 7);
    assert_int_equal(list(t, fd, NULL, NULL), 1);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stable_group_shows_what_its_members_said),
        TEST(a_missing_group_is_dead_and_later_an_error),
        TEST(groups_are_listed_by_state_and_type),
        TEST(only_a_group_without_members_can_be_deleted),
        TEST(a_group_that_committed_nothing_is_shown_for_a_while),
        TEST(offsets_are_forgotten_unless_somebody_reads_the_topic),
        TEST(forgetting_survives_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
