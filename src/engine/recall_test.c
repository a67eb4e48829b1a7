/*
 * recall_test.c - batches of the journal that are not in memory: the engine's turn waits for no disk, and
 * what the disk does not give back costs nobody anything else.
 */
#include "engine/recall.h"
#include "base/diag.h"
#include "engine/outbox.h"
#include "engine/queue_rig.h"
#include "store/frame.h"

enum { RECORDS = 40, VALUE_BYTES = 600 };

static const char *const NS = NAMESPACE_DEFAULT;

/* What lies 4 KiB behind the end is cold. */
static const struct engine_options small = {
    .journal_file_bytes = 64 << 10,
    .hot_bytes = 4 << 10,
    .journal_bytes_max = 64 << 20,
    .checkpoint = { .every_bytes = 64 << 20, .every_rows = 1 << 20 },
};

static struct slice batch_of(uint32_t number, int64_t time_ms)
{
    struct buf          b;
    struct batch_writer w;
    struct slice        s;
    uint8_t             value[VALUE_BYTES];

    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(number * 7 + i * 3);
    buf_init(&b);
    batch_begin(&w, &b);
    batch_add(&w, time_ms, bytes_of(NULL, 0), bytes_of(value, sizeof value), NULL, 0);
    batch_end(&w);
    s = slice_copy(buf_view(&b));
    buf_fini(&b);
    return s;
}

static bool is_batch(struct bytes batch, uint32_t number)
{
    struct slice        want = batch_of(number, 0);
    struct batch_reader got, made;
    struct record       a, b;
    bool                same;

    assert_int_equal(batch_open(&got, batch), ERR_OK);
    assert_int_equal(batch_open(&made, want.bytes), ERR_OK);
    same = batch_next(&got, &a, NULL) && batch_next(&made, &b, NULL) && bytes_eq(a.value, b.value);
    batch_close(&got);
    batch_close(&made);
    slice_drop(&want);
    return same;
}

static void append(struct rig *r, uint32_t number)
{
    rig_append(r, "q", 0, batch_of(number, r->now_ms + number));
}

static void fill(struct rig *r)
{
    for (uint32_t i = 0; i < RECORDS; i++)
        append(r, i);
}

static const struct log_entry *entry_of(struct rig *r, uint64_t offset)
{
    const struct log *l = rig_topic(r, "q")->logs[0];

    return &log_entries(l)[log_entry_index(l, offset)];
}

/* Where in its file, the only one of its claim, a batch lies. */
static uint64_t place_of(struct rig *r, uint64_t offset)
{
    return FILE_HEADER_BYTES + entry_of(r, offset)->position;
}

/* From offset on, so many batches; what comes then is answered with err, or there is nothing. */
static void assert_reads(struct rig *r, uint64_t offset, size_t count)
{
    while (count > 0) {
        struct read_call *c = rig_reading(r, "q", 0, offset, 1 << 20);

        assert_true(rig_run(r, c));
        assert_int_equal(c->items->err, ERR_OK);
        assert_true(c->items->batch_count > 0 && c->items->batch_count <= count);
        for (size_t i = 0; i < c->items->batch_count; i++)
            assert_true(is_batch(c->items->batches[i].bytes.bytes, (uint32_t)offset++));
        count -= c->items->batch_count;
        rig_free_reading(c);
    }
}

static void assert_unreadable(struct rig *r, uint64_t offset)
{
    struct read_call *c = rig_reading(r, "q", 0, offset, 1 << 20);

    assert_true(rig_run(r, c));
    assert_int_equal(c->items->err, ERR_CORRUPT);
    assert_int_equal(c->items->batch_count, 0);
    rig_free_reading(c);
}

static void reopen(struct rig *r)
{
    rig_close_engine(r);
    rig_open_engine(r);
    rig_turn(r);
}

/* ---- who waits for the disk ---- */

/* The turn in which a call comes in, without the threads that work for the engine. */
static void submit_only(struct rig *r, void *call)
{
    uint64_t reads = disk_sim_reads(r->disk);

    engine_begin(r->engine, r->now_ms);
    engine_submit(r->engine, call);
    engine_end(r->engine);
    mail_run(&r->home);
    assert_int_equal(disk_sim_reads(r->disk), reads);
}

