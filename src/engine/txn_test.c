/* txn_test.c - Kafka's transactions: who may write, what is seen when, what becomes of it. */
#include "engine/compact.h"
#include "engine/txn_rig.h"

struct world {
    struct rig    rig;
    struct writer a, b;
};

static void begin(struct world *w, bool bumps)
{
    rig_open(&w->rig);
    txn_make_topic(&w->rig, "t", 3);
    w->a = (struct writer){ .rig = &w->rig, .id = "a", .bumps = bumps };
    w->b = (struct writer){ .rig = &w->rig, .id = "b", .bumps = bumps };
    txn_start(&w->a);
    txn_start(&w->b);
}

static void what_is_open_is_hidden_from_who_reads_what_is_committed(void **state)
{
    struct world w;
    struct sight s;

    (void)state;
    for (int bumps = 0; bumps <= 1; bumps++) {
        begin(&w, bumps);
        assert_int_equal(txn_write(&w.a, 0, 3), ERR_OK);
        assert_int_equal(txn_write(&w.b, 0, 2), ERR_OK);
        assert_int_equal(txn_committed(&w.rig, 0), 0);
        assert_int_equal(txn_look(&w.rig, 0, false).records, 5);
        assert_int_equal(txn_finish(&w.b, true), ERR_OK); /* behind a's */
        s = txn_look(&w.rig, 0, true);
        assert_int_equal(s.records, 0);
        assert_int_equal(s.stable, 0);
        assert_int_equal(s.end, 6);
        rig_crash(&w.rig);
        assert_int_equal(txn_committed(&w.rig, 0), 0);
        assert_int_equal(txn_finish(&w.a, false), ERR_OK);
        s = txn_look(&w.rig, 0, true);
        assert_int_equal(s.records, 2);
        assert_int_equal(s.commits, 1);
        assert_int_equal(s.aborts, 1);
        assert_int_equal(s.stable, 7);
        rig_crash(&w.rig);
        assert_int_equal(txn_committed(&w.rig, 0), 2);
        assert_int_equal(txn_look(&w.rig, 0, false).records, 5);
        rig_close(&w.rig);
    }
}

static void a_batch_must_be_of_an_open_transaction(void **state)
{
    struct world        w;
    struct append_call *c;

    (void)state;
    begin(&w, false);
    c = txn_writing(&w.a, 0, 1); /* nobody added the partition */
    assert_true(rig_run(&w.rig, c));
    assert_int_equal(c->items[0].err, ERR_NOT_IN_TXN);
    call_free(c);
    w.a.producer++;
    assert_int_equal(rig_end(&w.rig, txn_adding(&w.a, 0)), ERR_UNKNOWN_PRODUCER);
    w.a.producer--;
    w.a.epoch++;
    assert_int_equal(rig_end(&w.rig, txn_adding(&w.a, 0)), ERR_FENCED_PRODUCER);
    w.a.epoch--;
    assert_int_equal(rig_end(&w.rig, txn_adding(&w.a, 7)), ERR_NO_TOPIC);
    assert_int_equal(txn_write(&w.a, 0, 1), ERR_OK);
    assert_int_equal(txn_finish(&w.a, true), ERR_OK);
    c = txn_writing(&w.a, 0, 1); /* it has ended */
    assert_true(rig_run(&w.rig, c));
    assert_int_equal(c->items[0].err, ERR_NOT_IN_TXN);
    call_free(c);
    assert_int_equal(txn_write(&w.a, 0, 1), ERR_OK); /* the sequence goes on */
    rig_close(&w.rig);
}

/* Of the second version every end is another epoch, and asking again is told by it. */
static void an_end_may_be_asked_for_again(void **state)
{
    struct world  w;
    struct writer before;

    (void)state;
    begin(&w, false);
    assert_int_equal(txn_finish(&w.a, true), ERR_TXN_STATE);
    assert_int_equal(txn_write(&w.a, 0, 1), ERR_OK);
    assert_int_equal(txn_finish(&w.a, true), ERR_OK);
    assert_int_equal(txn_finish(&w.a, true), ERR_OK);
    assert_int_equal(txn_finish(&w.a, false), ERR_TXN_STATE);
    rig_close(&w.rig);

    begin(&w, true);
    assert_int_equal(txn_finish(&w.a, true), ERR_TXN_STATE);
    assert_int_equal(txn_write(&w.a, 0, 1), ERR_OK);
    before = w.a;
    assert_int_equal(txn_finish(&w.a, true), ERR_OK);
    assert_int_equal(w.a.epoch, before.epoch + 1);
    w.b = before;
    assert_int_equal(txn_finish(&w.b, true), ERR_OK);
    assert_int_equal(w.b.epoch, w.a.epoch);
    assert_int_equal(txn_finish(&before, false), ERR_TXN_STATE);
    assert_int_equal(txn_write(&before, 0, 1), ERR_FENCED_PRODUCER);
    assert_int_equal(txn_finish(&w.a, true), ERR_TXN_STATE); /* nothing was begun */
    assert_int_equal(txn_finish(&w.a, false), ERR_OK);
    assert_int_equal(txn_look(&w.rig, 0, true).commits, 1);
    rig_close(&w.rig);
}

