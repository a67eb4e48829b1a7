/* queue_test.c - queues as named things: declare, alter, delete, get, purge, their topics, and all
 * of it after a crash. */
#include "engine/queue_rig.h"

static struct bytes ns_of(void)
{
    return bytes_str(NAMESPACE_DEFAULT);
}

static struct queue_view get(struct rig *r, const char *name)
{
    struct queue_get_call *c = RIG_CALL(r, queue_get_call, QUEUE_GET);
    struct queue_view      v;

    c->ns = ns_of();
    c->name = bytes_str(name);
    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    assert_int_equal(c->count, 1);
    v = c->views[0];
    call_free(c);
    return v;
}

static enum err create_topic(struct rig *r, const char *name, uint32_t partitions)
{
    struct topic_create_call *c = RIG_CALL(r, topic_create_call, TOPIC_CREATE);

    c->ns = ns_of();
    c->name = bytes_str(name);
    c->partition_count = partitions;
    return rig_end(r, c);
}

static enum err delete_topic(struct rig *r, const char *name)
{
    struct topic_delete_call *c = RIG_CALL(r, topic_delete_call, TOPIC_DELETE);

    c->ns = ns_of();
    c->name = bytes_str(name);
    return rig_end(r, c);
}

static enum err subscribe_to(struct rig *r, const char *name, const char *topic, bool from_end)
{
    struct queue_declare_call *c = rig_declaration(r, name);

    c->topic = bytes_str(topic);
    c->from_end = from_end;
    c->door = DOOR_PUBSUB;
    c->policy.lease_ms = 10000;
    return rig_end(r, c);
}

static void declaring_makes_queue_and_topic(void **state)
{
    struct rig                 r;
    struct queue_declare_call *c;

    (void)state;
    rig_open(&r);
    c = rig_declaration(&r, "q");
    c->is_passive = true;
    assert_int_equal(rig_end(&r, c), ERR_NO_QUEUE);
    assert_null(rig_topic(&r, "q"));
    c = rig_declaration(&r, "q");
    c->policy.delay_ms = 5;
    assert_true(rig_run(&r, c));
    assert_int_equal(c->call.err, ERR_OK);
    assert_false(c->existed);
    assert_true(bytes_eq_str(c->view.topic, "q"));
    assert_int_equal(c->view.policy.delay_ms, 5);
    call_free(c);
    assert_int_equal(rig_topic(&r, "q")->policy.retention, RETAIN_UNTIL_SETTLED);
    c = rig_declaration(&r, "q");
    c->is_passive = true;
    assert_true(rig_run(&r, c));
    assert_true(c->existed);
    call_free(c);
    c = rig_declaration(&r, "");
    assert_int_equal(rig_end(&r, c), ERR_BAD_NAME);
    rig_close(&r);
}

static void another_door_adds_its_own(void **state)
{
    struct rig                 r;
    struct queue_declare_call *c;
    struct queue_view          v;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    c = rig_declaration(&r, "q");
    c->door = DOOR_SQS;
    c->native = bytes_str("sqs");
    assert_true(rig_run(&r, c));
    assert_false(c->existed);
    call_free(c);
    c = rig_declaration(&r, "q");
    c->native = bytes_str("other");
    assert_true(rig_run(&r, c));
    assert_true(c->existed); /* nothing changed */
    call_free(c);
    rig_crash(&r);
    v = get(&r, "q");
    assert_true(v.is_durable);
    assert_true(bytes_eq_str(rig_queue(&r, "q")->native[DOOR_SQS], "sqs"));
    assert_true(bytes_eq_str(rig_queue(&r, "q")->native[DOOR_AMQP], "native"));
    rig_close(&r);
}

