/* quotas_test.c - quotas over a real socket: set, described, and what it is like to be over them. */
#include "doors/kafka/kafka_rig.h"
#include "engine/limits.h"

enum { DESCRIBE = 48, ALTER = 49 };

static int set_up_limits(void **state)
{
    return set_up_env(state, &(struct door_env){ .limits = limits_new() });
}

static int64_t bits_of(double value)
{
    int64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static int16_t alter(struct test *t, int fd, const char *type, const char *name, const char *key, double value)
{
    struct alter_quotas_request_entity  entity = { bytes_str(type), bytes_str(name) };
    struct alter_quotas_request_op      op = { bytes_str(key), bits_of(value), value == 0 };
    struct alter_quotas_request_entry   entry = { { 1, &entity }, { 1, &op } };
    struct alter_quotas_request         q = { .entries = { 1, &entry } };
    const struct alter_quotas_response *a = ask(t, fd, ALTER, 1, &q);

    assert_int_equal(a->entries.count, 1);
    assert_true(bytes_eq_str(a->entries.at[0].entity.at[0].entity_type, type));
    return a->entries.at[0].error_code;
}

/* How many entries match: match 0 exactly, 1 the default, 2 any. */
static const struct describe_quotas_response *describe(struct test *t, int fd, const char *type, int8_t match,
                                                       const char *name, bool is_strict)
{
    struct describe_quotas_request_component c = { bytes_str(type), match, bytes_str(name) };
    struct describe_quotas_request           q = { { type ? 1 : 0, &c }, is_strict };

    return ask(t, fd, DESCRIBE, 1, &q);
}

static void quotas_are_set_and_described(void **state)
{
    const struct describe_quotas_response *a;
    struct test                           *t = *state;
    int                                    fd = connect_to(t);

    assert_int_equal(alter(t, fd, "user", "anna", "producer_byte_rate", 1000), KAFKA_NONE);
    assert_int_equal(alter(t, fd, "user", NULL, "request_percentage", 12.5), KAFKA_NONE);
    assert_int_equal(alter(t, fd, "client-id", "c", "consumer_byte_rate", 7), KAFKA_NONE);
    assert_int_equal(alter(t, fd, "ip", "10.0.0.1", "connection_creation_rate", 5), KAFKA_NONE);
    assert_int_equal(describe(t, fd, NULL, 0, NULL, false)->entries.count, 4);
    assert_int_equal(describe(t, fd, NULL, 0, NULL, true)->entries.count, 0);
    assert_int_equal(describe(t, fd, "user", 2, NULL, true)->entries.count, 2);
    assert_int_equal(describe(t, fd, "user", 1, NULL, true)->entries.count, 1);
    a = describe(t, fd, "user", 0, "anna", true);
    assert_int_equal(a->entries.count, 1);
    assert_true(bytes_eq_str(a->entries.at[0].entity.at[0].entity_name, "anna"));
    assert_true(bytes_eq_str(a->entries.at[0].values.at[0].key, "producer_byte_rate"));
    assert_int_equal(a->entries.at[0].values.at[0].value, bits_of(1000));
    assert_int_equal(alter(t, fd, "user", "anna", "producer_byte_rate", 0), KAFKA_NONE);
    assert_int_equal(describe(t, fd, "user", 0, "anna", true)->entries.count, 0);
    assert_int_equal(describe(t, fd, "planet", 2, NULL, true)->error_code, KAFKA_UNSUPPORTED_VERSION);
    assert_int_equal(describe(t, fd, "user", 0, NULL, true)->error_code, KAFKA_INVALID_REQUEST);
    assert_int_equal(describe(t, fd, "user", 9, NULL, true)->error_code, KAFKA_INVALID_REQUEST);
    close(fd);
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *type, *name, *key;
        double      value;
    } bad[] = {
        { "user", "a", "connection_creation_rate", 1 }, { "ip", "10.0.0.1", "producer_byte_rate", 1 },
        { "ip", "nowhere", "connection_creation_rate", 1 }, { "user", "", "producer_byte_rate", 1 },
        { "planet", "a", "producer_byte_rate", 1 }, { "user", "a", "speed", 1 },
        { "user", "a", "producer_byte_rate", -1 }, { "user", "a", "producer_byte_rate", 1.5 },
        { "user", "a", "producer_byte_rate", 1e19 }, { "user", "a", "request_percentage", 1.0 / 0.0 },
        { "ip", "10.0.0.1", "connection_creation_rate", 3e9 },
    };
    struct test *t = *state;
    int          fd = connect_to(t);

    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(alter(t, fd, bad[i].type, bad[i].name, bad[i].key, bad[i].value), KAFKA_INVALID_REQUEST);
    assert_int_equal(describe(t, fd, NULL, 0, NULL, false)->entries.count, 0);
    close(fd);
}