static void who_comes_with_the_same_id_fences(void **state)
{
    struct world  w;
    struct writer zombie;

    (void)state;
    for (int bumps = 0; bumps <= 1; bumps++) {
        begin(&w, bumps);
        assert_int_equal(txn_write(&w.a, 0, 2), ERR_OK);
        assert_int_equal(txn_offer(&w.a, 9), bumps ? ERR_OK : ERR_NOT_IN_TXN);
        zombie = w.a;
        txn_start(&w.a);
        assert_int_equal(w.a.producer, zombie.producer);
        assert_true(w.a.epoch > zombie.epoch + 1);
        assert_int_equal(txn_write(&zombie, 0, 1), ERR_FENCED_PRODUCER);
        assert_int_equal(txn_finish(&zombie, true), ERR_FENCED_PRODUCER);
        assert_int_equal(txn_finish(&zombie, false), ERR_FENCED_PRODUCER);
        assert_int_equal(txn_committed(&w.rig, 0), 0);
        assert_int_equal(txn_offset(&w.rig, true, NULL), -1);
        assert_int_equal(txn_write(&w.a, 0, 1), ERR_OK);
        assert_int_equal(txn_finish(&w.a, true), ERR_OK);
        assert_int_equal(txn_committed(&w.rig, 0), 1);
        rig_close(&w.rig);
    }
}

static void an_open_transaction_has_its_time(void **state)
{
    struct world w;

    (void)state;
    begin(&w, true);
    assert_int_equal(txn_write(&w.a, 0, 2), ERR_OK);
    rig_advance(&w.rig, TXN_RIG_TIMEOUT_MS - 1);
    assert_int_equal(txn_look(&w.rig, 0, true).stable, 0);
    rig_crash(&w.rig); /* the clock goes on */
    rig_advance(&w.rig, 1);
    assert_int_equal(txn_look(&w.rig, 0, true).stable, 3);
    assert_int_equal(txn_committed(&w.rig, 0), 0);
    assert_int_equal(txn_finish(&w.a, true), ERR_FENCED_PRODUCER);
    assert_int_equal(txn_finish(&w.a, false), ERR_FENCED_PRODUCER);
    rig_close(&w.rig);
}

static void ids_and_producers_are_forgotten(void **state)
{
    struct world w;

    (void)state;
    begin(&w, true);
    assert_int_equal(txn_write(&w.a, 0, 1), ERR_OK);
    assert_int_equal(txn_finish(&w.a, true), ERR_OK);
    assert_int_equal(rig_topic(&w.rig, "t")->logs[0]->producers.count, 1);
    rig_advance(&w.rig, 24 * 60 * 60 * 1000);
    assert_int_equal(rig_topic(&w.rig, "t")->logs[0]->producers.count, 0);
    rig_advance(&w.rig, 6ll * 24 * 60 * 60 * 1000 - 1);
    assert_non_null(txn_find(w.rig.engine, txn_ns(), bytes_str("a")));
    rig_advance(&w.rig, 1);
    assert_null(txn_find(w.rig.engine, txn_ns(), bytes_str("a")));
    rig_crash(&w.rig);
    assert_null(txn_find(w.rig.engine, txn_ns(), bytes_str("a")));
    rig_close(&w.rig);
}

