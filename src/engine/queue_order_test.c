/*
 * queue_order_test.c - queues that keep the order of each key: by hand, and at random against the
 * rule itself: whoever gets a message holds all earlier ones of its key that are not settled.
 */
#include "engine/queue_rig.h"

enum { MESSAGES_MAX = 3000, KEYS = 6, CONSUMERS = 3 };

static void declare_ordered(struct rig *r)
{
    struct queue_declare_call *c = rig_declaration(r, "q");

    c->policy.is_ordered = true;
    c->policy.lease_ms = 10000;
    assert_int_equal(rig_end(r, c), ERR_OK);
}

/* key may be NULL. */
static void publish(struct rig *r, const char *key)
{
    struct publish_call *c = rig_publication(r, "", "q", "x");

    slice_drop(&c->batch);
    c->batch = rig_batch(key, key ? key : "none", 1);
    assert_int_equal(rig_end(r, c), ERR_OK);
}

static void publish_all(struct rig *r, const char *keys)
{
    char key[2] = { 0 };

    for (; *keys; keys++) {
        key[0] = *keys;
        publish(r, *keys == '-' ? NULL : key);
    }
}

/* A subscription by time, as Pub/Sub's streams are. */
static void subscribe(struct rig *r, struct inbox *in, uint64_t messages_max)
{
    struct subscribe_call *c = rig_subscription(r, "q", in, messages_max);

    in->count = 0;
    c->is_bound = false;
    rig_begin(r, c, in);
}

static enum err settle(struct rig *r, const struct inbox *in, size_t i, enum settle_action action)
{
    return rig_settle(r, &in->refs[i].lease, action, 0);
}

static struct inbox a;
static struct inbox b;

/* A topic of two logs, and an ordered queue over it. */
static void declare_over_two_logs(struct rig *r)
{
    struct topic_create_call  *t = RIG_CALL(r, topic_create_call, TOPIC_CREATE);
    struct queue_declare_call *c;

    t->ns = bytes_str(NAMESPACE_DEFAULT);
    t->name = bytes_str("t");
    t->partition_count = 2;
    assert_int_equal(rig_end(r, t), ERR_OK);
    c = rig_declaration(r, "q");
    c->topic = bytes_str("t");
    c->policy.is_ordered = true;
    c->policy.lease_ms = 10000;
    assert_int_equal(rig_end(r, c), ERR_OK);
}

static void append_to(struct rig *r, int32_t partition, int n)
{
    struct append_call *c = RIG_CALL(r, append_call, APPEND);
    struct append_item  item = { .name = bytes_str("t"), .partition = partition, .delay_ms = -1,
                                 .batch = rig_batch("k", "x", n) };

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->item_count = 1;
    c->items = &item;
    assert_int_equal(rig_end(r, c), ERR_OK);
    assert_int_equal(item.err, ERR_OK);
}

static void a_key_in_two_logs_has_an_order_in_each(void **state)
{
    struct rig         r;
    struct message_ref refs[8];
    struct message_ref more[8];

    (void)state;
    rig_open(&r);
    declare_over_two_logs(&r);
    append_to(&r, 0, 4);
    append_to(&r, 1, 2);
    assert_int_equal(rig_lease(&r, "q", 5, 5000, refs), 5);
    assert_int_equal(refs[4].lease.partition, 1); /* its first one; the second must wait for it */
    assert_int_equal(rig_settle(&r, &refs[3].lease, SETTLE_RELEASE, 1000), ERR_OK);
    rig_settle_all(&r, refs, 3, SETTLE_ACK);
    assert_int_equal(rig_lease(&r, "q", 5, 5000, more), 0);
    assert_int_equal(rig_settle(&r, &refs[4].lease, SETTLE_ACK, 0), ERR_OK);
    assert_int_equal(rig_lease(&r, "q", 5, 5000, more), 1);
    assert_int_equal(more[0].lease.partition, 1);
    assert_int_equal(more[0].offset, 1);
    rig_close(&r);
}

