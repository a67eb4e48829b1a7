/* settings_test.c - the settings of topics do what they say, from a client's request to its next fetch. */
#include "doors/kafka/kafka_rig.h"

struct setting {
    const char *name, *value;
};

static struct create_topics_response_topic *create_with(struct test *t, int fd, const char *name,
                                                        const struct setting *settings, size_t count)
{
    struct create_topics_request_config *configs = arena_array(&t->arena, count, sizeof *configs);
    struct create_topics_request_topic   topic = { .name = bytes_str(name),
                                                   .num_partitions = 1,
                                                   .replication_factor = 1,
                                                   .configs = { count, configs } };
    struct create_topics_request         q = { .topics = { 1, &topic } };
    const struct create_topics_response *a;

    for (size_t i = 0; i < count; i++)
        configs[i] = (struct create_topics_request_config){ bytes_str(settings[i].name),
                                                            bytes_str(settings[i].value) };
    a = ask(t, fd, CREATE, 5, &q);
    return &a->topics.at[0];
}

static const struct topic_policy *policy_of(struct test *t, const char *name)
{
    return &topic_find(t->rig.engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(name))->policy;
}

static void settings_reach_the_policy_and_are_shown(void **state)
{
    static const struct setting                settings[] = { { "cleanup.policy", "compact,delete" },
                                                              { "retention.ms", "60000" } };
    struct test                               *t = *state;
    int                                        fd = connect_to(t);
    const struct create_topics_response_topic *made =
        create_with(t, fd, "orders", settings, COUNT(settings));
    size_t found = 0;

    assert_int_equal(made->error_code, KAFKA_NONE);
    assert_true(policy_of(t, "orders")->is_compacted);
    assert_int_equal(policy_of(t, "orders")->retention_ms, 60000);
    for (size_t i = 0; i < made->configs.count; i++)
        for (size_t k = 0; k < COUNT(settings); k++)
            found += bytes_eq_str(made->configs.at[i].name, settings[k].name) &&
                     bytes_eq_str(made->configs.at[i].value, settings[k].value);
    assert_int_equal(found, COUNT(settings));
    create(t, fd, "plain", 1);
    assert_int_equal(policy_of(t, "plain")->retention_ms, topic_policy_default.retention_ms);
    close(fd);
}

static void settings_that_contradict_are_refused(void **state)
{
    static const struct setting settings[] = { { "min.compaction.lag.ms", "3" },
                                               { "max.compaction.lag.ms", "2" } };
    struct test                *t = *state;
    int                         fd = connect_to(t);

    assert_int_equal(create_with(t, fd, "orders", settings, COUNT(settings))->error_code,
                     KAFKA_INVALID_CONFIG);
    assert_null(topic_find(t->rig.engine, bytes_str(NAMESPACE_DEFAULT), bytes_str("orders")));
    close(fd);
}

/* A batch whose records are { key or NULL, value "v" }; free(at). */
static struct bytes batch_with_keys(struct test *t, const char *const *keys, size_t count)
{
    struct batch_writer w;
    struct buf          b;

    buf_init(&b);
    batch_begin(&w, &b);
    for (size_t i = 0; i < count; i++)
        batch_add(&w, t->rig.now_ms, bytes_str(keys[i]), bytes_str("v"), NULL, 0);
    batch_end(&w);
    return buf_view(&b);
}