static void epochs_are_used_up(void **state)
{
    struct world  w;
    struct writer before;
    struct txn   *t;

    (void)state;
    begin(&w, true);
    t = txn_find(w.rig.engine, txn_ns(), bytes_str("a"));
    for (int i = 0; i < 4; i++) {
        struct txn_next next = txn_next_of(t);

        next.epoch = INT16_MAX - 1;
        next.state = TXN_EMPTY;
        txn_set(t, &next);
        txn_take(&w.a, t->producer, t->epoch);
        before = w.a;
        assert_int_equal(txn_write(&w.a, 1, 1), ERR_OK);
        if (i == 3) { /* fenced */
            txn_start(&w.a);
            assert_int_equal(txn_finish(&before, false), ERR_UNKNOWN_PRODUCER);
            break;
        }
        assert_int_equal(txn_finish(&w.a, i != 1), ERR_OK);
        assert_int_not_equal(w.a.producer, before.producer);
        assert_int_equal(w.a.epoch, 0);
        w.b = before;
        assert_int_equal(txn_finish(&w.b, i != 1), ERR_OK); /* asked again */
        assert_int_equal(w.b.producer, w.a.producer);
        assert_int_equal(txn_write(&before, 1, 1), ERR_FENCED_PRODUCER);
    }
    assert_int_not_equal(w.a.producer, before.producer);
    assert_int_equal(txn_committed(&w.rig, 1), 2);
    rig_close(&w.rig);
}

static void offsets_are_committed_with_it(void **state)
{
    struct world w;
    enum err     err;

    (void)state;
    begin(&w, true);
    assert_int_equal(txn_offer(&w.a, 7), ERR_OK);
    assert_int_equal(txn_offset(&w.rig, false, NULL), -1);
    txn_offset(&w.rig, true, &err);
    assert_int_equal(err, ERR_UNSTABLE_OFFSET);
    rig_crash(&w.rig);
    txn_offset(&w.rig, true, &err);
    assert_int_equal(err, ERR_UNSTABLE_OFFSET);
    assert_int_equal(txn_offer(&w.a, 8), ERR_OK); /* instead */
    assert_int_equal(txn_finish(&w.a, true), ERR_OK);
    assert_int_equal(txn_offset(&w.rig, true, &err), 8);
    assert_int_equal(err, ERR_OK);
    assert_int_equal(txn_offer(&w.a, 9), ERR_OK);
    assert_int_equal(txn_finish(&w.a, false), ERR_OK);
    assert_int_equal(txn_offset(&w.rig, true, NULL), 8);
    rig_crash(&w.rig);
    assert_int_equal(txn_offset(&w.rig, true, NULL), 8);
    rig_close(&w.rig);
}

static void delete_group(struct rig *r)
{
    struct group_delete_call *d = RIG_CALL(r, group_delete_call, GROUP_DELETE);
    struct group_delete_item  item = { .group = bytes_str("g") };

    d->ns = txn_ns();
    d->items = &item;
    d->item_count = 1;
    assert_int_equal(rig_end(r, d), ERR_OK);
    assert_int_equal(item.err, ERR_OK);
}

/* Also while it has nothing else. */
static void offsets_go_with_their_group(void **state)
{
    struct world w;
    enum err     err;

    (void)state;
    begin(&w, true);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(txn_offer(&w.a, 7), ERR_OK);
        if (round == 1)
            assert_int_equal(txn_finish(&w.a, true), ERR_OK);
        if (round == 1)
            assert_int_equal(txn_offer(&w.a, 8), ERR_OK);
        delete_group(&w.rig);
        assert_int_equal(txn_offset(&w.rig, true, &err), -1);
        assert_int_equal(err, ERR_OK); /* nothing is pending */
        rig_crash(&w.rig);
        assert_int_equal(txn_finish(&w.a, true), ERR_OK);
        assert_int_equal(txn_offset(&w.rig, true, &err), -1);
        assert_int_equal(err, ERR_OK);
    }
    rig_close(&w.rig);
}

/* A queue over the topic, as a subscription has it. */
static void subscribe(struct rig *r)
{
    struct queue_declare_call *c = rig_declaration(r, "q");

    c->topic = bytes_str("t");
    assert_int_equal(rig_end(r, c), ERR_OK);
}

static size_t take_all(struct rig *r)
{
    struct message_ref refs[8];
    size_t             count = 0;
    size_t             n;

    while ((n = rig_lease(r, "q", 8, 0, refs)) > 0)
        for (size_t i = 0; i < n; i++) {
            count++;
            assert_int_equal(rig_settle(r, &refs[i].lease, SETTLE_ACK, 0), ERR_OK);
        }
    return count;
}

