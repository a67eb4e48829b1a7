/*
 * extent_test.c - logs in segments, through the real engine: appends that go there directly, cold
 * reads, what recovery makes of it, against a model of every batch that was acknowledged.
 */
#include "base/diag.h"
#include "engine/log_int.h"
#include "engine/queue_rig.h"

enum { LOGS = 3, BATCHES_MAX = 1200 };

static const char *const NS = NAMESPACE_DEFAULT;

/* Everything small, so that little data meets all limits. */
static const struct engine_options small = {
    .journal_file_bytes = 64 << 10,
    .checkpoint = { .every_rows = 20, .turn_rows = 3 },
    .journal_bytes_max = 256 << 10,
    .cache_bytes_max = 40 << 10,
    .segment_bytes = 128 << 10,
    .direct_bytes_min = 4000,
};

/* ---- appending ---- */

static struct slice batch_of(uint32_t number, size_t len, int64_t time_ms)
{
    struct buf          b;
    struct batch_writer w;
    struct slice        s;
    uint8_t            *value = mem_new(len + 1);

    for (size_t i = 0; i < len; i++)
        value[i] = (uint8_t)(number * 7 + i * 3);
    buf_init(&b);
    batch_begin(&w, &b);
    batch_add(&w, time_ms, bytes_of(NULL, 0), bytes_of(value, len), NULL, 0);
    if (number % 3 == 0)
        batch_add(&w, time_ms + 1, bytes_of(NULL, 0), bytes_of(value, len / 2), NULL, 0);
    batch_end(&w);
    s = slice_copy(buf_view(&b));
    buf_fini(&b);
    free(value);
    return s;
}

static uint64_t append(struct rig *r, const char *topic, uint32_t partition, uint32_t number,
                       size_t len)
{
    return rig_append(r, topic, partition, batch_of(number, len, r->now_ms));
}

/* ---- reading ---- */

/* Whether a stored batch is the one with this number, at this offset. */
static void assert_batch(const struct batch_ref *ref, uint32_t number, size_t len, uint64_t base)
{
    struct slice        want = batch_of(number, len, 0);
    struct batch_reader got;
    struct batch_reader made;
    struct record       a;
    struct record       b;

    assert_int_equal(ref->base_offset, base);
    assert_int_equal(batch_check(ref->bytes.bytes, &(struct batch_head){ 0 }), ERR_OK);
    assert_int_equal(batch_open(&got, ref->bytes.bytes), ERR_OK);
    assert_int_equal(batch_open(&made, want.bytes), ERR_OK);
    while (batch_next(&made, &b, NULL)) {
        assert_true(batch_next(&got, &a, NULL));
        assert_true(bytes_eq(a.value, b.value));
    }
    assert_false(batch_next(&got, &a, NULL));
    batch_close(&got);
    batch_close(&made);
    slice_drop(&want);
}

static struct log *log_at(struct rig *r, uint32_t partition)
{
    return topic_find(r->engine, bytes_str(NS), bytes_str("t"))->logs[partition];
}

static void make_cold(struct rig *r)
{
    uint64_t most = r->engine->loads.bytes_max;

    r->engine->loads.bytes_max = 0;
    load_shrink(r->engine);
    assert_int_equal(r->engine->loads.bytes, 0);
    r->engine->loads.bytes_max = most;
}

/* ---- cases ---- */

static void assert_read(struct rig *r, uint32_t partition, uint64_t offset, uint32_t number,
                        size_t len)
{
    struct read_call *c = rig_reading(r, "t", partition, offset, 1);
    int               before = r->answered;

    c->bytes_min = 0; /* the least that can be asked for: R1 of read.c */
    rig_submit(r, c);
    rig_turn(r);
    assert_int_equal(r->answered, before + 1);
    assert_int_equal(c->items->err, ERR_OK);
    assert_int_equal(c->items->batch_count, 1);
    assert_batch(c->items->batches, number, len, offset);
    rig_free_reading(c);
}