static void one_taker_per_key(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    declare_ordered(&r);
    subscribe(&r, &a, 0);
    subscribe(&r, &b, 0);
    publish_all(&r, "xyxxyx");
    assert_int_equal(a.count, 4); /* x: pipelined to one */
    assert_int_equal(b.count, 2);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(a.values[i], "x");
    assert_int_equal(settle(&r, &a, 0, SETTLE_ACK), ERR_OK);
    publish_all(&r, "x");
    assert_int_equal(a.count, 5);
    rig_close(&r);
}

static void a_full_taker_holds_only_its_keys(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    declare_ordered(&r);
    subscribe(&r, &a, 1);
    publish_all(&r, "x");
    subscribe(&r, &b, 0);
    publish_all(&r, "xx-y");
    assert_int_equal(a.count, 1);
    assert_int_equal(b.count, 2); /* the one without key and y */
    rig_counts(&r, "q", 2, 3, 0);
    assert_int_equal(settle(&r, &a, 0, SETTLE_ACK), ERR_OK);
    assert_int_equal(a.count + b.count, 5); /* x is free: to one of them, all or one by one */
    assert_int_equal(settle(&r, &b, 0, SETTLE_ACK), ERR_OK);
    rig_close(&r);
}

static void giving_back_takes_the_later_ones_along(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    declare_ordered(&r);
    subscribe(&r, &a, 0);
    publish_all(&r, "xxyxx");
    assert_int_equal(a.count, 5);
    assert_int_equal(settle(&r, &a, 4, SETTLE_ACK), ERR_OK); /* the last x */
    assert_int_equal(settle(&r, &a, 1, SETTLE_RELEASE), ERR_OK);
    assert_int_equal(a.count, 7); /* the second and the third again, in order */
    assert_int_equal(a.refs[5].offset, 1);
    assert_int_equal(a.refs[5].attempts, 2);
    assert_int_equal(a.refs[5].counted_attempts, 2);
    assert_int_equal(a.refs[6].offset, 3);
    assert_int_equal(a.refs[6].counted_attempts, 1);
    assert_int_equal(settle(&r, &a, 3, SETTLE_ACK), ERR_NO_LEASE); /* its lease was taken back */
    assert_int_equal(settle(&r, &a, 0, SETTLE_ACK), ERR_OK);
    assert_int_equal(settle(&r, &a, 2, SETTLE_ACK), ERR_OK);
    assert_int_equal(settle(&r, &a, 5, SETTLE_ACK), ERR_OK);
    assert_int_equal(settle(&r, &a, 6, SETTLE_ACK), ERR_OK);
    rig_counts(&r, "q", 0, 0, 0);
    rig_close(&r);
}

static void a_retry_with_delay_blocks_its_key(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    declare_ordered(&r);
    subscribe(&r, &a, 0);
    publish_all(&r, "xxy");
    assert_int_equal(rig_settle(&r, &a.refs[0].lease, SETTLE_RELEASE, 500), ERR_OK);
    assert_int_equal(a.count, 3);
    rig_counts(&r, "q", 1, 1, 1);
    publish_all(&r, "xy");
    assert_int_equal(a.count, 4);
    rig_advance(&r, 500);
    assert_int_equal(a.count, 7);
    assert_int_equal(a.refs[4].offset, 0);
    assert_int_equal(a.refs[5].offset, 1);
    assert_int_equal(a.refs[6].offset, 3);
    rig_close(&r);
}

static void pulls_wait_for_each_other(void **state)
{
    struct rig         r;
    struct message_ref m[4];
    struct message_ref n[4];

    (void)state;
    rig_open(&r);
    declare_ordered(&r);
    publish_all(&r, "xxxy");
    assert_int_equal(rig_lease(&r, "q", 2, -1, m), 2); /* two of a key in one pull */
    assert_int_equal(m[1].offset, 1);
    assert_int_equal(rig_lease(&r, "q", 4, -1, n), 1);
    assert_int_equal(n[0].offset, 3);
    assert_int_equal(rig_settle(&r, &m[0].lease, SETTLE_ACK, 0), ERR_OK);
    assert_int_equal(rig_lease(&r, "q", 4, -1, n), 0);
    rig_advance(&r, 10000);
    assert_int_equal(rig_lease(&r, "q", 4, -1, n), 3);
    assert_int_equal(n[0].offset, 1);
    assert_int_equal(n[1].offset, 2);
    assert_int_equal(n[2].offset, 3);
    rig_close(&r);
}