static int32_t produce_once(struct test *t, int fd, struct bytes records)
{
    struct produce_request_partition partition = { .records = records };
    struct produce_request_topic     topic = { .name = bytes_str("t"), .partitions = { 1, &partition } };
    struct produce_request           q = { .acks = -1, .topics = { 1, &topic } };
    const struct produce_response   *a = ask(t, fd, PRODUCE, 9, &q);

    assert_int_equal(a->topics.at[0].partitions.at[0].error_code, KAFKA_NONE); /* over or not */
    return a->throttle_time_ms;
}

/* TH2: told how long, and then not listened to; others are. */
static void who_is_over_waits(void **state)
{
    struct metadata_request q = { 0 };
    struct test            *t = *state;
    int                     fd = connect_to(t), other = connect_to(t);
    struct bytes            b = batch(t, 10);
    int32_t                 wait_ms;
    int64_t                 start;

    create(t, fd, "t", 1);
    assert_int_equal(produce_once(t, fd, b), 0);
    assert_int_equal(alter(t, fd, "user", "ANONYMOUS", "producer_byte_rate", 1000), KAFKA_NONE);
    do {
        start = peer_clock_ms();
        wait_ms = produce_once(t, fd, b);
    } while (wait_ms == 0);
    send_request(t, fd, METADATA, 1, &q);
    assert_non_null(ask(t, other, METADATA, 1, &q)); /* bytes of another kind, another connection */
    assert_non_null(receive_response(t, fd, METADATA, 1, t->correlation_id - 1));
    assert_true(peer_clock_ms() - start >= wait_ms - 1);
    free((void *)(uintptr_t)b.at);
    close(fd);
    close(other);
}

static int16_t create_code(struct test *t, int fd, int16_t version, const char *name, int32_t *wait_ms)
{
    struct create_topics_request_topic   topic = { .name = bytes_str(name),
                                                   .num_partitions = 12,
                                                   .replication_factor = 1 };
    struct create_topics_request         q = { .topics = { 1, &topic } };
    const struct create_topics_response *a = ask(t, fd, CREATE, version, &q);

    *wait_ms = a->throttle_time_ms;
    return a->topics.at[0].error_code;
}

static void too_many_new_partitions(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);
    int32_t      wait_ms;

    assert_int_equal(alter(t, fd, "user", NULL, "controller_mutation_rate", 1), KAFKA_NONE);
    assert_int_equal(create_code(t, fd, 7, "a", &wait_ms), KAFKA_NONE); /* 12 of 11 */
    assert_true(wait_ms > 500 && wait_ms <= 1000);
    close(fd);
    fd = connect_to(t);
    assert_int_equal(create_code(t, fd, 7, "b", &wait_ms), KAFKA_THROTTLING_QUOTA_EXCEEDED);
    assert_true(wait_ms > 0 && wait_ms <= 1000);
    close(fd);
    fd = connect_to(t);
    assert_int_equal(create_code(t, fd, 5, "b", &wait_ms), KAFKA_NONE); /* it has no word for that */
    assert_true(wait_ms > 10000);
    close(fd);
}

static void too_many_connections(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);
    int          others[12];

    assert_int_equal(alter(t, fd, "ip", "127.0.0.1", "connection_creation_rate", 1), KAFKA_NONE);
    for (size_t i = 0; i < COUNT(others); i++)
        others[i] = connect_to(t);
    assert_true(is_hung_up(t, others[COUNT(others) - 1]));
    for (size_t i = 0; i < COUNT(others); i++)
        close(others[i]);
    assert_int_equal(alter(t, fd, "ip", "127.0.0.1", "connection_creation_rate", 0), KAFKA_NONE);
    close(fd);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up_limits, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(quotas_are_set_and_described), WITH(what_is_refused),      WITH(who_is_over_waits),
        WITH(too_many_new_partitions),      WITH(too_many_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