static void much_at_once_goes_to_a_segment(void **state)
{
    struct rig r;

    (void)state;
    rig_open_options(&r, &small);
    rig_create_topic(&r, "t", 1, &topic_policy_default);
    assert_int_equal(append(&r, "t", 0, 1, 5000), 0); /* orders a segment */
    assert_int_equal(log_at(&r, 0)->extents.count, 0);
    assert_int_equal(append(&r, "t", 0, 2, 5000), 1);
    assert_int_equal(log_at(&r, 0)->extents.count, 1);
    assert_int_equal(append(&r, "t", 0, 4, 100), 2); /* too little */
    assert_int_equal(append(&r, "t", 0, 5, 6000), 3);
    assert_int_equal(log_at(&r, 0)->entries.count, 2);
    assert_int_equal(log_at(&r, 0)->extents.count, 2);
    for (int life = 0; life < 3; life++) {
        assert_read(&r, 0, 0, 1, 5000);
        assert_read(&r, 0, 1, 2, 5000);
        assert_read(&r, 0, 2, 4, 100);
        assert_read(&r, 0, 3, 5, 6000);
        if (life == 0)
            rig_die(&r);
        else
            make_cold(&r);
    }
    rig_close(&r);
}

static void one_turn_makes_one_extent(void **state)
{
    struct rig          r;
    struct append_call *calls[10];

    (void)state;
    rig_open_options(&r, &small);
    rig_create_topic(&r, "t", 1, &topic_policy_default);
    append(&r, "t", 0, 1, 5000);
    engine_begin(r.engine, r.now_ms);
    for (uint32_t i = 0; i < 10; i++) {
        struct slice batch = batch_of(i + 1, 500, r.now_ms);

        calls[i] = rig_appending(&r, "t", 0, &batch, 1);
        engine_submit(r.engine, &calls[i]->call);
    }
    engine_end(r.engine);
    rig_turn(&r);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(calls[i]->items[0].err, ERR_OK);
        call_free(calls[i]);
    }
    assert_int_equal(log_at(&r, 0)->extents.count, 1);
    assert_int_equal(log_extents(log_at(&r, 0))[0].batches, 10);
    rig_close(&r);
}

static void a_segment_that_is_not_used_is_closed(void **state)
{
    struct rig r;
    uint64_t   used;

    (void)state;
    rig_open_options(&r, &small);
    rig_create_topic(&r, "t", 1, &topic_policy_default);
    append(&r, "t", 0, 1, 5000);
    append(&r, "t", 0, 2, 5000);
    assert_int_equal(r.engine->rooms.open_count, 1);
    used = disk_sim_used(r.disk);
    rig_advance(&r, 60 * 1000); /* not a word in the journal: it must not wait for one */
    assert_int_equal(r.engine->rooms.open_count, 0);
    assert_true(disk_sim_used(r.disk) < used);
    assert_int_equal(append(&r, "t", 0, 4, 5000), 2);
    assert_read(&r, 0, 1, 2, 5000);
    rig_close(&r);
}

/* ---- queues ---- */

enum { MESSAGES = 60 };

/* Big messages, so that they go to segments. */
static void fill_queue(struct rig *r, const char *queue, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        struct append_call *c;
        struct slice        batch;
        struct buf          b;
        struct batch_writer w;
        char                key[8];
        static char         value[5000];

        snprintf(value, sizeof value, "%d", i);
        snprintf(key, sizeof key, "k%d", i % 3);
        buf_init(&b);
        batch_begin(&w, &b);
        batch_add(&w, r->now_ms, bytes_str(key), bytes_of(value, sizeof value), NULL, 0);
        batch_end(&w);
        batch = slice_copy(buf_view(&b));
        buf_fini(&b);
        c = rig_appending(r, queue, 0, &batch, 1);
        rig_submit(r, c);
        rig_turn(r);
        assert_int_equal(c->items[0].err, ERR_OK);
        call_free(c);
    }
}

static void declare(struct rig *r, const char *name, bool is_ordered)
{
    struct queue_declare_call *c = rig_declaration(r, name);

    c->policy.is_ordered = is_ordered;
    assert_int_equal(rig_end(r, c), ERR_OK);
}