static void records_without_a_key_are_refused_where_keys_count(void **state)
{
    static const struct setting              compacted[] = { { "cleanup.policy", "compact" } };
    static const char *const                 keys[] = { "a", NULL, "b", NULL };
    struct test                             *t = *state;
    int                                      fd = connect_to(t);
    struct bytes                             b = batch_with_keys(t, keys, COUNT(keys));
    const struct produce_response_partition *p;

    create(t, fd, "plain", 1);
    create_with(t, fd, "orders", compacted, 1);
    p = produce(t, fd, 9, "orders", b);
    assert_int_equal(p->error_code, KAFKA_INVALID_RECORD);
    assert_int_equal(p->base_offset, -1);
    assert_int_equal(p->record_errors.count, 2);
    assert_int_equal(p->record_errors.at[0].batch_index, 1);
    assert_int_equal(p->record_errors.at[1].batch_index, 3);
    assert_true(bytes_eq_str(
        p->record_errors.at[1].message,
        "Compacted topic cannot accept message without key in topic partition orders-0."));
    assert_true(bytes_eq_str(
        p->error_message,
        "One or more records have been rejected due to 2 record errors in total, and only showing "
        "the first three errors at most: [RecordError(batchIndex=1, message='Compacted topic cannot "
        "accept message without key in topic partition orders-0.'), RecordError(batchIndex=3, "
        "message='Compacted topic cannot accept message without key in topic partition "
        "orders-0.')]"));
    assert_int_equal(produce(t, fd, 9, "plain", b)->error_code, KAFKA_NONE);
    free((void *)(uintptr_t)b.at);
    b = batch(t, 1);
    assert_int_equal(produce(t, fd, 9, "orders", b)->base_offset, 0); /* nothing of the other one is there */
    free((void *)(uintptr_t)b.at);
    close(fd);
}

/* One record of so many bytes at that time; free(at). */
static struct bytes batch_of(int64_t timestamp_ms, size_t bytes)
{
    uint8_t            *value = mem_new(bytes);
    struct batch_writer w;
    struct buf          b;

    buf_init(&b);
    batch_begin(&w, &b);
    batch_add(&w, timestamp_ms, bytes_str("a"), bytes_of(value, 1), NULL, 0);
    batch_add(&w, timestamp_ms + 1, bytes_str("b"), bytes_of(value, bytes), NULL, 0);
    batch_end(&w);
    free(value);
    return buf_view(&b);
}

static int16_t produce_of(struct test *t, int fd, const char *topic, int64_t timestamp_ms, size_t bytes)
{
    struct bytes b = batch_of(timestamp_ms, bytes);
    int16_t      code = produce(t, fd, 9, topic, b)->error_code;

    free((void *)(uintptr_t)b.at);
    return code;
}

static void the_largest_batch_is_a_setting(void **state)
{
    static const struct setting small[] = { { "max.message.bytes", "1000" } };
    static const struct setting large[] = { { "max.message.bytes", "4000000" } };
    struct test                *t = *state;
    int                         fd = connect_to(t);

    create_with(t, fd, "small", small, 1);
    create_with(t, fd, "large", large, 1);
    create(t, fd, "plain", 1);
    assert_int_equal(produce_of(t, fd, "small", t->rig.now_ms, 800), KAFKA_NONE);
    assert_int_equal(produce_of(t, fd, "small", t->rig.now_ms, 1000), KAFKA_MESSAGE_TOO_LARGE);
    assert_int_equal(produce_of(t, fd, "plain", t->rig.now_ms, 1000000), KAFKA_NONE);
    assert_int_equal(produce_of(t, fd, "plain", t->rig.now_ms, 3000000), KAFKA_MESSAGE_TOO_LARGE);
    assert_int_equal(produce_of(t, fd, "large", t->rig.now_ms, 3000000), KAFKA_NONE);
    close(fd);
}

