/*
 * transact_test.c - several calls as one: all of them or none, whatever goes wrong, also the power.
 */
#include "engine/queue_rig.h"
#include "engine/transact_calls.h"

enum { CALLS_MAX = 16, LARGE_BYTES = 1 << 20, LARGE_COUNT = 9 };

/* A transaction that is put together. */
struct draft {
    struct rig           *rig;
    struct transact_call *call;
    struct call          *calls[CALLS_MAX];
    struct settle_item    items[CALLS_MAX];
};

static void begin(struct draft *d, struct rig *r)
{
    *d = (struct draft){ .rig = r, .call = RIG_CALL(r, transact_call, TRANSACT) };
    d->call->calls = d->calls;
}

static void add(struct draft *d, void *call)
{
    assert_true(d->call->count < CALLS_MAX);
    d->calls[d->call->count++] = call;
}

static void add_publish(struct draft *d, const char *exchange, const char *key, const char *value)
{
    add(d, rig_publication(d->rig, exchange, key, value));
}

static void add_settle(struct draft *d, const struct lease *lease, enum settle_action action,
                       bool gone_ok)
{
    struct settle_call *c = RIG_CALL(d->rig, settle_call, SETTLE);

    c->item_count = 1;
    c->items = &d->items[d->call->count];
    c->items[0] = (struct settle_item){ .lease = *lease, .action = action };
    c->gone_ok = gone_ok;
    add(d, c);
}

static struct append_item *add_append(struct draft *d, const char *topic, struct slice batch)
{
    struct append_call *c = RIG_CALL(d->rig, append_call, APPEND);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items[0] = (struct append_item){ .name = bytes_str(topic), .partition = -1, .batch = batch };
    add(d, c);
    return c->items;
}

static void add_offset(struct draft *d, const char *topic, uint32_t partition, int64_t offset)
{
    struct offsets_commit_call *c = RIG_CALL(d->rig, offsets_commit_call, OFFSETS_COMMIT);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = bytes_str("g");
    c->generation = -1;
    c->item_count = 1;
    c->items = arena_array(&c->call.arena, 1, sizeof *c->items);
    c->items[0] = (struct offset_item){ .name = bytes_str(topic), .partition = partition, .offset = offset };
    add(d, c);
}

static void drop(struct draft *d)
{
    for (size_t i = 0; i < d->call->count; i++)
        call_free(d->calls[i]);
    call_free(d->call);
}

static enum err finish(struct draft *d, size_t *failed)
{
    enum err err;

    assert_true(rig_run(d->rig, d->call));
    err = d->call->call.err;
    if (failed)
        *failed = d->call->failed;
    drop(d);
    return err;
}

static int64_t committed(struct rig *r, const char *topic)
{
    struct offsets_get_call *c = RIG_CALL(r, offsets_get_call, OFFSETS_GET);
    struct offset_item       item = { .name = bytes_str(topic) };

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = bytes_str("g");
    c->item_count = 1;
    c->items = &item;
    assert_int_equal(rig_end(r, c), ERR_OK);
    return item.offset;
}

static void all_kinds_take_effect_together(void **state)
{
    struct message_ref refs[3];
    struct draft       d;
    struct rig         r;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "a");
    rig_declare(&r, "b");
    rig_fill(&r, "a", 3);
    assert_int_equal(rig_lease(&r, "a", 3, 5000, refs), 3);
    begin(&d, &r);
    add_settle(&d, &refs[0].lease, SETTLE_RELEASE, false);
    add_publish(&d, "", "b", "one");
    add_settle(&d, &refs[1].lease, SETTLE_ACK, false);
    add_settle(&d, &refs[2].lease, SETTLE_DEAD_LETTER, false);
    add_append(&d, "b", rig_batch("k", "two", 2));
    add_offset(&d, "a", 0, 7);
    assert_int_equal(finish(&d, NULL), ERR_OK);
    for (int i = 0; i < 2; i++) {
        rig_counts(&r, "a", 1, 0, 0);
        rig_counts(&r, "b", 3, 0, 0);
        assert_int_equal(rig_queue(&r, "a")->ledger.fates[FATE_ACKED], 1);
        assert_int_equal(rig_queue(&r, "a")->ledger.fates[FATE_DEAD_LETTERED], 1);
        assert_int_equal(committed(&r, "a"), 7);
        rig_crash(&r);
    }
    rig_close(&r);
}

/* The call that fails stands behind some that could be done. */
static void expect_nothing(struct rig *r, struct draft *d, size_t index, enum err err)
{
    uint64_t end = journal_end(r->engine->journal);
    size_t   failed;

    assert_int_equal(finish(d, &failed), err);
    assert_int_equal(failed, index);
    assert_int_equal(journal_end(r->engine->journal), end);
    rig_counts(r, "a", 0, 2, 0);
    rig_counts(r, "b", 0, 0, 0);
}

