/*
 * queue_fate_test.c - what becomes of messages: each has one fate, the counts add up and survive;
 * what is still needed is known; leases stop where their memory ends.
 */
#include "engine/queue_rig.h"
#include "engine/retention.h"

static struct queue_view view(struct rig *r, const char *name)
{
    struct queue_get_call *c = RIG_CALL(r, queue_get_call, QUEUE_GET);
    struct queue_view      v;

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    v = c->views[0];
    call_free(c);
    return v;
}

/* The law, and that one of the fates has this count. */
static void expect(struct rig *r, const char *name, enum fate fate, uint64_t count)
{
    struct queue_view v = view(r, name);
    uint64_t          sum = v.ready_count + v.leased_count + v.delayed_count;

    for (int i = 0; i < FATE_COUNT; i++)
        sum += v.fates[i];
    assert_int_equal(sum, v.routed_count);
    assert_int_equal(v.fates[fate], count);
}

static uint64_t purge(struct rig *r, const char *name, bool leased_too)
{
    struct queue_purge_call *c = RIG_CALL(r, queue_purge_call, QUEUE_PURGE);
    uint64_t                 count;

    c->call.session = RIG_SESSION;
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->leased_too = leased_too;
    assert_true(rig_run(r, c));
    count = c->message_count;
    call_free(c);
    return count;
}

static void every_fate_is_counted(void **state)
{
    struct message_ref       refs[16];
    struct queue_declare_call *c;
    struct lease_call        *take;
    struct rig                r;

    (void)state;
    rig_open(&r);
    c = rig_declaration(&r, "q");
    c->policy.retention_ms = 1000;
    assert_int_equal(rig_end(&r, c), ERR_OK);
    rig_fill(&r, "q", 10);
    assert_int_equal(rig_lease(&r, "q", 3, 60000, refs), 3);
    rig_settle(&r, &refs[0].lease, SETTLE_ACK, 0);
    rig_settle(&r, &refs[1].lease, SETTLE_REJECT, 0);
    rig_settle(&r, &refs[2].lease, SETTLE_DEAD_LETTER, 0);
    take = rig_leasing(&r, "q", 2);
    take->no_ack = true;
    assert_true(rig_run(&r, take));
    assert_int_equal(take->message_count, 2);
    rig_free_leasing(take);
    rig_advance(&r, 1000);
    rig_fill(&r, "q", 4);
    assert_int_equal(rig_lease(&r, "q", 1, 60000, refs), 1); /* passes over five that are too old */
    assert_int_equal(purge(&r, "q", false), 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(view(&r, "q").routed_count, 14);
        expect(&r, "q", FATE_ACKED, 3);
        expect(&r, "q", FATE_REJECTED, 1);
        expect(&r, "q", FATE_DEAD_LETTERED, 1);
        expect(&r, "q", FATE_EXPIRED, 5);
        expect(&r, "q", FATE_PURGED, 3);
        expect(&r, "q", FATE_EVICTED, 0);
        rig_counts(&r, "q", 0, 1, 0);
        rig_crash(&r);
    }
    rig_close(&r);
}

/* A subscription "s" over the topic "t"; its topic loses records at its front. */
static void open_subscription(struct rig *r)
{
    struct topic_create_call  *t;
    struct queue_declare_call *c;

    rig_open(r);
    t = RIG_CALL(r, topic_create_call, TOPIC_CREATE);
    t->ns = bytes_str(NAMESPACE_DEFAULT);
    t->name = bytes_str("t");
    t->partition_count = 1;
    assert_int_equal(rig_end(r, t), ERR_OK);
    c = rig_declaration(r, "s");
    c->topic = bytes_str("t");
    assert_int_equal(rig_end(r, c), ERR_OK);
}

