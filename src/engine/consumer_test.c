/* consumer_test.c - subscriptions: order, turns, priorities, limits, transit, ends. */
#include "engine/queue_rig.h"

static struct inbox a;
static struct inbox b;
static struct inbox c;

static void begin(struct rig *r)
{
    a.count = b.count = c.count = 0;
    a.ended = b.ended = c.ended = 0;
    a.delivery_count = b.delivery_count = c.delivery_count = 0;
    rig_open(r);
    rig_declare(r, "q");
}

static void ack_one(struct rig *r, const struct inbox *in, size_t i)
{
    assert_int_equal(rig_settle(r, &in->refs[i].lease, SETTLE_ACK, 0), ERR_OK);
}

static void credit(struct rig *r, const struct inbox *in, uint32_t messages, uint32_t bytes)
{
    struct credit_call *call = RIG_CALL(r, credit_call, CREDIT);

    call->call.session = RIG_SESSION;
    call->call.relaxed = true;
    call->consumer = in->consumer;
    call->messages = messages;
    call->bytes = bytes;
    assert_int_equal(rig_end(r, call), ERR_OK);
}

static void set_limiter(struct rig *r, uint64_t limiter, uint64_t max)
{
    struct limiter_set_call *call = RIG_CALL(r, limiter_set_call, LIMITER_SET);

    call->call.session = RIG_SESSION;
    call->limiter = limiter;
    call->messages_max = max;
    assert_int_equal(rig_end(r, call), ERR_OK);
}

static void messages_come_in_order_and_in_one_delivery(void **state)
{
    struct rig r;
    char       value[16];

    (void)state;
    begin(&r);
    rig_fill(&r, "q", 100);
    rig_subscribe(&r, "q", &a, 0);
    assert_int_equal(a.count, 100);
    assert_int_equal(a.delivery_count, 1);
    for (int i = 0; i < 100; i++) {
        snprintf(value, sizeof value, "%d", i);
        assert_string_equal(a.values[i], value);
        assert_int_equal(a.refs[i].offset, i);
        assert_int_equal(a.refs[i].attempts, 1);
    }
    rig_counts(&r, "q", 0, 100, 0);
    rig_close(&r);
}

static void equal_consumers_take_turns(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    rig_subscribe(&r, "q", &a, 0);
    rig_subscribe(&r, "q", &b, 0);
    rig_subscribe(&r, "q", &c, 0);
    rig_fill(&r, "q", 9);
    assert_int_equal(a.count, 3);
    assert_int_equal(a.delivery_count, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(a.refs[i].offset, 3 * i);
        assert_int_equal(b.refs[i].offset, 3 * i + 1);
        assert_int_equal(c.refs[i].offset, 3 * i + 2);
    }
    rig_fill(&r, "q", 1);
    rig_fill(&r, "q", 1); /* one by one it goes round, too */
    assert_int_equal(a.count, 4);
    assert_int_equal(b.count, 4);
    assert_int_equal(c.count, 3);
    rig_close(&r);
}

static void higher_priority_gets_all_until_blocked(void **state)
{
    struct rig             r;
    struct subscribe_call *s;

    (void)state;
    begin(&r);
    rig_subscribe(&r, "q", &a, 0);
    s = rig_subscription(&r, "q", &b, 2);
    s->priority = 5;
    rig_begin(&r, s, &b);
    s = rig_subscription(&r, "q", &c, 2);
    s->priority = 5;
    rig_begin(&r, s, &c);
    rig_fill(&r, "q", 6);
    assert_int_equal(b.count, 2);
    assert_int_equal(c.count, 2);
    assert_int_equal(b.refs[1].offset, 2); /* b and c in turn */
    assert_int_equal(a.count, 2);
    assert_int_equal(a.refs[0].offset, 4);
    ack_one(&r, &b, 0);
    rig_fill(&r, "q", 2);
    assert_int_equal(b.count, 3);
    assert_int_equal(a.count, 3);
    rig_close(&r);
}

static void higher_priority_goes_on_before_lower(void **state)
{
    struct rig             r;
    struct subscribe_call *s;

    (void)state;
    begin(&r);
    s = rig_subscription(&r, "q", &a, 0);
    s->priority = 5;
    rig_begin(&r, s, &a);
    rig_subscribe(&r, "q", &b, 0); /* behind a in line, and never its turn */
    rig_fill(&r, "q", 3);
    rig_fill(&r, "q", 1);
    assert_int_equal(a.count, 4);
    assert_int_equal(b.count, 0);
    rig_close(&r);
}

