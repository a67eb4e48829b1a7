/* authorize_test.c - what a client may and may not, over a real socket: authorize.c, refusal.c, acls.c. */
#include "doors/kafka/authorize.h"
#include "doors/kafka/kafka_rig.h"

enum { END_TXN = 26, ADD_PARTITIONS = 24, DESCRIBE_ACLS = 29, CREATE_ACLS = 30, DELETE_ACLS = 31,
       LIST_TXNS = 66 };

static int set_up_rights(void **state)
{
    return set_up_env(state, &(struct door_env){ .rights = rights_new(true) });
}

static int set_up_super(void **state)
{
    return set_up_env(state, &(struct door_env){ .rights = rights_new(true),
                                                 .super_users = "User:root;User:ANONYMOUS" });
}

static struct acl grant(uint8_t resource, const char *name, uint8_t operation)
{
    return (struct acl){ resource,        ACL_LITERAL,              operation, ACL_ALLOW, bytes_str(name),
                         bytes_str(ACL_ANONYMOUS), bytes_str("*") };
}

static void allow(struct test *t, uint8_t resource, const char *name, uint8_t operation)
{
    struct acl a = grant(resource, name, operation);

    rights_add(t->rig.rights, &a);
}

static void take_back(struct test *t, uint8_t resource, const char *name, uint8_t operation)
{
    struct acl a = grant(resource, name, operation);

    rights_remove(t->rig.rights, &a);
}

/* A topic that is there, whoever asks. */
static struct uuid make(struct test *t, int fd, const char *name)
{
    struct uuid id = { 0 };

    allow(t, ACL_TOPIC, name, ACL_ALL);
    create(t, fd, name, 2);
    take_back(t, ACL_TOPIC, name, ACL_ALL);
    for (size_t at = 0;;) {
        struct topic *topic = map_next(&t->rig.engine->topics, &at);

        assert_non_null(topic);
        id = topic->uuid;
        if (bytes_eq_str(topic->key.name, name))
            return id;
    }
}

static bool is_zero_id(const struct uuid *id)
{
    static const struct uuid zero;

    return memcmp(id, &zero, sizeof zero) == 0;
}

/* ---- the table ---- */

static void every_api_has_a_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < kafka_api_count; i++)
        if (!kafka_authorize_knows(&kafka_apis[i]))
            fail_msg("nothing is said about %s", kafka_apis[i].name);
}

static void every_field_of_a_rule_exists(void **state)
{
    const char *missing = kafka_authorize_check();

    (void)state;
    if (missing)
        fail_msg("no message has the field %s", missing);
}

/* ---- topics ---- */