static void queues_take_what_is_committed(void **state)
{
    struct world         w;
    const struct ledger *g;

    (void)state;
    begin(&w, true);
    subscribe(&w.rig);
    assert_int_equal(txn_write(&w.a, 0, 3), ERR_OK);
    assert_int_equal(txn_write(&w.b, 0, 2), ERR_OK);
    rig_publish(&w.rig, "", "q", "plain"); /* to a subscription by name: nowhere */
    assert_int_equal(take_all(&w.rig), 0);
    assert_int_equal(txn_finish(&w.b, true), ERR_OK);
    assert_int_equal(take_all(&w.rig), 0); /* behind what is open */
    rig_crash(&w.rig);
    assert_int_equal(txn_finish(&w.a, false), ERR_OK);
    assert_int_equal(take_all(&w.rig), 2);
    g = &rig_queue(&w.rig, "q")->ledger;
    assert_int_equal(g->fates[FATE_ACKED], 2);
    assert_int_equal(g->fates[FATE_ABORTED], 5); /* three records and two markers */
    assert_int_equal(g->routed, 7);
    rig_crash(&w.rig);
    assert_int_equal(take_all(&w.rig), 0);
    rig_counts(&w.rig, "q", 0, 0, 0);
    assert_int_equal(rig_delete(&w.rig, "q"), ERR_OK);
    subscribe(&w.rig); /* over what is there already */
    assert_int_equal(take_all(&w.rig), 2);
    rig_close(&w.rig);
}

static void retention_leaves_what_is_open(void **state)
{
    struct world          w;
    struct log_trim_call *c;

    (void)state;
    begin(&w, true);
    subscribe(&w.rig);
    assert_int_equal(txn_write(&w.b, 0, 2), ERR_OK);
    assert_int_equal(txn_finish(&w.b, true), ERR_OK);
    assert_int_equal(txn_write(&w.a, 0, 2), ERR_OK);
    txn_find(w.rig.engine, txn_ns(), bytes_str("a"))->timeout_ms = INT32_MAX;
    timer_stop(&w.rig.engine->timers,
               &txn_find(w.rig.engine, txn_ns(), bytes_str("a"))->timer);
    rig_advance(&w.rig, 8ll * 24 * 60 * 60 * 1000);
    rig_advance(&w.rig, 2000);
    assert_int_equal(rig_topic(&w.rig, "t")->logs[0]->start, 3);
    c = RIG_CALL(&w.rig, log_trim_call, LOG_TRIM); /* who asks may */
    c->ns = txn_ns();
    c->name = bytes_str("t");
    c->offset = 4;
    assert_int_equal(rig_end(&w.rig, c), ERR_OK);
    assert_int_equal(rig_queue(&w.rig, "q")->ledger.lanes[0].end, 4);
    rig_close(&w.rig);
}

/* It is not the queue's yet; when it is its time has come, too. */
static void messages_that_are_open_do_not_expire(void **state)
{
    struct world               w;
    struct queue_declare_call *c;
    const struct ledger       *g;

    (void)state;
    begin(&w, true);
    c = rig_declaration(&w.rig, "q");
    c->topic = bytes_str("t");
    c->policy.retention_ms = 1000;
    assert_int_equal(rig_end(&w.rig, c), ERR_OK);
    rig_append(&w.rig, "t", 0, rig_batch("k", "v", 1));
    assert_int_equal(txn_write(&w.a, 0, 2), ERR_OK);
    rig_append(&w.rig, "t", 0, rig_batch("k", "v", 1));
    rig_advance(&w.rig, 2000);
    g = &rig_queue(&w.rig, "q")->ledger;
    assert_int_equal(g->lanes[0].end, 1);
    assert_int_equal(g->fates[FATE_EXPIRED], 1);
    rig_crash(&w.rig);
    assert_int_equal(txn_finish(&w.a, true), ERR_OK);
    rig_advance(&w.rig, 2);
    g = &rig_queue(&w.rig, "q")->ledger;
    assert_int_equal(g->routed, 5);
    assert_int_equal(g->fates[FATE_EXPIRED], 4); /* the marker is younger */
    rig_close(&w.rig);
}

/* It comes to the queue only to be evicted, and is not handed out in between. */
static void what_is_open_goes_with_a_trim(void **state)
{
    struct world          w;
    struct log_trim_call *c;
    struct message_ref    refs[8];

    (void)state;
    begin(&w, true);
    subscribe(&w.rig);
    assert_int_equal(txn_write(&w.a, 0, 4), ERR_OK);
    c = RIG_CALL(&w.rig, log_trim_call, LOG_TRIM);
    c->ns = txn_ns();
    c->name = bytes_str("t");
    c->offset = 3;
    assert_int_equal(rig_end(&w.rig, c), ERR_OK);
    assert_int_equal(rig_lease(&w.rig, "q", 8, 0, refs), 0);
    assert_int_equal(rig_queue(&w.rig, "q")->ledger.fates[FATE_EVICTED], 3);
    assert_int_equal(txn_finish(&w.a, true), ERR_OK);
    rig_crash(&w.rig);
    assert_int_equal(take_all(&w.rig), 1);
    assert_int_equal(rig_queue(&w.rig, "q")->ledger.fates[FATE_EVICTED], 3);
    rig_close(&w.rig);
}