static void prefetch_by_messages(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    rig_fill(&r, "q", 5);
    rig_subscribe(&r, "q", &a, 2);
    assert_int_equal(a.count, 2);
    rig_turn(&r);
    assert_int_equal(a.count, 2);
    ack_one(&r, &a, 1);
    assert_int_equal(a.count, 3);
    assert_int_equal(rig_settle(&r, &a.refs[0].lease, SETTLE_RELEASE, 0), ERR_OK);
    assert_int_equal(a.count, 4); /* the same again: nobody else is there */
    assert_int_equal(a.refs[3].offset, 0);
    assert_int_equal(a.refs[3].attempts, 2);
    rig_counts(&r, "q", 2, 2, 0);
    rig_close(&r);
}

static void prefetch_by_bytes(void **state)
{
    struct rig             r;
    struct subscribe_call *s;
    uint32_t               one;

    (void)state;
    begin(&r);
    rig_fill(&r, "q", 10);
    one = rig_topic(&r, "q")->logs[0]->entries.at[0].batch_len;
    s = rig_subscription(&r, "q", &a, 0);
    s->bytes_max = 2 * one + 1;
    rig_begin(&r, s, &a);
    assert_int_equal(a.count, 3); /* the last one may overshoot */
    ack_one(&r, &a, 0);
    assert_int_equal(a.count, 4);
    rig_close(&r);
}

static void a_limiter_is_shared(void **state)
{
    struct rig             r;
    struct subscribe_call *s;

    (void)state;
    begin(&r);
    set_limiter(&r, 1, 3);
    s = rig_subscription(&r, "q", &a, 0);
    s->limiter = 1;
    rig_begin(&r, s, &a);
    s = rig_subscription(&r, "q", &b, 0);
    s->limiter = 1;
    rig_begin(&r, s, &b);
    rig_fill(&r, "q", 10);
    assert_int_equal(a.count + b.count, 3);
    ack_one(&r, &a, 0);
    assert_int_equal(a.count + b.count, 4);
    set_limiter(&r, 1, 5); /* acts at once */
    assert_int_equal(a.count + b.count, 6);
    rig_unsubscribe(&r, &a); /* what it holds still counts */
    ack_one(&r, &a, 1);
    assert_int_equal(a.count + b.count, 7);
    set_limiter(&r, 1, 1);
    ack_one(&r, &b, 0);
    assert_int_equal(a.count + b.count, 7);
    set_limiter(&r, 1, 0);
    assert_int_equal(a.count + b.count, 10);
    rig_close(&r);
}

static void transit_is_bounded(void **state)
{
    struct rig             r;
    struct subscribe_call *s;

    (void)state;
    begin(&r);
    rig_fill(&r, "q", 3000);
    s = rig_subscription(&r, "q", &a, 0);
    s->no_ack = true;
    rig_begin(&r, s, &a);
    assert_int_equal(a.count, CONSUMER_TRANSIT_MESSAGES_MAX);
    assert_int_equal(a.delivery_count, CONSUMER_TRANSIT_MESSAGES_MAX / 256);
    rig_counts(&r, "q", 3000 - CONSUMER_TRANSIT_MESSAGES_MAX, 0, 0);
    credit(&r, &a, 100, 100 * a.refs[0].bytes);
    assert_int_equal(a.count, CONSUMER_TRANSIT_MESSAGES_MAX + 100);
    credit(&r, &a, 5000, UINT32_MAX); /* too much is no harm */
    assert_int_equal(a.count, 3000);
    rig_crash(&r);
    rig_counts(&r, "q", 0, 0, 0); /* at most once */
    rig_close(&r);
}

static void limits_may_change(void **state)
{
    struct rig          r;
    struct credit_call *call;

    (void)state;
    begin(&r);
    rig_fill(&r, "q", 10);
    rig_subscribe(&r, "q", &a, 1);
    call = RIG_CALL(&r, credit_call, CREDIT);
    call->call.session = RIG_SESSION;
    call->consumer = a.consumer;
    call->set_limits = true;
    call->messages_max = 4;
    assert_int_equal(rig_end(&r, call), ERR_OK);
    assert_int_equal(a.count, 4);
    rig_close(&r);
}

static void exclusive_consumers(void **state)
{
    struct rig             r;
    struct subscribe_call *s;

    (void)state;
    begin(&r);
    rig_subscribe(&r, "q", &a, 0);
    s = rig_subscription(&r, "q", &b, 0);
    s->is_exclusive = true;
    assert_int_equal(rig_end(&r, s), ERR_IN_USE);
    rig_unsubscribe(&r, &a);
    s = rig_subscription(&r, "q", &b, 0);
    s->is_exclusive = true;
    rig_begin(&r, s, &b);
    assert_int_equal(rig_end(&r, rig_subscription(&r, "q", &a, 0)), ERR_IN_USE);
    rig_unsubscribe(&r, &b);
    rig_subscribe(&r, "q", &a, 0);
    assert_int_equal(rig_end(&r, rig_subscription(&r, "none", &b, 0)), ERR_NO_QUEUE);
    rig_close(&r);
}

