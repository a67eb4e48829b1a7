/* retention_test.c - records that are too old or too many go by themselves, when they should and not before. */
#include "engine/queue_rig.h"
#include "engine/retention.h"

enum { HOUR_MS = 3600 * 1000, RECORDS = 10 };

/* One batch of RECORDS records, a millisecond apart. */
static void append_at(struct rig *r, const char *name, uint32_t partition, int64_t timestamp_ms)
{
    struct buf          b;
    struct batch_writer w;

    buf_init(&b);
    batch_begin(&w, &b);
    for (int i = 0; i < RECORDS; i++)
        batch_add(&w, timestamp_ms + i, bytes_str("k"), bytes_str("value"), NULL, 0);
    batch_end(&w);
    rig_append(r, name, partition, slice_copy(buf_view(&b)));
    buf_fini(&b);
}

static void append(struct rig *r, const char *name)
{
    append_at(r, name, 0, r->now_ms);
}

static struct log *log_of(struct rig *r, const char *name, uint32_t partition)
{
    struct topic *t = topic_find(r->engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(name));

    return t->logs[partition];
}

static uint64_t start_of(struct rig *r, const char *name)
{
    return log_of(r, name, 0)->start;
}

/* The journal as it is when the process dies now: what the next life finds. */
static void expect_after_restart(struct rig *r, const char *name, uint64_t start)
{
    rig_restart(r);
    assert_int_equal(start_of(r, name), start);
}

static void open_with(struct rig *r, const struct topic_policy *policy)
{
    rig_open(r);
    rig_create_topic(r, "t", 1, policy);
}

static void old_records_go_on_an_idle_log(void **state)
{
    const struct topic_policy policy = { .retention_ms = HOUR_MS };
    struct rig                r;

    (void)state;
    open_with(&r, &policy);
    append(&r, "t");
    rig_advance(&r, HOUR_MS / 2);
    append(&r, "t");
    rig_advance(&r, HOUR_MS / 2 + RECORDS - 1); /* timestamps of a batch are up to 9 ms later */
    assert_int_equal(start_of(&r, "t"), 0);
    rig_advance(&r, 1);
    assert_int_equal(start_of(&r, "t"), RECORDS);
    expect_after_restart(&r, "t", RECORDS);
    rig_advance(&r, HOUR_MS / 2 - RECORDS);
    assert_int_equal(start_of(&r, "t"), RECORDS);
    rig_advance(&r, RECORDS); /* the newest one, too */
    assert_int_equal(start_of(&r, "t"), 2 * RECORDS);
    assert_int_equal(log_of(&r, "t", 0)->bytes, 0);
    expect_after_restart(&r, "t", 2 * RECORDS);
    assert_false(timer_is_started(&log_of(&r, "t", 0)->retention)); /* nothing is left to do */
    append(&r, "t");
    assert_int_equal(log_of(&r, "t", 0)->end, 3 * RECORDS);
    rig_close(&r);
}

static void age_is_that_of_the_records_or_of_the_append(void **state)
{
    struct topic_policy policy = { .retention_ms = HOUR_MS };
    struct rig          r;

    (void)state;
    rig_open(&r);
    r.now_ms = 100ll * HOUR_MS;
    rig_create_topic(&r, "records", 1, &policy);
    policy.time_basis = TIME_OF_APPEND;
    rig_create_topic(&r, "appends", 1, &policy);
    append_at(&r, "records", 0, r.now_ms - 2 * HOUR_MS); /* old when it comes */
    append_at(&r, "appends", 0, r.now_ms - 2 * HOUR_MS);
    rig_advance(&r, RETENTION_STEP_MS);
    assert_int_equal(start_of(&r, "records"), RECORDS);
    assert_int_equal(start_of(&r, "appends"), 0);
    append_at(&r, "records", 0, r.now_ms + HOUR_MS); /* from the future: it stays longer, and what is behind it */
    append(&r, "records");
    rig_advance(&r, HOUR_MS + RETENTION_STEP_MS);
    assert_int_equal(start_of(&r, "records"), RECORDS);
    assert_int_equal(start_of(&r, "appends"), RECORDS);
    rig_advance(&r, HOUR_MS);
    assert_int_equal(start_of(&r, "records"), 3 * RECORDS);
    rig_close(&r);
}

