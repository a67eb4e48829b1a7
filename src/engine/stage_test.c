/* stage_test.c - appends of one turn: small batches become one change, and are the same after a replay. */
#include "engine/queue_rig.h"

enum { BATCHES = 300, LARGE = 100, EXTRA_BYTES = 1024 };

/* The one in the middle is too large for a run; the last third of them is delayed. */
static struct slice nth_batch(int n)
{
    static char large[APPEND_RUN_BATCH_BYTES_MAX + 1];
    char        value[16];

    memset(large, 'x', sizeof large - 1);
    snprintf(value, sizeof value, "v%d", n);
    return rig_batch("k", n == LARGE ? large : value, 1 + n % 3);
}

static int64_t nth_delay(int n)
{
    return n < BATCHES / 3 * 2 ? -1 : 5000;
}

static uint64_t nth_offset(int n)
{
    uint64_t offset = 0;

    while (n-- > 0)
        offset += 1 + (uint64_t)n % 3;
    return offset;
}

/* Returns how many bytes of journal their records took besides them. */
static uint64_t append_all(struct rig *r)
{
    struct slice        batches[BATCHES];
    struct append_call *c;
    uint64_t            bytes = 0;
    uint64_t            before = journal_end(r->engine->journal);

    for (int i = 0; i < BATCHES; i++) {
        batches[i] = nth_batch(i);
        bytes += batches[i].bytes.len;
    }
    c = rig_appending(r, "q", 0, batches, BATCHES);
    for (int i = 0; i < BATCHES; i++)
        c->items[i].delay_ms = nth_delay(i);
    assert_true(rig_run(r, c));
    for (int i = 0; i < BATCHES; i++) {
        assert_int_equal(c->items[i].err, ERR_OK);
        assert_int_equal(c->items[i].base_offset, nth_offset(i));
    }
    call_free(c);
    return journal_end(r->engine->journal) - before - bytes;
}

static void assert_batch(struct bytes batch, int n)
{
    struct slice       want = nth_batch(n);
    struct batch_head  head;
    const struct bytes tail = bytes_of(batch.at + 12, batch.len - 12); /* behind its base offset and length */

    assert_int_equal(batch_check(batch, &head), ERR_OK);
    assert_int_equal(head.base_offset, nth_offset(n));
    assert_int_equal(batch.len, want.bytes.len);
    assert_memory_equal(tail.at, want.bytes.at + 12, tail.len);
    slice_drop(&want);
}

static void assert_all_read(struct rig *r)
{
    int n = 0;

    while (n < BATCHES) {
        struct read_call *c = rig_reading(r, "q", 0, nth_offset(n), 1 << 20);

        assert_true(rig_run(r, c));
        assert_int_equal(c->items->err, ERR_OK);
        assert_true(c->items->batch_count > 0);
        for (size_t i = 0; i < c->items->batch_count; i++)
            assert_batch(c->items->batches[i].bytes.bytes, n++);
        rig_free_reading(c);
    }
    assert_int_equal(n, BATCHES);
}

static void small_batches_of_a_turn_are_one_change(void **state)
{
    const uint64_t all = nth_offset(BATCHES);
    const uint64_t ready = nth_offset(BATCHES / 3 * 2);
    struct rig     r;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    assert_true(append_all(&r) < EXTRA_BYTES);
    rig_counts(&r, "q", ready, 0, all - ready);
    assert_all_read(&r);
    rig_crash(&r);
    rig_counts(&r, "q", ready, 0, all - ready);
    assert_all_read(&r);
    rig_advance(&r, 5001);
    rig_counts(&r, "q", all, 0, 0);
    rig_close(&r);
}

/* ---- what no program of ours wrote ---- */

struct run {
    uint64_t     log, base, count;
    struct bytes payload;
};

static enum err apply(struct rig *r, const struct run *run)
{
    struct buf head;
    enum err   err;

    buf_init(&head);
    buf_varint(&head, r->now_ms);
    buf_uvarint(&head, run->log);
    buf_uvarint(&head, run->base);
    buf_uvarint(&head, 0);
    buf_uvarint(&head, run->count);
    err = engine_apply(r->engine, CHANGE_APPENDED_RUN, buf_view(&head), run->payload, 1 << 20);
    buf_fini(&head);
    return err;
}

static void assert_refused(struct rig *r, struct run run)
{
    assert_int_equal(apply(r, &run), ERR_CORRUPT);
    assert_int_equal(rig_topic(r, "q")->logs[0]->end, 0);
}

static void a_run_that_makes_no_sense_is_refused(void **state)
{
    struct slice one = rig_batch("k", "v", 1);
    struct slice of_producer = rig_batch("k", "v", 1);
    struct rig   r;
    uint64_t     log;

    (void)state;
    rig_open(&r);
    rig_declare(&r, "q");
    log = rig_topic(&r, "q")->logs[0]->id;
    put_u64((uint8_t *)(uintptr_t)of_producer.bytes.at + 43, 7);
    assert_refused(&r, (struct run){ log + 1, 0, 1, one.bytes });
    assert_refused(&r, (struct run){ log, 1, 1, one.bytes });
    assert_refused(&r, (struct run){ log, 0, 0, one.bytes });
    assert_refused(&r, (struct run){ log, 0, 2, one.bytes });
    assert_refused(&r, (struct run){ log, 0, APPEND_RUN_BATCHES_MAX + 1, one.bytes });
    assert_refused(&r, (struct run){ log, 0, 1, bytes_of(one.bytes.at, one.bytes.len - 1) });
    assert_refused(&r, (struct run){ log, 0, 1, bytes_of(one.bytes.at, 60) });
    assert_refused(&r, (struct run){ log, 0, 1, of_producer.bytes });
    slice_drop(&one);
    slice_drop(&of_producer);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_batches_of_a_turn_are_one_change),
        cmocka_unit_test(a_run_that_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