/* The batches at these places of the log, in an answer of their own. */
static size_t tell(struct rig *r, const size_t *places, size_t *count, uint64_t *first)
{
    struct read_call     *c = rig_reading(r, "t", 0, 0, 1 << 20);
    struct batch_ref      some[8];
    struct aborted_range *ranges;
    size_t                n;

    assert_true(rig_run(r, c));
    for (size_t i = 0; i < *count; i++) {
        assert_true(places[i] < c->items->batch_count);
        some[i] = c->items->batches[places[i]];
    }
    n = txn_log_tell(rig_topic(r, "t")->logs[0], some, count, &c->call.arena, &ranges);
    *first = n > 0 ? ranges[0].first : 0;
    rig_free_reading(c);
    return n;
}

/* A client leaves out what follows until it meets the marker; that may be settled and gone. */
static void a_client_is_told_only_what_it_can_follow(void **state)
{
    static const size_t whole[] = { 0, 1, 2, 3, 4, 5, 6 }; /* two batches, marker; two, marker; one */
    static const size_t later[] = { 3, 4, 5 };
    static const size_t unmarked[] = { 1, 3, 4, 5 };
    static const size_t both[] = { 1, 6 };
    struct world        w;
    uint64_t            first;
    size_t              count = 6;

    (void)state;
    begin(&w, false);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(txn_write(&w.a, 0, 1), ERR_OK);
        assert_int_equal(txn_write(&w.a, 0, 1), ERR_OK);
        assert_int_equal(txn_finish(&w.a, i == 1), ERR_OK);
    }
    assert_int_equal(txn_write(&w.a, 0, 1), ERR_OK);
    assert_int_equal(txn_finish(&w.a, false), ERR_OK);
    assert_int_equal(tell(&w.rig, whole, &count, &first), 1);
    assert_int_equal(count, 6);
    assert_int_equal(first, 0);
    count = 3;
    assert_int_equal(tell(&w.rig, later, &count, &first), 0);
    assert_int_equal(count, 3);
    count = 4;
    assert_int_equal(tell(&w.rig, unmarked, &count, &first), 1);
    assert_int_equal(count, 1);
    assert_int_equal(first, 0);
    count = 2;
    assert_int_equal(tell(&w.rig, both, &count, &first), 1);
    assert_int_equal(count, 1);
    rig_close(&w.rig);
}

static void topics_go_with_what_is_open_in_them(void **state)
{
    struct world              w;
    struct topic_delete_call *c;

    (void)state;
    begin(&w, true);
    assert_int_equal(txn_write(&w.a, 0, 2), ERR_OK);
    assert_int_equal(txn_offer(&w.a, 5), ERR_OK);
    c = RIG_CALL(&w.rig, topic_delete_call, TOPIC_DELETE);
    c->ns = txn_ns();
    c->name = bytes_str("t");
    assert_int_equal(rig_end(&w.rig, c), ERR_OK);
    txn_make_topic(&w.rig, "t", 3);
    rig_crash(&w.rig);
    assert_int_equal(txn_finish(&w.a, true), ERR_OK);
    assert_int_equal(txn_offset(&w.rig, false, NULL), -1);
    assert_int_equal(txn_look(&w.rig, 0, true).end, 0);
    rig_close(&w.rig);
}

static size_t length(const struct list *l)
{
    size_t n = 0;

    for (const struct list *at = l->next; at != l; at = at->next)
        n++;
    return n;
}

static void a_log_that_nobody_reads_remembers_no_ends(void **state)
{
    struct world           w;
    const struct log_txns *t;

    (void)state;
    begin(&w, true);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(txn_write(&w.a, 0, 1), ERR_OK);
        assert_int_equal(txn_finish(&w.a, i % 2), ERR_OK);
    }
    t = rig_topic(&w.rig, "t")->logs[0]->txns;
    assert_true(length(&t->open) == 0 && length(&t->ending) <= 1);
    assert_int_equal(t->aborts.count, 10);
    assert_int_equal(t->shown, UINT64_MAX);
    rig_close(&w.rig);
}

