/* engine_test.c - topics, appends, reads and producers through the real engine and journal. */
#include <stdio.h>

#include "engine/engine_rig.h"

static const char *const NS = NAMESPACE_DEFAULT;

static enum err create(struct rig *r, const char *name, uint32_t partitions)
{
    struct topic_create_call *c = RIG_NEW(r, topic_create_call, CALL_TOPIC_CREATE);
    enum err                  err;

    c->ns = bytes_str(NS);
    c->name = bytes_str(name);
    c->partition_count = partitions;
    assert_true(rig_call(r, c));
    err = c->call.err;
    call_free(c);
    return err;
}

/* Appends one batch; *item is what the engine made of it. */
static void append_slice(struct rig *r, const char *name, int32_t partition, struct slice batch,
                         struct append_item *out)
{
    struct append_call *c = RIG_NEW(r, append_call, CALL_APPEND);
    struct append_item  item = { .name = bytes_str(name), .partition = partition, .batch = batch };

    c->ns = bytes_str(NS);
    c->item_count = 1;
    c->items = &item;
    assert_true(rig_call(r, c));
    assert_null(item.batch.block);
    *out = item;
    call_free(c);
}

static struct append_item append(struct rig *r, const char *name, int32_t partition, int n)
{
    struct append_item item;

    append_slice(r, name, partition, rig_batch(n, r->now_ms, NULL), &item);
    return item;
}

static struct read_call *new_read(struct rig *r, const char *name, uint32_t partition,
                                  uint64_t offset, int64_t wait_ms)
{
    struct read_call *c = RIG_NEW(r, read_call, CALL_READ);

    c->ns = bytes_str(NS);
    c->bytes_max = 1 << 20;
    c->bytes_min = 1;
    c->wait_ms = wait_ms;
    c->item_count = 1;
    c->items = arena_struct(&c->call.arena, struct read_item);
    c->items->name = bytes_str(name);
    c->items->partition = partition;
    c->items->offset = offset;
    c->items->bytes_max = 1 << 20;
    return c;
}

static void free_read(struct read_call *c)
{
    for (size_t i = 0; i < c->items->batch_count; i++)
        slice_drop(&c->items->batches[i].bytes);
    call_free(c);
}

/* How many records lie at and after offset, from the batches themselves. */
static int count_from(struct rig *r, const char *name, uint32_t partition, uint64_t offset)
{
    struct read_call *c = new_read(r, name, partition, offset, 0);
    int               n = 0;

    assert_true(rig_call(r, c));
    assert_int_equal(c->items->err, ERR_OK);
    for (size_t i = 0; i < c->items->batch_count; i++) {
        struct batch_head head;

        assert_int_equal(batch_check(c->items->batches[i].bytes.bytes, &head), ERR_OK);
        assert_int_equal(head.base_offset, c->items->batches[i].base_offset);
        n += head.record_count;
    }
    free_read(c);
    return n;
}

static void offsets_grow_without_gaps(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    assert_int_equal(create(&r, "t", 2), ERR_OK);
    assert_int_equal(create(&r, "t", 2), ERR_EXISTS);
    assert_int_equal(append(&r, "t", 0, 3).base_offset, 0);
    assert_int_equal(append(&r, "t", 0, 2).base_offset, 3);
    assert_int_equal(append(&r, "t", 1, 1).base_offset, 0);
    assert_int_equal(append(&r, "t", 2, 1).err, ERR_NO_PARTITION);
    assert_int_equal(append(&r, "u", 0, 1).err, ERR_NO_TOPIC);
    assert_int_equal(count_from(&r, "t", 0, 0), 5);
    assert_int_equal(count_from(&r, "t", 0, 4), 2); /* inside the second batch: that whole batch */
    assert_int_equal(count_from(&r, "t", 0, 5), 0);
    rig_close(&r);
}

static void an_offset_beyond_the_end_is_out_of_range(void **state)
{
    struct rig        r;
    struct read_call *c;

    (void)state;
    rig_open(&r);
    create(&r, "t", 1);
    append(&r, "t", 0, 1);
    c = new_read(&r, "t", 0, 2, 1000);
    assert_true(rig_call(&r, c)); /* at once, although it would wait */
    assert_int_equal(c->items->err, ERR_OUT_OF_RANGE);
    assert_int_equal(c->items->high_watermark, 1);
    free_read(c);
    rig_close(&r);
}