static void leases_stay_when_a_consumer_leaves(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    rig_fill(&r, "q", 3);
    rig_subscribe(&r, "q", &a, 0);
    rig_unsubscribe(&r, &a);
    rig_fill(&r, "q", 1);
    assert_int_equal(a.count, 3); /* nothing after the answer */
    rig_counts(&r, "q", 1, 3, 0);
    ack_one(&r, &a, 0);
    rig_close_session(&r);
    rig_counts(&r, "q", 3, 0, 0);
    rig_subscribe(&r, "q", &b, 0);
    assert_int_equal(b.refs[0].offset, 1);
    assert_int_equal(b.refs[0].attempts, 2);
    assert_int_equal(b.refs[2].attempts, 1);
    assert_int_equal(r.engine->consumers.count, 1);
    rig_close(&r);
}

static void timed_leases_outlive_the_session(void **state)
{
    struct rig             r;
    struct subscribe_call *s;

    (void)state;
    begin(&r);
    rig_fill(&r, "q", 2);
    s = rig_subscription(&r, "q", &a, 0);
    s->is_bound = false;
    s->lease_ms = 10000;
    rig_begin(&r, s, &a);
    rig_close_session(&r);
    rig_counts(&r, "q", 0, 2, 0);
    ack_one(&r, &a, 0);
    rig_advance(&r, 10000);
    rig_counts(&r, "q", 1, 0, 0);
    assert_int_equal(r.engine->consumers.count, 0);
    rig_close(&r);
}

static void parked_leases_come_before_consumers(void **state)
{
    struct rig         r;
    struct lease_call *call;

    (void)state;
    begin(&r);
    rig_subscribe(&r, "q", &a, 0);
    call = rig_leasing(&r, "q", 2);
    call->wait_ms = 1000;
    assert_false(rig_run(&r, call));
    rig_fill(&r, "q", 3);
    assert_int_equal(call->message_count, 2);
    assert_int_equal(a.count, 1);
    rig_free_leasing(call);
    rig_close(&r);
}

static void auto_delete_queues_go_with_their_last_consumer(void **state)
{
    struct rig                 r;
    struct queue_declare_call *d;

    (void)state;
    begin(&r);
    d = rig_declaration(&r, "auto");
    d->is_auto_delete = true;
    assert_int_equal(rig_end(&r, d), ERR_OK);
    rig_turn(&r);
    assert_non_null(rig_queue(&r, "auto")); /* not before it had one */
    rig_subscribe(&r, "auto", &a, 0);
    rig_subscribe(&r, "auto", &b, 0);
    rig_unsubscribe(&r, &a);
    assert_non_null(rig_queue(&r, "auto"));
    rig_unsubscribe(&r, &b);
    assert_null(rig_queue(&r, "auto"));
    assert_int_equal(a.ended + b.ended, 0); /* they left by themselves */
    rig_crash(&r);
    assert_null(rig_queue(&r, "auto"));
    assert_non_null(rig_queue(&r, "q"));
    rig_close(&r);
}

static void a_session_takes_its_queues_and_consumers_along(void **state)
{
    struct rig                 r;
    struct queue_declare_call *d;

    (void)state;
    begin(&r);
    d = rig_declaration(&r, "x");
    d->is_exclusive = true;
    d->is_auto_delete = true;
    assert_int_equal(rig_end(&r, d), ERR_OK);
    d = rig_declaration(&r, "auto");
    d->is_auto_delete = true;
    assert_int_equal(rig_end(&r, d), ERR_OK);
    rig_subscribe(&r, "x", &a, 0);
    rig_subscribe(&r, "auto", &b, 0);
    rig_subscribe(&r, "q", &c, 0);
    rig_fill(&r, "x", 2);
    rig_fill(&r, "q", 2);
    assert_int_equal(a.count, 2);
    rig_close_session(&r);
    assert_null(rig_queue(&r, "x"));
    assert_null(rig_queue(&r, "auto"));
    rig_counts(&r, "q", 2, 0, 0);
    assert_int_equal(r.engine->consumers.count, 0);
    assert_int_equal(r.engine->sessions.count, 0);
    rig_close(&r);
}