static void order_survives_power_failures(void **state)
{
    struct rig         r;
    struct message_ref m[8];

    (void)state;
    rig_open(&r);
    declare_ordered(&r);
    subscribe(&r, &a, 1);
    publish_all(&r, "xxyxy"); /* x leased, the others passed over or not */
    subscribe(&r, &b, 1);
    assert_int_equal(a.count, 1);
    assert_int_equal(b.count, 1);
    assert_string_equal(b.values[0], "y");
    rig_crash(&r);
    rig_counts(&r, "q", 3, 2, 0);
    assert_int_equal(rig_lease(&r, "q", 8, -1, m), 0); /* both keys are taken */
    assert_int_equal(settle(&r, &b, 0, SETTLE_RELEASE), ERR_OK);
    assert_int_equal(rig_lease(&r, "q", 8, -1, m), 2);
    assert_int_equal(m[0].offset, 2);
    assert_int_equal(m[0].attempts, 2);
    assert_int_equal(m[1].offset, 4);
    assert_int_equal(settle(&r, &a, 0, SETTLE_ACK), ERR_OK);
    assert_int_equal(rig_lease(&r, "q", 8, -1, m), 2);
    assert_int_equal(m[0].offset, 1);
    assert_int_equal(m[1].offset, 3);
    rig_close(&r);
}

/* Two of one key; the first is delayed. */
static void append_delayed_and_not(struct rig *r)
{
    struct append_call *c = RIG_CALL(r, append_call, APPEND);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->item_count = 2;
    c->items = arena_array(&c->call.arena, 2, sizeof *c->items);
    for (int i = 0; i < 2; i++)
        c->items[i] = (struct append_item){ .name = bytes_str("q"),
                                            .batch = rig_batch("k", "v", 1),
                                            .delay_ms = i == 0 ? 100 : 0 };
    assert_int_equal(rig_end(r, c), ERR_OK);
}

/* What is due while a later one of its key is leased waits for that, and comes first then. */
static void a_late_one_comes_first(void **state)
{
    struct message_ref refs[4];
    struct rig         r;

    (void)state;
    rig_open(&r);
    declare_ordered(&r);
    append_delayed_and_not(&r);
    assert_int_equal(rig_lease(&r, "q", 4, 500, refs), 1);
    assert_int_equal(refs[0].offset, 1);
    rig_advance(&r, 100);
    assert_int_equal(rig_lease(&r, "q", 4, 500, refs), 0);
    rig_advance(&r, 400);
    assert_int_equal(rig_lease(&r, "q", 4, 500, refs), 2);
    assert_int_equal(refs[0].offset, 0);
    assert_int_equal(refs[1].offset, 1);
    rig_close(&r);
}

/* One that was delayed is handed out after later ones of its key, and still comes before them. */
static void a_late_one_keeps_its_place(void **state)
{
    static struct inbox in;
    struct rig          r;

    (void)state;
    in = (struct inbox){ 0 };
    rig_open(&r);
    declare_ordered(&r);
    append_delayed_and_not(&r);
    rig_subscribe(&r, "q", &in, 0);
    rig_advance(&r, 100);
    assert_int_equal(in.count, 2);
    assert_int_equal(in.refs[0].offset, 1);
    assert_int_equal(in.refs[1].offset, 0);
    assert_int_equal(rig_settle(&r, &in.refs[0].lease, SETTLE_RELEASE, 0), ERR_OK);
    rig_turn(&r);
    assert_int_equal(in.count, 3); /* only that one came back */
    assert_int_equal(in.refs[2].offset, 1);
    assert_int_equal(rig_settle(&r, &in.refs[1].lease, SETTLE_RELEASE, 0), ERR_OK);
    rig_turn(&r);
    assert_int_equal(in.count, 5); /* and the later one with it */
    assert_int_equal(in.refs[3].offset, 0);
    assert_int_equal(in.refs[4].offset, 1);
    rig_close(&r);
}

