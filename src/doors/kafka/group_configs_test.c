/* group_configs_test.c - the settings of groups: what they may be, described and altered (kafka_rig.h). */
#include "doors/kafka/group_configs.h"
#include "doors/kafka/kafka_rig.h"
#include "doors/kafka/resources.h"
#include "engine/group_policy.h"

enum { SET, DELETE_OP, APPEND };

static const struct describe_configs_response_result *describe(struct test *t, int fd, const char *group,
                                                               const char *key)
{
    struct bytes                             wanted = bytes_str(key);
    struct describe_configs_request_resource resource = { RESOURCE_GROUP, bytes_str(group),
                                                          { key != NULL, key ? &wanted : NULL } };
    struct describe_configs_request          q = { { 1, &resource }, true, true };
    const struct describe_configs_response  *a = ask(t, fd, DESCRIBE_CONFIGS, 4, &q);

    assert_int_equal(a->results.count, 1);
    return &a->results.at[0];
}

static int16_t alter(struct test *t, int fd, const char *group, int8_t operation, const char *key, const char *value)
{
    struct incremental_alter_configs_request_config   c = { bytes_str(key), operation, bytes_str(value) };
    struct incremental_alter_configs_request_resource resource = { RESOURCE_GROUP, bytes_str(group), { 1, &c } };
    struct incremental_alter_configs_request          q = { { 1, &resource }, false };
    const struct incremental_alter_configs_response  *a = ask(t, fd, INCREMENTAL_ALTER_CONFIGS, 1, &q);

    assert_int_equal(a->responses.count, 1);
    return a->responses.at[0].error_code;
}

static const struct group_policy *policy_of(struct test *t, const char *group)
{
    return group_policy_of(t->rig.engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(group));
}

/* The table's defaults are the engine's. */
static void defaults_agree(void **state)
{
    struct group_policy p;
    struct buf          native;

    (void)state;
    buf_init(&native);
    for (size_t i = 0; i < group_config_count; i++) {
        assert_null(group_config_check(&group_configs[i], bytes_str(group_configs[i].value)));
        topic_config_write_name(&native, group_configs[i].name, bytes_str(group_configs[i].value));
    }
    assert_null(group_config_policy(buf_view(&native), &p));
    p.dead_letter_topic = (struct bytes){ 0 };
    assert_memory_equal(&p, &group_policy_default, sizeof p);
    buf_fini(&native);
}

