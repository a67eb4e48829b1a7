/* partitions_test.c - partitions grow, are trimmed, listed and measured, over a real socket (kafka_rig.h). */
#include "doors/kafka/kafka_rig.h"
#include "doors/kafka/resources.h"
#include "engine/queue_calls.h"

static struct topic *topic(struct test *t, const char *name)
{
    return topic_find(t->rig.engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(name));
}

/* ---- CreatePartitions ---- */

static int16_t grow(struct test *t, int fd, const char *name, int32_t count, bool validate_only)
{
    struct create_partitions_request_topic   entry = { .name = bytes_str(name), .count = count };
    struct create_partitions_request         q = { { 1, &entry }, 1000, validate_only };
    const struct create_partitions_response *a = ask(t, fd, GROW, 3, &q);

    assert_int_equal(a->results.count, 1);
    return a->results.at[0].error_code;
}

static void topics_grow_and_stay_so(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);
    struct bytes b = batch(t, 1);

    create(t, fd, "orders", 2);
    create(t, fd, "other", 1);
    assert_int_equal(grow(t, fd, "orders", 5, true), KAFKA_NONE);
    assert_int_equal(topic(t, "orders")->log_count, 2);
    assert_int_equal(grow(t, fd, "orders", 5, false), KAFKA_NONE);
    assert_int_equal(topic(t, "orders")->log_count, 5);
    assert_int_equal(grow(t, fd, "orders", 6, false), KAFKA_NONE);
    assert_int_equal(produce(t, fd, 9, "orders", b)->error_code, KAFKA_NONE);
    rig_restart(&t->rig); /* from the journal */
    assert_int_equal(topic(t, "orders")->log_count, 6);
    rig_restart(&t->rig); /* from the catalogue */
    assert_int_equal(topic(t, "orders")->log_count, 6);
    assert_int_equal(topic(t, "orders")->logs[0]->end, 1);
    assert_int_equal(topic(t, "other")->log_count, 1);
    free((void *)(uintptr_t)b.at);
    close(fd);
}