/* Nothing is left to keep in order when its topic is gone. */
static void a_detached_queue_comes_back(void **state)
{
    struct queue_declare_call *c;
    struct topic_delete_call  *d;
    struct rig                 r;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "t");
    c = rig_declaration(&r, "s");
    c->topic = bytes_str("t");
    c->policy.is_ordered = true;
    assert_int_equal(rig_end(&r, c), ERR_OK);
    d = RIG_CALL(&r, topic_delete_call, TOPIC_DELETE);
    d->ns = bytes_str(NAMESPACE_DEFAULT);
    d->name = bytes_str("t");
    assert_int_equal(rig_end(&r, d), ERR_OK);
    rig_crash(&r);
    rig_counts(&r, "s", 0, 0, 0);
    rig_close(&r);
}

static void many_of_one_key_are_one_stream(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    declare_ordered(&r);
    subscribe(&r, &a, 0);
    subscribe(&r, &b, 0);
    rig_fill(&r, "q", 2000); /* the key is the queue's name */
    assert_int_equal(a.count, 2000);
    for (size_t i = 0; i < 2000; i++)
        assert_int_equal(a.refs[i].offset, i);
    rig_settle_all(&r, a.refs, 2000, SETTLE_ACK);
    rig_counts(&r, "q", 0, 0, 0);
    assert_int_equal(rig_queue(&r, "q")->ledger.lanes[0].chunks.count, 0);
    rig_close(&r);
}

/* ---- at random ---- */


struct model {
    struct rig   rig;
    char         key[MESSAGES_MAX]; /* 0: none */
    bool         is_settled[MESSAGES_MAX];
    int          taker[MESSAGES_MAX]; /* consumer + 1, or 0 */
    uint32_t     token[MESSAGES_MAX];
    size_t       count;
    struct inbox in[CONSUMERS];
    size_t       seen[CONSUMERS];
    uint32_t     seed;
};

static uint32_t draw(struct model *m, uint32_t below)
{
    m->seed = m->seed * 1664525 + 1013904223;
    return (m->seed >> 8) % below;
}

/* The rule. Who got it is its taker now. */
static void check_delivery(struct model *m, int consumer, const struct message_ref *ref)
{
    size_t at = ref->offset;

    assert_false(m->is_settled[at]);
    for (size_t i = 0; m->key[at] && i < at; i++)
        if (m->key[i] == m->key[at] && !m->is_settled[i])
            assert_int_equal(m->taker[i], consumer + 1);
    m->taker[at] = consumer + 1;
    m->token[at] = ref->lease.token;
}

static void give_transit_back(struct model *m, int consumer, uint32_t messages)
{
    struct credit_call *c = RIG_CALL(&m->rig, credit_call, CREDIT);

    c->call.session = RIG_SESSION;
    c->consumer = m->in[consumer].consumer;
    c->messages = messages;
    assert_int_equal(rig_end(&m->rig, c), ERR_OK);
}

static void look_at_inboxes(struct model *m)
{
    for (int c = 0; c < CONSUMERS; c++) {
        size_t first = m->seen[c];

        for (; m->seen[c] < m->in[c].count; m->seen[c]++)
            check_delivery(m, c, &m->in[c].refs[m->seen[c]]);
        if (m->seen[c] > first)
            give_transit_back(m, c, (uint32_t)(m->seen[c] - first));
        if (m->in[c].count > RIG_REFS_MAX / 2)
            m->in[c].count = m->seen[c] = 0;
    }
}

/* The lease of a message ends without settling it: the later ones of its key are taken back,
 * too. */
