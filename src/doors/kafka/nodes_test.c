/* nodes_test.c - three brokers on paper: one process answers as all of them (kafka_rig.h). */
#include "doors/kafka/kafka_rig.h"
#include "doors/kafka/resources.h"

static int set_up_three(void **state)
{
    return set_up_nodes(state, 3);
}

static uint16_t port_of(struct test *t, int32_t node)
{
    return listener_port(((struct kafka_door *)t->door)->nodes[node - 1].listener);
}

static void create_replicated(struct test *t, int fd, const char *name, int16_t factor, int16_t code)
{
    struct create_topics_request_topic   topic = { .name = bytes_str(name),
                                                   .num_partitions = 6,
                                                   .replication_factor = factor };
    struct create_topics_request         q = { .topics = { 1, &topic } };
    const struct create_topics_response *a = ask(t, fd, CREATE, 5, &q);

    assert_int_equal(a->topics.at[0].error_code, code);
    if (code == KAFKA_NONE)
        assert_int_equal(a->topics.at[0].replication_factor, factor);
}

static const struct metadata_response *metadata(struct test *t, int fd, const char *name)
{
    struct metadata_request_topic topic = { .name = bytes_str(name) };
    struct metadata_request       q = { .topics = { 1, &topic } };

    return ask(t, fd, METADATA, 9, &q);
}

static void every_node_names_all(void **state)
{
    struct test *t = *state;

    for (int32_t node = 1; node <= 3; node++) {
        int                                     fd = peer_connect(AF_INET, port_of(t, node));
        const struct metadata_response         *a = metadata(t, fd, "none");
        struct describe_cluster_request         q = { .endpoint_type = 1 };
        const struct describe_cluster_response *cluster = ask(t, fd, CLUSTER, 1, &q);

        assert_int_equal(a->brokers.count, 3);
        assert_int_equal(cluster->brokers.count, 3);
        for (int32_t k = 1; k <= 3; k++) {
            assert_int_equal(a->brokers.at[k - 1].node_id, k);
            assert_int_equal(a->brokers.at[k - 1].port, port_of(t, k));
            assert_int_equal(cluster->brokers.at[k - 1].port, port_of(t, k));
        }
        assert_int_equal(a->controller_id, 1);
        close(fd);
    }
}

static void leaders_and_replicas_are_spread(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);
    int          led[4] = { 0 };

    create_replicated(t, fd, "orders", 2, KAFKA_NONE);
    create_replicated(t, fd, "too-many", 4, KAFKA_INVALID_REPLICATION_FACTOR);
    for (int round = 0; round < 2; round++) {
        const struct metadata_response *a = metadata(t, fd, "orders");

        for (size_t i = 0; i < 6; i++) {
            const struct metadata_response_partition *p = &a->topics.at[0].partitions.at[i];

            led[p->leader_id]++;
            assert_int_equal(p->replica_nodes.count, 2);
            assert_int_equal(p->isr_nodes.count, 2);
            assert_int_equal(p->replica_nodes.at[0], p->leader_id);
            assert_int_equal(p->replica_nodes.at[1], p->leader_id % 3 + 1);
        }
        rig_restart(&t->rig);
    }
    for (int node = 1; node <= 3; node++)
        assert_int_equal(led[node], 4);
    close(fd);
}

/* A change of its settings does not lose what is kept with them. */
static void the_factor_outlives_a_change_of_settings(void **state)
{
    struct incremental_alter_configs_request_config   c = { bytes_str("retention.ms"), 0, bytes_str("5") };
    struct incremental_alter_configs_request_resource resource = { RESOURCE_TOPIC, bytes_str("orders"), { 1, &c } };
    struct incremental_alter_configs_request          q = { { 1, &resource }, false };
    const struct incremental_alter_configs_response  *a;
    struct test                                      *t = *state;
    int                                               fd = connect_to(t);

    create_replicated(t, fd, "orders", 3, KAFKA_NONE);
    a = ask(t, fd, INCREMENTAL_ALTER_CONFIGS, 1, &q);
    assert_int_equal(a->responses.at[0].error_code, KAFKA_NONE);
    assert_int_equal(metadata(t, fd, "orders")->topics.at[0].partitions.at[0].replica_nodes.count, 3);
    close(fd);
}

static int16_t require_in_sync(struct test *t, int fd, const char *count)
{
    struct incremental_alter_configs_request_config   c = { bytes_str("min.insync.replicas"), 0, bytes_str(count) };
    struct incremental_alter_configs_request_resource resource = { RESOURCE_TOPIC, bytes_str("orders"), { 1, &c } };
    struct incremental_alter_configs_request          q = { { 1, &resource }, false };
    const struct incremental_alter_configs_response  *a = ask(t, fd, INCREMENTAL_ALTER_CONFIGS, 1, &q);

    return a->responses.at[0].error_code;
}

static void as_many_replicas_can_be_in_sync_as_there_are_nodes(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    create_replicated(t, fd, "orders", 3, KAFKA_NONE);
    assert_int_equal(require_in_sync(t, fd, "2"), KAFKA_NONE);
    assert_int_equal(require_in_sync(t, fd, "4"), KAFKA_INVALID_CONFIG);
    close(fd);
}

static void groups_are_spread(void **state)
{
    struct bytes                             keys[] = { bytes_str("a"), bytes_str("b"), bytes_str("c"),
                                                        bytes_str("d"), bytes_str("e"), bytes_str("f") };
    struct find_coordinator_request          q = { .coordinator_keys = { COUNT(keys), keys } };
    struct test                             *t = *state;
    int                                      fd = connect_to(t);
    const struct find_coordinator_response *a = ask(t, fd, COORDINATOR, 4, &q);
    unsigned                                 seen = 0;

    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_int_equal(a->coordinators.at[i].port, port_of(t, a->coordinators.at[i].node_id));
        seen |= 1u << a->coordinators.at[i].node_id;
    }
    assert_int_equal(seen, 0xe);
    close(fd);
}

/* Three copies on paper are on three nodes, and shown by each once. */
static void each_node_shows_its_replicas(void **state)
{
    struct describe_log_dirs_request q = { { 0, NULL } };
    struct test                     *t = *state;
    int                              fd = connect_to(t);
    size_t                           shown = 0;

    create_replicated(t, fd, "orders", 2, KAFKA_NONE);
    close(fd);
    for (int32_t node = 1; node <= 3; node++) {
        const struct describe_log_dirs_response *a;

        fd = peer_connect(AF_INET, port_of(t, node));
        a = ask(t, fd, LOG_DIRS, 4, &q);
        shown += a->results.at[0].topics.at[0].partitions.count;
        close(fd);
    }
    assert_int_equal(shown, 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_three, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_node_names_all),
        TEST(leaders_and_replicas_are_spread),
        TEST(the_factor_outlives_a_change_of_settings),
        TEST(as_many_replicas_can_be_in_sync_as_there_are_nodes),
        TEST(groups_are_spread),
        TEST(each_node_shows_its_replicas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