/* ---- compaction ---- */

static bool is_aborted(void *ctx, int64_t producer, uint64_t base)
{
    const struct log *l = ctx;
    struct txn_aborts as = txn_log_aborts(l);
    bool              is = txn_aborts_have(&as, producer, base);

    free(as.at);
    return is;
}

/* One pass over batches as they are, at a time; what each becomes. */
static void pass(struct log *l, struct read_item *item, size_t from, int64_t now_ms,
                 enum compact_answer answers[], struct buf *last)
{
    struct key_offsets *keys = key_offsets_new(1 << 16);
    struct compact_pass p;

    compact_begin(&p, keys, 0, now_ms, 1000);
    p.is_aborted = is_aborted;
    p.ctx = l;
    for (size_t i = from; i < item->batch_count; i++) {
        buf_clear(last);
        answers[i] = compact_batch(&p, item->batches[i].bytes.bytes, item->batches[i].base_offset, last);
    }
    compact_end(&p);
    key_offsets_free(keys);
}

static void compaction_takes_what_was_aborted_then_its_marker(void **state)
{
    struct world        w;
    struct read_call   *c;
    struct log         *l;
    struct buf          marker;
    struct slice        first;
    enum compact_answer answers[4];

    (void)state;
    begin(&w, true);
    buf_init(&marker);
    assert_int_equal(txn_write(&w.b, 0, 1), ERR_OK);
    assert_int_equal(txn_finish(&w.b, true), ERR_OK);
    assert_int_equal(txn_write(&w.a, 0, 2), ERR_OK);
    assert_int_equal(txn_finish(&w.a, false), ERR_OK);
    l = rig_topic(&w.rig, "t")->logs[0];
    c = RIG_CALL(&w.rig, read_call, READ);
    c->ns = txn_ns();
    c->bytes_max = 1 << 20;
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items[0] = (struct read_item){ .name = bytes_str("t"), .bytes_max = 1 << 20 };
    assert_true(rig_run(&w.rig, c));
    assert_int_equal(c->items[0].batch_count, 4);
    pass(l, &c->items[0], 0, 5000, answers, &marker);
    assert_int_equal(answers[0], COMPACT_SAME);
    assert_int_equal(answers[1], COMPACT_SAME); /* the marker of what is there */
    assert_int_equal(answers[2], COMPACT_GONE);
    assert_int_equal(answers[3], COMPACT_SAME); /* it met what was aborted */
    pass(l, &c->items[0], 3, 5000, answers, &marker);
    assert_int_equal(answers[3], COMPACT_LESS);
    first = c->items[0].batches[3].bytes;
    c->items[0].batches[3].bytes = slice_copy(buf_view(&marker));
    pass(l, &c->items[0], 3, 5999, answers, &marker);
    assert_int_equal(answers[3], COMPACT_SAME);
    pass(l, &c->items[0], 3, 6000, answers, &marker);
    assert_int_equal(answers[3], COMPACT_GONE);
    slice_drop(&first);
    for (size_t i = 0; i < 4; i++)
        slice_drop(&c->items[0].batches[i].bytes);
    call_free(c);
    buf_fini(&marker);
    rig_close(&w.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_open_is_hidden_from_who_reads_what_is_committed),
        cmocka_unit_test(a_batch_must_be_of_an_open_transaction),
        cmocka_unit_test(an_end_may_be_asked_for_again),
        cmocka_unit_test(who_comes_with_the_same_id_fences),
        cmocka_unit_test(an_open_transaction_has_its_time),
        cmocka_unit_test(ids_and_producers_are_forgotten),
        cmocka_unit_test(epochs_are_used_up),
        cmocka_unit_test(offsets_are_committed_with_it),
        cmocka_unit_test(offsets_go_with_their_group),
        cmocka_unit_test(queues_take_what_is_committed),
        cmocka_unit_test(retention_leaves_what_is_open),
        cmocka_unit_test(messages_that_are_open_do_not_expire),
        cmocka_unit_test(a_client_is_told_only_what_it_can_follow),
        cmocka_unit_test(what_is_open_goes_with_a_trim),
        cmocka_unit_test(topics_go_with_what_is_open_in_them),
        cmocka_unit_test(a_log_that_nobody_reads_remembers_no_ends),
        cmocka_unit_test(compaction_takes_what_was_aborted_then_its_marker),
    };

    return cmocka_run_group_tests_name("txn", tests, NULL, NULL);
}