static void a_long_poll_ends_with_the_first_record(void **state)
{
    struct rig        r;
    struct read_call *c;

    (void)state;
    rig_open(&r);
    create(&r, "t", 1);
    c = new_read(&r, "t", 0, 0, 5000);
    assert_false(rig_call(&r, c));
    rig_advance(&r, 4999);
    assert_int_equal(r.last == &c->call, false);
    append(&r, "t", 0, 1);
    assert_int_equal(c->items->batch_count, 1);
    assert_int_equal(c->items->high_watermark, 1);
    free_read(c);
    rig_close(&r);
}

static void a_long_poll_ends_empty_when_its_time_is_over(void **state)
{
    struct rig        r;
    struct read_call *c;

    (void)state;
    rig_open(&r);
    create(&r, "t", 1);
    c = new_read(&r, "t", 0, 0, 5000);
    assert_false(rig_call(&r, c));
    rig_advance(&r, 5000);
    assert_ptr_equal(r.last, &c->call);
    assert_int_equal(c->items->batch_count, 0);
    assert_int_equal(c->items->err, ERR_OK);
    free_read(c);
    rig_close(&r);
}

static void deleting_a_topic_ends_its_long_polls(void **state)
{
    struct rig                r;
    struct read_call         *c;
    struct topic_delete_call *d;

    (void)state;
    rig_open(&r);
    create(&r, "t", 1);
    c = new_read(&r, "t", 0, 0, 5000);
    assert_false(rig_call(&r, c));
    d = RIG_NEW(&r, topic_delete_call, CALL_TOPIC_DELETE);
    d->ns = bytes_str(NS);
    d->name = bytes_str("t");
    assert_true(rig_call(&r, d));
    assert_int_equal(d->call.err, ERR_OK);
    assert_int_equal(c->items->err, ERR_NO_TOPIC);
    free_read(c);
    call_free(d);
    rig_close(&r);
}

/* A batch of one record as producer `id` would send it. */
static struct slice from_producer(int64_t id, int16_t epoch, int32_t sequence, int n)
{
    struct slice s = rig_batch(n, 1, NULL);
    uint8_t     *p = s.block->at;

    put_u64(p + 43, (uint64_t)id);
    put_u16(p + 51, (uint16_t)epoch);
    put_u32(p + 53, (uint32_t)sequence);
    return s; /* the engine does not look at the CRC: the door has */
}

static struct append_item produce(struct rig *r, int16_t epoch, int32_t sequence, int n)
{
    struct append_item item;

    append_slice(r, "t", 0, from_producer(7, epoch, sequence, n), &item);
    return item;
}

static void producers_are_idempotent(void **state)
{
    struct rig         r;
    struct append_item item;

    (void)state;
    rig_open(&r);
    create(&r, "t", 1);
    assert_int_equal(produce(&r, 0, 0, 3).base_offset, 0);
    item = produce(&r, 0, 0, 3);
    assert_true(item.is_duplicate);
    assert_int_equal(item.base_offset, 0);
    assert_int_equal(produce(&r, 0, 4, 1).err, ERR_BAD_SEQUENCE);
    assert_int_equal(produce(&r, 0, 3, 1).base_offset, 3);
    rig_restart(&r); /* rebuilt from the batches */
    item = produce(&r, 0, 3, 1);
    assert_true(item.is_duplicate);
    assert_int_equal(item.base_offset, 3);
    for (int i = 4; i < 9; i++)
        assert_int_equal(produce(&r, 0, i, 1).err, ERR_OK);
    assert_int_equal(produce(&r, 0, 3, 1).err, ERR_BAD_SEQUENCE); /* older than five batches */
    assert_int_equal(produce(&r, 1, 1, 1).err, ERR_BAD_SEQUENCE); /* a new epoch begins with 0 */
    assert_int_equal(produce(&r, 1, 0, 1).err, ERR_OK);
    assert_int_equal(produce(&r, 0, 9, 1).err, ERR_FENCED_PRODUCER);
    rig_close(&r);
}

static void producer_ids_are_never_given_twice(void **state)
{
    struct rig                 r;
    struct producer_init_call *c;
    int64_t                    first;

    (void)state;
    rig_open(&r);
    c = RIG_NEW(&r, producer_init_call, CALL_PRODUCER_INIT);
    rig_call(&r, c);
    first = c->producer_id;
    call_free(c);
    rig_restart(&r);
    c = RIG_NEW(&r, producer_init_call, CALL_PRODUCER_INIT);
    rig_call(&r, c);
    assert_true(c->producer_id > first);
    assert_int_equal(c->producer_epoch, 0);
    call_free(c);
    rig_close(&r);
}