static void topics_do_not_shrink(void **state)
{
    struct test                             *t = *state;
    int                                      fd = connect_to(t);
    struct create_partitions_request_topic   twice[] = { { .name = bytes_str("orders"), .count = 9 },
                                                         { .name = bytes_str("orders"), .count = 8 } };
    struct create_partitions_request         q = { { 2, twice }, 1000, false };
    const struct create_partitions_response *a;

    create(t, fd, "orders", 2);
    assert_int_equal(grow(t, fd, "orders", 2, false), KAFKA_INVALID_PARTITIONS);
    assert_int_equal(grow(t, fd, "orders", 1, false), KAFKA_INVALID_PARTITIONS);
    assert_int_equal(grow(t, fd, "orders", -1, false), KAFKA_INVALID_PARTITIONS);
    assert_int_equal(grow(t, fd, "orders", 10001, false), KAFKA_INVALID_PARTITIONS);
    assert_int_equal(grow(t, fd, "none", 3, false), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    a = ask(t, fd, GROW, 0, &q);
    assert_int_equal(a->results.at[0].error_code, KAFKA_INVALID_REQUEST);
    assert_int_equal(a->results.at[1].error_code, KAFKA_INVALID_REQUEST);
    assert_int_equal(topic(t, "orders")->log_count, 2);
    close(fd);
}

static void new_partitions_may_be_placed(void **state)
{
    int32_t                                     nodes[] = { 1, 7 };
    struct create_partitions_request_assignment places[] = { { { 1, nodes } }, { { 1, nodes } } };
    struct create_partitions_request_topic      entry = { bytes_str("orders"), 3, { 2, places } };
    struct create_partitions_request            q = { { 1, &entry }, 1000, false };
    struct test                                *t = *state;
    int                                         fd = connect_to(t);
    const struct create_partitions_response    *a;

    create(t, fd, "orders", 2);
    a = ask(t, fd, GROW, 1, &q); /* two places for one partition */
    assert_int_equal(a->results.at[0].error_code, KAFKA_INVALID_REPLICA_ASSIGNMENT);
    places[0].broker_ids.count = 2;
    entry.assignments.count = 1;
    a = ask(t, fd, GROW, 1, &q); /* there is no node 7 */
    assert_int_equal(a->results.at[0].error_code, KAFKA_INVALID_REPLICA_ASSIGNMENT);
    places[0].broker_ids.count = 1;
    a = ask(t, fd, GROW, 1, &q);
    assert_int_equal(a->results.at[0].error_code, KAFKA_NONE);
    assert_int_equal(topic(t, "orders")->log_count, 3);
    close(fd);
}

/* What was leased before is still leased, and what comes to the new partitions comes to the queue. */
static void a_queue_over_a_topic_grows_with_it(void **state)
{
    struct test               *t = *state;
    int                        fd = connect_to(t);
    struct bytes               b = batch(t, 3);
    struct queue_declare_call *q = RIG_NEW(&t->rig, queue_declare_call, CALL_QUEUE_DECLARE);
    struct lease_call         *l = RIG_NEW(&t->rig, lease_call, CALL_LEASE);
    struct queue_get_call     *g;

    create(t, fd, "orders", 2);
    assert_int_equal(produce(t, fd, 9, "orders", b)->error_code, KAFKA_NONE);
    q->ns = l->ns = bytes_str(NAMESPACE_DEFAULT);
    q->name = l->queue = bytes_str("orders");
    q->is_durable = true;
    q->policy.lease_ms = 30000;
    assert_true(rig_call(&t->rig, q));
    assert_int_equal(q->call.err, ERR_OK);
    l->messages_max = 1;
    l->lease_ms = -1;
    assert_true(rig_call(&t->rig, l));
    assert_int_equal(l->message_count, 1);
    slice_drop(&l->messages[0].batch);
    assert_int_equal(grow(t, fd, "orders", 9, false), KAFKA_NONE);
    assert_int_equal(produce(t, fd, 9, "orders", b)->error_code, KAFKA_NONE);
    for (int i = 0; i < 3; i++) {
        g = RIG_NEW(&t->rig, queue_get_call, CALL_QUEUE_GET);
        g->ns = bytes_str(NAMESPACE_DEFAULT);
        g->name = bytes_str("orders");
        assert_true(rig_call(&t->rig, g));
        assert_int_equal(g->views[0].leased_count, 1);
        assert_int_equal(g->views[0].ready_count, 5);
        call_free(g);
        rig_restart(&t->rig);
    }
    free((void *)(uintptr_t)b.at);
    call_free(l);
    call_free(q);
    close(fd);
}

/* ---- DeleteRecords ---- */

static const struct delete_records_response_partition *trim(struct test *t, int fd, const char *name,
                                                            int32_t partition, int64_t offset)
{
    struct delete_records_request_partition p = { partition, offset };
    struct delete_records_request_topic     entry = { bytes_str(name), { 1, &p } };
    struct delete_records_request           q = { { 1, &entry }, 1000 };
    const struct delete_records_response   *a = ask(t, fd, DELETE_RECORDS, 2, &q);

    return &a->topics.at[0].partitions.at[0];
}

static void records_are_deleted_from_the_beginning(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);
    struct bytes b = batch(t, 3);

    create(t, fd, "orders", 1);
    assert_int_equal(produce(t, fd, 9, "orders", b)->error_code, KAFKA_NONE);
    assert_int_equal(produce(t, fd, 9, "orders", b)->error_code, KAFKA_NONE);
    assert_int_equal(trim(t, fd, "orders", 0, 3)->low_watermark, 3);
    assert_int_equal(trim(t, fd, "orders", 0, 1)->low_watermark, 3);
    assert_int_equal(fetch(t, fd, "orders", 0).code, KAFKA_OFFSET_OUT_OF_RANGE);
    assert_int_equal(fetch(t, fd, "orders", 3).code, KAFKA_NONE);
    assert_int_equal(trim(t, fd, "orders", 0, 7)->error_code, KAFKA_OFFSET_OUT_OF_RANGE);
    assert_int_equal(trim(t, fd, "orders", 0, 7)->low_watermark, -1);
    assert_int_equal(trim(t, fd, "orders", 0, -2)->error_code, KAFKA_OFFSET_OUT_OF_RANGE);
    assert_int_equal(trim(t, fd, "orders", 1, 0)->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(trim(t, fd, "orders", -1, 0)->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(trim(t, fd, "none", 0, 0)->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(trim(t, fd, "orders", 0, -1)->low_watermark, 6);
    rig_restart(&t->rig);
    assert_int_equal(trim(t, fd, "orders", 0, 0)->low_watermark, 6);
    free((void *)(uintptr_t)b.at);
    close(fd);
}

static void a_topic_that_is_only_compacted_is_not_trimmed(void **state)
{
    struct create_topics_request_config config = { bytes_str("cleanup.policy"), bytes_str("compact") };
    struct create_topics_request_topic  entry = { .name = bytes_str("state"),
                                                  .num_partitions = 1,
                                                  .replication_factor = 1,
                                                  .configs = { 1, &config } };
    struct create_topics_request        q = { .topics = { 1, &entry } };
    struct test                        *t = *state;
    int                                 fd = connect_to(t);

    ask(t, fd, CREATE, 5, &q);
    assert_int_equal(trim(t, fd, "state", 0, 0)->error_code, KAFKA_POLICY_VIOLATION);
    config.value = bytes_str("compact,delete");
    entry.name = bytes_str("both");
    ask(t, fd, CREATE, 5, &q);
    assert_int_equal(trim(t, fd, "both", 0, 0)->error_code, KAFKA_NONE);
    close(fd);
}

/* ---- ElectLeaders, ListPartitionReassignments ---- */

static void everybody_leads_already(void **state)
{
    int32_t                                   partitions[] = { 0, 2 };
    struct elect_leaders_request_partition    entry = { bytes_str("orders"), { 2, partitions } };
    struct elect_leaders_request              q = { 0, { 1, &entry }, 1000 };
    const struct elect_leaders_response      *a;
    struct test                              *t = *state;
    int                                       fd = connect_to(t);
    const struct list_reassignments_response *moves;

    create(t, fd, "orders", 2);
    for (int16_t version = 0; version <= 2; version++) {
        a = ask(t, fd, ELECT, version, &q);
        assert_int_equal(a->error_code, KAFKA_NONE);
        assert_int_equal(a->replica_election_results.at[0].partition_result.at[0].error_code,
                         KAFKA_ELECTION_NOT_NEEDED);
        assert_int_equal(a->replica_election_results.at[0].partition_result.at[1].error_code,
                         KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    }
    q.topic_partitions.at = NULL;
    q.topic_partitions.count = 0;
    a = ask(t, fd, ELECT, 2, &q);
    assert_int_equal(a->replica_election_results.count, 0);
    moves = ask(t, fd, REASSIGNMENTS, 0, &(struct list_reassignments_request){ 0 });
    assert_int_equal(moves->error_code, KAFKA_NONE);
    assert_int_equal(moves->topics.count, 0);
    close(fd);
}

/* ---- DescribeTopicPartitions ---- */

static const struct topic_partitions_response *page(struct test *t, int fd, int32_t limit,
                                                    struct topic_partitions_request_cursor *cursor)
{
    struct topic_partitions_request_topic all;
    struct topic_partitions_request       q = { { 0, &all }, limit, cursor };

    return ask(t, fd, TOPIC_PARTITIONS, 0, &q);
}

/* Every partition comes once, whatever the size of the pages. */
static void pages_are_complete(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    create(t, fd, "a", 3);
    create(t, fd, "b", 1);
    create(t, fd, "c", 4);
    for (int32_t limit = 0; limit <= 9; limit++) {
        struct topic_partitions_request_cursor *cursor = NULL;
        struct topic_partitions_request_cursor  place;
        int32_t                                 seen = 0;

        do {
            const struct topic_partitions_response *a = page(t, fd, limit, cursor);
            size_t                                  here = 0;

            for (size_t i = 0; i < a->topics.count; i++)
                here += a->topics.at[i].partitions.count;
            assert_true(here >= 1 && here <= (limit > 0 ? (size_t)limit : 1));
            seen += (int32_t)here;
            cursor = a->next_cursor ? &place : NULL;
            if (cursor)
                place = (struct topic_partitions_request_cursor){ a->next_cursor->topic_name,
                                                                  a->next_cursor->partition_index };
        } while (cursor);
        assert_int_equal(seen, 8);
    }
    close(fd);
}

static void missing_and_bad_topics_are_told(void **state)
{
    struct topic_partitions_request_topic   wanted[] = { { bytes_str("none") }, { bytes_str("a") },
                                                         { bytes_str("no/ne") }, { bytes_str("a") } };
    struct topic_partitions_request_cursor  bad = { bytes_str("a"), -1 };
    struct topic_partitions_request         q = { { COUNT(wanted), wanted }, 10, NULL };
    struct test                            *t = *state;
    int                                     fd = connect_to(t);
    const struct topic_partitions_response *a;

    create(t, fd, "a", 2);
    a = ask(t, fd, TOPIC_PARTITIONS, 0, &q);
    assert_int_equal(a->topics.count, 3); /* by name, each once */
    assert_int_equal(a->topics.at[0].error_code, KAFKA_NONE);
    assert_int_equal(a->topics.at[0].partitions.count, 2);
    assert_int_equal(a->topics.at[0].partitions.at[1].leader_id, 1);
    assert_non_null(a->topics.at[0].partitions.at[1].eligible_leader_replicas.at);
    assert_int_equal(a->topics.at[1].error_code, KAFKA_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(a->topics.at[2].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    assert_null(a->next_cursor);
    q.cursor = &bad;
    a = ask(t, fd, TOPIC_PARTITIONS, 0, &q);
    assert_int_equal(a->topics.count, COUNT(wanted));
    assert_int_equal(a->topics.at[1].error_code, KAFKA_INVALID_REQUEST);
    close(fd);
}

/* ---- DescribeLogDirs, ListConfigResources ---- */

static void sizes_are_told_by_partition(void **state)
{
    int32_t                                         zero = 0;
    struct describe_log_dirs_request_topic          wanted = { bytes_str("orders"), { 1, &zero } };
    struct describe_log_dirs_request                q = { { 0, NULL } };
    struct test                                    *t = *state;
    int                                             fd = connect_to(t);
    struct bytes                                    b = batch(t, 3);
    const struct describe_log_dirs_response        *a;
    const struct describe_log_dirs_response_result *dir;

    create(t, fd, "orders", 2);
    create(t, fd, "other", 1);
    assert_int_equal(produce(t, fd, 9, "orders", b)->error_code, KAFKA_NONE);
    for (int16_t version = 1; version <= 4; version++) {
        a = ask(t, fd, LOG_DIRS, version, &q);
        assert_int_equal(a->results.count, 1);
        dir = &a->results.at[0];
        assert_true(bytes_eq_str(dir->log_dir, "/"));
        assert_int_equal(dir->topics.count, 2);
        assert_int_equal(dir->total_bytes > dir->usable_bytes, version >= 4);
    }
    q.topics.at = &wanted;
    q.topics.count = 1;
    a = ask(t, fd, LOG_DIRS, 4, &q);
    dir = &a->results.at[0];
    assert_int_equal(dir->topics.count, 1);
    assert_int_equal(dir->topics.at[0].partitions.count, 1);
    assert_int_equal(dir->topics.at[0].partitions.at[0].partition_size, b.len);
    free((void *)(uintptr_t)b.at);
    close(fd);
}

static void resources_are_listed_by_type(void **state)
{
    int8_t                                       types[] = { RESOURCE_TOPIC, RESOURCE_BROKER };
    struct list_config_resources_request         q = { { COUNT(types), types } };
    struct test                                 *t = *state;
    int                                          fd = connect_to(t);
    const struct list_config_resources_response *a;

    create(t, fd, "orders", 1);
    a = ask(t, fd, CONFIG_RESOURCES, 1, &q);
    assert_int_equal(a->config_resources.count, 2);
    assert_true(bytes_eq_str(a->config_resources.at[0].resource_name, "orders"));
    assert_int_equal(a->config_resources.at[0].resource_type, RESOURCE_TOPIC);
    assert_true(bytes_eq_str(a->config_resources.at[1].resource_name, "1"));
    q.resource_types.count = 0;
    a = ask(t, fd, CONFIG_RESOURCES, 1, &q);
    assert_int_equal(a->config_resources.count, 3); /* the node's loggers, too */
    a = ask(t, fd, CONFIG_RESOURCES, 0, &q);
    assert_int_equal(a->config_resources.count, 0);
    types[0] = 3;
    q.resource_types.count = 1;
    a = ask(t, fd, CONFIG_RESOURCES, 1, &q);
    assert_int_equal(a->error_code, KAFKA_UNSUPPORTED_VERSION);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(topics_grow_and_stay_so),
        TEST(topics_do_not_shrink),
        TEST(new_partitions_may_be_placed),
        TEST(a_queue_over_a_topic_grows_with_it),
        TEST(records_are_deleted_from_the_beginning),
        TEST(a_topic_that_is_only_compacted_is_not_trimmed),
        TEST(everybody_leads_already),
        TEST(pages_are_complete),
        TEST(missing_and_bad_topics_are_told),
        TEST(sizes_are_told_by_partition),
        TEST(resources_are_listed_by_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