static void one_that_fails_stops_all(void **state)
{
    struct message_ref refs[2];
    struct lease       stale;
    struct draft       d;
    struct rig         r;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "a");
    rig_declare(&r, "b");
    rig_fill(&r, "a", 2);
    assert_int_equal(rig_lease(&r, "a", 2, 0, refs), 2);
    stale = refs[1].lease;
    stale.token++;

    begin(&d, &r);
    add_publish(&d, "", "b", "x");
    add_publish(&d, "nowhere", "b", "x");
    expect_nothing(&r, &d, 1, ERR_NO_EXCHANGE);

    begin(&d, &r);
    add_publish(&d, "", "b", "x");
    add_settle(&d, &refs[0].lease, SETTLE_ACK, false);
    add_settle(&d, &stale, SETTLE_ACK, false);
    expect_nothing(&r, &d, 2, ERR_NO_LEASE);

    begin(&d, &r);
    add_settle(&d, &refs[0].lease, SETTLE_ACK, false);
    add_settle(&d, &refs[0].lease, SETTLE_REJECT, false); /* twice */
    expect_nothing(&r, &d, 1, ERR_NO_LEASE);

    begin(&d, &r);
    add_settle(&d, &refs[0].lease, SETTLE_ACK, false);
    add_append(&d, "missing", rig_batch("k", "x", 1));
    expect_nothing(&r, &d, 1, ERR_NO_TOPIC);

    begin(&d, &r);
    add_settle(&d, &refs[0].lease, SETTLE_ACK, false);
    add_append(&d, "b", rig_batch("k", "x", 1))->partition = 1;
    expect_nothing(&r, &d, 1, ERR_NO_PARTITION);

    begin(&d, &r);
    add_publish(&d, "", "b", "x");
    add_offset(&d, "a", 3, 1);
    expect_nothing(&r, &d, 1, ERR_NO_PARTITION);

    begin(&d, &r);
    add_publish(&d, "", "b", "x");
    add(&d, rig_declaration(&r, "c"));
    expect_nothing(&r, &d, 1, ERR_BAD_ARGUMENT);
    assert_null(rig_queue(&r, "c"));

    /* What was looked at and not done can still be done. */
    assert_int_equal(rig_settle(&r, &refs[0].lease, SETTLE_ACK, 0), ERR_OK);
    begin(&d, &r);
    add_settle(&d, &refs[0].lease, SETTLE_ACK, true);
    add_settle(&d, &refs[1].lease, SETTLE_ACK, true);
    assert_int_equal(finish(&d, NULL), ERR_OK);
    rig_counts(&r, "a", 0, 0, 0);
    rig_close(&r);
}

/* Nine messages of a megabyte, far more than a frame holds that is not a group, and two settles. */
static void begin_large(struct draft *d, struct rig *r, const struct message_ref *refs)
{
    char *value = mem_new(LARGE_BYTES + 1);

    memset(value, 'x', LARGE_BYTES);
    begin(d, r);
    add_settle(d, &refs[0].lease, SETTLE_ACK, false);
    for (int i = 0; i < LARGE_COUNT; i++)
        add_publish(d, "", i % 2 ? "b" : "a", value);
    add_settle(d, &refs[1].lease, SETTLE_ACK, false);
    free(value);
}

/* Whether it is there; never a part of it. */
static bool is_done(struct rig *r)
{
    const struct ledger *a = &rig_queue(r, "a")->ledger;
    const struct ledger *b = &rig_queue(r, "b")->ledger;
    bool                 done = b->ready_count > 0;

    rig_counts(r, "b", done ? LARGE_COUNT / 2 : 0, 0, 0);
    assert_int_equal(a->fates[FATE_ACKED], done ? 2 : 0);
    assert_int_equal(a->ready_count + a->leased_count, done ? LARGE_COUNT - LARGE_COUNT / 2 : 2);
    return done;
}

/* The power fails after so many steps of the disk's work. */
static bool survives(int steps, bool *is_answered)
{
    struct message_ref refs[2];
    struct draft       d;
    struct rig         r;
    bool               done;
    int                before;

    rig_open(&r);
    rig_declare(&r, "a");
    rig_declare(&r, "b");
    rig_fill(&r, "a", 2);
    assert_int_equal(rig_lease(&r, "a", 2, 5000, refs), 2);
    begin_large(&d, &r, refs);
    before = r.answered;
    rig_submit(&r, d.call);
    while (steps-- > 0 && volume_file_step(r.volume))
        ;
    mail_run(&r.completions);
    mail_run(&r.home);
    *is_answered = r.answered > before;
    rig_fail_power(&r);
    done = is_done(&r);
    drop(&d);
    rig_close(&r);
    return done;
}

static void a_power_failure_leaves_all_or_nothing(void **state)
{
    bool is_answered = false;
    bool seen[2] = { false, false };

    (void)state;
    for (int steps = 0; !is_answered; steps++) {
        bool done = survives(steps, &is_answered);

        assert_true(done || !is_answered);
        seen[done] = true;
    }
    assert_true(seen[false] && seen[true]);
}

/* More than TRANSACT_BYTES_MAX. */
static void too_large_is_refused(void **state)
{
    enum { BYTES = 100 << 20 };
    struct draft d;
    struct rig   r;
    char        *value = mem_new(BYTES + 1);
    size_t       failed;

    (void)state;
    memset(value, 'x', BYTES);
    rig_open(&r);
    rig_declare(&r, "a");
    begin(&d, &r);
    for (int i = 0; i < 3; i++)
        add_publish(&d, "", "a", value);
    assert_int_equal(finish(&d, &failed), ERR_TOO_BIG);
    assert_int_equal(failed, 2);
    rig_counts(&r, "a", 0, 0, 0);
    free(value);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds_take_effect_together),
        cmocka_unit_test(one_that_fails_stops_all),
        cmocka_unit_test(a_power_failure_leaves_all_or_nothing),
        cmocka_unit_test(too_large_is_refused),
    };

    return cmocka_run_group_tests_name("transact", tests, NULL, NULL);
}
