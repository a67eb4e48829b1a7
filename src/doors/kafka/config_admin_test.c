/* config_admin_test.c - settings are described and altered, from a client's request to what they do (kafka_rig.h). */
#include "doors/kafka/configs.h"
#include "doors/kafka/kafka_rig.h"
#include "doors/kafka/resources.h"
#include "engine/queue_calls.h"

enum { SET, DELETE_OP, APPEND, SUBTRACT };

static const struct describe_configs_response_result *
describe(struct test *t, int fd, int16_t version, int8_t type, const char *name, const char *key)
{
    struct bytes                             wanted = bytes_str(key);
    struct describe_configs_request_resource resource = { .resource_type = type,
                                                          .resource_name = bytes_str(name),
                                                          .configuration_keys = { key != NULL,
                                                                                  key ? &wanted : NULL } };
    struct describe_configs_request          q = { { 1, &resource }, true, true };
    const struct describe_configs_response  *a = ask(t, fd, DESCRIBE_CONFIGS, version, &q);

    assert_int_equal(a->results.count, 1);
    return &a->results.at[0];
}

static const struct describe_configs_response_config *describe_one(struct test *t, int fd,
                                                                   const char *topic, const char *key)
{
    const struct describe_configs_response_result *found = describe(t, fd, 4, RESOURCE_TOPIC, topic, key);

    assert_int_equal(found->error_code, KAFKA_NONE);
    assert_int_equal(found->configs.count, 1);
    assert_true(bytes_eq_str(found->configs.at[0].name, key));
    return &found->configs.at[0];
}

static int16_t alter(struct test *t, int fd, const char *topic, int8_t operation, const char *key,
                     const char *value)
{
    struct incremental_alter_configs_request_config   c = { bytes_str(key), operation, bytes_str(value) };
    struct incremental_alter_configs_request_resource resource = { RESOURCE_TOPIC, bytes_str(topic), { 1, &c } };
    struct incremental_alter_configs_request          q = { { 1, &resource }, false };
    const struct incremental_alter_configs_response  *a = ask(t, fd, INCREMENTAL_ALTER_CONFIGS, 1, &q);

    assert_int_equal(a->responses.count, 1);
    assert_true((a->responses.at[0].error_code == KAFKA_NONE) == bytes_is_null(a->responses.at[0].error_message));
    return a->responses.at[0].error_code;
}

static const struct topic_policy *policy_of(struct test *t, const char *name)
{
    return &topic_find(t->rig.engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(name))->policy;
}

/* ---- describe ---- */

static void every_setting_of_a_topic_is_described(void **state)
{
    struct test  *t = *state;
    int           fd = connect_to(t);
    const struct describe_configs_response_result *found;

    create(t, fd, "orders", 1);
    for (int16_t version = 1; version <= 4; version++) {
        found = describe(t, fd, version, RESOURCE_TOPIC, "orders", NULL);
        assert_int_equal(found->error_code, KAFKA_NONE);
        assert_int_equal(found->configs.count, topic_config_count);
        for (size_t i = 0; i < found->configs.count; i++) {
            const struct describe_configs_response_config *c = &found->configs.at[i];

            assert_true(bytes_eq_str(c->value, topic_configs[i].value));
            assert_int_equal(c->config_source, 5);
            assert_false(c->read_only);
            assert_int_equal(c->synonyms.count, topic_configs[i].broker != NULL);
            assert_int_equal(c->config_type, version >= 3 ? topic_configs[i].type : 0);
            assert_int_equal(c->documentation.len > 0, version >= 3);
        }
    }
    close(fd);
}

static void a_setting_of_the_topic_comes_before_that_of_the_broker(void **state)
{
    struct test  *t = *state;
    int           fd = connect_to(t);
    const struct describe_configs_response_config *c;

    create(t, fd, "orders", 1);
    assert_int_equal(alter(t, fd, "orders", SET, "retention.ms", "60000"), KAFKA_NONE);
    c = describe_one(t, fd, "orders", "retention.ms");
    assert_true(bytes_eq_str(c->value, "60000"));
    assert_int_equal(c->config_source, 1);
    assert_int_equal(c->synonyms.count, 2);
    assert_true(bytes_eq_str(c->synonyms.at[0].name, "retention.ms"));
    assert_int_equal(c->synonyms.at[0].source, 1);
    assert_true(bytes_eq_str(c->synonyms.at[1].name, "log.retention.ms"));
    assert_true(bytes_eq_str(c->synonyms.at[1].value, "604800000"));
    assert_int_equal(c->synonyms.at[1].source, 5);
    close(fd);
}