/* Leases one and says which it is; -1: there is none. */
static int lease_one(struct rig *r, const char *queue, struct message_ref *out)
{
    struct lease_call *c = rig_leasing(r, queue, 1);
    int                n = -1;

    c->lease_ms = 100000;
    assert_true(rig_run(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    if (c->message_count == 1) {
        char value[16];

        rig_copy_value(&c->messages[0], value);
        n = (int)strtol(value, NULL, 10);
        *out = c->messages[0];
        out->batch = (struct slice){ 0 };
    }
    rig_free_leasing(c);
    return n;
}

static void drain_cold(bool is_ordered)
{
    struct rig         r;
    struct message_ref ref;

    rig_open_options(&r, &small);
    declare(&r, "q", is_ordered);
    fill_queue(&r, "q", 0, MESSAGES);
    assert_true(rig_topic(&r, "q")->logs[0]->extents.count > MESSAGES / 2);
    assert_int_equal(lease_one(&r, "q", &ref), 0); /* stays leased: the next of k0 is not its turn */
    rig_die(&r);
    for (int i = 1; i < MESSAGES; i++) {
        int expected = i;

        make_cold(&r);
        if (is_ordered && i % 3 == 0)
            continue;
        assert_int_equal(lease_one(&r, "q", &ref), expected);
        assert_int_equal(rig_settle(&r, &ref.lease, SETTLE_ACK, 0), ERR_OK);
    }
    make_cold(&r);
    assert_int_equal(lease_one(&r, "q", &ref), -1);
    rig_close(&r);
}

static void a_queue_waits_for_what_is_cold(void **state)
{
    (void)state;
    drain_cold(false);
}

static void an_ordered_queue_reads_cold_keys(void **state)
{
    (void)state;
    drain_cold(true);
}

static int by_partition(const void *a, const void *b)
{
    const struct message_ref *x = a;
    const struct message_ref *y = b;

    return (x->lease.partition > y->lease.partition) - (x->lease.partition < y->lease.partition);
}

/* That a log begins later is journalled behind the settles it follows from, also when one call
 * settles in several logs. */
static void a_trim_comes_behind_its_settles(void **state)
{
    struct topic_create_call  *t;
    struct queue_declare_call *q;
    struct settle_call        *c;
    struct message_ref         refs[20];
    size_t                     count = 0;
    struct engine_options      options = small;
    struct rig                 r;

    (void)state;
    options.checkpoint.every_rows = 1000000; /* all is replayed */
    rig_open_options(&r, &options);
    t = RIG_CALL(&r, topic_create_call, TOPIC_CREATE);
    t->ns = bytes_str(NS);
    t->name = bytes_str("t");
    t->partition_count = 2;
    t->policy = topic_policy_default;
    t->policy.retention = RETAIN_UNTIL_SETTLED;
    assert_int_equal(rig_end(&r, t), ERR_OK);
    q = rig_declaration(&r, "s");
    q->topic = bytes_str("t");
    assert_int_equal(rig_end(&r, q), ERR_OK);
    for (uint32_t i = 0; i < 12; i++)
        append(&r, "t", i % 2, 3 * i + 1, 5000);
    while (count < 12)
        count += rig_lease(&r, "s", 12, 100000, refs + count);
    qsort(refs, count, sizeof *refs, by_partition);
    assert_int_equal(rig_settle(&r, &refs[3].lease, SETTLE_RELEASE, 0), ERR_OK);
    c = RIG_CALL(&r, settle_call, SETTLE);
    c->stale_ack_ok = true; /* one of them is ready again */
    c->item_count = count;
    c->items = arena_array(&c->call.arena, count, sizeof *c->items);
    for (size_t i = 0; i < count; i++)
        c->items[i] = (struct settle_item){ .lease = refs[i].lease, .action = SETTLE_ACK };
    assert_int_equal(rig_end(&r, c), ERR_OK);
    assert_int_equal(log_at(&r, 0)->extents.count, 0);
    assert_int_equal(log_at(&r, 0)->start, 6);
    rig_die(&r);
    rig_counts(&r, "s", 0, 0, 0);
    assert_int_equal(log_at(&r, 0)->start, 6);
    rig_close(&r);
}

/* Nothing else is written that would bring it on. */
static void an_idle_segment_is_closed(void **state)
{
    struct rig r;

    (void)state;
    rig_open_options(&r, &small);
    rig_create_topic(&r, "t", 1, &topic_policy_default);
    append(&r, "t", 0, 1, 5000); /* a segment is ordered for the next one */
    append(&r, "t", 0, 2, 5000);
    assert_non_null(log_at(&r, 0)->open);
    r.now_ms += 61 * 1000;
    for (int i = 0; i < 5; i++) {
        rig_turn_unsynced(&r);
        while (volume_file_step(r.volume))
            ;
        mail_run(&r.completions);
    }
    assert_null(log_at(&r, 0)->open);
    assert_true(engine_is_idle(r.engine));
    rig_close(&r);
}

/* What a checkpoint stands for is not read at recovery, so it is when somebody wants it. */
static void damage_in_the_journal_is_told(void **state)
{
    struct queue_get_call  *get;
    uint64_t                position;
    struct read_call       *c;
    struct message_ref      refs[4];
    struct rig              r;

    (void)state;
    diag_set_level(DIAG_NONE);
    rig_open_options(&r, &small);
    r.is_damaged = true;
    rig_declare(&r, "q");
    for (uint32_t i = 0; i < 3; i++)
        append(&r, "q", 0, 3 * i + 1, 500);
    position = log_entries(rig_topic(&r, "q")->logs[0])[1].position;
    rig_close_engine(&r);
    assert_true(disk_sim_rot(r.disk, "shard/000/journal/1-1", 4096 + position + 300));
    rig_open_engine(&r);
    rig_turn(&r);
    c = rig_reading(&r, "q", 0, 0, 1 << 20);
    assert_true(rig_run(&r, c));
    assert_int_equal(c->items->err, ERR_OK);
    assert_int_equal(c->items->batch_count, 1); /* the one before it */
    rig_free_reading(c);
    c = rig_reading(&r, "q", 0, 1, 1 << 20);
    assert_true(rig_run(&r, c));
    assert_int_equal(c->items->err, ERR_CORRUPT);
    rig_free_reading(c);
    assert_int_equal(rig_lease(&r, "q", 4, 5000, refs), 2);
    assert_int_equal(refs[1].offset, 2);
    get = RIG_CALL(&r, queue_get_call, QUEUE_GET);
    get->ns = bytes_str(NS);
    get->name = bytes_str("q");
    assert_true(rig_run(&r, get));
    assert_int_equal(get->views->fates[FATE_DAMAGED], 1);
    call_free(get);
    rig_close(&r);
    diag_set_level(DIAG_WARN);
}

/* A sector under a batch of an earlier life cannot be read when the batch is to be moved: its log
 * stays where it is, others are moved, and the process goes on. */
static void what_the_medium_does_not_give_back_is_not_moved(void **state)
{
    uint64_t position;
    struct rig r;

    (void)state;
    diag_set_level(DIAG_NONE);
    rig_open_options(&r, &small);
    r.is_damaged = true;
    rig_create_topic(&r, "t", 2, &topic_policy_default);
    append(&r, "t", 0, 1, 500);
    append(&r, "t", 1, 2, 500);
    position = log_entries(log_at(&r, 0))[0].position;
    rig_close_engine(&r);
    rig_open_engine(&r);
    rig_turn(&r);
    disk_sim_spoil(r.disk, "shard/000/journal/1-1", 4096 + position + 100);
    for (uint32_t i = 0; i < 200; i++)
        append(&r, "t", 1, 3 + i, 3000);
    assert_true(log_at(&r, 0)->is_damaged);
    assert_int_equal(log_at(&r, 0)->entries.count, 1);
    assert_false(log_at(&r, 1)->is_damaged);
    assert_true(log_at(&r, 1)->extents.count > 0);
    rig_close(&r);
    diag_set_level(DIAG_WARN);
}

static uint64_t segments_of(struct rig *r)
{
    return r->engine->rooms.segments.count;
}

/*
 * All that came after an old message is settled; the disk has it back all the same. What is there at most
 * (docs/journal.md): eight journal files, which is twice journal_bytes_max here, and one more while a
 * trim is on its way; the segment that is filled, the next one and what was rewritten; head and
 * checkpoint.
 */
static void one_old_message_keeps_little(uint64_t direct_bytes_min, uint64_t segments_bytes)
{
    struct engine_options options = small;
    struct rig            r;
    struct message_ref    old;
    struct message_ref    ref;
    uint64_t              most = 0;

    options.direct_bytes_min = direct_bytes_min;
    rig_open_options(&r, &options);
    declare(&r, "q", false);
    fill_queue(&r, "q", 0, 3);
    assert_int_equal(lease_one(&r, "q", &old), 0);
    for (int round = 0; round < 300; round++) {
        fill_queue(&r, "q", 3 + round * 4, 4);
        for (int i = 0; i < 4; i++) {
            assert_true(lease_one(&r, "q", &ref) > 0);
            assert_int_equal(rig_settle(&r, &ref.lease, SETTLE_ACK, 0), ERR_OK);
        }
        rig_advance(&r, 300);
        if (disk_sim_used(r.disk) > most)
            most = disk_sim_used(r.disk);
    }
    rig_advance(&r, 5000);
    rig_advance(&r, 5000);
    /* 300 * 4 * 5000 bytes went through */
    assert_true(most < 9 * options.journal_file_bytes + segments_bytes + (32 << 10));
    assert_true(segments_of(&r) <= 3);
    rig_advance(&r, 5000); /* its lease is over */
    make_cold(&r);
    assert_int_equal(lease_one(&r, "q", &ref), 0);
    rig_close(&r);
}

/* Many logs with little each: their extents do not grow in number with all that ever came. */
static void small_extents_become_larger(void **state)
{
    enum { PARTITIONS = 64, ROUNDS = 400 };
    struct engine_options options = small;
    struct rig            r;

    (void)state;
    options.segment_bytes = 4 << 20;
    options.direct_bytes_min = 1 << 20;
    rig_open_options(&r, &options);
    rig_create_topic(&r, "t", PARTITIONS, &topic_policy_default);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct append_call *calls[PARTITIONS];

        engine_begin(r.engine, r.now_ms);
        for (uint32_t p = 0; p < PARTITIONS; p++) {
            struct slice batch = batch_of(3 * round + 1, 400, r.now_ms);

            calls[p] = rig_appending(&r, "t", p, &batch, 1);
            engine_submit(r.engine, &calls[p]->call);
        }
        engine_end(r.engine);
        rig_turn(&r);
        for (uint32_t p = 0; p < PARTITIONS; p++)
            call_free(calls[p]);
    }
    assert_true(r.engine->moves.bytes > 6 << 20); /* so much came, and some went twice */
    for (uint32_t p = 0; p < PARTITIONS; p += 7) {
        assert_true(log_at(&r, p)->extents.count < 25);
        for (uint32_t i = 0; i < ROUNDS; i += 9)
            assert_read(&r, p, i, 3 * i + 1, 400);
    }
    rig_close(&r);
}

static void one_old_message_in_a_segment(void **state)
{
    (void)state;
    one_old_message_keeps_little(small.direct_bytes_min, 2 * small.segment_bytes + (16 << 10));
}

static void one_old_message_in_the_journal(void **state)
{
    (void)state;
    one_old_message_keeps_little(1 << 20, 16 << 10);
}

/* ---- damage ---- */

static void rot(struct rig *r, const struct extent *x)
{
    char path[64];

    snprintf(path, sizeof path, "shard/000/segment/%d-%d", (int)x->segment->id.epoch,
             (int)x->segment->id.number);
    assert_true(disk_sim_rot(r->disk, path, x->at + EXTENT_HEADER_BYTES + x->bytes / 2));
}

static void damage_is_told_and_stays_where_it_is(void **state)
{
    struct rig        r;
    struct read_call *c;

    (void)state;
    rig_open_options(&r, &small);
    rig_create_topic(&r, "t", 1, &topic_policy_default);
    for (uint32_t i = 0; i < 5; i++)
        append(&r, "t", 0, 3 * i + 1, 5000);
    assert_int_equal(log_at(&r, 0)->extents.count, 4);
    rot(&r, &log_extents(log_at(&r, 0))[1]);
    make_cold(&r);
    c = rig_reading(&r, "t", 0, 2, 1);
    assert_true(rig_run(&r, c));
    assert_int_equal(c->items->err, ERR_CORRUPT);
    rig_free_reading(c);
    assert_read(&r, 0, 1, 4, 5000);
    assert_read(&r, 0, 3, 10, 5000);
    rig_close(&r);
}

static void a_queue_goes_on_behind_damage(void **state)
{
    struct rig         r;
    struct message_ref ref;

    (void)state;
    rig_open_options(&r, &small);
    declare(&r, "q", false);
    fill_queue(&r, "q", 0, 5);
    rot(&r, &log_extents(rig_topic(&r, "q")->logs[0])[1]);
    make_cold(&r);
    assert_int_equal(lease_one(&r, "q", &ref), 0);
    assert_int_equal(lease_one(&r, "q", &ref), 1);
    assert_int_equal(lease_one(&r, "q", &ref), 3);
    assert_int_equal(rig_queue(&r, "q")->ledger.fates[FATE_DAMAGED], 1);
    rig_close(&r);
}

/* ---- by time ---- */

static int64_t offset_at(struct rig *r, int64_t timestamp_ms)
{
    struct list_offsets_call *c = RIG_CALL(r, list_offsets_call, LIST_OFFSETS);
    struct list_offsets_item  item = { .name = bytes_str("t"), .timestamp_ms = timestamp_ms };

    c->ns = bytes_str(NS);
    c->item_count = 1;
    c->items = &item;
    assert_int_equal(rig_end(r, c), ERR_OK);
    assert_int_equal(item.err, ERR_OK);
    return item.offset;
}

static void offsets_are_found_by_time_in_cold_extents(void **state)
{
    struct rig r;
    int64_t    first_ms;

    (void)state;
    rig_open_options(&r, &small);
    rig_create_topic(&r, "t", 1, &topic_policy_default);
    first_ms = r.now_ms;
    for (uint32_t i = 0; i < 20; i++) {
        append(&r, "t", 0, 3 * i + 1, i % 4 == 0 ? 100 : 5000);
        rig_advance(&r, 1000);
    }
    for (int64_t i = 0; i < 20; i++) {
        make_cold(&r);
        assert_int_equal(offset_at(&r, first_ms + i * 1000), i);
        assert_int_equal(offset_at(&r, first_ms + i * 1000 - 999), i);
    }
    make_cold(&r);
    assert_int_equal(offset_at(&r, first_ms + 19001), -1);
    assert_int_equal(offset_at(&r, OFFSET_MAX_TIMESTAMP), 19);
    rig_close(&r);
}

/* ---- the scrub ---- */

static void count_line(void *ctx, enum diag_level level, const char *line)
{
    (void)level;
    *(int *)ctx += strstr(line, "offsets 2 to 3 cannot be read") ? 1 : 1000;
}

/* A minute, in steps that are shorter than any pause of the scrub. */
static void let_it_scrub(struct rig *r)
{
    for (int i = 0; i < 60; i++) {
        r->now_ms += 1000;
        rig_turn(r);
    }
}

static void the_scrub_finds_what_rotted(void **state)
{
    struct rig     r;
    struct extent *x;
    char           path[64];
    int            lines = 0;

    (void)state;
    rig_open_options(&r, &small);
    rig_create_topic(&r, "t", 1, &topic_policy_default);
    for (uint32_t i = 0; i < 5; i++)
        append(&r, "t", 0, i + 1, 5000);
    rig_restart(&r);
    make_cold(&r);
    x = &log_extents(log_at(&r, 0))[1];
    assert_int_equal(log_at(&r, 0)->extents.count, 4);
    assert_int_equal(x->base, 2);
    let_it_scrub(&r);
    assert_int_equal(r.engine->scrub.extents, 4);
    assert_int_equal(r.engine->scrub.passes, 1);
    assert_int_equal(r.engine->loads.bytes, 0); /* nobody wanted it */
    snprintf(path, sizeof path, "shard/000/segment/%u-%u", (unsigned)x->segment->id.epoch,
             (unsigned)x->segment->id.number);
    assert_true(disk_sim_rot(r.disk, path, x->at + EXTENT_HEADER_BYTES + 1000));
    diag_set_sink(count_line, &lines);
    let_it_scrub(&r);
    assert_int_equal(lines, 0); /* it rests */
    r.now_ms += SCRUB_PASS_MS;
    let_it_scrub(&r);
    diag_set_sink(NULL, NULL);
    assert_int_equal(lines, 1);
    assert_int_equal(r.engine->scrub.passes, 2);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(log_extents(log_at(&r, 0))[i].is_bad, i == 1);
    assert_read(&r, 0, 4, 4, 5000);
    rig_close(&r);
}

/* ---- a model ---- */

struct model_batch {
    uint64_t base, end;
    uint32_t number;
    size_t   len;
};

struct model {
    struct rig         rig;
    struct model_batch at[LOGS][BATCHES_MAX];
    size_t             count[LOGS];
    size_t             first[LOGS]; /* those below were trimmed */
    uint32_t           number;
    uint32_t           seed;
    size_t             cold;  /* reads that met a cold extent */
    uint64_t           moved; /* bytes */
};

static uint32_t draw(struct model *m, uint32_t below)
{
    m->seed = m->seed * 1664525 + 1013904223;
    return (m->seed >> 8) % below;
}

static void model_append(struct model *m)
{
    uint32_t            p = draw(m, LOGS);
    size_t              n = 1 + draw(m, 4);
    struct slice        batches[4];
    size_t              lens[4];
    struct append_call *c;

    if (m->count[p] + n > BATCHES_MAX)
        return;
    for (size_t i = 0; i < n; i++) {
        lens[i] = draw(m, 4) == 0 ? draw(m, 9000) : draw(m, 900);
        batches[i] = batch_of(m->number + (uint32_t)i, lens[i], m->rig.now_ms);
    }
    c = rig_appending(&m->rig, "t", p, batches, n);
    rig_submit(&m->rig, c);
    rig_turn(&m->rig);
    for (size_t i = 0; i < n; i++) {
        uint64_t base = c->items[i].base_offset;

        assert_int_equal(c->items[i].err, ERR_OK);
        m->at[p][m->count[p]++] = (struct model_batch){
            base, base + (m->number % 3 == 0 ? 2 : 1), m->number, lens[i]
        };
        m->number++;
    }
    call_free(c);
}

/* The power fails in the middle of whatever is under way, an append too: of its batches any number
 * may be there, the first ones. */
static void model_die(struct model *m)
{
    uint32_t            p = draw(m, LOGS);
    size_t              len = draw(m, 9000);
    int                 steps = (int)draw(m, 25);
    struct slice        batch = batch_of(m->number, len, m->rig.now_ms);
    struct append_call *c;
    int                 before = m->rig.answered;
    bool                is_acknowledged;
    uint64_t            end;

    if (m->count[p] == BATCHES_MAX) {
        slice_drop(&batch);
        return;
    }
    c = rig_appending(&m->rig, "t", p, &batch, 1);
    rig_submit(&m->rig, c);
    for (int i = 0; i < steps; i++) {
        volume_file_step(m->rig.volume);
        if (draw(m, 3) == 0)
            mail_run(&m->rig.completions);
        if (draw(m, 3) == 0)
            rig_turn_unsynced(&m->rig);
    }
    is_acknowledged = m->rig.answered > before;
    rig_die(&m->rig);
    end = m->count[p] > 0 ? m->at[p][m->count[p] - 1].end : 0;
    assert_true(!is_acknowledged || log_at(&m->rig, p)->end > end);
    if (log_at(&m->rig, p)->end > end)
        m->at[p][m->count[p]++] = (struct model_batch){
            end, end + (m->number % 3 == 0 ? 2 : 1), m->number, len
        };
    m->number++;
    call_free(c);
}

/* Reads on from a random batch. */
static void model_read(struct model *m)
{
    uint32_t          p = draw(m, LOGS);
    size_t            have = m->count[p] - m->first[p];
    size_t            i;
    struct read_call *c;
    int               before = m->rig.answered;

    if (have == 0)
        return;
    i = m->first[p] + draw(m, (uint32_t)have);
    c = rig_reading(&m->rig, "t", p, m->at[p][i].base, draw(m, 30000));
    rig_submit(&m->rig, c);
    m->cold += m->rig.answered == before;
    rig_turn(&m->rig);
    assert_int_equal(m->rig.answered, before + 1);
    assert_int_equal(c->items->err, ERR_OK);
    assert_true(c->items->batch_count > 0);
    for (size_t k = 0; k < c->items->batch_count; k++, i++)
        assert_batch(&c->items->batches[k], m->at[p][i].number, m->at[p][i].len,
                     m->at[p][i].base);
    rig_free_reading(c);
}

static void model_trim(struct model *m)
{
    uint32_t              p = draw(m, LOGS);
    size_t                have = m->count[p] - m->first[p];
    struct log_trim_call *c;

    if (have == 0)
        return;
    m->first[p] += draw(m, (uint32_t)have);
    c = RIG_CALL(&m->rig, log_trim_call, LOG_TRIM);
    c->ns = bytes_str(NS);
    c->name = bytes_str("t");
    c->partition = p;
    c->offset = (int64_t)m->at[p][m->first[p]].base;
    assert_int_equal(rig_end(&m->rig, c), ERR_OK);
}

static void model_check(struct model *m)
{
    for (uint32_t p = 0; p < LOGS; p++) {
        const struct log *l = log_at(&m->rig, p);

        assert_int_equal(l->end, m->count[p] > 0 ? m->at[p][m->count[p] - 1].end : 0);
        for (size_t i = m->first[p]; i < m->count[p]; i++)
            assert_read(&m->rig, p, m->at[p][i].base, m->at[p][i].number, m->at[p][i].len);
    }
}

static void run_model(uint32_t seed, int steps)
{
    static struct model m;

    m = (struct model){ .seed = seed };
    rig_open_options(&m.rig, &small);
    rig_create_topic(&m.rig, "t", LOGS, &topic_policy_default);
    for (int step = 0; step < steps; step++) {
        uint32_t what = draw(&m, 100);
        uint64_t moved = m.rig.engine->moves.bytes;

        if (what < 45)
            model_append(&m);
        else if (what < 90)
            model_read(&m);
        else if (what < 92)
            model_trim(&m);
        else if (what < 94)
            make_cold(&m.rig);
        else if (draw(&m, 4) > 0)
            model_die(&m);
        else if (draw(&m, 2))
            rig_die(&m.rig);
        else
            rig_restart(&m.rig);
        m.moved += m.rig.engine->moves.bytes > moved ? m.rig.engine->moves.bytes - moved : 0;
    }
    model_check(&m);
    assert_true(m.moved > 100000);
    assert_true(m.cold > 5); /* else this test tests nothing */
    rig_close(&m.rig);
}

static void nothing_is_lost(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++)
        run_model(seed, 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(much_at_once_goes_to_a_segment),
        cmocka_unit_test(one_turn_makes_one_extent),
        cmocka_unit_test(a_segment_that_is_not_used_is_closed),
        cmocka_unit_test(a_queue_waits_for_what_is_cold),
        cmocka_unit_test(an_ordered_queue_reads_cold_keys),
        cmocka_unit_test(a_trim_comes_behind_its_settles),
        cmocka_unit_test(one_old_message_in_a_segment),
        cmocka_unit_test(one_old_message_in_the_journal),
        cmocka_unit_test(small_extents_become_larger),
        cmocka_unit_test(damage_is_told_and_stays_where_it_is),
        cmocka_unit_test(a_queue_goes_on_behind_damage),
        cmocka_unit_test(offsets_are_found_by_time_in_cold_extents),
        cmocka_unit_test(the_scrub_finds_what_rotted),
        cmocka_unit_test(what_the_medium_does_not_give_back_is_not_moved),
        cmocka_unit_test(an_idle_segment_is_closed),
        cmocka_unit_test(damage_in_the_journal_is_told),
        cmocka_unit_test(nothing_is_lost),
    };

    return cmocka_run_group_tests_name("extent", tests, NULL, NULL);
}