static void exclusive_queues_belong_to_their_session(void **state)
{
    struct rig                 r;
    struct queue_declare_call *c;
    struct queue_get_call     *g;

    (void)state;
    rig_open(&r);
    c = rig_declaration(&r, "x");
    c->is_exclusive = true;
    assert_int_equal(rig_end(&r, c), ERR_OK);
    assert_true(rig_topic(&r, "x")->is_private);
    c = rig_declaration(&r, "x");
    c->call.session = 8;
    assert_true(rig_run(&r, c));
    assert_int_equal(c->call.err, ERR_LOCKED);
    assert_int_equal(c->view.owner, RIG_SESSION);
    call_free(c);
    g = RIG_CALL(&r, queue_get_call, QUEUE_GET);
    g->ns = ns_of();
    assert_true(rig_run(&r, g));
    assert_int_equal(g->count, 0);
    call_free(g);
    rig_close_session(&r);
    assert_null(rig_queue(&r, "x"));
    assert_null(rig_topic(&r, "x"));
    rig_close(&r);
}

static void a_restart_ends_what_is_not_durable(void **state)
{
    struct rig                 r;
    struct queue_declare_call *c;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "stays");
    c = rig_declaration(&r, "transient");
    c->is_durable = false;
    assert_int_equal(rig_end(&r, c), ERR_OK);
    c = rig_declaration(&r, "exclusive");
    c->is_exclusive = true;
    assert_int_equal(rig_end(&r, c), ERR_OK);
    rig_fill(&r, "stays", 3);
    for (int i = 0; i < 2; i++) {
        rig_crash(&r);
        assert_null(rig_queue(&r, "transient"));
        assert_null(rig_queue(&r, "exclusive"));
        assert_null(rig_topic(&r, "exclusive"));
        rig_counts(&r, "stays", 3, 0, 0);
    }
    rig_close(&r);
}

static void deleting_obeys_its_conditions(void **state)
{
    struct rig                r;
    struct inbox              in = { .count = 0 };
    struct queue_delete_call *c;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_subscribe(&r, "q", &in, 1);
    rig_fill(&r, "q", 2);
    for (int i = 0; i < 2; i++) {
        c = RIG_CALL(&r, queue_delete_call, QUEUE_DELETE);
        c->ns = ns_of();
        c->name = bytes_str("q");
        c->if_unused = i == 0;
        c->if_empty = i == 1;
        assert_int_equal(rig_end(&r, c), i == 0 ? ERR_IN_USE : ERR_NOT_EMPTY);
    }
    assert_int_equal(rig_delete(&r, "q"), ERR_OK);
    assert_int_equal(in.ended, 1);
    assert_int_equal(in.count, 1);
    assert_null(rig_topic(&r, "q")); /* it was only the queue's */
    assert_int_equal(rig_delete(&r, "q"), ERR_NO_QUEUE);
    rig_crash(&r);
    assert_null(rig_queue(&r, "q"));
    rig_close(&r);
}

static void topics_and_subscriptions(void **state)
{
    struct rig         r;
    struct message_ref refs[10];

    (void)state;
    rig_open(&r);
    assert_int_equal(subscribe_to(&r, "late", "t", true), ERR_NO_TOPIC);
    assert_int_equal(create_topic(&r, "t", 1), ERR_OK);
    rig_publish(&r, "", "t", "before");
    assert_int_equal(subscribe_to(&r, "all", "t", false), ERR_OK);
    assert_int_equal(subscribe_to(&r, "late", "t", true), ERR_OK);
    assert_int_equal(rig_publish(&r, "", "t", "after"), 1);
    assert_int_equal(rig_publish(&r, "", "late", "nobody"), 0); /* a subscription is not a topic */
    rig_counts(&r, "all", 2, 0, 0);
    rig_counts(&r, "late", 1, 0, 0);
    rig_declare(&r, "t"); /* a queue of the topic's own name */
    rig_counts(&r, "t", 2, 0, 0);
    assert_int_equal(rig_lease(&r, "late", 10, -1, refs), 1);
    assert_true(rig_topic(&r, "t") != NULL);
    assert_int_equal(rig_delete(&r, "t"), ERR_OK);
    assert_non_null(rig_topic(&r, "t")); /* it keeps records by time, and others read it */
    assert_int_equal(delete_topic(&r, "t"), ERR_OK);
    assert_true(bytes_eq_str(get(&r, "late").topic, "_deleted-topic_"));
    rig_counts(&r, "late", 0, 0, 0);
    assert_int_equal(rig_settle(&r, &refs[0].lease, SETTLE_ACK, 0), ERR_NO_LEASE);
    rig_crash(&r);
    assert_true(bytes_eq_str(get(&r, "all").topic, "_deleted-topic_"));
    assert_int_equal(create_topic(&r, "t", 1), ERR_OK); /* another one of that name */
    rig_publish(&r, "", "t", "new");
    rig_counts(&r, "all", 0, 0, 0);
    rig_close(&r);
}