static void what_has_no_time_has_that_of_its_append(void **state)
{
    const struct topic_policy policy = { .retention_ms = HOUR_MS };
    struct rig                r;

    (void)state;
    open_with(&r, &policy);
    append_at(&r, "t", 0, -1 - RECORDS);
    rig_advance(&r, HOUR_MS);
    assert_int_equal(start_of(&r, "t"), 0);
    rig_advance(&r, 1);
    assert_int_equal(start_of(&r, "t"), RECORDS);
    rig_close(&r);
}

static void a_log_keeps_at_least_its_size(void **state)
{
    struct topic_policy policy = { 0 };
    struct rig          r;
    uint64_t            batch;

    (void)state;
    open_with(&r, &policy);
    append(&r, "t");
    batch = log_of(&r, "t", 0)->bytes;
    policy.retention_bytes = (int64_t)(3 * batch);
    rig_alter_topic(&r, "t", &policy);
    for (int i = 0; i < 3; i++)
        append(&r, "t");
    rig_advance(&r, RETENTION_STEP_MS);
    assert_int_equal(start_of(&r, "t"), RECORDS);
    policy.retention_bytes = (int64_t)(2 * batch + 1); /* with two batches it has less */
    rig_alter_topic(&r, "t", &policy);
    rig_advance(&r, RETENTION_STEP_MS);
    assert_int_equal(start_of(&r, "t"), RECORDS);
    policy.retention_bytes = 1;
    rig_alter_topic(&r, "t", &policy);
    rig_advance(&r, RETENTION_STEP_MS);
    assert_int_equal(start_of(&r, "t"), 3 * RECORDS);
    expect_after_restart(&r, "t", 3 * RECORDS);
    rig_close(&r);
}

static void a_shorter_time_acts_at_once_and_a_longer_one_saves(void **state)
{
    struct topic_policy policy = { .retention_ms = HOUR_MS };
    struct rig          r;

    (void)state;
    open_with(&r, &policy);
    append(&r, "t");
    policy.retention_ms = 3 * HOUR_MS;
    rig_alter_topic(&r, "t", &policy);
    rig_advance(&r, 2 * HOUR_MS);
    assert_int_equal(start_of(&r, "t"), 0);
    policy.retention_ms = HOUR_MS;
    rig_alter_topic(&r, "t", &policy);
    rig_turn(&r);
    assert_int_equal(start_of(&r, "t"), RECORDS);
    rig_close(&r);
}

static void many_logs_take_turns(void **state)
{
    enum { LOGS = 5000, SHARE = 1000 };
    const struct topic_policy policy = { .retention_ms = HOUR_MS };
    struct rig                r;
    int                       cut = 0;

    (void)state;
    rig_open(&r);
    rig_create_topic(&r, "t", LOGS, &policy);
    for (uint32_t i = 0; i < LOGS; i++)
        append_at(&r, "t", i, r.now_ms);
    rig_advance(&r, HOUR_MS + RECORDS);
    for (uint32_t i = 0; i < LOGS; i++)
        cut += log_of(&r, "t", i)->start > 0;
    assert_int_equal(cut, SHARE);
    for (int ms = 1; ms < LOGS / SHARE; ms++)
        rig_advance(&r, 1);
    for (uint32_t i = 0; i < LOGS; i++)
        assert_int_equal(log_of(&r, "t", i)->start, RECORDS);
    rig_close(&r);
}

/* ---- with queues ---- */

