/* queue_lease_test.c - leases: tokens, deadlines, delays, order, long polls, retention; and all of
 * it after a crash. */
#include "engine/queue_rig.h"

static void leased_once_and_acked(void **state)
{
    struct rig         r;
    struct message_ref a[4];
    struct message_ref b[4];

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 3);
    assert_int_equal(rig_lease(&r, "q", 2, 5000, a), 2);
    assert_int_equal(rig_lease(&r, "q", 4, 5000, b), 1);
    assert_int_equal(a[0].offset, 0);
    assert_int_equal(a[1].offset, 1);
    assert_int_equal(b[0].offset, 2);
    assert_int_equal(a[0].attempts, 1);
    assert_int_equal(a[0].counted_attempts, 1);
    assert_int_equal(a[0].first_lease_ms, r.now_ms);
    assert_int_equal(a[0].append_ms, r.now_ms);
    rig_counts(&r, "q", 0, 3, 0);
    assert_int_equal(rig_settle(&r, &a[0].lease, SETTLE_ACK, 0), ERR_OK);
    assert_int_equal(rig_settle(&r, &a[0].lease, SETTLE_ACK, 0), ERR_NO_LEASE);
    assert_int_equal(rig_settle(&r, &a[1].lease, SETTLE_REJECT, 0), ERR_OK);
    rig_counts(&r, "q", 0, 1, 0);
    rig_crash(&r);
    rig_counts(&r, "q", 0, 1, 0);
    assert_int_equal(rig_settle(&r, &b[0].lease, SETTLE_ACK, 0), ERR_OK);
    rig_counts(&r, "q", 0, 0, 0);
    assert_int_equal(rig_topic(&r, "q")->logs[0]->start, 3);
    rig_close(&r);
}

static void bad_handles(void **state)
{
    struct rig         r;
    struct message_ref m;
    struct lease       bad;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 2);
    assert_int_equal(rig_lease(&r, "q", 1, 5000, &m), 1);
    bad = m.lease;
    bad.queue_id = 999;
    assert_int_equal(rig_settle(&r, &bad, SETTLE_ACK, 0), ERR_NO_QUEUE);
    bad = m.lease;
    bad.partition = 1;
    assert_int_equal(rig_settle(&r, &bad, SETTLE_ACK, 0), ERR_NO_LEASE);
    bad = m.lease;
    bad.token++;
    assert_int_equal(rig_settle(&r, &bad, SETTLE_ACK, 0), ERR_NO_LEASE);
    bad = m.lease;
    bad.offset = 1; /* ready, never leased */
    assert_int_equal(rig_settle(&r, &bad, SETTLE_ACK, 0), ERR_NO_LEASE);
    bad.offset = UINT64_MAX;
    assert_int_equal(rig_settle(&r, &bad, SETTLE_RELEASE, 0), ERR_NO_LEASE);
    rig_counts(&r, "q", 1, 1, 0);
    rig_close(&r);
}

static void a_deadline_returns_the_message(void **state)
{
    struct rig         r;
    struct message_ref a;
    struct message_ref b;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 2);
    assert_int_equal(rig_lease(&r, "q", 1, 5000, &a), 1);
    rig_advance(&r, 4999);
    rig_counts(&r, "q", 1, 1, 0);
    rig_advance(&r, 1);
    rig_counts(&r, "q", 2, 0, 0);
    rig_crash(&r); /* the end of the lease is journalled */
    rig_counts(&r, "q", 2, 0, 0);
    assert_int_equal(rig_lease(&r, "q", 1, 5000, &b), 1);
    assert_int_equal(b.offset, 0); /* its old place */
    assert_int_equal(b.attempts, 2);
    assert_int_equal(b.first_lease_ms, r.now_ms - 5000);
    assert_int_not_equal(b.lease.token, a.lease.token);
    assert_int_equal(rig_settle(&r, &a.lease, SETTLE_ACK, 0), ERR_NO_LEASE);
    assert_int_equal(rig_settle(&r, &b.lease, SETTLE_ACK, 0), ERR_OK);
    rig_close(&r);
}

