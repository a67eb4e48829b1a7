/*
 * txn_crash_test.c - the power fails at every step of every operation of transactions.
 *
 * A transaction with records in three partitions and an offset is made operation by operation. Each of
 * them is cut short after each number of steps of the disk that it takes, and after each of these the
 * same must be true: the transaction is there as a whole or not at all; what was answered holds; it can
 * go on, or end by its time.
 */
#include "engine/txn_rig.h"

enum { PARTS = 3, RECORDS = 2, OFFSET = 42, STEPS_MAX = 64 };

enum op { OP_INIT, OP_WRITE_0, OP_WRITE_1, OP_OFFSETS, OP_WRITE_2, OP_END, OP_COUNT };

struct scene {
    struct rig         rig;
    struct writer      w;
    struct offset_item item;
    bool               is_commit;
};

static void *make_call(struct scene *s, enum op op)
{
    switch (op) {
    case OP_INIT:
        return txn_initing(&s->w);
    case OP_WRITE_0:
        return txn_writing(&s->w, 0, RECORDS);
    case OP_WRITE_1:
        return txn_writing(&s->w, 1, RECORDS);
    case OP_WRITE_2:
        return txn_writing(&s->w, 2, RECORDS);
    case OP_OFFSETS:
        s->item = (struct offset_item){ .name = bytes_str("t"), .offset = OFFSET,
                                        .leader_epoch = -1 };
        return txn_offering(&s->w, &s->item);
    case OP_END:
        return txn_ending(&s->w, s->is_commit);
    case OP_COUNT:
        break;
    }
    fail();
    return NULL;
}

static void perform(struct scene *s, enum op op)
{
    struct call *c = make_call(s, op);

    assert_true(rig_run(&s->rig, c));
    assert_int_equal(c->err, ERR_OK);
    if (op == OP_INIT)
        txn_take(&s->w, ((struct txn_init_call *)c)->producer_id,
                 ((struct txn_init_call *)c)->producer_epoch);
    call_free(c);
}

/* Up to `op`, which is cut short after so many steps. Returns whether that was before its end; *answered:
 * what somebody was told. */
static bool cut(struct scene *s, enum op op, int steps, bool *answered)
{
    struct call *c;
    int          before;
    int          done = 0;

    rig_open(&s->rig);
    txn_make_topic(&s->rig, "t", PARTS);
    s->w = (struct writer){ .rig = &s->rig, .id = "x", .bumps = true };
    for (int i = 0; i < (int)op; i++)
        perform(s, (enum op)i);
    c = make_call(s, op);
    before = s->rig.answered;
    rig_submit(&s->rig, c);
    while (done < steps && volume_file_step(s->rig.volume))
        done++;
    mail_run(&s->rig.completions);
    mail_run(&s->rig.home);
    *answered = s->rig.answered > before;
    disk_sim_crash(s->rig.disk);
    engine_kill(s->rig.engine);
    shard_release(s->rig.shard);
    volume_close(s->rig.volume);
    mail_run(&s->rig.completions);
    mail_run(&s->rig.home);
    call_free(c);
    rig_open_engine(&s->rig);
    rig_turn(&s->rig);
    return done == steps;
}

/* How it ended: markers of that kind in all of its partitions, or in none. */
static bool has_ended(struct scene *s, bool is_commit)
{
    uint64_t markers = 0;

    for (uint32_t i = 0; i < PARTS; i++) {
        struct sight all = txn_look(&s->rig, i, false);

        markers += is_commit ? all.commits : all.aborts;
        assert_int_equal(is_commit ? all.aborts : all.commits, 0);
    }
    assert_true(markers == 0 || markers == PARTS);
    return markers > 0;
}

static void check(struct scene *s, enum op op, bool answered)
{
    struct txn *t = txn_find(s->rig.engine, txn_ns(), bytes_str("x"));
    bool        ended = op == OP_END && has_ended(s, s->is_commit);
    bool        committed = ended && s->is_commit;

    assert_true(t || (op == OP_INIT && !answered));
    assert_true(ended || !(op == OP_END && answered));
    if (t && op > OP_WRITE_0)
        assert_int_equal(t->state, !ended           ? TXN_ONGOING
                                   : s->is_commit ? TXN_COMMITTED
                                                  : TXN_ABORTED);
    for (uint32_t i = 0; i < PARTS; i++)
        assert_int_equal(txn_committed(&s->rig, i), committed ? RECORDS : 0);
    assert_int_equal(txn_offset(&s->rig, false, NULL), committed ? OFFSET : -1);
}

/* Whoever comes next finds no trace of it but what was committed. */
static void check_after(struct scene *s, bool committed)
{
    if (committed)
        txn_start(&s->w);
    else
        rig_advance(&s->rig, TXN_RIG_TIMEOUT_MS + 1);
    for (uint32_t i = 0; i < PARTS; i++) {
        struct sight seen = txn_look(&s->rig, i, true);

        assert_int_equal(seen.stable, seen.end);
        assert_int_equal(seen.records, committed ? RECORDS : 0);
    }
    rig_crash(&s->rig);
    txn_start(&s->w);
    for (uint32_t i = 0; i < PARTS; i++) {
        assert_int_equal(txn_write(&s->w, i, 1), ERR_OK);
        assert_int_equal(txn_committed(&s->rig, i), committed ? RECORDS : 0);
    }
    assert_int_equal(txn_finish(&s->w, true), ERR_OK);
    for (uint32_t i = 0; i < PARTS; i++)
        assert_int_equal(txn_committed(&s->rig, i), 1 + (committed ? RECORDS : 0));
}

static int cut_everywhere(enum op op, bool is_commit)
{
    struct scene s = { .is_commit = is_commit };
    bool         answered;
    bool         goes_on = true;
    int          steps;

    for (steps = 0; goes_on; steps++) {
        assert_true(steps < STEPS_MAX);
        goes_on = cut(&s, op, steps, &answered);
        check(&s, op, answered);
        check_after(&s, op == OP_END && is_commit && has_ended(&s, true));
        rig_close(&s.rig);
    }
    assert_true(answered); /* with all of its steps */
    return steps;
}

static void it_is_whole_or_not_there(void **state)
{
    (void)state;
    for (int op = OP_INIT; op < OP_COUNT; op++) {
        assert_true(cut_everywhere((enum op)op, true) > 2);
        assert_true(cut_everywhere((enum op)op, false) > 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(it_is_whole_or_not_there) };

    return cmocka_run_group_tests_name("txn_crash", tests, NULL, NULL);
}