static void a_topics_queue_goes_with_it(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    assert_int_equal(subscribe_to(&r, "s", "q", false), ERR_OK);
    assert_int_equal(rig_delete(&r, "q"), ERR_OK);
    assert_non_null(rig_topic(&r, "q")); /* s reads it */
    rig_declare(&r, "q");
    assert_int_equal(delete_topic(&r, "q"), ERR_OK);
    assert_null(rig_queue(&r, "q"));
    assert_non_null(rig_queue(&r, "s"));
    rig_crash(&r);
    assert_null(rig_queue(&r, "q"));
    assert_non_null(rig_queue(&r, "s"));
    rig_close(&r);
}

static uint64_t purge(struct rig *r, const char *name, bool leased_too)
{
    struct queue_purge_call *c = RIG_CALL(r, queue_purge_call, QUEUE_PURGE);
    uint64_t                 n;

    c->ns = ns_of();
    c->name = bytes_str(name);
    c->leased_too = leased_too;
    assert_true(rig_run(r, c));
    n = c->message_count;
    call_free(c);
    return n;
}

static void purging(void **state)
{
    struct rig         r;
    struct message_ref refs[10];

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 10);
    assert_int_equal(rig_lease(&r, "q", 3, 5000, refs), 3);
    assert_int_equal(purge(&r, "q", false), 7);
    rig_counts(&r, "q", 0, 3, 0);
    rig_crash(&r);
    rig_counts(&r, "q", 0, 3, 0);
    assert_int_equal(purge(&r, "q", true), 3);
    rig_counts(&r, "q", 0, 0, 0);
    assert_int_equal(rig_settle(&r, &refs[0].lease, SETTLE_ACK, 0), ERR_NO_LEASE);
    assert_int_equal(rig_topic(&r, "q")->logs[0]->start, 10); /* nobody needs them */
    rig_crash(&r);
    rig_counts(&r, "q", 0, 0, 0);
    rig_close(&r);
}

static void altering_replaces_policy_and_native(void **state)
{
    struct rig               r;
    struct queue_alter_call *c;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_advance(&r, 100);
    c = RIG_CALL(&r, queue_alter_call, QUEUE_ALTER);
    c->ns = ns_of();
    c->name = bytes_str("q");
    c->policy = (struct queue_policy){ .lease_ms = 7, .delay_ms = 8, .retention_ms = 9 };
    c->door = DOOR_AMQP;
    c->native = bytes_str("changed");
    assert_int_equal(rig_end(&r, c), ERR_OK);
    rig_crash(&r);
    assert_int_equal(get(&r, "q").policy.delay_ms, 8);
    assert_int_equal(get(&r, "q").policy.retention_ms, 9);
    assert_int_equal(get(&r, "q").altered_ms, get(&r, "q").created_ms + 100);
    assert_true(bytes_eq_str(rig_queue(&r, "q")->native[DOOR_AMQP], "changed"));
    rig_close(&r);
}

static void all_are_listed_by_name(void **state)
{
    static const char *const names[] = { "b", "c", "a" };
    struct rig               r;
    struct queue_get_call   *c;

    (void)state;
    rig_open(&r);
    for (size_t i = 0; i < COUNT(names); i++)
        rig_declare(&r, names[i]);
    c = RIG_CALL(&r, queue_get_call, QUEUE_GET);
    c->ns = ns_of();
    assert_true(rig_run(&r, c));
    assert_int_equal(c->count, 3);
    assert_true(bytes_eq_str(c->views[0].name, "a"));
    assert_true(bytes_eq_str(c->views[2].name, "c"));
    call_free(c);
    rig_close(&r);
}