static void untake(struct model *m, size_t at)
{
    for (size_t i = at; i < m->count; i++)
        if (i == at || (m->key[at] && m->key[i] == m->key[at] && !m->is_settled[i]))
            m->taker[i] = 0;
}

static void settle_some(struct model *m)
{
    size_t             at = m->count ? draw(m, (uint32_t)m->count) : 0;
    struct lease       lease = { rig_queue(&m->rig, "q")->id, 0, 0, 0 };
    enum settle_action action = draw(m, 4) == 0 ? SETTLE_RELEASE : SETTLE_ACK;

    while (at < m->count && m->taker[at] == 0)
        at++;
    if (at >= m->count)
        return;
    lease.offset = at;
    lease.token = m->token[at];
    if (action == SETTLE_ACK) {
        m->is_settled[at] = true;
        m->taker[at] = 0;
    } else {
        untake(m, at);
    }
    assert_int_equal(rig_settle(&m->rig, &lease, action, 0), ERR_OK);
}

static void publish_some(struct model *m)
{
    for (uint32_t n = 1 + draw(m, 4); n > 0 && m->count < MESSAGES_MAX; n--) {
        uint32_t k = draw(m, KEYS + 1);
        char     key[2] = { (char)(k ? 'a' + (int)k : 0), 0 };

        m->key[m->count++] = key[0];
        publish(&m->rig, key[0] ? key : NULL);
        look_at_inboxes(m);
    }
}

static void expire_all(struct model *m)
{
    for (size_t i = 0; i < m->count; i++)
        m->taker[i] = 0;
    rig_advance(&m->rig, 10000);
}

static void subscribe_all(struct model *m)
{
    for (int c = 0; c < CONSUMERS; c++) {
        m->seen[c] = 0;
        subscribe(&m->rig, &m->in[c], 1 + draw(m, 20));
        look_at_inboxes(m);
    }
}

/* The leases stay, but their takers are gone: nobody gets more of their keys until they are settled
 * or run out. */
static void fail_power(struct model *m)
{
    rig_fail_power(&m->rig);
    for (size_t i = 0; i < m->count; i++)
        if (m->taker[i])
            m->taker[i] = CONSUMERS + 1;
    subscribe_all(m);
}

static void run(uint32_t seed)
{
    static struct model m;
    uint64_t            open = 0;

    m = (struct model){ .seed = seed };
    rig_open(&m.rig);
    declare_ordered(&m.rig);
    subscribe_all(&m);
    for (int step = 0; step < 3000; step++) {
        uint32_t what = draw(&m, 1000);

        if (what < 350)
            publish_some(&m);
        else if (what < 990)
            settle_some(&m);
        else if (what < 995)
            expire_all(&m);
        else
            fail_power(&m);
        look_at_inboxes(&m);
    }
    for (int i = 0; i < 100000 && open < m.count; i++) { /* to the end, nothing may be stuck */
        settle_some(&m);
        look_at_inboxes(&m);
        for (open = 0; open < m.count && m.is_settled[open];)
            open++;
    }
    assert_int_equal(open, m.count);
    rig_counts(&m.rig, "q", 0, 0, 0);
    rig_close(&m.rig);
}

static void the_rule_holds(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 4; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_in_two_logs_has_an_order_in_each),
        cmocka_unit_test(one_taker_per_key),
        cmocka_unit_test(a_full_taker_holds_only_its_keys),
        cmocka_unit_test(giving_back_takes_the_later_ones_along),
        cmocka_unit_test(a_retry_with_delay_blocks_its_key),
        cmocka_unit_test(pulls_wait_for_each_other),
        cmocka_unit_test(order_survives_power_failures),
        cmocka_unit_test(many_of_one_key_are_one_stream),
        cmocka_unit_test(a_late_one_comes_first),
        cmocka_unit_test(a_late_one_keeps_its_place),
        cmocka_unit_test(a_detached_queue_comes_back),
        cmocka_unit_test(the_rule_holds),
    };

    return cmocka_run_group_tests_name("queue_order", tests, NULL, NULL);
}
