/*
 * queue_crash_test.c - random work on one queue with power failures in between, against a model of
 * every message.
 *
 * After each failure the queue must know exactly what the model knows: what is settled stays
 * settled, what was leased by time still is, what was bound is ready, and attempts are exact.
 * Whatever is left at the end is received once and in order.
 */
#include "engine/queue_rig.h"

enum { MESSAGES_MAX = 2000, STEPS = 1500, LEASED_MAX = 64 };

struct model_message {
    bool     is_settled;
    uint32_t attempts;
};

struct model {
    struct rig           rig;
    struct model_message at[MESSAGES_MAX];
    size_t               count;
    struct message_ref   leased[LEASED_MAX]; /* not settled, given back or expired by us yet */
    bool                 is_bound[LEASED_MAX];
    int64_t              deadline_ms[LEASED_MAX];
    size_t               leased_count;
    uint32_t             seed;
};

static uint32_t draw(struct model *m, uint32_t below)
{
    m->seed = m->seed * 1664525 + 1013904223;
    return (m->seed >> 8) % below;
}

static void publish(struct model *m)
{
    int n = 1 + (int)draw(m, 5);

    if (m->count + (size_t)n > MESSAGES_MAX)
        return;
    rig_fill(&m->rig, "q", n);
    for (int i = 0; i < n; i++)
        m->at[m->count++] = (struct model_message){ 0 };
}

static void forget(struct model *m, size_t i)
{
    m->leased_count--;
    m->leased[i] = m->leased[m->leased_count];
    m->is_bound[i] = m->is_bound[m->leased_count];
    m->deadline_ms[i] = m->deadline_ms[m->leased_count];
}

static void lease(struct model *m)
{
    uint32_t           max = 1 + draw(m, 6);
    bool               is_bound = draw(m, 2);
    int64_t            lease_ms = is_bound ? 0 : 100 + draw(m, 2000);
    struct message_ref refs[8];
    size_t             n;

    if (m->leased_count + max > LEASED_MAX)
        return;
    n = rig_lease(&m->rig, "q", max, lease_ms, refs);
    for (size_t i = 0; i < n; i++) {
        struct model_message *msg = &m->at[refs[i].offset];

        assert_false(msg->is_settled);
        assert_int_equal(refs[i].attempts, ++msg->attempts);
        for (size_t k = 0; k < m->leased_count; k++)
            assert_int_not_equal(m->leased[k].offset, refs[i].offset);
        m->is_bound[m->leased_count] = is_bound;
        m->deadline_ms[m->leased_count] = m->rig.now_ms + lease_ms;
        m->leased[m->leased_count++] = refs[i];
    }
}

static void settle(struct model *m)
{
    enum settle_action action = draw(m, 3) == 0 ? SETTLE_RELEASE : SETTLE_ACK;
    size_t             i;

    if (m->leased_count == 0)
        return;
    i = draw(m, (uint32_t)m->leased_count);
    assert_int_equal(rig_settle(&m->rig, &m->leased[i].lease, action, 0), ERR_OK);
    if (action == SETTLE_ACK)
        m->at[m->leased[i].offset].is_settled = true;
    forget(m, i);
}

static void pass_time(struct model *m)
{
    rig_advance(&m->rig, draw(m, 300));
    for (size_t i = m->leased_count; i > 0; i--)
        if (!m->is_bound[i - 1] && m->deadline_ms[i - 1] <= m->rig.now_ms)
            forget(m, i - 1);
}

static void fail_power(struct model *m)
{
    rig_fail_power(&m->rig);
    if (draw(m, 2)) { /* and a clean restart */
        rig_close_engine(&m->rig);
        rig_open_engine(&m->rig);
    }
    for (size_t i = m->leased_count; i > 0; i--)
        if (m->is_bound[i - 1])
            forget(m, i - 1);
}

static void check(struct model *m)
{
    uint64_t open = 0;

    for (size_t i = 0; i < m->count; i++)
        open += !m->at[i].is_settled;
    rig_counts(&m->rig, "q", open - m->leased_count, m->leased_count, 0);
}

static void drain(struct model *m)
{
    struct message_ref refs[8];
    uint64_t           last = 0;
    size_t             n;

    rig_advance(&m->rig, 1000000);
    rig_close_session(&m->rig);
    while ((n = rig_lease(&m->rig, "q", 8, 0, refs)) > 0)
        for (size_t i = 0; i < n; i++) {
            assert_true(refs[i].offset == 0 || refs[i].offset > last);
            assert_int_equal(refs[i].attempts, m->at[refs[i].offset].attempts + 1);
            last = refs[i].offset;
            m->at[last].is_settled = true;
            assert_int_equal(rig_settle(&m->rig, &refs[i].lease, SETTLE_ACK, 0), ERR_OK);
        }
    for (size_t i = 0; i < m->count; i++)
        assert_true(m->at[i].is_settled);
    assert_int_equal(rig_topic(&m->rig, "q")->logs[0]->start, m->count);
}