static void saved_state_is_the_state(void **state)
{
    struct rig         r;
    struct message_ref refs[20];

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 20);
    assert_int_equal(rig_lease(&r, "q", 6, 5000, refs), 6);
    rig_settle(&r, &refs[1].lease, SETTLE_RELEASE, 0);
    rig_settle(&r, &refs[3].lease, SETTLE_RELEASE, 700);
    rig_settle(&r, &refs[4].lease, SETTLE_ACK, 0);
    rig_counts(&r, "q", 15, 3, 1);
    rig_close_engine(&r); /* with a checkpoint */
    rig_open_engine(&r);
    rig_turn(&r);
    rig_counts(&r, "q", 15, 3, 1);
    assert_int_equal(lane_floor(rig_queue(&r, "q")->ledger.lanes), 0);
    rig_advance(&r, 700);
    rig_counts(&r, "q", 16, 3, 0);
    assert_int_equal(rig_settle(&r, &refs[0].lease, SETTLE_ACK, 0), ERR_OK);
    assert_int_equal(rig_lease(&r, "q", 2, 5000, refs), 2);
    assert_int_equal(refs[0].offset, 1);
    assert_int_equal(refs[0].attempts, 2);
    assert_int_equal(refs[1].offset, 3);
    rig_close(&r);
}

static void declare_expiring(struct rig *r)
{
    struct queue_declare_call *c = rig_declaration(r, "q");

    c->policy.expires_ms = 1000;
    assert_int_equal(rig_end(r, c), ERR_OK);
}

static bool is_there(struct rig *r)
{
    rig_turn(r);
    return rig_queue(r, "q") != NULL;
}

static void an_unused_queue_goes(void **state)
{
    struct message_ref refs[4];
    struct rig         r;

    (void)state;
    rig_open(&r);
    declare_expiring(&r);
    rig_fill(&r, "q", 3); /* is no use of it */
    rig_advance(&r, 999);
    assert_true(is_there(&r));
    rig_declare(&r, "q"); /* is one, and so is a get */
    rig_advance(&r, 999);
    assert_int_equal(rig_lease(&r, "q", 1, 60000, refs), 1);
    rig_advance(&r, 999);
    assert_true(is_there(&r));
    rig_crash(&r); /* it begins anew */
    rig_advance(&r, 999);
    assert_true(is_there(&r));
    rig_advance(&r, 1);
    assert_false(is_there(&r));
    assert_null(rig_topic(&r, "q"));
    rig_crash(&r);
    assert_null(rig_queue(&r, "q"));
    rig_close(&r);
}

static void a_consumer_keeps_its_queue(void **state)
{
    static struct inbox in;
    struct rig          r;

    (void)state;
    rig_open(&r);
    declare_expiring(&r);
    rig_subscribe(&r, "q", &in, 0);
    rig_advance(&r, 10500);
    assert_true(is_there(&r));
    rig_unsubscribe(&r, &in);
    rig_advance(&r, 999);
    assert_true(is_there(&r));
    rig_advance(&r, 1);
    assert_false(is_there(&r));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declaring_makes_queue_and_topic),
        cmocka_unit_test(another_door_adds_its_own),
        cmocka_unit_test(exclusive_queues_belong_to_their_session),
        cmocka_unit_test(a_restart_ends_what_is_not_durable),
        cmocka_unit_test(deleting_obeys_its_conditions),
        cmocka_unit_test(topics_and_subscriptions),
        cmocka_unit_test(a_topics_queue_goes_with_it),
        cmocka_unit_test(purging),
        cmocka_unit_test(altering_replaces_policy_and_native),
        cmocka_unit_test(all_are_listed_by_name),
        cmocka_unit_test(saved_state_is_the_state),
        cmocka_unit_test(an_unused_queue_goes),
        cmocka_unit_test(a_consumer_keeps_its_queue),
    };

    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