static void what_its_topic_dropped_is_evicted(void **state)
{
    struct message_ref refs[16];
    struct rig         r;

    (void)state;
    open_subscription(&r);
    rig_fill(&r, "t", 20);
    assert_int_equal(rig_lease(&r, "s", 6, 60000, refs), 6);
    rig_settle(&r, &refs[1].lease, SETTLE_ACK, 0);
    rig_settle(&r, &refs[2].lease, SETTLE_RELEASE, 0);
    rig_settle(&r, &refs[3].lease, SETTLE_RELEASE, 5000);
    retention_cut(r.engine, rig_topic(&r, "t")->logs[0], 10);
    rig_turn(&r);
    for (int i = 0; i < 2; i++) {
        /* 2, 3 and 6 to 9 are gone; 0, 4 and 5 are in somebody's hands. */
        expect(&r, "s", FATE_EVICTED, 6);
        rig_counts(&r, "s", 10, 3, 0);
        rig_crash(&r);
    }
    assert_int_equal(rig_settle(&r, &refs[0].lease, SETTLE_ACK, 0), ERR_OK);
    rig_settle(&r, &refs[4].lease, SETTLE_RELEASE, 0); /* there is nothing to hand out again */
    assert_int_equal(rig_lease(&r, "s", 1, 60000, refs), 1);
    assert_int_equal(refs[0].offset, 10);
    expect(&r, "s", FATE_EVICTED, 7);
    expect(&r, "s", FATE_ACKED, 2);
    rig_close(&r);
}

/* A million offsets without a record are one step, and one record in the journal. */
static void a_hole_is_settled_at_once(void **state)
{
    enum { HOLE = 1000000 };
    struct message_ref refs[4];
    struct log        *l;
    uint64_t           end;
    struct rig         r;

    (void)state;
    open_subscription(&r);
    rig_fill(&r, "t", 2);
    l = rig_topic(&r, "t")->logs[0];
    ledger_append(&rig_queue(&r, "s")->ledger, 0, HOLE, 0);
    l->end += HOLE; /* as compaction leaves it */
    rig_topic(&r, "t")->policy.is_compacted = true;
    rig_fill(&r, "t", 2);
    end = journal_end(r.engine->journal);
    assert_int_equal(rig_lease(&r, "s", 4, 60000, refs), 4);
    assert_int_equal(refs[1].offset, 1);
    assert_int_equal(refs[2].offset, HOLE + 2);
    assert_true(journal_end(r.engine->journal) - end < 300);
    expect(&r, "s", FATE_COMPACTED, HOLE);
    rig_close(&r);
}

static void a_queue_without_topic_keeps_its_counts(void **state)
{
    struct topic_delete_call *d;
    struct message_ref        ref;
    struct rig                r;

    (void)state;
    open_subscription(&r);
    rig_fill(&r, "t", 5);
    assert_int_equal(rig_lease(&r, "s", 1, 60000, &ref), 1);
    rig_settle(&r, &ref.lease, SETTLE_ACK, 0);
    d = RIG_CALL(&r, topic_delete_call, TOPIC_DELETE);
    d->ns = bytes_str(NAMESPACE_DEFAULT);
    d->name = bytes_str("t");
    assert_int_equal(rig_end(&r, d), ERR_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(view(&r, "s").routed_count, 5);
        expect(&r, "s", FATE_ACKED, 1);
        expect(&r, "s", FATE_EVICTED, 4);
        rig_crash(&r);
    }
    rig_close(&r);
}