static void timestamps_have_bounds_that_are_settings(void **state)
{
    static const struct setting              settings[] = { { "message.timestamp.before.max.ms", "5000" },
                                                            { "message.timestamp.after.max.ms", "100" } };
    static const struct setting              stamped[] = { { "message.timestamp.before.max.ms", "5000" },
                                                           { "message.timestamp.type", "LogAppendTime" } };
    struct test                             *t = *state;
    int                                      fd = connect_to(t);
    struct bytes                             late = batch_of(t->rig.now_ms - 5001, 1);
    const struct produce_response_partition *p;

    create_with(t, fd, "bounded", settings, 2);
    create_with(t, fd, "stamped", stamped, 2);
    create(t, fd, "plain", 1);
    assert_int_equal(produce_of(t, fd, "bounded", t->rig.now_ms - 5000, 1), KAFKA_NONE);
    assert_int_equal(produce_of(t, fd, "bounded", t->rig.now_ms + 99, 1), KAFKA_NONE);
    assert_int_equal(produce_of(t, fd, "bounded", t->rig.now_ms + 100, 1), KAFKA_INVALID_TIMESTAMP);
    assert_int_equal(produce_of(t, fd, "stamped", t->rig.now_ms - 9000, 1), KAFKA_NONE);
    assert_int_equal(produce_of(t, fd, "plain", 1, 1), KAFKA_NONE);
    assert_int_equal(produce_of(t, fd, "plain", t->rig.now_ms + 3600001, 1), KAFKA_INVALID_TIMESTAMP);
    p = produce(t, fd, 9, "bounded", late);
    assert_int_equal(p->error_code, KAFKA_INVALID_TIMESTAMP);
    assert_int_equal(p->record_errors.count, 1); /* the second is just in time */
    assert_int_equal(p->record_errors.at[0].batch_index, 0);
    assert_true(bytes_starts(p->record_errors.at[0].message, "Timestamp "));
    assert_true(bytes_starts(p->error_message, "One or more records have been rejected"));
    free((void *)(uintptr_t)late.at);
    close(fd);
}

static void records_can_get_the_time_of_their_append(void **state)
{
    static const struct setting stamped[] = { { "message.timestamp.type", "LogAppendTime" } };
    struct test                *t = *state;
    int                         fd = connect_to(t);
    struct bytes                b = batch(t, 2);
    struct batch_head           head;
    struct fetched              got;

    create(t, fd, "plain", 1);
    create_with(t, fd, "orders", stamped, 1);
    t->rig.now_ms += 12345;
    assert_int_equal(produce(t, fd, 9, "plain", b)->log_append_time_ms, -1);
    assert_int_equal(produce(t, fd, 9, "orders", b)->log_append_time_ms, t->rig.now_ms);
    got = fetch(t, fd, "orders", 0);
    assert_int_equal(batch_check(got.records, &head), ERR_OK);
    assert_true(head.attributes & BATCH_APPEND_TIME);
    assert_int_equal(head.max_timestamp_ms, t->rig.now_ms);
    free((void *)(uintptr_t)b.at);
    close(fd);
}

static void old_records_are_gone_for_a_fetch(void **state)
{
    static const struct setting                   hour[] = { { "retention.ms", "3600000" } };
    struct test                                  *t = *state;
    int                                           fd = connect_to(t);
    struct bytes                                  b = batch(t, 3);
    struct list_offsets_request_partition         partition = { .timestamp = -2 };
    struct list_offsets_request_topic             topic = { .name = bytes_str("orders"),
                                                            .partitions = { 1, &partition } };
    struct list_offsets_request                   q = { .replica_id = -1, .topics = { 1, &topic } };
    const struct list_offsets_response           *a;

    create_with(t, fd, "orders", hour, 1);
    produce(t, fd, 9, "orders", b);
    assert_int_equal(fetch(t, fd, "orders", 0).code, KAFKA_NONE);
    rig_advance(&t->rig, 3600 * 1000 + 10);
    assert_int_equal(fetch(t, fd, "orders", 0).code, KAFKA_OFFSET_OUT_OF_RANGE);
    a = ask(t, fd, LIST_OFFSETS, 1, &q);
    assert_int_equal(a->topics.at[0].partitions.at[0].offset, 3);
    free((void *)(uintptr_t)b.at);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(settings_reach_the_policy_and_are_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settings_that_contradict_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_without_a_key_are_refused_where_keys_count, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(records_can_get_the_time_of_their_append, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_records_are_gone_for_a_fetch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_largest_batch_is_a_setting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timestamps_have_bounds_that_are_settings, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