static void a_broker_describes_itself(void **state)
{
    struct test  *t = *state;
    int           fd = connect_to(t);
    const struct describe_configs_response_result *found = describe(t, fd, 4, RESOURCE_BROKER, "1", NULL);
    bool          has_node = false;

    assert_int_equal(found->error_code, KAFKA_NONE);
    for (size_t i = 0; i < found->configs.count; i++) {
        const struct describe_configs_response_config *c = &found->configs.at[i];

        assert_true(c->read_only);
        assert_int_equal(c->synonyms.count, 1);
        has_node |= bytes_eq_str(c->name, "node.id") && bytes_eq_str(c->value, "1") && c->config_source == 4;
    }
    assert_true(has_node);
    assert_int_equal(describe(t, fd, 4, RESOURCE_BROKER, "1", "log.retention.ms")->configs.count, 1);
    assert_int_equal(describe(t, fd, 4, RESOURCE_BROKER, "", NULL)->configs.count, 0);
    assert_int_equal(describe(t, fd, 4, RESOURCE_BROKER, "7", NULL)->error_code, KAFKA_INVALID_REQUEST);
    assert_int_equal(describe(t, fd, 4, RESOURCE_BROKER, "one", NULL)->error_code, KAFKA_INVALID_REQUEST);
    assert_int_equal(describe(t, fd, 4, 3, "x", NULL)->error_code, KAFKA_INVALID_REQUEST);
    assert_int_equal(describe(t, fd, 4, RESOURCE_TOPIC, "none", NULL)->error_code,
                     KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(describe(t, fd, 4, RESOURCE_TOPIC, "no/ne", NULL)->error_code,
                     KAFKA_INVALID_TOPIC_EXCEPTION);
    close(fd);
}

/* ---- alter ---- */

static void what_is_altered_is_in_force_and_survives(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    create(t, fd, "orders", 1);
    assert_int_equal(alter(t, fd, "orders", SET, "retention.ms", "60000"), KAFKA_NONE);
    assert_int_equal(alter(t, fd, "orders", SET, "message.timestamp.type", "LogAppendTime"), KAFKA_NONE);
    assert_int_equal(policy_of(t, "orders")->retention_ms, 60000);
    assert_true(policy_of(t, "orders")->stamps_append);
    rig_restart(&t->rig);
    assert_int_equal(policy_of(t, "orders")->retention_ms, 60000);
    assert_true(bytes_eq_str(describe_one(t, fd, "orders", "retention.ms")->value, "60000"));
    assert_int_equal(alter(t, fd, "orders", DELETE_OP, "retention.ms", NULL), KAFKA_NONE);
    assert_int_equal(policy_of(t, "orders")->retention_ms, topic_policy_default.retention_ms);
    assert_int_equal(describe_one(t, fd, "orders", "retention.ms")->config_source, 5);
    assert_true(policy_of(t, "orders")->stamps_append);
    close(fd);
}

static void lists_grow_and_shrink(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    create(t, fd, "orders", 1);
    assert_int_equal(alter(t, fd, "orders", APPEND, "cleanup.policy", "compact"), KAFKA_NONE);
    assert_true(bytes_eq_str(describe_one(t, fd, "orders", "cleanup.policy")->value, "delete,compact"));
    assert_true(policy_of(t, "orders")->is_compacted);
    assert_int_equal(alter(t, fd, "orders", APPEND, "cleanup.policy", "compact"), KAFKA_NONE);
    assert_true(bytes_eq_str(describe_one(t, fd, "orders", "cleanup.policy")->value, "delete,compact"));
    assert_int_equal(alter(t, fd, "orders", SUBTRACT, "cleanup.policy", "delete"), KAFKA_NONE);
    assert_true(bytes_eq_str(describe_one(t, fd, "orders", "cleanup.policy")->value, "compact"));
    assert_int_equal(policy_of(t, "orders")->retention_ms, 0);
    assert_true(bytes_eq_str(describe_one(t, fd, "orders", "retention.ms")->value, "604800000"));
    close(fd);
}

static void bad_changes_are_refused_whole(void **state)
{
    static const struct {
        int8_t      operation;
        const char *key, *value;
        int16_t     code;
    } rows[] = {
        { SET, "no.such.thing", "1", KAFKA_INVALID_CONFIG },
        { SET, "retention.ms", "soon", KAFKA_INVALID_CONFIG },
        { SET, "retention.ms", NULL, KAFKA_INVALID_REQUEST },
        { APPEND, "retention.ms", "1", KAFKA_INVALID_CONFIG },
        { APPEND, "cleanup.policy", "keep", KAFKA_INVALID_CONFIG },
        { SET, "compression.type", "brotli", KAFKA_INVALID_CONFIG },
        { 9, "retention.ms", "1", KAFKA_INVALID_REQUEST },
        { -1, "retention.ms", "1", KAFKA_INVALID_REQUEST },
        { SET, "max.compaction.lag.ms", "1", KAFKA_INVALID_CONFIG },
    };
    struct test *t = *state;
    int          fd = connect_to(t);

    create(t, fd, "orders", 1);
    assert_int_equal(alter(t, fd, "orders", SET, "min.compaction.lag.ms", "5"), KAFKA_NONE);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(alter(t, fd, "orders", rows[i].operation, rows[i].key, rows[i].value), rows[i].code);
    assert_int_equal(alter(t, fd, "none", SET, "retention.ms", "1"), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(policy_of(t, "orders")->retention_ms, topic_policy_default.retention_ms);
    close(fd);
}

static void doubles_and_brokers_are_refused(void **state)
{
    struct incremental_alter_configs_request_config   twice[] = { { bytes_str("retention.ms"), SET, bytes_str("1") },
                                                                  { bytes_str("retention.ms"), SET, bytes_str("2") } };
    struct incremental_alter_configs_request_resource resources[] = {
        { RESOURCE_TOPIC, bytes_str("orders"), { 1, twice } }, { RESOURCE_TOPIC, bytes_str("orders"), { 1, twice } },
        { RESOURCE_TOPIC, bytes_str("other"), { 2, twice } },  { RESOURCE_BROKER, bytes_str("1"), { 1, twice } },
        { RESOURCE_BROKER, bytes_str(""), { 0, twice } },      { 77, bytes_str("orders"), { 1, twice } },
    };
    static const int16_t codes[] = { KAFKA_INVALID_REQUEST, KAFKA_INVALID_REQUEST, KAFKA_INVALID_REQUEST,
                                     KAFKA_INVALID_REQUEST, KAFKA_NONE,            KAFKA_INVALID_REQUEST };
    struct incremental_alter_configs_request         q = { { COUNT(resources), resources }, false };
    const struct incremental_alter_configs_response *a;
    struct test                                     *t = *state;
    int                                              fd = connect_to(t);

    create(t, fd, "orders", 1);
    create(t, fd, "other", 1);
    a = ask(t, fd, INCREMENTAL_ALTER_CONFIGS, 0, &q);
    assert_int_equal(a->responses.count, COUNT(codes));
    for (size_t i = 0; i < COUNT(codes); i++)
        assert_int_equal(a->responses.at[i].error_code, codes[i]);
    assert_int_equal(policy_of(t, "orders")->retention_ms, topic_policy_default.retention_ms);
    close(fd);
}

static int16_t replace(struct test *t, int fd, const char *key, const char *value, bool validate_only)
{
    struct alter_configs_request_config   c = { bytes_str(key), bytes_str(value) };
    struct alter_configs_request_resource resource = { RESOURCE_TOPIC, bytes_str("orders"), { 1, &c } };
    struct alter_configs_request          q = { { 1, &resource }, validate_only };
    const struct alter_configs_response  *a = ask(t, fd, ALTER_CONFIGS, 2, &q);

    return a->responses.at[0].error_code;
}

static void the_old_request_replaces_all(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    create(t, fd, "orders", 1);
    assert_int_equal(alter(t, fd, "orders", SET, "retention.ms", "60000"), KAFKA_NONE);
    assert_int_equal(replace(t, fd, "retention.bytes", "5", true), KAFKA_NONE);
    assert_int_equal(policy_of(t, "orders")->retention_ms, 60000);
    assert_int_equal(replace(t, fd, "retention.bytes", "five", true), KAFKA_INVALID_CONFIG);
    assert_int_equal(replace(t, fd, "retention.bytes", NULL, false), KAFKA_INVALID_REQUEST);
    assert_int_equal(replace(t, fd, "retention.bytes", "5", false), KAFKA_NONE);
    assert_int_equal(policy_of(t, "orders")->retention_bytes, 5);
    assert_int_equal(policy_of(t, "orders")->retention_ms, topic_policy_default.retention_ms);
    close(fd);
}

/* The topic of a queue keeps its messages until they are settled, whatever a Kafka client sets. */
static void topics_of_other_doors_keep_their_kind_of_retention(void **state)
{
    struct test               *t = *state;
    int                        fd = connect_to(t);
    struct queue_declare_call *q = RIG_NEW(&t->rig, queue_declare_call, CALL_QUEUE_DECLARE);

    q->ns = bytes_str(NAMESPACE_DEFAULT);
    q->name = bytes_str("jobs");
    q->door = DOOR_AMQP;
    q->is_durable = true;
    assert_true(rig_call(&t->rig, q));
    assert_int_equal(q->call.err, ERR_OK);
    call_free(q);
    assert_true(bytes_eq_str(describe_one(t, fd, "jobs", "retention.ms")->value, "-1"));
    assert_int_equal(alter(t, fd, "jobs", SET, "retention.bytes", "1000"), KAFKA_NONE);
    assert_int_equal(policy_of(t, "jobs")->retention, RETAIN_UNTIL_SETTLED);
    assert_int_equal(policy_of(t, "jobs")->retention_bytes, 1000);
    assert_int_equal(policy_of(t, "jobs")->retention_ms, 0);
    assert_true(bytes_eq_str(describe_one(t, fd, "jobs", "retention.ms")->value, "-1"));
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_setting_of_a_topic_is_described),
        TEST(a_setting_of_the_topic_comes_before_that_of_the_broker),
        TEST(a_broker_describes_itself),
        TEST(what_is_altered_is_in_force_and_survives),
        TEST(lists_grow_and_shrink),
        TEST(bad_changes_are_refused_whole),
        TEST(doubles_and_brokers_are_refused),
        TEST(the_old_request_replaces_all),
        TEST(topics_of_other_doors_keep_their_kind_of_retention),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