static void a_deadline_that_passed_while_down_counts(void **state)
{
    struct rig         r;
    struct message_ref m;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 1);
    assert_int_equal(rig_lease(&r, "q", 1, 5000, &m), 1);
    r.now_ms += 6000;
    rig_crash(&r);
    rig_counts(&r, "q", 1, 0, 0);
    rig_close(&r);
}

static void extending(void **state)
{
    struct rig         r;
    struct message_ref m;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 1);
    assert_int_equal(rig_lease(&r, "q", 1, 5000, &m), 1);
    rig_advance(&r, 4000);
    assert_int_equal(rig_settle(&r, &m.lease, SETTLE_EXTEND, 3000), ERR_OK);
    rig_crash(&r);
    rig_advance(&r, 2999);
    rig_counts(&r, "q", 0, 1, 0);
    assert_int_equal(rig_settle(&r, &m.lease, SETTLE_EXTEND, 1), ERR_OK);
    rig_advance(&r, 1);
    rig_counts(&r, "q", 1, 0, 0);
    assert_int_equal(rig_settle(&r, &m.lease, SETTLE_EXTEND, 1000), ERR_NO_LEASE);
    assert_int_equal(rig_lease(&r, "q", 1, 5000, &m), 1);
    assert_int_equal(rig_settle(&r, &m.lease, SETTLE_EXTEND, 0), ERR_OK); /* gives it back */
    rig_counts(&r, "q", 1, 0, 0);
    rig_close(&r);
}

static void releasing_with_delay(void **state)
{
    struct rig         r;
    struct message_ref m[2];

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 2);
    assert_int_equal(rig_lease(&r, "q", 1, 5000, m), 1);
    assert_int_equal(rig_settle(&r, &m[0].lease, SETTLE_RELEASE, 700), ERR_OK);
    rig_counts(&r, "q", 1, 0, 1);
    rig_crash(&r);
    assert_int_equal(rig_lease(&r, "q", 2, 5000, m), 1);
    assert_int_equal(m[0].offset, 1);
    rig_advance(&r, 700);
    rig_counts(&r, "q", 1, 1, 0);
    assert_int_equal(rig_lease(&r, "q", 2, 5000, m), 1);
    assert_int_equal(m[0].offset, 0);
    assert_int_equal(m[0].attempts, 2);
    rig_close(&r);
}

static enum err settle_with(struct rig *r, const struct lease *lease, enum settle_action action,
                            bool stale_ack_ok, bool requeue_free, bool *is_gone)
{
    struct settle_call *c = RIG_CALL(r, settle_call, SETTLE);
    struct settle_item  item = { .lease = *lease, .action = action };

    c->stale_ack_ok = stale_ack_ok;
    c->requeue_free = requeue_free;
    c->item_count = 1;
    c->items = &item;
    assert_int_equal(rig_end(r, c), ERR_OK);
    *is_gone = item.is_gone;
    return item.err;
}

static void stale_acks(void **state)
{
    struct rig         r;
    struct message_ref a;
    struct message_ref b;
    bool               is_gone;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 1);
    assert_int_equal(rig_lease(&r, "q", 1, 1000, &a), 1);
    rig_advance(&r, 1000);
    assert_int_equal(settle_with(&r, &a.lease, SETTLE_ACK, false, false, &is_gone), ERR_NO_LEASE);
    assert_false(is_gone);
    assert_int_equal(rig_lease(&r, "q", 1, 1000, &b), 1);
    assert_int_equal(settle_with(&r, &a.lease, SETTLE_ACK, true, false, &is_gone), ERR_NO_LEASE);
    rig_advance(&r, 1000);
    assert_int_equal(settle_with(&r, &a.lease, SETTLE_ACK, true, false, &is_gone), ERR_OK);
    rig_counts(&r, "q", 0, 0, 0);
    assert_int_equal(settle_with(&r, &b.lease, SETTLE_ACK, true, false, &is_gone), ERR_NO_LEASE);
    assert_true(is_gone);
    rig_close(&r);
}