static void declare(struct rig *r, const char *name, const char *topic)
{
    struct queue_declare_call *c = RIG_CALL(r, queue_declare_call, QUEUE_DECLARE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->topic = bytes_str(topic);
    c->is_durable = true;
    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    call_free(c);
}

/* Takes up to n messages for good; how many came. */
static size_t take(struct rig *r, const char *name, uint32_t n)
{
    struct lease_call *c = RIG_CALL(r, lease_call, LEASE);
    size_t             count;

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->queue = bytes_str(name);
    c->messages_max = n;
    c->bytes_max = 1 << 20;
    c->no_ack = true;
    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    count = c->message_count;
    for (size_t i = 0; i < count; i++)
        slice_drop(&c->messages[i].batch);
    call_free(c);
    return count;
}

static struct queue *queue_of(struct rig *r, const char *name)
{
    return queue_find(r->engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(name));
}

static struct ledger *ledger_of(struct rig *r, const char *name)
{
    return &queue_of(r, name)->ledger;
}

static void with_both_old_and_settled_is_what_counts(void **state)
{
    const struct topic_policy policy = { .retention = RETAIN_BOTH, .retention_ms = HOUR_MS };
    struct rig                r;

    (void)state;
    open_with(&r, &policy);
    declare(&r, "q", "t");
    append(&r, "t");
    append(&r, "t");
    assert_int_equal(take(&r, "q", RECORDS), RECORDS);
    assert_int_equal(start_of(&r, "t"), 0); /* settled, but young */
    rig_advance(&r, HOUR_MS + RETENTION_STEP_MS);
    assert_int_equal(start_of(&r, "t"), RECORDS); /* the second one is old, but not settled */
    rig_restart(&r);
    rig_advance(&r, HOUR_MS);
    assert_int_equal(start_of(&r, "t"), RECORDS);
    assert_int_equal(take(&r, "q", 100), RECORDS);
    rig_advance(&r, RETENTION_STEP_MS);
    assert_int_equal(start_of(&r, "t"), 2 * RECORDS);
    rig_close(&r);
}

static void without_its_last_queue_a_log_waits_for_nobody(void **state)
{
    const struct topic_policy policy = { .retention = RETAIN_BOTH, .retention_ms = HOUR_MS };
    struct queue_delete_call *c;
    struct rig                r;

    (void)state;
    open_with(&r, &policy);
    declare(&r, "q", "t");
    append(&r, "t");
    rig_advance(&r, 2 * HOUR_MS);
    assert_int_equal(start_of(&r, "t"), 0);
    c = RIG_CALL(&r, queue_delete_call, QUEUE_DELETE);
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str("q");
    assert_true(rig_run(&r, c));
    call_free(c);
    rig_advance(&r, 1);
    assert_int_equal(start_of(&r, "t"), RECORDS);
    rig_close(&r);
}

static void until_settled_may_have_an_age_as_well(void **state)
{
    const struct topic_policy policy = { .retention = RETAIN_UNTIL_SETTLED,
                                         .retention_ms = HOUR_MS };
    struct rig                r;

    (void)state;
    open_with(&r, &policy);
    declare(&r, "q", "t");
    append(&r, "t");
    append(&r, "t");
    assert_int_equal(take(&r, "q", 2 * RECORDS), 2 * RECORDS);
    assert_int_equal(start_of(&r, "t"), 2 * RECORDS); /* all is settled: at once */
    append(&r, "t");
    rig_advance(&r, HOUR_MS + RETENTION_STEP_MS);
    assert_int_equal(start_of(&r, "t"), 3 * RECORDS); /* nobody took them in time */
    assert_int_equal(ledger_of(&r, "q")->fates[FATE_EVICTED], RECORDS);
    assert_int_equal(take(&r, "q", 100), 0);
    rig_close(&r);
}

/* ---- of queues ---- */

static void declare_for(struct rig *r, const char *name, int64_t retention_ms)
{
    struct queue_declare_call *c = RIG_CALL(r, queue_declare_call, QUEUE_DECLARE);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->is_durable = true;
    c->policy.lease_ms = 10 * HOUR_MS;
    c->policy.retention_ms = retention_ms;
    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    call_free(c);
}

static void old_messages_go_though_nobody_asks(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    declare_for(&r, "q", HOUR_MS);
    append(&r, "q");
    rig_advance(&r, HOUR_MS / 2);
    append(&r, "q");
    rig_advance(&r, HOUR_MS / 2 - 1);
    assert_int_equal(ledger_of(&r, "q")->ready_count, 2 * RECORDS);
    rig_advance(&r, 1);
    assert_int_equal(ledger_of(&r, "q")->ready_count, RECORDS);
    assert_int_equal(ledger_of(&r, "q")->fates[FATE_EXPIRED], RECORDS);
    rig_restart(&r);
    assert_int_equal(ledger_of(&r, "q")->fates[FATE_EXPIRED], RECORDS);
    rig_advance(&r, HOUR_MS);
    assert_int_equal(ledger_of(&r, "q")->ready_count, 0);
    assert_int_equal(ledger_of(&r, "q")->fates[FATE_EXPIRED], 2 * RECORDS);
    assert_int_equal(start_of(&r, "q"), 2 * RECORDS); /* nobody needs them any more */
    assert_false(timer_is_started(&queue_of(&r, "q")->retention));
    append(&r, "q");
    assert_int_equal(take(&r, "q", 100), RECORDS);
    rig_close(&r);
}

/* Leases one message. */
static struct lease lease_one(struct rig *r, const char *name)
{
    struct lease_call *c = RIG_CALL(r, lease_call, LEASE);
    struct lease       lease;

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->queue = bytes_str(name);
    c->messages_max = 1;
    c->bytes_max = 1 << 20;
    c->lease_ms = -1;
    assert_true(rig_run(r, c));
    assert_int_equal(c->message_count, 1);
    lease = c->messages[0].lease;
    slice_drop(&c->messages[0].batch);
    call_free(c);
    return lease;
}

static void what_is_leased_goes_when_it_comes_back(void **state)
{
    struct settle_call *c;
    struct rig          r;

    (void)state;
    rig_open(&r);
    declare_for(&r, "q", HOUR_MS);
    append(&r, "q");
    c = RIG_CALL(&r, settle_call, SETTLE);
    c->item_count = 1;
    c->items = arena_struct(&c->call.arena, struct settle_item);
    c->items->lease = lease_one(&r, "q");
    c->items->action = SETTLE_RELEASE;
    rig_advance(&r, 2 * HOUR_MS);
    assert_int_equal(ledger_of(&r, "q")->leased_count, 1);
    assert_int_equal(ledger_of(&r, "q")->fates[FATE_EXPIRED], RECORDS - 1);
    assert_int_equal(start_of(&r, "q"), 0);
    assert_true(rig_run(&r, c));
    assert_int_equal(c->items->err, ERR_OK);
    call_free(c);
    rig_advance(&r, 1);
    assert_int_equal(ledger_of(&r, "q")->ready_count, 0);
    assert_int_equal(ledger_of(&r, "q")->fates[FATE_EXPIRED], RECORDS);
    assert_int_equal(start_of(&r, "q"), RECORDS);
    rig_close(&r);
}

static void a_shorter_time_of_a_queue_acts_at_once(void **state)
{
    struct queue_alter_call *c;
    struct rig               r;

    (void)state;
    rig_open(&r);
    declare_for(&r, "q", 3 * HOUR_MS);
    append(&r, "q");
    rig_advance(&r, 2 * HOUR_MS);
    assert_int_equal(ledger_of(&r, "q")->ready_count, RECORDS);
    c = RIG_CALL(&r, queue_alter_call, QUEUE_ALTER);
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str("q");
    c->policy = (struct queue_policy){ .lease_ms = HOUR_MS, .retention_ms = HOUR_MS };
    assert_true(rig_run(&r, c));
    call_free(c);
    rig_turn(&r);
    assert_int_equal(ledger_of(&r, "q")->ready_count, 0);
    rig_close(&r);
}

/* ---- CALL_LOG_TRIM ---- */

static enum err trim(struct rig *r, const char *name, uint32_t partition, int64_t offset,
                     uint64_t *start)
{
    struct log_trim_call *c = RIG_CALL(r, log_trim_call, LOG_TRIM);
    enum err              err;

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->partition = partition;
    c->offset = offset;
    assert_true(rig_run(r, c));
    err = c->call.err;
    *start = c->log_start;
    call_free(c);
    return err;
}

static struct read_call *reading(struct rig *r, const char *name, uint64_t offset)
{
    struct read_call *c = RIG_CALL(r, read_call, READ);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->bytes_max = 1 << 20;
    c->item_count = 1;
    c->items = arena_struct(&c->call.arena, struct read_item);
    *c->items = (struct read_item){ .name = bytes_str(name), .offset = offset, .bytes_max = 1 << 20 };
    return c;
}

static void end_reading(struct read_call *c)
{
    for (size_t i = 0; i < c->items->batch_count; i++)
        slice_drop(&c->items->batches[i].bytes);
    call_free(c);
}

static void records_below_an_offset_go_when_asked(void **state)
{
    const struct topic_policy policy = { 0 };
    struct rig                r;
    uint64_t                  start;

    (void)state;
    open_with(&r, &policy);
    for (int i = 0; i < 3; i++)
        append(&r, "t");
    assert_int_equal(trim(&r, "t", 0, RECORDS + 5, &start), ERR_OK);
    assert_int_equal(start, RECORDS + 5); /* inside a batch, which stays */
    expect_after_restart(&r, "t", RECORDS + 5);
    assert_int_equal(log_of(&r, "t", 0)->entries.count, 2);
    assert_int_equal(trim(&r, "t", 0, 3, &start), ERR_OK);
    assert_int_equal(start, RECORDS + 5);
    assert_int_equal(trim(&r, "t", 0, 3 * RECORDS + 1, &start), ERR_OUT_OF_RANGE);
    assert_int_equal(trim(&r, "t", 0, -2, &start), ERR_OUT_OF_RANGE);
    assert_int_equal(trim(&r, "t", 1, 0, &start), ERR_NO_PARTITION);
    assert_int_equal(trim(&r, "u", 0, 0, &start), ERR_NO_TOPIC);
    assert_int_equal(trim(&r, "t", 0, OFFSET_LATEST, &start), ERR_OK);
    assert_int_equal(start, 3 * RECORDS);
    expect_after_restart(&r, "t", 3 * RECORDS);
    append(&r, "t");
    assert_int_equal(log_of(&r, "t", 0)->end, 4 * RECORDS);
    rig_close(&r);
}

/* R3: the answer to a read waits for the trim it shows, and only for that. */
static void a_start_is_not_shown_before_it_is_on_disk(void **state)
{
    const struct topic_policy policy = { 0 };
    struct rig                r;
    struct log_trim_call     *c;
    struct read_call         *read[2];

    (void)state;
    open_with(&r, &policy);
    rig_create_topic(&r, "other", 1, &policy);
    append(&r, "t");
    append(&r, "other");
    c = RIG_CALL(&r, log_trim_call, LOG_TRIM);
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str("t");
    c->offset = 5;
    r.answered = 0;
    rig_submit(&r, c);
    read[0] = reading(&r, "other", 0);
    rig_submit(&r, read[0]);
    assert_int_equal(r.answered, 1);
    read[1] = reading(&r, "t", 5);
    rig_submit(&r, read[1]);
    assert_int_equal(r.answered, 1);
    rig_turn(&r);
    assert_int_equal(r.answered, 3);
    assert_int_equal(c->log_start, 5);
    assert_int_equal(read[1]->items->log_start, 5);
    call_free(c);
    for (int i = 0; i < 2; i++)
        end_reading(read[i]);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_records_go_on_an_idle_log),
        cmocka_unit_test(age_is_that_of_the_records_or_of_the_append),
        cmocka_unit_test(what_has_no_time_has_that_of_its_append),
        cmocka_unit_test(a_log_keeps_at_least_its_size),
        cmocka_unit_test(a_shorter_time_acts_at_once_and_a_longer_one_saves),
        cmocka_unit_test(many_logs_take_turns),
        cmocka_unit_test(with_both_old_and_settled_is_what_counts),
        cmocka_unit_test(without_its_last_queue_a_log_waits_for_nobody),
        cmocka_unit_test(until_settled_may_have_an_age_as_well),
        cmocka_unit_test(old_messages_go_though_nobody_asks),
        cmocka_unit_test(what_is_leased_goes_when_it_comes_back),
        cmocka_unit_test(a_shorter_time_of_a_queue_acts_at_once),
        cmocka_unit_test(records_below_an_offset_go_when_asked),
        cmocka_unit_test(a_start_is_not_shown_before_it_is_on_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
