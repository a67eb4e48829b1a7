/* txn_test.c - transactions as clients of each version are told of them, over a real socket
 * (kafka_rig.h). What transactions do is in engine/txn_test.c. */
#include "doors/kafka/kafka_rig.h"
#include "engine/txn_calls.h"

enum { ADD_PARTITIONS = 24, ADD_OFFSETS = 25, END_TXN = 26, TXN_OFFSETS = 28, PRODUCERS = 61,
       DESCRIBE_TXNS = 65, LIST_TXNS = 66, TIMEOUT_MS = 60000, TRANSACTIONAL_AT = 22 };

struct holder {
    int64_t producer;
    int16_t epoch;
};

static struct holder init_txn(struct test *t, int fd, const char *id)
{
    struct init_producer_id_request q = { .transactional_id = bytes_str(id),
                                          .transaction_timeout_ms = TIMEOUT_MS,
                                          .producer_id = -1,
                                          .producer_epoch = -1 };
    const struct init_producer_id_response *a = ask(t, fd, INIT, 4, &q);

    assert_int_equal(a->error_code, KAFKA_NONE);
    return (struct holder){ a->producer_id, a->producer_epoch };
}

/* Partitions 0 and `second` of "orders". */
static const struct add_partitions_response_partition *add(struct test *t, int fd, int16_t version,
                                                           struct holder h, int32_t second)
{
    int32_t                             numbers[] = { 0, second };
    struct add_partitions_request_topic topic = { bytes_str("orders"), { 2, numbers } };
    struct add_partitions_request       q = { .transactional_id = bytes_str("x"),
                                              .producer_id = h.producer,
                                              .producer_epoch = h.epoch,
                                              .topics = { 1, &topic } };

    return ((const struct add_partitions_response *)ask(t, fd, ADD_PARTITIONS, version, &q))
        ->topics.at[0]
        .partitions.at;
}

static struct end_txn_response end(struct test *t, int fd, int16_t version, struct holder h,
                                   bool is_commit)
{
    struct end_txn_request q = { bytes_str("x"), h.producer, h.epoch, is_commit };

    return *(const struct end_txn_response *)ask(t, fd, END_TXN, version, &q);
}

static int16_t offer(struct test *t, int fd, int16_t version, struct holder h)
{
    struct txn_offsets_request_partition p = { .committed_offset = 5 };
    struct txn_offsets_request_topic     topic = { bytes_str("orders"), { 1, &p } };
    struct txn_offsets_request           q = { .transactional_id = bytes_str("x"),
                                               .group_id = bytes_str("g"),
                                               .producer_id = h.producer,
                                               .producer_epoch = h.epoch,
                                               .generation_id = -1,
                                               .member_id = bytes_str(""),
                                               .topics = { 1, &topic } };
    const struct txn_offsets_response   *a = ask(t, fd, TXN_OFFSETS, version, &q);

    return a->topics.at[0].partitions.at[0].error_code;
}

/* One record of the transaction, the sequence-th of its producer. */
static int16_t write_one(struct test *t, int fd, int16_t version, struct holder h, uint32_t sequence)
{
    struct bytes                    b = batch(t, 1);
    uint8_t                        *at = (uint8_t *)(uintptr_t)b.at;
    struct produce_request_partition p = { 0, b };
    struct produce_request_topic     topic = { .name = bytes_str("orders"), .partitions = { 1, &p } };
    struct produce_request           q = { bytes_str("x"), -1, 1000, { 1, &topic } };
    const struct produce_response   *a;

    at[TRANSACTIONAL_AT] |= BATCH_TRANSACTIONAL;
    put_u64(at + 43, (uint64_t)h.producer);
    put_u16(at + 51, (uint16_t)h.epoch);
    put_u32(at + 53, sequence);
    seal(b);
    a = ask(t, fd, PRODUCE, version, &q);
    free(at);
    return a->topics.at[0].partitions.at[0].error_code;
}

static void each_version_hears_errors_that_it_knows(void **state)
{
    struct test  *t = *state;
    int           fd = connect_to(t);
    struct holder h;
    struct holder old;

    create(t, fd, "orders", 2);
    old = init_txn(t, fd, "x");
    h = init_txn(t, fd, "x");
    assert_int_equal(add(t, fd, 1, old, 1)[0].error_code, KAFKA_INVALID_PRODUCER_EPOCH);
    assert_int_equal(add(t, fd, 2, old, 1)[0].error_code, KAFKA_PRODUCER_FENCED);
    assert_int_equal(end(t, fd, 1, old, true).error_code, KAFKA_INVALID_PRODUCER_EPOCH);
    assert_int_equal(end(t, fd, 2, old, true).error_code, KAFKA_PRODUCER_FENCED);
    assert_int_equal(end(t, fd, 2, h, true).error_code, KAFKA_INVALID_TXN_STATE);
    assert_int_equal(add(t, fd, 3, (struct holder){ h.producer + 9, 0 }, 1)[0].error_code,
                     KAFKA_INVALID_PRODUCER_ID_MAPPING);
    assert_int_equal(write_one(t, fd, 10, h, 0), KAFKA_INVALID_TXN_STATE);
    assert_int_equal(write_one(t, fd, 11, h, 0), KAFKA_TRANSACTION_ABORTABLE);
    assert_int_equal(offer(t, fd, 3, h), KAFKA_INVALID_TXN_STATE);
    assert_int_equal(offer(t, fd, 4, h), KAFKA_TRANSACTION_ABORTABLE);
    assert_int_equal(offer(t, fd, 3, old), KAFKA_INVALID_PRODUCER_EPOCH);
    close(fd);
}