static void produce_and_fetch(void **state)
{
    struct test                             *t = *state;
    int                                      fd = connect_to(t);
    struct bytes                             b = batch(t, 1);
    const struct produce_response_partition *p;

    make(t, fd, "orders");
    p = produce(t, fd, 9, "orders", b);
    assert_int_equal(p->error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(p->base_offset, -1);
    assert_int_equal(produce(t, fd, 9, "missing", b)->error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    allow(t, ACL_TOPIC, "orders", ACL_WRITE);
    assert_int_equal(produce(t, fd, 9, "orders", b)->error_code, KAFKA_NONE);
    assert_int_equal(fetch(t, fd, "orders", 0).code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(fetch(t, fd, "orders", 0).high_watermark, -1);
    allow(t, ACL_TOPIC, "orders", ACL_READ);
    assert_int_equal(fetch(t, fd, "orders", 0).code, KAFKA_NONE);
    assert_true(fetch(t, fd, "orders", 0).records.len > 0);
    take_back(t, ACL_TOPIC, "orders", ACL_READ); /* AU3 */
    assert_int_equal(fetch(t, fd, "orders", 0).code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    free((void *)(uintptr_t)b.at);
    close(fd);
}

/* KIP-227: the answer of version 7, up to its partitions. */
struct session_answer {
    int16_t  code;
    int32_t  id;
    int32_t  topics;
    int16_t  first_code; /* of the first partition */
    uint32_t first_bytes;
};

static struct session_answer fetch_in_session(struct test *t, int fd, const char *topic, int32_t id, int32_t epoch)
{
    struct fetch_request *q = fetch_of(t, topic ? topic : "", 0, 0);
    struct session_answer a = { 0 };
    struct rd             in;

    q->session_id = id;
    q->session_epoch = epoch;
    q->topics.count = topic ? 1 : 0;
    send_request(t, fd, FETCH, 7, q);
    in = rd_of(receive(t, fd, t->correlation_id));
    rd_bytes(&in, 4 + 4);
    a.code = (int16_t)rd_u16(&in);
    a.id = (int32_t)rd_u32(&in);
    a.topics = (int32_t)rd_u32(&in);
    if (a.topics > 0) {
        rd_bytes(&in, rd_u16(&in));
        rd_bytes(&in, 4 + 4);
        a.first_code = (int16_t)rd_u16(&in);
        rd_bytes(&in, 8 + 8 + 8 + 4);
        a.first_bytes = rd_u32(&in);
    }
    assert_false(in.failed);
    return a;
}

static void rights_end_in_sessions_too(void **state)
{
    struct session_answer a;
    struct test          *t = *state;
    int                   fd = connect_to(t);
    struct bytes          b = batch(t, 1);
    int32_t               id;

    make(t, fd, "orders");
    make(t, fd, "secret");
    a = fetch_in_session(t, fd, "secret", 0, 0);
    assert_int_equal(a.first_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(a.id, 0);
    allow(t, ACL_TOPIC, "orders", ACL_ALL);
    a = fetch_in_session(t, fd, "orders", 0, 0);
    id = a.id;
    assert_int_not_equal(id, 0);
    assert_int_equal(produce(t, fd, 7, "orders", b)->error_code, KAFKA_NONE);
    a = fetch_in_session(t, fd, NULL, id, 1);
    assert_int_equal(a.topics, 1);
    assert_true(a.first_bytes > 0);
    assert_int_equal(fetch_in_session(t, fd, "secret", id, 2).code, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    take_back(t, ACL_TOPIC, "orders", ACL_ALL);
    a = fetch_in_session(t, fd, NULL, id, 2);
    assert_true(a.topics == 0 || (a.first_code == KAFKA_TOPIC_AUTHORIZATION_FAILED && a.first_bytes == 0));
    free((void *)(uintptr_t)b.at);
    close(fd);
}

/* What is allowed goes on; the rest is told in the same answer. */
static void a_request_in_part(void **state)
{
    struct test                          *t = *state;
    int                                   fd = connect_to(t);
    struct list_offsets_request_partition p = { .current_leader_epoch = -1, .timestamp = -1 };
    struct list_offsets_request_topic     topics[] = { { bytes_str("secret"), { 1, &p } },
                                                       { bytes_str("orders"), { 1, &p } },
                                                       { bytes_str("missing"), { 1, &p } } };
    struct list_offsets_request           q = { .topics = { 3, topics } };
    const struct list_offsets_response   *a;

    make(t, fd, "orders");
    make(t, fd, "secret");
    allow(t, ACL_TOPIC, "orders", ACL_DESCRIBE);
    a = ask(t, fd, LIST_OFFSETS, 6, &q);
    assert_int_equal(a->topics.count, 3);
    assert_true(bytes_eq_str(a->topics.at[0].name, "orders"));
    assert_int_equal(a->topics.at[0].partitions.at[0].error_code, KAFKA_NONE);
    for (size_t i = 1; i < 3; i++) { /* AU2: what is there and what is not look alike */
        assert_int_equal(a->topics.at[i].partitions.at[0].error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
        assert_int_equal(a->topics.at[i].partitions.at[0].offset, -1);
    }
    close(fd);
}

static void topics_by_id(void **state)
{
    struct test                     *t = *state;
    int                              fd = connect_to(t);
    struct uuid                      id = make(t, fd, "orders");
    struct bytes                     b = batch(t, 1);
    struct produce_request_partition partition = { .index = 0, .records = b };
    struct produce_request_topic     topics[] = { { .topic_id = id, .partitions = { 1, &partition } },
                                                  { .topic_id = { { 7 } }, .partitions = { 1, &partition } } };
    struct produce_request           q = { .acks = -1, .topics = { 2, topics } };
    const struct produce_response   *a = ask(t, fd, PRODUCE, 13, &q);

    assert_int_equal(a->topics.count, 2);
    assert_memory_equal(&a->topics.at[0].topic_id, &id, sizeof id);
    assert_int_equal(a->topics.at[0].partitions.at[0].error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(a->topics.at[1].partitions.at[0].error_code, KAFKA_UNKNOWN_TOPIC_ID);
    allow(t, ACL_TOPIC, "orders", ACL_WRITE);
    q.topics.count = 1;
    a = ask(t, fd, PRODUCE, 13, &q);
    assert_int_equal(a->topics.at[0].partitions.at[0].error_code, KAFKA_NONE);
    free((void *)(uintptr_t)b.at);
    close(fd);
}

/* Who wants no answer is hung up on, as with any error. */
static void nothing_to_be_said(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);
    struct bytes b = batch(t, 1);

    make(t, fd, "orders");
    produce_acks(t, fd, 7, "orders", b, 0);
    assert_true(is_hung_up(t, fd));
    free((void *)(uintptr_t)b.at);
    close(fd);
}

/* ---- Metadata ---- */

static const struct metadata_response *metadata(struct test *t, int fd, const char *name, bool creates)
{
    struct metadata_request_topic topic = { .name = bytes_str(name) };
    struct metadata_request       q = { .topics = { name ? 1 : 0, name ? &topic : NULL },
                                        .allow_auto_topic_creation = creates,
                                        .include_cluster_authorized_operations = true,
                                        .include_topic_authorized_operations = true };

    return ask(t, fd, METADATA, 10, &q);
}

static void metadata_shows_what_may_be_described(void **state)
{
    const struct metadata_response *a;
    struct test                    *t = *state;
    int                             fd = connect_to(t);

    make(t, fd, "orders");
    make(t, fd, "secret");
    a = metadata(t, fd, NULL, false);
    assert_int_equal(a->topics.count, 0);
    assert_int_equal(a->brokers.count, 1);
    assert_int_equal(a->cluster_authorized_operations, 0);
    allow(t, ACL_TOPIC, "orders", ACL_READ);
    allow(t, ACL_CLUSTER, ACL_CLUSTER_NAME, ACL_DESCRIBE);
    a = metadata(t, fd, NULL, false);
    assert_int_equal(a->topics.count, 1);
    assert_int_equal(a->topics.at[0].authorized_operations, 1 << ACL_READ | 1 << ACL_DESCRIBE);
    assert_int_equal(a->cluster_authorized_operations, 1 << ACL_DESCRIBE);
    a = metadata(t, fd, "secret", true);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(a->topics.at[0].partitions.count, 0);
    assert_true(is_zero_id(&a->topics.at[0].topic_id));
    a = metadata(t, fd, "missing", true);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    close(fd);
}

static void metadata_makes_what_may_be_made(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    allow(t, ACL_TOPIC, "new", ACL_DESCRIBE);
    assert_int_equal(metadata(t, fd, "new", false)->topics.at[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(metadata(t, fd, "new", true)->topics.at[0].error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    allow(t, ACL_TOPIC, "new", ACL_CREATE);
    assert_int_equal(metadata(t, fd, "new", true)->topics.at[0].error_code, KAFKA_NONE);
    close(fd);
}

static void metadata_by_id_does_not_tell_names(void **state)
{
    struct test                   *t = *state;
    int                            fd = connect_to(t);
    struct metadata_request_topic  topic = { .topic_id = make(t, fd, "secret") };
    struct metadata_request        q = { .topics = { 1, &topic } };
    const struct metadata_response *a = ask(t, fd, METADATA, 12, &q);

    assert_int_equal(a->topics.at[0].error_code, KAFKA_UNKNOWN_TOPIC_ID);
    assert_int_equal(a->topics.at[0].name.len, 0);
    allow(t, ACL_TOPIC, "secret", ACL_DESCRIBE);
    a = ask(t, fd, METADATA, 12, &q);
    assert_true(bytes_eq_str(a->topics.at[0].name, "secret"));
    close(fd);
}

static void pages_of_topics(void **state)
{
    struct test                            *t = *state;
    int                                     fd = connect_to(t);
    struct topic_partitions_request_topic   named[] = { { bytes_str("b") }, { bytes_str("c") } };
    struct topic_partitions_request         q = { .response_partition_limit = 1 };
    const struct topic_partitions_response *a;

    make(t, fd, "a");
    make(t, fd, "b");
    make(t, fd, "c");
    allow(t, ACL_TOPIC, "a", ACL_DESCRIBE);
    allow(t, ACL_TOPIC, "c", ACL_DESCRIBE);
    a = ask(t, fd, TOPIC_PARTITIONS, 0, &q);
    assert_int_equal(a->topics.count, 1);
    assert_true(bytes_eq_str(a->next_cursor->topic_name, "a"));
    q.response_partition_limit = 2; /* what comes next is not what he may not see */
    a = ask(t, fd, TOPIC_PARTITIONS, 0, &q);
    assert_true(bytes_eq_str(a->next_cursor->topic_name, "c"));
    q.topics.count = 2;
    q.topics.at = named;
    a = ask(t, fd, TOPIC_PARTITIONS, 0, &q);
    assert_int_equal(a->topics.count, 2);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_NONE);
    assert_int_equal(a->topics.at[1].error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    q.topics.count = 1; /* when nothing is left it is not "all" */
    a = ask(t, fd, TOPIC_PARTITIONS, 0, &q);
    assert_int_equal(a->topics.count, 1);
    assert_int_equal(a->topics.at[0].error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    close(fd);
}

/* ---- administration ---- */

static int16_t create_code(struct test *t, int fd, const char *name)
{
    struct create_topics_request_topic topic = { .name = bytes_str(name),
                                                 .num_partitions = 3,
                                                 .replication_factor = 1 };
    struct create_topics_request       q = { .topics = { 1, &topic } };
    const struct create_topics_response *a = ask(t, fd, CREATE, 7, &q);

    assert_int_equal(a->topics.count, 1);
    assert_int_equal(a->topics.at[0].num_partitions, -1); /* for who may describe its settings */
    assert_int_equal(a->topics.at[0].configs.count, 0);
    return a->topics.at[0].error_code;
}

static int16_t delete_code(struct test *t, int fd, const char *name)
{
    struct bytes                 names[] = { bytes_str(name) };
    struct delete_topics_request q = { .topic_names = { 1, names } };

    return ((const struct delete_topics_response *)ask(t, fd, DELETE, 5, &q))->topics.at[0].error_code;
}

static void creating_and_deleting(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    assert_int_equal(create_code(t, fd, "a"), KAFKA_TOPIC_AUTHORIZATION_FAILED);
    allow(t, ACL_TOPIC, "a", ACL_CREATE);
    assert_int_equal(create_code(t, fd, "a"), KAFKA_NONE);
    assert_int_equal(create_code(t, fd, "b"), KAFKA_TOPIC_AUTHORIZATION_FAILED);
    allow(t, ACL_CLUSTER, ACL_CLUSTER_NAME, ACL_CREATE);
    assert_int_equal(create_code(t, fd, "b"), KAFKA_NONE);
    assert_int_equal(delete_code(t, fd, "a"), KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(delete_code(t, fd, "missing"), KAFKA_TOPIC_AUTHORIZATION_FAILED);
    allow(t, ACL_TOPIC, "a", ACL_DELETE);
    assert_int_equal(delete_code(t, fd, "a"), KAFKA_NONE);
    close(fd);
}

static int16_t settings_code(struct test *t, int fd, int8_t type, const char *name, bool alters)
{
    struct describe_configs_request_resource          d = { type, bytes_str(name), { 0 } };
    struct incremental_alter_configs_request_resource i = { .resource_type = type,
                                                            .resource_name = bytes_str(name) };
    struct describe_configs_request                   q = { .resources = { 1, &d } };
    struct incremental_alter_configs_request          q2 = { .resources = { 1, &i } };
    const struct describe_configs_response           *a;
    const struct incremental_alter_configs_response  *a2;

    if (!alters) {
        a = ask(t, fd, DESCRIBE_CONFIGS, 4, &q);
        assert_int_equal(a->results.count, 1);
        assert_int_equal(a->results.at[0].resource_type, type);
        assert_true(bytes_eq_str(a->results.at[0].resource_name, name));
        assert_true(a->results.at[0].error_code == KAFKA_NONE || a->results.at[0].configs.count == 0);
        return a->results.at[0].error_code;
    }
    a2 = ask(t, fd, INCREMENTAL_ALTER_CONFIGS, 1, &q2);
    assert_int_equal(a2->responses.count, 1);
    return a2->responses.at[0].error_code;
}

static void settings(void **state)
{
    enum { OF_TOPIC = 2, OF_BROKER = 4 };
    struct test *t = *state;
    int          fd = connect_to(t);

    make(t, fd, "orders");
    assert_int_equal(settings_code(t, fd, OF_TOPIC, "orders", false), KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(settings_code(t, fd, OF_TOPIC, "missing", false), KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(settings_code(t, fd, OF_TOPIC, "orders", true), KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(settings_code(t, fd, OF_BROKER, "1", false), KAFKA_CLUSTER_AUTHORIZATION_FAILED);
    assert_int_equal(settings_code(t, fd, OF_BROKER, "1", true), KAFKA_CLUSTER_AUTHORIZATION_FAILED);
    allow(t, ACL_TOPIC, "orders", ACL_ALTER_CONFIGS);
    assert_int_equal(settings_code(t, fd, OF_TOPIC, "orders", true), KAFKA_NONE);
    assert_int_equal(settings_code(t, fd, OF_TOPIC, "orders", false), KAFKA_NONE);
    allow(t, ACL_CLUSTER, ACL_CLUSTER_NAME, ACL_DESCRIBE_CONFIGS);
    assert_int_equal(settings_code(t, fd, OF_BROKER, "1", false), KAFKA_NONE);
    close(fd);
}

/* ---- groups ---- */

static int16_t commit_code(struct test *t, int fd, const char *topic)
{
    struct offset_commit_request_partition p = { .committed_offset = 3, .committed_metadata = bytes_str("m") };
    struct offset_commit_request_topic     topics = { .name = bytes_str(topic), .partitions = { 1, &p } };
    struct offset_commit_request           q = { .group_id = bytes_str("g"),
                                                 .generation_id = -1,
                                                 .member_id = bytes_str(""),
                                                 .topics = { 1, &topics } };
    const struct offset_commit_response   *a = ask(t, fd, COMMIT, 7, &q);

    assert_int_equal(a->topics.count, 1);
    assert_int_equal(a->topics.at[0].partitions.count, 1);
    return a->topics.at[0].partitions.at[0].error_code;
}

/* Null: all topics. */
static const struct offset_fetch_response_group *offsets_of(struct test *t, int fd, const char *topic)
{
    int32_t                           zero = 0;
    struct offset_fetch_request_topic named = { .name = bytes_str(topic), .partition_indexes = { 1, &zero } };
    struct offset_fetch_request_group g = { .group_id = bytes_str("g"),
                                            .topics = { topic ? 1 : 0, topic ? &named : NULL } };
    struct offset_fetch_request       q = { .groups = { 1, &g } };
    const struct offset_fetch_response *a = ask(t, fd, OFFSETS, 8, &q);

    assert_int_equal(a->groups.count, 1);
    return &a->groups.at[0];
}

static void offsets(void **state)
{
    const struct offset_fetch_response_group *g;
    struct test                              *t = *state;
    int                                       fd = connect_to(t);

    make(t, fd, "orders");
    make(t, fd, "secret");
    assert_int_equal(commit_code(t, fd, "orders"), KAFKA_GROUP_AUTHORIZATION_FAILED);
    assert_int_equal(offsets_of(t, fd, NULL)->error_code, KAFKA_GROUP_AUTHORIZATION_FAILED);
    allow(t, ACL_GROUP, "g", ACL_READ);
    assert_int_equal(commit_code(t, fd, "orders"), KAFKA_TOPIC_AUTHORIZATION_FAILED);
    allow(t, ACL_TOPIC, "orders", ACL_READ);
    allow(t, ACL_TOPIC, "secret", ACL_READ);
    assert_int_equal(commit_code(t, fd, "orders"), KAFKA_NONE);
    assert_int_equal(commit_code(t, fd, "secret"), KAFKA_NONE);
    take_back(t, ACL_TOPIC, "secret", ACL_READ);
    g = offsets_of(t, fd, NULL);
    assert_int_equal(g->topics.count, 1);
    assert_true(bytes_eq_str(g->topics.at[0].name, "orders"));
    assert_int_equal(g->topics.at[0].partitions.at[0].committed_offset, 3);
    g = offsets_of(t, fd, "secret");
    assert_int_equal(g->topics.at[0].partitions.at[0].error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(g->topics.at[0].partitions.at[0].committed_offset, -1);
    assert_int_equal(g->topics.at[0].partitions.at[0].metadata.len, 0);
    close(fd);
}

static void groups_are_listed_to_whom_they_concern(void **state)
{
    struct list_groups_request            q = { 0 };
    struct bytes                          names[] = { bytes_str("g"), bytes_str("h") };
    struct describe_groups_request        d = { .groups = { 2, names }, .include_authorized_operations = true };
    const struct list_groups_response    *a;
    const struct describe_groups_response *b;
    struct test                          *t = *state;
    int                                   fd = connect_to(t);

    make(t, fd, "orders");
    allow(t, ACL_GROUP, "g", ACL_READ);
    allow(t, ACL_TOPIC, "orders", ACL_READ);
    assert_int_equal(commit_code(t, fd, "orders"), KAFKA_NONE);
    a = ask(t, fd, LIST_GROUPS, 4, &q);
    assert_int_equal(a->groups.count, 1);
    take_back(t, ACL_GROUP, "g", ACL_READ);
    a = ask(t, fd, LIST_GROUPS, 4, &q);
    assert_int_equal(a->error_code, KAFKA_NONE);
    assert_int_equal(a->groups.count, 0);
    allow(t, ACL_CLUSTER, ACL_CLUSTER_NAME, ACL_DESCRIBE);
    a = ask(t, fd, LIST_GROUPS, 4, &q);
    assert_int_equal(a->groups.count, 1);
    allow(t, ACL_GROUP, "g", ACL_DESCRIBE);
    b = ask(t, fd, DESCRIBE_GROUPS, 5, &d);
    assert_int_equal(b->groups.count, 2);
    assert_int_equal(b->groups.at[0].authorized_operations, 1 << ACL_DESCRIBE);
    assert_int_equal(b->groups.at[1].error_code, KAFKA_GROUP_AUTHORIZATION_FAILED);
    assert_true(bytes_eq_str(b->groups.at[1].group_id, "h"));
    close(fd);
}

static void coordinators(void **state)
{
    struct find_coordinator_request         q = { .key = bytes_str("g"), .key_type = 1 };
    struct bytes                            keys[] = { bytes_str("g"), bytes_str("h") };
    const struct find_coordinator_response *a;
    struct test                            *t = *state;
    int                                     fd = connect_to(t);

    a = ask(t, fd, COORDINATOR, 3, &q);
    assert_int_equal(a->error_code, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    assert_int_equal(a->node_id, -1);
    allow(t, ACL_GROUP, "g", ACL_DESCRIBE);
    q = (struct find_coordinator_request){ .coordinator_keys = { 2, keys } };
    a = ask(t, fd, COORDINATOR, 4, &q);
    assert_int_equal(a->coordinators.count, 2);
    assert_int_equal(a->coordinators.at[0].error_code, KAFKA_NONE);
    assert_true(bytes_eq_str(a->coordinators.at[1].key, "h"));
    assert_int_equal(a->coordinators.at[1].error_code, KAFKA_GROUP_AUTHORIZATION_FAILED);
    close(fd);
}

enum { CONSUMER_HEARTBEAT = 68, CONSUMER_DESCRIBE = 69, SHARE_ACKNOWLEDGE = 79 };

static const struct consumer_heartbeat_response *join(struct test *t, int fd, struct bytes *topic, const char *regex)
{
    struct consumer_heartbeat_request q = { .group_id = bytes_str("g"),
                                            .member_id = bytes_str("member-of-the-group-g1"),
                                            .rebalance_timeout_ms = 1000,
                                            .subscribed_topic_names = { topic ? 1 : 0, topic },
                                            .subscribed_topic_regex = bytes_str(regex) };

    q.topic_partitions.at = arena_new(&t->arena, 64);
    return ask(t, fd, CONSUMER_HEARTBEAT, 1, &q);
}

static void new_groups_and_what_they_speak_of(void **state)
{
    struct bytes                             group = bytes_str("g"), topic = bytes_str("secret");
    struct consumer_describe_request         d = { .group_ids = { 1, &group } };
    const struct consumer_heartbeat_response *h;
    const struct consumer_describe_response  *a;
    struct test                              *t = *state;
    int                                       fd = connect_to(t);

    make(t, fd, "secret");
    assert_int_equal(join(t, fd, &topic, NULL)->error_code, KAFKA_GROUP_AUTHORIZATION_FAILED);
    allow(t, ACL_GROUP, "g", ACL_READ);
    assert_int_equal(join(t, fd, &topic, NULL)->error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    allow(t, ACL_TOPIC, "secret", ACL_DESCRIBE);
    h = join(t, fd, &topic, NULL);
    assert_int_equal(h->error_code, KAFKA_NONE);
    assert_int_equal(h->assignment->topic_partitions.count, 1);
    a = ask(t, fd, CONSUMER_DESCRIBE, 1, &d);
    assert_int_equal(a->groups.at[0].error_code, KAFKA_NONE);
    assert_int_equal(a->groups.at[0].members.count, 1);
    take_back(t, ACL_TOPIC, "secret", ACL_DESCRIBE);
    a = ask(t, fd, CONSUMER_DESCRIBE, 1, &d);
    assert_int_equal(a->groups.at[0].error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(a->groups.at[0].members.count, 0);
    close(fd);
}

/* Refused answers of a shape that no other has: a struct that must be there. */
static void shared_records(void **state)
{
    struct test                             *t = *state;
    int                                      fd = connect_to(t);
    struct share_request_partition           p = { 0 };
    struct share_request_topic               topic = { .topic_id = make(t, fd, "orders"), .partitions = { 1, &p } };
    struct share_acknowledge_request         q = { .group_id = bytes_str("g"),
                                                   .member_id = bytes_str("AAAAAAAAAAAAAAAAAAAAAA"),
                                                   .share_session_epoch = 1,
                                                   .topics = { 1, &topic } };
    const struct share_acknowledge_response *a = ask(t, fd, SHARE_ACKNOWLEDGE, 1, &q);

    assert_int_equal(a->error_code, KAFKA_GROUP_AUTHORIZATION_FAILED);
    allow(t, ACL_GROUP, "g", ACL_READ);
    a = ask(t, fd, SHARE_ACKNOWLEDGE, 1, &q);
    assert_int_equal(a->error_code, KAFKA_NONE);
    assert_int_equal(a->responses.count, 1);
    assert_int_equal(a->responses.at[0].partitions.at[0].error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(a->responses.at[0].partitions.at[0].current_leader->leader_id, -1);
    close(fd);
}

/* ---- producers and transactions ---- */

static int16_t init_code(struct test *t, int fd, const char *txn)
{
    struct init_producer_id_request         q = { .transactional_id = bytes_str(txn),
                                                  .transaction_timeout_ms = 10000,
                                                  .producer_id = -1,
                                                  .producer_epoch = -1 };
    const struct init_producer_id_response *a = ask(t, fd, INIT, 4, &q);

    assert_true(a->error_code == KAFKA_NONE || a->producer_id == -1);
    return a->error_code;
}

static void producer_ids(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    assert_int_equal(init_code(t, fd, NULL), KAFKA_CLUSTER_AUTHORIZATION_FAILED);
    allow(t, ACL_TOPIC, "any", ACL_WRITE);
    assert_int_equal(init_code(t, fd, NULL), KAFKA_NONE);
    take_back(t, ACL_TOPIC, "any", ACL_WRITE);
    allow(t, ACL_CLUSTER, ACL_CLUSTER_NAME, ACL_IDEMPOTENT_WRITE);
    assert_int_equal(init_code(t, fd, NULL), KAFKA_NONE);
    assert_int_equal(init_code(t, fd, "t"), KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    allow(t, ACL_TRANSACTIONAL_ID, "t", ACL_WRITE);
    assert_int_equal(init_code(t, fd, "t"), KAFKA_NONE);
    close(fd);
}

static void one_refused_partition_spoils_all(void **state)
{
    int32_t                              zero = 0;
    struct add_partitions_request_topic  topics[] = { { bytes_str("orders"), { 1, &zero } },
                                                      { bytes_str("secret"), { 1, &zero } } };
    struct add_partitions_request        q = { .transactional_id = bytes_str("t"), .topics = { 2, topics } };
    const struct add_partitions_response *a;
    struct test                          *t = *state;
    int                                   fd = connect_to(t);

    a = ask(t, fd, ADD_PARTITIONS, 3, &q);
    assert_int_equal(a->topics.at[0].partitions.at[0].error_code, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    allow(t, ACL_TRANSACTIONAL_ID, "t", ACL_WRITE);
    allow(t, ACL_TOPIC, "orders", ACL_WRITE);
    a = ask(t, fd, ADD_PARTITIONS, 3, &q);
    assert_int_equal(a->topics.count, 2);
    assert_int_equal(a->topics.at[0].partitions.at[0].error_code, KAFKA_OPERATION_NOT_ATTEMPTED);
    assert_int_equal(a->topics.at[1].partitions.at[0].error_code, KAFKA_TOPIC_AUTHORIZATION_FAILED);
    close(fd);
}

/* ---- ACLs ---- */

static int16_t create_acl(struct test *t, int fd, struct create_acls_request_creation c)
{
    struct create_acls_request         q = { { 1, &c } };
    const struct create_acls_response *a = ask(t, fd, CREATE_ACLS, 3, &q);

    assert_int_equal(a->results.count, 1);
    return a->results.at[0].error_code;
}

static struct create_acls_request_creation creation(const char *topic, const char *principal)
{
    return (struct create_acls_request_creation){ ACL_TOPIC,
                                                  bytes_str(topic),
                                                  ACL_LITERAL,
                                                  bytes_str(principal),
                                                  bytes_str("*"),
                                                  ACL_READ,
                                                  ACL_ALLOW };
}

static const struct describe_acls_response *describe_acls(struct test *t, int fd, int8_t pattern, const char *name)
{
    struct describe_acls_request q = { .resource_type = ACL_RESOURCE_ANY,
                                       .resource_name = bytes_str(name),
                                       .pattern_type = pattern,
                                       .operation = ACL_OPERATION_ANY,
                                       .permission_type = ACL_PERMISSION_ANY };

    return ask(t, fd, DESCRIBE_ACLS, 3, &q);
}

static void acls_are_created_described_and_deleted(void **state)
{
    struct delete_acls_request_filter    filters[2] = { { .resource_type = ACL_TOPIC,
                                                          .pattern_type = ACL_LITERAL,
                                                          .resource_name = bytes_str("orders"),
                                                          .operation = ACL_OPERATION_ANY,
                                                          .permission_type = ACL_PERMISSION_ANY },
                                                        { .resource_type = 0 } };
    struct delete_acls_request           q = { { 2, filters } };
    const struct describe_acls_response *a;
    const struct delete_acls_response   *d;
    struct create_acls_request_creation  bad = creation("orders", "User:a");
    struct test                         *t = *state;
    int                                  fd = connect_to(t);

    assert_int_equal(create_acl(t, fd, creation("orders", "User:a")), KAFKA_NONE);
    assert_int_equal(create_acl(t, fd, creation("orders", "User:a")), KAFKA_NONE);
    assert_int_equal(create_acl(t, fd, creation("orders", "User:b")), KAFKA_NONE);
    assert_int_equal(create_acl(t, fd, creation("*", "User:c")), KAFKA_NONE);
    assert_int_equal(create_acl(t, fd, creation("", "User:c")), KAFKA_INVALID_REQUEST);
    assert_int_equal(create_acl(t, fd, creation("x", "nobody")), KAFKA_INVALID_REQUEST);
    bad.resource_type = ACL_CLUSTER;
    assert_int_equal(create_acl(t, fd, bad), KAFKA_INVALID_REQUEST);
    bad.resource_type = 99;
    assert_int_equal(create_acl(t, fd, bad), KAFKA_INVALID_REQUEST);
    a = describe_acls(t, fd, ACL_PATTERN_MATCH, "orders");
    assert_int_equal(a->error_code, KAFKA_NONE);
    assert_int_equal(a->resources.count, 2);
    assert_true(bytes_eq_str(a->resources.at[0].resource_name, "*"));
    assert_int_equal(a->resources.at[1].acls.count, 2);
    assert_true(bytes_eq_str(a->resources.at[1].acls.at[1].principal, "User:b"));
    assert_int_equal(describe_acls(t, fd, 9, "orders")->error_code, KAFKA_INVALID_REQUEST);
    d = ask(t, fd, DELETE_ACLS, 3, &q);
    assert_int_equal(d->filter_results.count, 2);
    assert_int_equal(d->filter_results.at[0].matching_acls.count, 2);
    assert_int_equal(d->filter_results.at[1].error_code, KAFKA_INVALID_REQUEST);
    a = describe_acls(t, fd, ACL_PATTERN_MATCH, "orders");
    assert_int_equal(a->resources.count, 1);
    close(fd);
}

static void acls_are_for_whom_may_alter_the_cluster(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    assert_int_equal(describe_acls(t, fd, ACL_PATTERN_ANY, NULL)->error_code, KAFKA_CLUSTER_AUTHORIZATION_FAILED);
    assert_int_equal(create_acl(t, fd, creation("orders", "User:a")), KAFKA_CLUSTER_AUTHORIZATION_FAILED);
    allow(t, ACL_CLUSTER, ACL_CLUSTER_NAME, ACL_ALTER);
    assert_int_equal(create_acl(t, fd, creation("orders", "User:a")), KAFKA_NONE);
    assert_int_equal(describe_acls(t, fd, ACL_PATTERN_ANY, NULL)->resources.count, 1);
    close(fd);
}

static void without_rights_there_are_no_acls(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    assert_int_equal(describe_acls(t, fd, ACL_PATTERN_ANY, NULL)->error_code, KAFKA_SECURITY_DISABLED);
    assert_int_equal(create_acl(t, fd, creation("orders", "User:a")), KAFKA_SECURITY_DISABLED);
    close(fd);
}

#define WITH(test, up) cmocka_unit_test_setup_teardown(test, up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_api_has_a_rule),
        cmocka_unit_test(every_field_of_a_rule_exists),
        WITH(produce_and_fetch, set_up_rights),
        WITH(a_request_in_part, set_up_rights),
        WITH(rights_end_in_sessions_too, set_up_rights),
        WITH(topics_by_id, set_up_rights),
        WITH(nothing_to_be_said, set_up_rights),
        WITH(metadata_shows_what_may_be_described, set_up_rights),
        WITH(metadata_makes_what_may_be_made, set_up_rights),
        WITH(metadata_by_id_does_not_tell_names, set_up_rights),
        WITH(pages_of_topics, set_up_rights),
        WITH(creating_and_deleting, set_up_rights),
        WITH(settings, set_up_rights),
        WITH(offsets, set_up_rights),
        WITH(groups_are_listed_to_whom_they_concern, set_up_rights),
        WITH(coordinators, set_up_rights),
        WITH(new_groups_and_what_they_speak_of, set_up_rights),
        WITH(shared_records, set_up_rights),
        WITH(producer_ids, set_up_rights),
        WITH(one_refused_partition_spoils_all, set_up_rights),
        WITH(acls_are_created_described_and_deleted, set_up_super),
        WITH(acls_are_for_whom_may_alter_the_cluster, set_up_rights),
        WITH(without_rights_there_are_no_acls, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