static void free_releases_do_not_count(void **state)
{
    struct rig         r;
    struct message_ref m;
    bool               is_gone;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 1);
    assert_int_equal(rig_lease(&r, "q", 1, 1000, &m), 1);
    assert_int_equal(settle_with(&r, &m.lease, SETTLE_RELEASE, false, true, &is_gone), ERR_OK);
    rig_crash(&r);
    assert_int_equal(rig_lease(&r, "q", 1, 1000, &m), 1);
    assert_int_equal(m.attempts, 2); /* redelivered all the same */
    assert_int_equal(m.counted_attempts, 1);
    rig_close(&r);
}

static void delays(void **state)
{
    struct rig                 r;
    struct queue_declare_call *c;
    struct message_ref         m[4];

    (void)state;
    rig_open(&r);
    c = rig_declaration(&r, "q");
    c->policy.delay_ms = 1000;
    assert_int_equal(rig_end(&r, c), ERR_OK);
    rig_fill(&r, "q", 2);
    rig_counts(&r, "q", 0, 0, 2);
    rig_advance(&r, 999);
    assert_int_equal(rig_lease(&r, "q", 4, 5000, m), 0);
    rig_fill(&r, "q", 1);
    rig_crash(&r);
    rig_counts(&r, "q", 0, 0, 3);
    rig_advance(&r, 1);
    rig_counts(&r, "q", 2, 0, 1);
    assert_int_equal(rig_lease(&r, "q", 4, 5000, m), 2);
    assert_int_equal(m[0].attempts, 1);
    rig_crash(&r);
    rig_counts(&r, "q", 0, 2, 1);
    rig_advance(&r, 999);
    rig_counts(&r, "q", 1, 2, 0);
    rig_close(&r);
}

static void a_long_poll_waits_for_one(void **state)
{
    struct rig         r;
    struct lease_call *first;
    struct lease_call *second;
    struct lease_call *late;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    first = rig_leasing(&r, "q", 10);
    first->wait_ms = 20000;
    assert_false(rig_run(&r, first));
    second = rig_leasing(&r, "q", 10);
    second->wait_ms = 10000;
    assert_false(rig_run(&r, second));
    rig_fill(&r, "q", 1);
    assert_int_equal(first->message_count, 1); /* first come */
    late = rig_leasing(&r, "q", 10); /* does not wait, and nothing is there */
    assert_true(rig_run(&r, late));
    assert_int_equal(late->message_count, 0);
    rig_advance(&r, 10000);
    assert_int_equal(second->call.err, ERR_OK);
    assert_int_equal(second->message_count, 0);
    assert_int_equal(r.answered, 5);
    rig_free_leasing(first);
    rig_free_leasing(second);
    rig_free_leasing(late);
    rig_close(&r);
}

static void long_polls_end_with_queue_cancel_and_session(void **state)
{
    struct rig         r;
    struct lease_call *c[3];
    struct call       *cancel;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    for (int i = 0; i < 3; i++) {
        c[i] = rig_leasing(&r, "q", 1);
        c[i]->wait_ms = 20000;
        c[i]->call.tag = (uint64_t)i;
        c[i]->call.session = i < 2 ? RIG_SESSION : 8;
        assert_false(rig_run(&r, c[i]));
    }
    cancel = RIG_CALL(&r, call, CANCEL);
    cancel->session = RIG_SESSION;
    cancel->tag = 1;
    assert_int_equal(rig_end(&r, cancel), ERR_OK);
    assert_int_equal(c[1]->call.err, ERR_CANCELLED);
    assert_int_equal(c[0]->call.err, ERR_OK);
    rig_close_session(&r);
    assert_int_equal(c[0]->call.err, ERR_CANCELLED);
    assert_int_equal(rig_delete(&r, "q"), ERR_OK);
    assert_int_equal(c[2]->call.err, ERR_NO_QUEUE);
    for (int i = 0; i < 3; i++)
        call_free(c[i]);
    rig_close(&r);
}

