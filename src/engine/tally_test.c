/* tally_test.c - the sums follow what happens, and stay over a restart. */
#include "engine/tally.h"
#include "engine/queue_rig.h"

static struct tally tally(struct rig *r)
{
    struct tally_call *c = RIG_CALL(r, tally_call, TALLY);
    struct tally       t;

    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    t = c->tally;
    call_free(c);
    return t;
}

static uint64_t accounted(const struct tally *t)
{
    uint64_t sum = t->ready + t->leased + t->delayed;

    for (size_t i = 0; i < FATE_COUNT; i++)
        sum += t->fates[i];
    return sum;
}

static void an_empty_engine_has_nothing(void **state)
{
    struct rig   r;
    struct tally t;

    (void)state;
    rig_open(&r);
    t = tally(&r);
    assert_int_equal(t.topics + t.logs + t.log_bytes + t.queues + t.routed + accounted(&t), 0);
    rig_close(&r);
}

static void sums_follow_two_queues(void **state)
{
    struct message_ref refs[4];
    struct rig         r;
    struct tally       t;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "a");
    rig_declare(&r, "b");
    rig_create_topic(&r, "plain", 3, &topic_policy_default);
    rig_fill(&r, "a", 5);
    rig_fill(&r, "b", 2);
    assert_int_equal(rig_lease(&r, "a", 4, 60000, refs), 4);
    rig_settle_all(&r, refs, 3, SETTLE_ACK);
    t = tally(&r);
    assert_int_equal(t.topics, 3);
    assert_int_equal(t.logs, 5);
    assert_int_equal(t.queues, 2);
    assert_true(t.log_bytes > 0 && t.exchanges > 0 && t.journal_bytes > 0);
    assert_int_equal(t.routed, 7);
    assert_int_equal(t.leased, 1);
    assert_int_equal(t.ready, 3);
    assert_int_equal(t.fates[FATE_ACKED], 3);
    assert_int_equal(accounted(&t), t.routed);
    rig_crash(&r);
    t = tally(&r);
    assert_int_equal(t.routed, 7);
    assert_int_equal(t.fates[FATE_ACKED], 3);
    assert_int_equal(accounted(&t), t.routed);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_engine_has_nothing),
        cmocka_unit_test(sums_follow_two_queues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