static void a_turn_waits_for_no_disk(void **state)
{
    struct lease_call *lease;
    struct read_call  *c;
    struct rig         r;
    int                before;

    (void)state;
    rig_open_options(&r, &small);
    rig_declare(&r, "q");
    fill(&r);
    for (int round = 0; round < 2; round++) { /* of this claim, far behind the end; of an older one */
        before = r.answered;
        c = rig_reading(&r, "q", 0, 3, 1 << 20);
        submit_only(&r, c);
        lease = RIG_CALL(&r, lease_call, LEASE);
        lease->ns = bytes_str(NS);
        lease->queue = bytes_str("q");
        lease->messages_max = 1;
        lease->bytes_max = 1 << 20;
        lease->lease_ms = 1;
        submit_only(&r, lease);
        assert_int_equal(r.answered, before);
        rig_turn(&r);
        assert_int_equal(r.answered, before + 2);
        assert_true(is_batch(c->items->batches[0].bytes.bytes, 3));
        assert_int_equal(lease->message_count, 1);
        assert_true(is_batch(lease->messages[0].batch.bytes, 0));
        slice_drop(&lease->messages[0].batch);
        call_free(lease);
        rig_free_reading(c);
        rig_advance(&r, 10); /* the lease is over */
        reopen(&r);
    }
    rig_close(&r);
}

static void what_was_just_written_is_read_at_once(void **state)
{
    struct read_call *c;
    struct rig        r;

    (void)state;
    rig_open_options(&r, &small);
    rig_declare(&r, "q");
    fill(&r);
    c = rig_reading(&r, "q", 0, RECORDS - 2, 1 << 20);
    submit_only(&r, c);
    assert_int_equal(c->items->batch_count, 2);
    assert_true(is_batch(c->items->batches[0].bytes.bytes, RECORDS - 2));
    rig_free_reading(c);
    assert_reads(&r, 0, RECORDS);
    rig_close(&r);
}

static void a_small_cache_is_enough(void **state)
{
    struct engine_options options = small;
    struct message_ref    refs[RECORDS];
    struct rig            r;

    (void)state;
    options.cache_bytes_max = 1;
    rig_open_options(&r, &options);
    rig_declare(&r, "q");
    fill(&r);
    assert_reads(&r, 0, RECORDS);
    reopen(&r);
    assert_reads(&r, 5, RECORDS - 5);
    assert_true(r.engine->loads.bytes <= 1);
    assert_int_equal(rig_lease(&r, "q", RECORDS, 5000, refs), RECORDS);
    rig_close(&r);
}

static void offsets_are_found_by_time(void **state)
{
    struct list_offsets_call *c;
    struct list_offsets_item  item = { .name = bytes_str("q") };
    struct rig                r;

    (void)state;
    rig_open_options(&r, &small);
    rig_declare(&r, "q");
    fill(&r);
    item.timestamp_ms = r.now_ms + 7;
    c = RIG_CALL(&r, list_offsets_call, LIST_OFFSETS);
    c->ns = bytes_str(NS);
    c->item_count = 1;
    c->items = &item;
    assert_int_equal(rig_end(&r, c), ERR_OK);
    assert_int_equal(item.err, ERR_OK);
    assert_int_equal(item.offset, 7);
    rig_close(&r);
}

static void bind(struct rig *r, const char *queue)
{
    struct bind_call *c = RIG_CALL(r, bind_call, BIND);

    c->ns = bytes_str(NS);
    c->source = bytes_str("amq.fanout");
    c->destination = bytes_str(queue);
    c->key = bytes_str("");
    assert_int_equal(rig_end(r, c), ERR_OK);
}

/* One batch in the journal is many logs', each with an offset of its own. */
static void logs_that_share_a_batch_keep_their_offsets(void **state)
{
    struct rig r;
    char       value[16];

    (void)state;
    rig_open_options(&r, &small);
    rig_declare(&r, "a");
    rig_declare(&r, "b");
    rig_fill(&r, "b", 1);
    bind(&r, "a");
    bind(&r, "b");
    assert_int_equal(rig_publish(&r, "amq.fanout", "", "shared"), 2);
    reopen(&r);
    for (uint64_t i = 0; i < 2; i++) {
        struct lease_call *c = rig_leasing(&r, i == 0 ? "a" : "b", 2);

        c->lease_ms = 5000;
        assert_true(rig_run(&r, c));
        assert_int_equal(c->message_count, i + 1);
        assert_int_equal(c->messages[i].offset, i);
        rig_copy_value(&c->messages[i], value);
        assert_string_equal(value, "shared");
        rig_free_leasing(c);
    }
    rig_close(&r);
}

/* ---- what cannot be read ---- */

static void assert_damaged(struct rig *r, uint64_t offset)
{
    struct message_ref refs[RECORDS];
    uint64_t           expected = 0;

    assert_unreadable(r, offset);
    assert_reads(r, 0, offset); /* what is before it */
    assert_reads(r, offset + 1, RECORDS - offset - 1);
    while (expected < RECORDS) {
        int n = (int)rig_lease(r, "q", RECORDS, 5000, refs);

        assert_true(n > 0);
        for (int i = 0; i < n; i++, expected++) {
            expected += expected == offset;
            assert_int_equal(refs[i].offset, expected);
        }
    }
    assert_int_equal(rig_queue(r, "q")->ledger.fates[FATE_DAMAGED], 1);
    assert_int_equal(recall_damaged_count(rig_topic(r, "q")->logs[0]), 1);
}