static void values_are_checked(void **state)
{
    static const struct { const char *name, *value; bool is_good; } cases[] = {
        { "share.auto.offset.reset", "earliest", true },
        { "share.auto.offset.reset", "none", false },
        { "share.auto.offset.reset", "by_duration:PT1H", true },
        { "share.auto.offset.reset", "by_duration:P1DT2H3M4.5S", true },
        { "share.auto.offset.reset", "by_duration:P", false },
        { "share.auto.offset.reset", "by_duration:PT", false },
        { "share.auto.offset.reset", "by_duration:1H", false },
        { "share.auto.offset.reset", "by_duration:P1H", false },
        { "share.auto.offset.reset", "by_duration:PT1M1H", false },
        { "share.auto.offset.reset", "by_duration:PT-1H", false },
        { "share.auto.offset.reset", "by_duration:PT1.5H", false },
        { "share.auto.offset.reset", "by_duration:PT99999999999999999999S", false },
        { "share.isolation.level", "read_committed", true },
        { "share.isolation.level", "committed", false },
        { "share.record.lock.duration.ms", "1000", true },
        { "share.record.lock.duration.ms", "999", false },
        { "share.record.lock.duration.ms", "x", false },
        { "share.delivery.count.limit", "0", false },
        { "share.renew.acknowledge.enable", "false", true },
        { "share.renew.acknowledge.enable", "no", false },
        { "errors.deadletterqueue.topic.name", "dlq.x", true },
        { "errors.deadletterqueue.topic.name", "a b", false },
        { "myna.share.release.delay.ms", "-1", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct group_config *c = group_config_find(bytes_str(cases[i].name));

        assert_non_null(c);
        assert_int_equal(group_config_check(c, bytes_str(cases[i].value)) == NULL, cases[i].is_good);
    }
    assert_null(group_config_find(bytes_str("retention.ms")));
}

static void what_is_altered_is_in_force_and_survives(void **state)
{
    struct test                                   *t = *state;
    int                                            fd = connect_to(t);
    const struct describe_configs_response_result *found = describe(t, fd, "g", NULL);

    assert_int_equal(found->configs.count, group_config_count);
    assert_int_equal(found->configs.at[0].config_source, 5);
    assert_int_equal(alter(t, fd, "g", SET, "share.auto.offset.reset", "by_duration:P1DT1.25S"), KAFKA_NONE);
    assert_int_equal(alter(t, fd, "g", SET, "errors.deadletterqueue.topic.name", "dlq.g"), KAFKA_NONE);
    rig_restart(&t->rig);
    assert_int_equal(policy_of(t, "g")->start, 24 * 60 * 60 * 1000 + 1250);
    assert_true(bytes_eq_str(policy_of(t, "g")->dead_letter_topic, "dlq.g"));
    found = describe(t, fd, "g", "share.auto.offset.reset");
    assert_true(bytes_eq_str(found->configs.at[0].value, "by_duration:P1DT1.25S"));
    assert_int_equal(found->configs.at[0].config_source, 8);
    assert_int_equal(alter(t, fd, "g", DELETE_OP, "errors.deadletterqueue.topic.name", NULL), KAFKA_NONE);
    assert_int_equal(alter(t, fd, "g", DELETE_OP, "share.auto.offset.reset", NULL), KAFKA_NONE);
    assert_ptr_equal(policy_of(t, "g"), &group_policy_default);
    close(fd);
}

static void bad_changes_are_refused(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    assert_int_equal(alter(t, fd, "g", SET, "no.such", "1"), KAFKA_INVALID_CONFIG);
    assert_int_equal(alter(t, fd, "g", SET, "retention.ms", "1"), KAFKA_INVALID_CONFIG);
    assert_int_equal(alter(t, fd, "g", APPEND, "share.session.timeout.ms", "1"), KAFKA_INVALID_CONFIG);
    assert_int_equal(alter(t, fd, "", SET, "share.session.timeout.ms", "60000"), KAFKA_INVALID_REQUEST);
    assert_int_equal(alter(t, fd, "g", SET, "share.session.timeout.ms", "1"), KAFKA_INVALID_CONFIG);
    assert_int_equal(alter(t, fd, "g", SET, "share.heartbeat.interval.ms", "60000"), KAFKA_INVALID_CONFIG);
    assert_int_equal(describe(t, fd, "", NULL)->error_code, KAFKA_INVALID_REQUEST);
    assert_ptr_equal(policy_of(t, "g"), &group_policy_default);
    close(fd);
}

static void groups_with_settings_are_listed(void **state)
{
    struct test                                 *t = *state;
    int                                          fd = connect_to(t);
    int8_t                                       type = RESOURCE_GROUP;
    struct list_config_resources_request         q = { { 1, &type } };
    const struct list_config_resources_response *a;

    assert_int_equal(alter(t, fd, "g", SET, "share.isolation.level", "read_committed"), KAFKA_NONE);
    a = ask(t, fd, CONFIG_RESOURCES, 1, &q);
    assert_int_equal(a->config_resources.count, 1);
    assert_true(bytes_eq_str(a->config_resources.at[0].resource_name, "g"));
    assert_int_equal(a->config_resources.at[0].resource_type, RESOURCE_GROUP);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_agree),
        cmocka_unit_test(values_are_checked),
        TEST(what_is_altered_is_in_force_and_survives),
        TEST(bad_changes_are_refused),
        TEST(groups_with_settings_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