static void a_lease_of_no_length_shows_and_returns(void **state)
{
    struct rig         r;
    struct lease_call *c;
    struct message_ref m[2];

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 2);
    c = rig_leasing(&r, "q", 10);
    c->lease_ms = 0;
    assert_true(rig_run(&r, c));
    assert_int_equal(c->message_count, 2); /* each once */
    rig_free_leasing(c);
    rig_crash(&r);
    rig_counts(&r, "q", 2, 0, 0);
    assert_int_equal(rig_lease(&r, "q", 2, 5000, m), 2);
    assert_int_equal(m[0].attempts, 2);
    rig_close(&r);
}

static void taking_for_good(void **state)
{
    struct rig         r;
    struct lease_call *c;
    struct message_ref m;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 3);
    assert_int_equal(rig_lease(&r, "q", 1, 0, &m), 1);
    assert_int_equal(rig_settle(&r, &m.lease, SETTLE_RELEASE, 0), ERR_OK);
    c = rig_leasing(&r, "q", 2);
    c->no_ack = true;
    assert_true(rig_run(&r, c));
    assert_int_equal(c->message_count, 2);
    assert_int_equal(c->messages[0].attempts, 2);
    assert_int_equal(c->messages[1].attempts, 1);
    assert_int_equal(c->ready_count, 1);
    rig_free_leasing(c);
    rig_crash(&r);
    rig_counts(&r, "q", 1, 0, 0);
    rig_close(&r);
}

static void limits_of_a_lease(void **state)
{
    struct rig         r;
    struct lease_call *c;
    uint32_t           batch_len;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 5);
    c = rig_leasing(&r, "q", 10);
    c->bytes_max = 1; /* the first one always comes */
    assert_true(rig_run(&r, c));
    assert_int_equal(c->message_count, 1);
    assert_int_equal(c->ready_count, 4);
    batch_len = c->messages[0].batch_len;
    assert_int_equal(c->messages[0].bytes, batch_len);
    rig_free_leasing(c);
    c = rig_leasing(&r, "q", 10);
    c->bytes_max = 3 * batch_len;
    assert_true(rig_run(&r, c));
    assert_int_equal(c->message_count, 3);
    rig_free_leasing(c);
    c = rig_leasing(&r, "q", 0);
    assert_int_equal(rig_end(&r, c), ERR_BAD_ARGUMENT);
    c = rig_leasing(&r, "none", 1);
    assert_int_equal(rig_end(&r, c), ERR_NO_QUEUE);
    rig_close(&r);
}

static void bound_leases_return_with_their_session(void **state)
{
    struct rig         r;
    struct message_ref m[8];

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 6);
    assert_int_equal(rig_lease(&r, "q", 4, 0, m), 4);
    assert_int_equal(rig_settle(&r, &m[1].lease, SETTLE_ACK, 0), ERR_OK);
    rig_advance(&r, 10000000);
    rig_counts(&r, "q", 2, 3, 0); /* no deadline */
    rig_close_session(&r);
    rig_counts(&r, "q", 5, 0, 0);
    assert_int_equal(rig_lease(&r, "q", 5, 0, m), 5);
    assert_int_equal(m[0].offset, 0);
    assert_int_equal(m[1].offset, 2);
    assert_int_equal(m[2].offset, 3);
    assert_int_equal(m[2].attempts, 2);
    assert_int_equal(m[3].offset, 4);
    assert_int_equal(m[3].attempts, 1);
    rig_crash(&r); /* the session dies with the process */
    rig_counts(&r, "q", 5, 0, 0);
    rig_crash(&r);
    assert_int_equal(rig_lease(&r, "q", 5, 0, m), 5);
    assert_int_equal(m[0].attempts, 3);
    assert_int_equal(m[4].attempts, 2);
    rig_close(&r);
}

static void what_nobody_saw_is_not_a_delivery(void **state)
{
    struct rig         r;
    struct lease_call *c;
    struct message_ref m;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    rig_fill(&r, "q", 1);
    c = rig_leasing(&r, "q", 1);
    rig_submit(&r, c); /* not synced: its answer has not left */
    assert_int_equal(r.answered, 2);
    rig_fail_power(&r);
    call_free(c); /* it died with its door */
    assert_int_equal(rig_lease(&r, "q", 1, 5000, &m), 1);
    assert_int_equal(m.attempts, 1);
    rig_close(&r);
}