static void what_is_needed_is_known(void **state)
{
    struct message_ref refs[8];
    const struct log  *l;
    struct rig         r;

    (void)state;
    open_subscription(&r);
    rig_declare(&r, "t"); /* a second queue over it */
    rig_fill(&r, "t", 8);
    l = rig_topic(&r, "t")->logs[0];
    assert_true(queue_any_needs_range(l, 0, 8));
    assert_int_equal(rig_lease(&r, "s", 8, 60000, refs), 8);
    for (int i = 0; i < 8; i++)
        if (i != 3)
            rig_settle(&r, &refs[i].lease, SETTLE_ACK, 0);
    assert_false(queue_needs_range(rig_queue(&r, "s"), l, 0, 3));
    assert_true(queue_needs_range(rig_queue(&r, "s"), l, 0, 4));
    assert_false(queue_needs_range(rig_queue(&r, "s"), l, 4, 8));
    assert_true(queue_any_needs_range(l, 4, 8));
    assert_int_equal(purge(&r, "t", true), 8);
    assert_false(queue_any_needs_range(l, 4, 8));
    assert_true(queue_any_needs_range(l, 3, 4));
    assert_true(queue_any_needs_range(l, 7, 9)); /* what is still to come */
    rig_close(&r);
}

/* ---- memory ---- */

static void leases_stop_where_their_memory_ends(void **state)
{
    static struct message_ref refs[RIG_REFS_MAX];
    struct engine_counters    counters;
    struct lease_call        *take;
    struct message_ref        more[8];
    struct rig                r;
    size_t                    n;

    (void)state;
    rig_open(&r);
    r.engine->options.leases_bytes_max = 100000;
    rig_declare(&r, "a");
    rig_declare(&r, "b");
    rig_fill(&r, "a", 2000);
    rig_fill(&r, "b", 10);
    n = rig_lease(&r, "a", 2000, 60000, refs);
    counters = engine_counters(r.engine);
    assert_true(n > 500 && n < 1250);
    assert_int_equal(counters.leases, n);
    assert_true(counters.leases_bytes >= 100000 && counters.leases_bytes < 101000);
    assert_int_equal(counters.starved, 1);
    assert_int_equal(rig_lease(&r, "b", 1, 60000, more), 0);

    /* What takes no memory, or has its own already, goes on. */
    take = rig_leasing(&r, "b", 2);
    take->no_ack = true;
    assert_true(rig_run(&r, take));
    assert_int_equal(take->message_count, 2);
    rig_free_leasing(take);
    rig_settle(&r, &refs[5].lease, SETTLE_RELEASE, 0);
    assert_int_equal(rig_lease(&r, "a", 8, 60000, more), 1);
    assert_int_equal(more[0].offset, 5);

    /* A consumer that waits is served as soon as there is room. */
    take = rig_leasing(&r, "b", 8);
    take->wait_ms = 10000;
    assert_false(rig_run(&r, take));
    rig_settle_all(&r, refs + 10, 200, SETTLE_ACK);
    rig_turn(&r);
    assert_int_equal(take->message_count, 8);
    rig_free_leasing(take);
    assert_true(rig_lease(&r, "a", 2000, 60000, refs) > 100);
    rig_close(&r);
}

/* What one queue gave back and nobody wants does not keep another from its consumers. */
static void what_was_given_back_makes_room(void **state)
{
    static struct message_ref refs[RIG_REFS_MAX];
    struct lease_call        *take;
    struct message_ref        again[8];
    struct rig                r;
    size_t                    n;

    (void)state;
    rig_open(&r);
    r.engine->options.leases_bytes_max = 100000;
    rig_declare(&r, "idle");
    rig_declare(&r, "busy");
    rig_fill(&r, "idle", 2000);
    rig_fill(&r, "busy", 300);
    n = rig_lease(&r, "idle", 2000, 60000, refs);
    rig_settle_all(&r, refs, n, SETTLE_RELEASE);
    assert_true(engine_counters(r.engine).leases_bytes > 90000);
    take = rig_leasing(&r, "busy", 300);
    take->wait_ms = 10000;
    if (!rig_run(&r, take)) /* it was looked for in vain when the first queue had all of it leased */
        rig_advance(&r, 1001);
    assert_int_equal(take->message_count, 300);
    rig_free_leasing(take);
    assert_true(engine_counters(r.engine).leases_bytes < 90000);
    for (int i = 0; i < 2; i++) { /* they are what they were */
        assert_int_equal(rig_lease(&r, "idle", 8, 60000, again), 8);
        assert_int_equal(again[7].offset, 8 * i + 7);
        assert_int_equal(again[7].attempts, 2);
        assert_int_equal(again[7].first_lease_ms, refs[7].first_lease_ms);
    }
    rig_close(&r);
}