static void a_changed_bit_costs_one_batch(void **state)
{
    struct rig r;

    (void)state;
    diag_set_level(DIAG_NONE);
    for (int round = 0; round < 2; round++) { /* of this claim, and of an older one */
        rig_open_options(&r, &small);
    r.is_damaged = true;
        rig_declare(&r, "q");
        fill(&r);
        assert_true(disk_sim_rot(r.disk, "shard/000/journal/1-1", place_of(&r, 9) + 300));
        if (round > 0)
            reopen(&r); /* a checkpoint stands for it: it is not replayed */
        assert_damaged(&r, 9);
        rig_close(&r);
    }
    diag_set_level(DIAG_WARN);
}

static void an_unreadable_sector_costs_one_batch(void **state)
{
    struct rig r;

    (void)state;
    diag_set_level(DIAG_NONE);
    for (int round = 0; round < 2; round++) {
        rig_open_options(&r, &small);
    r.is_damaged = true;
        rig_declare(&r, "q");
        fill(&r);
        if (round > 0)
            reopen(&r);
        disk_sim_spoil(r.disk, "shard/000/journal/1-1", place_of(&r, 9) + 300);
        assert_damaged(&r, 9);
        rig_close(&r);
    }
    diag_set_level(DIAG_WARN);
}

/* The log that has it stays in the journal, all others are moved. */
static void the_mover_survives_an_unreadable_sector(void **state)
{
    struct engine_options options = small;
    struct rig            r;

    (void)state;
    diag_set_level(DIAG_NONE);
    options.journal_bytes_max = 64 << 10;
    rig_open_options(&r, &options);
    r.is_damaged = true;
    rig_declare(&r, "q");
    rig_declare(&r, "other");
    append(&r, 0);
    append(&r, 1);
    disk_sim_spoil(r.disk, "shard/000/journal/1-1", place_of(&r, 1) + 300);
    for (uint32_t i = 2; i < 200; i++) {
        append(&r, i);
        rig_fill(&r, "other", 1);
    }
    rig_turn(&r);
    assert_true(rig_topic(&r, "q")->logs[0]->is_damaged);
    assert_true(rig_topic(&r, "other")->logs[0]->extents.count > 0);
    assert_reads(&r, 0, 1);
    assert_unreadable(&r, 1);
    assert_reads(&r, 2, 198);
    rig_close(&r);
    diag_set_level(DIAG_WARN);
}

/* What is on its way to a consumer is pinned, whatever becomes of its log. */
static void a_message_on_its_way_keeps_its_bytes(void **state)
{
    struct lease_call       *lease;
    struct queue_purge_call *purge;
    struct rig               r;

    (void)state;
    rig_open_options(&r, &small);
    rig_declare(&r, "q");
    append(&r, 0);
    lease = RIG_CALL(&r, lease_call, LEASE);
    lease->ns = bytes_str(NS);
    lease->queue = bytes_str("q");
    lease->messages_max = 1;
    lease->bytes_max = 1 << 20;
    lease->no_ack = true; /* settled at once: the log has it no more */
    engine_begin(r.engine, r.now_ms);
    engine_submit(r.engine, &lease->call);
    purge = RIG_CALL(&r, queue_purge_call, QUEUE_PURGE);
    purge->ns = bytes_str(NS);
    purge->name = bytes_str("q");
    engine_submit(r.engine, &purge->call);
    engine_end(r.engine);
    assert_int_equal(log_pinned(r.engine), UINT64_MAX);
    assert_true(outbox_pinned(r.engine->outbox) < journal_end(r.engine->journal));
    rig_turn(&r);
    assert_int_equal(lease->message_count, 1);
    assert_true(is_batch(lease->messages[0].batch.bytes, 0));
    assert_int_equal(outbox_pinned(r.engine->outbox), UINT64_MAX);
    slice_drop(&lease->messages[0].batch);
    call_free(lease);
    call_free(purge);
    rig_close(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_waits_for_no_disk),
        cmocka_unit_test(what_was_just_written_is_read_at_once),
        cmocka_unit_test(a_small_cache_is_enough),
        cmocka_unit_test(offsets_are_found_by_time),
        cmocka_unit_test(logs_that_share_a_batch_keep_their_offsets),
        cmocka_unit_test(a_changed_bit_costs_one_batch),
        cmocka_unit_test(an_unreadable_sector_costs_one_batch),
        cmocka_unit_test(the_mover_survives_an_unreadable_sector),
        cmocka_unit_test(a_message_on_its_way_keeps_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