static void old_messages_expire(void **state)
{
    struct rig                 r;
    struct queue_declare_call *c;
    struct message_ref         m[4];

    (void)state;
    rig_open(&r);
    c = rig_declaration(&r, "q");
    c->policy.retention_ms = 1000;
    assert_int_equal(rig_end(&r, c), ERR_OK);
    rig_fill(&r, "q", 3);
    assert_int_equal(rig_lease(&r, "q", 1, 900, m), 1);
    rig_advance(&r, 950);
    rig_fill(&r, "q", 1);
    rig_advance(&r, 50);
    assert_int_equal(rig_lease(&r, "q", 4, 900, m), 1);
    assert_int_equal(m[0].offset, 3);
    rig_crash(&r);
    rig_counts(&r, "q", 0, 1, 0);
    rig_close(&r);
}

static void records_of_one_batch_are_messages(void **state)
{
    struct rig           r;
    struct publish_call *c;
    struct lease_call   *l;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    c = rig_publication(&r, "", "q", "x");
    slice_drop(&c->batch);
    c->batch = rig_batch("k", "seven", 7);
    assert_int_equal(rig_end(&r, c), ERR_OK);
    rig_counts(&r, "q", 7, 0, 0);
    l = rig_leasing(&r, "q", 5);
    assert_true(rig_run(&r, l));
    assert_int_equal(l->message_count, 5);
    for (size_t i = 0; i < 5; i++) {
        char value[16];

        assert_int_equal(l->messages[i].offset, i);
        assert_int_equal(l->messages[i].base_offset, 0);
        assert_int_equal(l->messages[i].bytes, l->messages[i].batch_len / 7);
        rig_copy_value(&l->messages[i], value);
        assert_string_equal(value, "seven");
    }
    rig_free_leasing(l);
    rig_close(&r);
}

static void logs_go_when_all_queues_have_settled(void **state)
{
    struct rig                 r;
    struct queue_declare_call *c;
    struct message_ref         m[1000];
    const struct log          *l;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    c = rig_declaration(&r, "s");
    c->topic = bytes_str("q");
    assert_int_equal(rig_end(&r, c), ERR_OK);
    rig_fill(&r, "q", 1000);
    l = rig_topic(&r, "q")->logs[0];
    assert_int_equal(rig_lease(&r, "q", 1000, 5000, m), 1000);
    rig_settle_all(&r, m, 1000, SETTLE_ACK);
    assert_int_equal(l->start, 0); /* s needs them */
    assert_int_equal(rig_lease(&r, "s", 600, 5000, m), 600);
    rig_settle_all(&r, m + 1, 599, SETTLE_ACK);
    assert_int_equal(l->start, 0);
    rig_settle_all(&r, m, 1, SETTLE_ACK);
    assert_int_equal(l->start, 600);
    assert_int_equal(rig_delete(&r, "s"), ERR_OK);
    assert_int_equal(l->start, 1000);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leased_once_and_acked),
        cmocka_unit_test(bad_handles),
        cmocka_unit_test(a_deadline_returns_the_message),
        cmocka_unit_test(a_deadline_that_passed_while_down_counts),
        cmocka_unit_test(extending),
        cmocka_unit_test(releasing_with_delay),
        cmocka_unit_test(stale_acks),
        cmocka_unit_test(free_releases_do_not_count),
        cmocka_unit_test(delays),
        cmocka_unit_test(a_long_poll_waits_for_one),
        cmocka_unit_test(long_polls_end_with_queue_cancel_and_session),
        cmocka_unit_test(a_lease_of_no_length_shows_and_returns),
        cmocka_unit_test(taking_for_good),
        cmocka_unit_test(limits_of_a_lease),
        cmocka_unit_test(bound_leases_return_with_their_session),
        cmocka_unit_test(what_nobody_saw_is_not_a_delivery),
        cmocka_unit_test(old_messages_expire),
        cmocka_unit_test(records_of_one_batch_are_messages),
        cmocka_unit_test(logs_go_when_all_queues_have_settled),
    };

    return cmocka_run_group_tests_name("queue_lease", tests, NULL, NULL);
}