static void run(uint32_t seed)
{
    static struct model m;

    m = (struct model){ .seed = seed };
    rig_open(&m.rig);
    rig_declare(&m.rig, "q");
    for (int step = 0; step < STEPS; step++) {
        uint32_t what = draw(&m, 100);

        if (what < 30)
            publish(&m);
        else if (what < 55)
            lease(&m);
        else if (what < 90)
            settle(&m);
        else if (what < 98)
            pass_time(&m);
        else
            fail_power(&m);
        check(&m);
    }
    drain(&m);
    rig_close(&m.rig);
}

static void survives_power_failures(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 3; seed++)
        run(seed);
}

/* ---- the start of a log ---- */

static uint64_t start_of(struct rig *r, const char *topic)
{
    return rig_topic(r, topic)->logs[0]->start;
}

static void retain(struct rig *r, const char *topic, enum retention retention)
{
    struct topic_alter_call *c = RIG_CALL(r, topic_alter_call, TOPIC_ALTER);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(topic);
    c->set_policy = true;
    c->policy.retention = retention;
    assert_int_equal(rig_end(r, c), ERR_OK);
}

/* Four messages, all of them settled: the log has none any more. */
static void begin_settled(struct rig *r)
{
    struct message_ref refs[4];

    rig_open(r);
    rig_declare(r, "q");
    rig_fill(r, "q", 4);
    assert_int_equal(rig_lease(r, "q", 4, 1000, refs), 4);
    rig_settle_all(r, refs, 4, SETTLE_ACK);
    assert_int_equal(start_of(r, "q"), 4);
}

static void what_was_settled_stays_out_of_its_log(void **state)
{
    struct rig r;

    (void)state;
    begin_settled(&r);
    rig_crash(&r);
    assert_int_equal(start_of(&r, "q"), 4);
    rig_close(&r);
}

static void nor_does_it_come_back_with_another_policy(void **state)
{
    struct rig r;

    (void)state;
    begin_settled(&r);
    retain(&r, "q", RETAIN_TIME);
    rig_crash(&r);
    assert_int_equal(start_of(&r, "q"), 4);
    rig_close(&r);
}

/* A topic of its own, that a subscription reads and leaves. */
static void nor_without_the_queue_that_settled_it(void **state)
{
    struct message_ref         refs[4];
    struct rig                 r;
    struct queue_declare_call *c;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    c = rig_declaration(&r, "s");
    c->topic = bytes_str("q");
    assert_int_equal(rig_end(&r, c), ERR_OK);
    retain(&r, "q", RETAIN_TIME); /* so that the topic outlives its own queue */
    assert_int_equal(rig_delete(&r, "q"), ERR_OK);
    retain(&r, "q", RETAIN_UNTIL_SETTLED);
    for (int i = 0; i < 4; i++)
        assert_int_equal(rig_publish(&r, "", "q", "x"), 1);
    assert_int_equal(rig_lease(&r, "s", 4, 1000, refs), 4);
    rig_settle_all(&r, refs, 4, SETTLE_ACK);
    assert_int_equal(start_of(&r, "q"), 4);
    assert_int_equal(rig_delete(&r, "s"), ERR_OK);
    rig_crash(&r);
    assert_int_equal(start_of(&r, "q"), 4);
    rig_close(&r);
}

static void append_batch_to(struct rig *r, const char *topic, int n)
{
    struct append_call *c = RIG_CALL(r, append_call, APPEND);
    struct append_item  item = { .name = bytes_str(topic),
                                 .delay_ms = -1,
                                 .batch = rig_batch("k", "v", n) };

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->item_count = 1;
    c->items = &item;
    assert_int_equal(rig_end(r, c), ERR_OK);
    assert_int_equal(item.err, ERR_OK);
}

static void trim(struct rig *r, const char *topic, int64_t offset)
{
    struct log_trim_call *c = RIG_CALL(r, log_trim_call, LOG_TRIM);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(topic);
    c->offset = offset;
    assert_int_equal(rig_end(r, c), ERR_OK);
}

/* Its record went while it was leased, and the batch stayed for those behind it. Each time that is
 * journalled it is the same for those who see it happen and for those who read it. */
static void what_is_given_back_below_the_start_goes(void **state)
{
    struct message_ref refs[4];
    struct rig         r;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    append_batch_to(&r, "q", 4);
    assert_int_equal(rig_lease(&r, "q", 2, 100000, refs), 2);
    trim(&r, "q", 3);
    assert_int_equal(rig_settle(&r, &refs[0].lease, SETTLE_RELEASE, 0), ERR_OK);
    retain(&r, "q", RETAIN_TIME);
    rig_counts(&r, "q", 1, 1, 0); /* the last one is ready, the second one leased */
    assert_int_equal(rig_lease(&r, "q", 4, 100000, refs + 2), 1);
    assert_int_equal(refs[2].offset, 3);
    rig_settle_all(&r, refs + 1, 2, SETTLE_ACK);
    rig_crash(&r);
    rig_counts(&r, "q", 0, 0, 0);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_power_failures),
        cmocka_unit_test(what_was_settled_stays_out_of_its_log),
        cmocka_unit_test(nor_does_it_come_back_with_another_policy),
        cmocka_unit_test(nor_without_the_queue_that_settled_it),
        cmocka_unit_test(what_is_given_back_below_the_start_goes),
    };

    return cmocka_run_group_tests_name("queue_crash", tests, NULL, NULL);
}