static void a_queue_of_many_logs_takes_from_all(void **state)
{
    struct rig                r;
    struct topic_create_call *t;
    uint32_t                  seen[4] = { 0 };

    (void)state;
    begin(&r);
    t = RIG_CALL(&r, topic_create_call, TOPIC_CREATE);
    t->ns = bytes_str(NAMESPACE_DEFAULT);
    t->name = bytes_str("t");
    t->partition_count = 4;
    assert_int_equal(rig_end(&r, t), ERR_OK);
    rig_declare(&r, "t");
    for (int i = 0; i < 40; i++) {
        char key[16];

        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(rig_publish(&r, "", "t", key), 1);
    }
    for (uint32_t i = 0; i < 4; i++) { /* the key is always "t": all in one of them */
        struct lane *l = &rig_queue(&r, "t")->ledger.lanes[i];

        if (l->end == 0)
            continue;
        assert_int_equal(l->end, 40);
        seen[i] = 40;
    }
    assert_int_equal(seen[0] + seen[1] + seen[2] + seen[3], 40);
    rig_subscribe(&r, "t", &a, 0);
    assert_int_equal(a.count, 40);
    assert_int_equal(seen[a.refs[0].lease.partition], 40);
    rig_settle_all(&r, a.refs, 40, SETTLE_ACK);
    rig_counts(&r, "t", 0, 0, 0);
    rig_crash(&r);
    rig_counts(&r, "t", 0, 0, 0);
    rig_close(&r);
}

static struct subscribe_call *prioritised(struct rig *r, struct inbox *in, int32_t priority)
{
    struct subscribe_call *s = rig_subscription(r, "q", in, 0);

    s->priority = priority;
    return s;
}

static void declare_single(struct rig *r)
{
    struct queue_declare_call *d = rig_declaration(r, "q");

    d->policy.is_single_active = true;
    assert_int_equal(rig_end(r, d), ERR_OK);
}

/* K4 */
static void one_of_several_gets_all(void **state)
{
    static struct inbox first, low, high, late;
    struct rig          r;

    (void)state;
    rig_open(&r);
    declare_single(&r);
    rig_crash(&r);
    rig_begin(&r, prioritised(&r, &first, 0), &first);
    rig_begin(&r, prioritised(&r, &low, -1), &low);
    rig_begin(&r, prioritised(&r, &high, 5), &high);
    rig_begin(&r, prioritised(&r, &late, 5), &late);
    rig_fill(&r, "q", 4);
    assert_int_equal(first.count, 4);
    rig_unsubscribe(&r, &low); /* one that stands by: nothing changes */
    rig_fill(&r, "q", 1);
    assert_int_equal(first.count, 5);
    rig_unsubscribe(&r, &first);
    rig_fill(&r, "q", 3);
    assert_int_equal(high.count, 3);
    rig_unsubscribe(&r, &high);
    rig_fill(&r, "q", 2);
    assert_int_equal(late.count, 2);
    assert_int_equal(first.count + low.count, 5);
    rig_unsubscribe(&r, &late);
    rig_fill(&r, "q", 1);
    rig_begin(&r, prioritised(&r, &low, 0), &low);
    assert_int_equal(low.count, 1);
    rig_close(&r);
}

/* What is full stays the one: the others still stand by. */
static void a_full_one_is_not_helped(void **state)
{
    static struct inbox    first, second;
    struct rig             r;
    struct subscribe_call *s;

    (void)state;
    rig_open(&r);
    declare_single(&r);
    s = prioritised(&r, &first, 0);
    s->messages_max = 2;
    rig_begin(&r, s, &first);
    rig_begin(&r, prioritised(&r, &second, 9), &second);
    rig_fill(&r, "q", 5);
    assert_int_equal(first.count, 2);
    assert_int_equal(second.count, 0);
    assert_int_equal(rig_settle(&r, &first.refs[0].lease, SETTLE_ACK, 0), ERR_OK);
    assert_int_equal(first.count, 3);
    s = prioritised(&r, &second, 0);
    s->is_exclusive = true;
    assert_int_equal(rig_end(&r, s), ERR_IN_USE);
    assert_int_equal(rig_delete(&r, "q"), ERR_OK);
    assert_int_equal(first.ended + second.ended, 2);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_in_order_and_in_one_delivery),
        cmocka_unit_test(equal_consumers_take_turns),
        cmocka_unit_test(higher_priority_gets_all_until_blocked),
        cmocka_unit_test(higher_priority_goes_on_before_lower),
        cmocka_unit_test(prefetch_by_messages),
        cmocka_unit_test(prefetch_by_bytes),
        cmocka_unit_test(a_limiter_is_shared),
        cmocka_unit_test(transit_is_bounded),
        cmocka_unit_test(limits_may_change),
        cmocka_unit_test(exclusive_consumers),
        cmocka_unit_test(leases_stay_when_a_consumer_leaves),
        cmocka_unit_test(timed_leases_outlive_the_session),
        cmocka_unit_test(parked_leases_come_before_consumers),
        cmocka_unit_test(auto_delete_queues_go_with_their_last_consumer),
        cmocka_unit_test(a_session_takes_its_queues_and_consumers_along),
        cmocka_unit_test(a_queue_of_many_logs_takes_from_all),
        cmocka_unit_test(one_of_several_gets_all),
        cmocka_unit_test(a_full_one_is_not_helped),
    };

    return cmocka_run_group_tests_name("consumer", tests, NULL, NULL);
}