static void a_starved_consumer_gets_all_in_the_end(void **state)
{
    static struct inbox in;
    struct rig          r;
    size_t              settled = 0;

    (void)state;
    in = (struct inbox){ 0 };
    rig_open(&r);
    r.engine->options.leases_bytes_max = 20000;
    rig_declare(&r, "q");
    rig_fill(&r, "q", 1500);
    rig_subscribe(&r, "q", &in, 0);
    while (settled < 1500) {
        size_t n = in.count - settled;

        assert_true(n > 0 && n <= 256);
        rig_settle_all(&r, in.refs + settled, n, SETTLE_ACK);
        settled += n;
        rig_turn(&r);
    }
    assert_int_equal(r.engine->held.lease_bytes, 0);
    expect(&r, "q", FATE_ACKED, 1500);
    rig_close(&r);
}

/* Delayed messages of an ordered queue take no entries either, also when all are due, and come in the order of their
 * keys. */
static void delayed_ones_of_an_ordered_queue(void **state)
{
    enum { COUNT = 600 };
    static struct message_ref  refs[COUNT];
    struct queue_declare_call *c;
    struct rig                 r;
    uint64_t                   last = 0;

    (void)state;
    rig_open(&r);
    c = rig_declaration(&r, "q");
    c->policy.is_ordered = true;
    c->policy.delay_ms = 1000;
    assert_int_equal(rig_end(&r, c), ERR_OK);
    rig_fill(&r, "q", COUNT);
    rig_counts(&r, "q", 0, 0, COUNT);
    rig_crash(&r);
    rig_counts(&r, "q", 0, 0, COUNT);
    assert_int_equal(r.engine->held.used, 0);
    rig_advance(&r, 999);
    assert_int_equal(rig_lease(&r, "q", COUNT, 60000, refs), 0);
    rig_advance(&r, 1);
    rig_counts(&r, "q", COUNT, 0, 0);
    assert_int_equal(r.engine->held.used, 0);
    assert_int_equal(rig_lease(&r, "q", COUNT, 60000, refs), COUNT);
    for (int i = 1; i < COUNT; i++) {
        assert_true(refs[i].offset > last);
        last = refs[i].offset;
    }
    rig_close(&r);
}

static void purged_ones_take_nothing(void **state)
{
    struct queue_declare_call *c;
    struct rig                 r;

    (void)state;
    rig_open(&r);
    c = rig_declaration(&r, "q");
    c->policy.delay_ms = 100000;
    assert_int_equal(rig_end(&r, c), ERR_OK);
    rig_fill(&r, "q", 1000);
    rig_crash(&r);
    assert_true(engine_counters(r.engine).outstanding_bytes > 1000);
    assert_int_equal(purge(&r, "q", false), 1000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(engine_counters(r.engine).outstanding_bytes, 0);
        expect(&r, "q", FATE_PURGED, 1000);
        rig_crash(&r);
    }
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fate_is_counted),
        cmocka_unit_test(what_its_topic_dropped_is_evicted),
        cmocka_unit_test(a_hole_is_settled_at_once),
        cmocka_unit_test(a_queue_without_topic_keeps_its_counts),
        cmocka_unit_test(what_is_needed_is_known),
        cmocka_unit_test(leases_stop_where_their_memory_ends),
        cmocka_unit_test(what_was_given_back_makes_room),
        cmocka_unit_test(a_starved_consumer_gets_all_in_the_end),
        cmocka_unit_test(delayed_ones_of_an_ordered_queue),
        cmocka_unit_test(purged_ones_take_nothing),
    };

    return cmocka_run_group_tests_name("queue_fate", tests, NULL, NULL);
}