static void one_wrong_partition_spoils_it_for_all(void **state)
{
    struct test                                    *t = *state;
    int                                             fd = connect_to(t);
    const struct add_partitions_response_partition *p;
    struct holder                                   h;

    create(t, fd, "orders", 2);
    h = init_txn(t, fd, "x");
    p = add(t, fd, 3, h, 7);
    assert_int_equal(p[0].error_code, KAFKA_OPERATION_NOT_ATTEMPTED);
    assert_int_equal(p[1].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(end(t, fd, 2, h, false).error_code, KAFKA_INVALID_TXN_STATE);
    p = add(t, fd, 3, h, 1);
    assert_int_equal(p[0].error_code, KAFKA_NONE);
    assert_int_equal(p[1].error_code, KAFKA_NONE);
    assert_int_equal(end(t, fd, 2, h, false).error_code, KAFKA_NONE);
    close(fd);
}

static void the_second_version_bumps_with_each_end(void **state)
{
    struct test            *t = *state;
    int                     fd = connect_to(t);
    struct holder           h;
    struct end_txn_response first;
    struct end_txn_response again;

    create(t, fd, "orders", 1);
    h = init_txn(t, fd, "x");
    assert_int_equal(write_one(t, fd, 12, h, 0), KAFKA_NONE); /* part of it by that */
    assert_int_equal(offer(t, fd, 5, h), KAFKA_NONE);
    first = end(t, fd, 5, h, true);
    assert_int_equal(first.error_code, KAFKA_NONE);
    assert_int_equal(first.producer_id, h.producer);
    assert_int_equal(first.producer_epoch, h.epoch + 1);
    again = end(t, fd, 5, h, true);
    assert_int_equal(again.error_code, KAFKA_NONE);
    assert_int_equal(again.producer_epoch, first.producer_epoch);
    assert_int_equal(write_one(t, fd, 12, h, 1), KAFKA_INVALID_PRODUCER_EPOCH);
    close(fd);
}

static void what_hangs_is_seen(void **state)
{
    struct test                            *t = *state;
    int                                     fd = connect_to(t);
    int32_t                                 zero = 0;
    struct describe_producers_request_topic topic = { bytes_str("orders"), { 1, &zero } };
    struct describe_producers_request       p = { { 1, &topic } };
    struct bytes                            ids[] = { bytes_str("x"), bytes_str("y") };
    struct describe_txns_request            d = { { 2, ids } };
    struct bytes                            states[] = { bytes_str("Ongoing"), bytes_str("Odd") };
    struct list_txns_request                q = { .state_filters = { 2, states },
                                                  .duration_filter = -1 };
    const struct describe_producers_response *producers;
    const struct describe_txns_response      *described;
    const struct list_txns_response          *listed;
    struct holder                             h;

    create(t, fd, "orders", 1);
    h = init_txn(t, fd, "x");
    init_txn(t, fd, "z");
    assert_int_equal(write_one(t, fd, 12, h, 0), KAFKA_NONE);
    producers = ask(t, fd, PRODUCERS, 0, &p);
    assert_int_equal(producers->topics.at[0].partitions.at[0].producers.count, 1);
    assert_int_equal(producers->topics.at[0].partitions.at[0].producers.at[0].current_txn_start_offset, 0);
    assert_int_equal(producers->topics.at[0].partitions.at[0].producers.at[0].coordinator_epoch, -1);
    described = ask(t, fd, DESCRIBE_TXNS, 0, &d);
    assert_true(bytes_eq_str(described->transactions.at[0].transaction_state, "Ongoing"));
    assert_int_equal(described->transactions.at[0].topics.count, 1);
    assert_int_equal(described->transactions.at[1].error_code, KAFKA_TRANSACTIONAL_ID_NOT_FOUND);
    listed = ask(t, fd, LIST_TXNS, 1, &q);
    assert_int_equal(listed->transactions.count, 1);
    assert_true(bytes_eq_str(listed->transactions.at[0].transactional_id, "x"));
    assert_int_equal(listed->unknown_state_filters.count, 1);
    close(fd);
}

static void the_feature_is_announced(void **state)
{
    struct test                        *t = *state;
    int                                 fd = connect_to(t);
    struct api_versions_request         q = { bytes_str("test"), bytes_str("1.0") };
    const struct api_versions_response *a;
    static const char                   name[] = "transaction.version";

    for (int16_t version = 3; version <= 4; version++) {
        size_t seen = 0;

        a = ask(t, fd, VERSIONS, version, &q);
        for (size_t i = 0; i + sizeof name - 1 <= a->features.len; i++)
            seen += memcmp(a->features.at + i, name, sizeof name - 1) == 0;
        assert_int_equal(seen, version == 3 ? 1 : 2); /* final; supported from 0 on */
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_version_hears_errors_that_it_knows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_wrong_partition_spoils_it_for_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_second_version_bumps_with_each_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_hangs_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_feature_is_announced, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("kafka_txn", tests, NULL, NULL);
}