static void everything_is_there_after_a_restart(void **state)
{
    struct rig             r;
    struct topic_get_call *g;
    struct uuid            uuid;

    (void)state;
    rig_open(&r);
    create(&r, "t", 3);
    append(&r, "t", 2, 4);
    append(&r, "t", 2, 4);
    uuid = topic_find(r.engine, bytes_str(NS), bytes_str("t"))->uuid;
    rig_restart(&r);
    assert_int_equal(count_from(&r, "t", 2, 0), 8);
    assert_int_equal(append(&r, "t", 2, 1).base_offset, 8);
    g = RIG_NEW(&r, topic_get_call, CALL_TOPIC_GET);
    g->ns = bytes_str(NS);
    g->all = true;
    rig_call(&r, g);
    assert_int_equal(g->item_count, 1);
    assert_memory_equal(&g->items->view.uuid, &uuid, sizeof uuid);
    assert_int_equal(g->items->view.partition_count, 3);
    call_free(g);
    rig_close(&r);
}

/* A clean stop writes a checkpoint; what comes later is replayed on top of it, and both are there. */
static void a_checkpoint_stands_for_the_journal_before_it(void **state)
{
    struct rig         r;
    struct append_item item = { 0 };
    uint64_t           oldest;

    (void)state;
    rig_open(&r);
    create(&r, "t", 2);
    append(&r, "t", 1, 5);
    rig_restart(&r); /* a clean stop writes one */
    assert_int_equal(count_from(&r, "t", 1, 0), 5);
    oldest = journal_start(r.engine->journal);
    assert_true(oldest <= topic_find(r.engine, bytes_str(NS), bytes_str("t"))->logs[1]->entries.at[0].position);
    assert_int_equal(append(&r, "t", 1, 1).base_offset, 5);
    append_slice(&r, "t", 0, from_producer(7, 0, 0, 2), &item);
    rig_restart(&r);
    assert_int_equal(count_from(&r, "t", 1, 0), 6);
    append_slice(&r, "t", 0, from_producer(7, 0, 0, 2), &item);
    assert_true(item.is_duplicate);
    rig_close(&r);
}

static int64_t offset_at(struct rig *r, int64_t timestamp_ms)
{
    struct list_offsets_call *c = RIG_NEW(r, list_offsets_call, CALL_LIST_OFFSETS);
    struct list_offsets_item  item = { .name = bytes_str("t"), .timestamp_ms = timestamp_ms };

    c->ns = bytes_str(NS);
    c->item_count = 1;
    c->items = &item;
    assert_true(rig_call(r, c));
    call_free(c);
    return item.offset;
}

static void offsets_are_found_by_time(void **state)
{
    struct rig         r;
    struct append_item item;

    (void)state;
    rig_open(&r);
    create(&r, "t", 1);
    append_slice(&r, "t", 0, rig_batch(3, 100, NULL), &item); /* 100, 101, 102 */
    append_slice(&r, "t", 0, rig_batch(2, 200, NULL), &item); /* 200, 201 */
    assert_int_equal(offset_at(&r, OFFSET_EARLIEST), 0);
    assert_int_equal(offset_at(&r, OFFSET_LATEST), 5);
    assert_int_equal(offset_at(&r, OFFSET_MAX_TIMESTAMP), 4);
    assert_int_equal(offset_at(&r, 0), 0);
    assert_int_equal(offset_at(&r, 102), 2);
    assert_int_equal(offset_at(&r, 103), 3);
    assert_int_equal(offset_at(&r, 202), -1);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_grow_without_gaps),
        cmocka_unit_test(an_offset_beyond_the_end_is_out_of_range),
        cmocka_unit_test(a_long_poll_ends_with_the_first_record),
        cmocka_unit_test(a_long_poll_ends_empty_when_its_time_is_over),
        cmocka_unit_test(deleting_a_topic_ends_its_long_polls),
        cmocka_unit_test(producers_are_idempotent),
        cmocka_unit_test(producer_ids_are_never_given_twice),
        cmocka_unit_test(everything_is_there_after_a_restart),
        cmocka_unit_test(a_checkpoint_stands_for_the_journal_before_it),
        cmocka_unit_test(offsets_are_found_by_time),
    };

    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
