/*
 * compactor_test.c - compaction of logs by the real engine: when it comes, what it leaves, and that a crash
 * at any point leaves a log that reads right, against a model of every record that was ever appended.
 */
#include "engine/compactor.h"
#include "engine/log_int.h"
#include "engine/queue_rig.h"

enum { RECORDS_MAX = 20000, KEYS = 50, HOUR_MS = 3600 * 1000 };

static const struct topic_policy eager = { .is_compacted = true, .delete_retention_ms = HOUR_MS };

/* Small, so that a pass takes many moves. */
static const struct engine_options small = {
    .journal_file_bytes = 64 << 10,
    .checkpoint = { .every_rows = 20, .turn_rows = 3 },
    .journal_bytes_max = 256 << 10,
    .cache_bytes_max = 40 << 10,
    .segment_bytes = 64 << 10,
    .direct_bytes_min = 3000,
    .compact_keys_bytes = 256 << 10, /* most of the time would go into zeroing more */
};

/* ---- topics and records ---- */

/* One record; value NULL: a tombstone. */
static void append(struct rig *r, const char *topic, uint32_t partition, const char *key,
                   const char *value)
{
    struct batch_writer w;
    struct buf          b;

    buf_init(&b);
    batch_begin(&w, &b);
    batch_add(&w, r->now_ms, bytes_str(key), bytes_str(value), NULL, 0);
    batch_end(&w);
    rig_append(r, topic, partition, slice_copy(buf_view(&b)));
    buf_fini(&b);
}

static struct log *log_of(struct rig *r, const char *topic, uint32_t partition)
{
    return rig_topic(r, topic)->logs[partition];
}

/* Until no pass runs or is due: it must come to rest. */
static void settle_down(struct rig *r)
{
    int idle = 0;

    rig_advance(r, 1001);
    for (int n = 0; idle < 3; n++) {
        bool is_busy = r->engine->compactor.pass || timer_is_started(&r->engine->compactor.timer);

        idle = is_busy ? 0 : idle + 1;
        assert_true(n < 10000);
        rig_advance(r, 1);
    }
}

/* ---- reading ---- */

struct seen {
    uint64_t offset;
    char     key[12];
    char     value[300]; /* "": null */
};

static void note_batch(const struct batch_ref *ref, struct seen *out, size_t *count)
{
    struct batch_reader reader;
    struct batch_head   head;
    struct record       record;

    assert_int_equal(batch_check(ref->bytes.bytes, &head), ERR_OK);
    assert_int_equal(batch_open(&reader, ref->bytes.bytes), ERR_OK);
    while (batch_next(&reader, &record, NULL)) {
        struct seen *s = &out[(*count)++];

        s->offset = ref->base_offset + (uint64_t)record.offset_delta;
        snprintf(s->key, sizeof s->key, "%.*s", (int)record.key.len, (const char *)record.key.at);
        snprintf(s->value, sizeof s->value, "%.*s", (int)record.value.len,
                 (const char *)record.value.at);
    }
    batch_close(&reader);
}

/* One read; where the next one begins. */
static uint64_t read_from(struct rig *r, const char *topic, uint32_t partition, uint64_t offset,
                          struct seen *out, size_t *count)
{
    struct read_call *c = RIG_CALL(r, read_call, READ);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->bytes_max = 1 << 20;
    c->item_count = 1;
    c->items = arena_struct(&c->call.arena, struct read_item);
    *c->items = (struct read_item){ .name = bytes_str(topic),
                                    .partition = partition,
                                    .offset = offset,
                                    .bytes_max = 1 << 20 };
    assert_true(rig_run(r, c));
    assert_int_equal(c->items->err, ERR_OK);
    for (size_t i = 0; i < c->items->batch_count; i++) {
        const struct batch_ref *ref = &c->items->batches[i];
        struct batch_head       head;

        note_batch(ref, out, count);
        assert_int_equal(batch_head(ref->bytes.bytes, &head), ERR_OK);
        offset = ref->base_offset + (uint64_t)head.last_offset_delta + 1;
        slice_drop(&c->items->batches[i].bytes);
    }
    call_free(c);
    return offset;
}

/* All records there are. */
static size_t read_all(struct rig *r, const char *topic, uint32_t partition, struct seen *out)
{
    const struct log *l = log_of(r, topic, partition);
    uint64_t          offset = l->start;
    size_t            count = 0;

    while (offset < l->end) {
        uint64_t next = read_from(r, topic, partition, offset, out, &count);

        assert_true(next > offset); /* the end is never in a hole */
        offset = next;
    }
    return count;
}

static void expect(struct rig *r, const char *topic, const char *what)
{
    static struct seen seen[1000];
    size_t             count = read_all(r, topic, 0, seen);
    char               text[4000] = "";
    size_t             len = 0;

    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%d:%s=%s", i > 0 ? " " : "",
                                (int)seen[i].offset, seen[i].key,
                                seen[i].value[0] ? seen[i].value : "-");
    assert_string_equal(text, what);
}

/* ---- when it comes ---- */

static void the_last_of_each_key_stays(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_create_topic(&r, "t", 1, &eager);
    append(&r, "t", 0, "a", "1");
    append(&r, "t", 0, "b", "2");
    append(&r, "t", 0, "a", "3");
    append(&r, "t", 0, "b", "4"); /* the newest: it does not count yet */
    settle_down(&r);
    expect(&r, "t", "1:b=2 2:a=3 3:b=4");
    append(&r, "t", 0, "c", "5");
    settle_down(&r);
    expect(&r, "t", "2:a=3 3:b=4 4:c=5");
    assert_int_equal(log_of(&r, "t", 0)->clean, 4);
    assert_false(timer_is_started(&log_of(&r, "t", 0)->cleaning->timer)); /* only an append changes that */
    rig_crash(&r);
    expect(&r, "t", "2:a=3 3:b=4 4:c=5");
    assert_int_equal(log_of(&r, "t", 0)->clean, 4);
    rig_close(&r);
}

static void tombstones_go_when_they_are_of_age(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_create_topic(&r, "t", 1, &eager);
    append(&r, "t", 0, "a", "1");
    append(&r, "t", 0, "a", NULL);
    append(&r, "t", 0, "z", "end");
    settle_down(&r);
    expect(&r, "t", "1:a=- 2:z=end");
    assert_true(log_of(&r, "t", 0)->horizon_ms > r.now_ms);
    rig_crash(&r);
    rig_advance(&r, HOUR_MS - 2000);
    settle_down(&r);
    expect(&r, "t", "1:a=- 2:z=end");
    rig_advance(&r, 2000); /* nothing else happens to the log */
    settle_down(&r);
    expect(&r, "t", "2:z=end");
    assert_int_equal(log_of(&r, "t", 0)->horizon_ms, 0);
    rig_crash(&r);
    expect(&r, "t", "2:z=end");
    rig_close(&r);
}

static void the_newest_part_waits(void **state)
{
    struct topic_policy policy = eager;
    struct rig          r;

    (void)state;
    rig_open(&r);
    policy.segment_ms = HOUR_MS;
    policy.segment_bytes = 1 << 30;
    rig_create_topic(&r, "age", 1, &policy);
    policy.segment_bytes = 2 * 70; /* a batch has 70 bytes */
    rig_create_topic(&r, "size", 1, &policy);
    policy = eager;
    policy.min_compaction_lag_ms = HOUR_MS;
    rig_create_topic(&r, "lag", 1, &policy);
    for (int i = 0; i < 5; i++) {
        char value[4];

        snprintf(value, sizeof value, "%d", i);
        append(&r, "age", 0, "a", value);
        append(&r, "size", 0, "a", value);
        append(&r, "lag", 0, "a", value);
    }
    assert_int_equal(log_of(&r, "size", 0)->bytes, 5 * 70);
    settle_down(&r);
    expect(&r, "age", "0:a=0 1:a=1 2:a=2 3:a=3 4:a=4");
    expect(&r, "size", "2:a=2 3:a=3 4:a=4");
    expect(&r, "lag", "0:a=0 1:a=1 2:a=2 3:a=3 4:a=4");
    rig_advance(&r, HOUR_MS); /* nothing is appended: time alone does it */
    settle_down(&r);
    expect(&r, "age", "3:a=3 4:a=4");
    expect(&r, "size", "3:a=3 4:a=4");
    expect(&r, "lag", "3:a=3 4:a=4");
    rig_close(&r);
}

static void little_dirt_is_not_worth_a_pass(void **state)
{
    struct topic_policy policy = eager;
    struct rig          r;

    (void)state;
    rig_open(&r);
    rig_create_topic(&r, "t", 1, &policy);
    for (int i = 0; i < 10; i++) {
        char key[4];

        snprintf(key, sizeof key, "k%d", i);
        append(&r, "t", 0, key, "v");
    }
    settle_down(&r);
    assert_int_equal(log_of(&r, "t", 0)->clean, 9);
    policy.dirty_ratio = DIRTY_RATIO_ONE / 4;
    rig_alter_topic(&r, "t", &policy);
    for (int i = 0; i < 3; i++)
        append(&r, "t", 0, "k0", "w"); /* k9 and two of them: 3 of 12 is not more than a quarter */
    settle_down(&r);
    assert_int_equal(log_of(&r, "t", 0)->clean, 9);
    append(&r, "t", 0, "k0", "w");
    settle_down(&r);
    assert_int_equal(log_of(&r, "t", 0)->clean, 13);
    append(&r, "t", 0, "k0", "w");
    policy.max_compaction_lag_ms = HOUR_MS;
    rig_alter_topic(&r, "t", &policy);
    settle_down(&r);
    assert_int_equal(log_of(&r, "t", 0)->clean, 13);
    rig_advance(&r, HOUR_MS); /* it must not be left for longer */
    settle_down(&r);
    assert_int_equal(log_of(&r, "t", 0)->clean, 14);
    rig_close(&r);
}

static void only_compacted_topics_are_compacted(void **state)
{
    struct topic_policy policy = { 0 };
    struct rig          r;

    (void)state;
    rig_open(&r);
    rig_create_topic(&r, "t", 1, &policy);
    append(&r, "t", 0, "a", "1");
    append(&r, "t", 0, "a", "2");
    append(&r, "t", 0, "a", "3");
    settle_down(&r);
    expect(&r, "t", "0:a=1 1:a=2 2:a=3");
    rig_alter_topic(&r, "t", &eager);
    settle_down(&r);
    expect(&r, "t", "1:a=2 2:a=3");
    rig_alter_topic(&r, "t", &policy);
    append(&r, "t", 0, "a", "4");
    append(&r, "t", 0, "a", "5");
    settle_down(&r);
    expect(&r, "t", "1:a=2 2:a=3 3:a=4 4:a=5");
    rig_close(&r);
}

static void small_logs_share_a_pass(void **state)
{
    enum { LOGS = 40 };
    struct rig r;
    uint64_t   segments;

    (void)state;
    rig_open(&r);
    rig_create_topic(&r, "t", LOGS, &eager);
    for (uint32_t i = 0; i < LOGS; i++)
        for (int k = 0; k < 4; k++)
            append(&r, "t", i, "same key in all", k < 3 ? "old" : "new");
    segments = r.engine->rooms.last_number;
    settle_down(&r);
    for (uint32_t i = 0; i < LOGS; i++) {
        struct seen seen[4];

        assert_int_equal(log_of(&r, "t", i)->clean, 3);
        assert_int_equal(read_all(&r, "t", i, seen), 2);
        assert_int_equal(seen[0].offset, 2);
    }
    assert_true(r.engine->rooms.last_number - segments <= 3);
    rig_close(&r);
}

static struct slice batch_of_two(int64_t first_ms, const char *first, int64_t second_ms,
                                 const char *second)
{
    struct batch_writer w;
    struct buf          b;
    struct slice        s;

    buf_init(&b);
    batch_begin(&w, &b);
    batch_add(&w, first_ms, bytes_str(first), bytes_str("v"), NULL, 0);
    batch_add(&w, second_ms, bytes_str(second), bytes_str("v"), NULL, 0);
    batch_end(&w);
    s = slice_copy(buf_view(&b));
    buf_fini(&b);
    return s;
}

/* What goes is a batch, or a part of one. */
static void expect_what_is_left(bool is_part)
{
    struct queue_declare_call *d;
    struct lease_call         *c;
    struct rig                 r;
    int                        before;

    rig_open(&r);
    rig_create_topic(&r, "t", 1, &eager);
    d = rig_declaration(&r, "q");
    d->topic = bytes_str("t");
    assert_int_equal(rig_end(&r, d), ERR_OK);
    if (is_part) {
        rig_append(&r, "t", 0, batch_of_two(r.now_ms, "a", r.now_ms, "b"));
    } else {
        append(&r, "t", 0, "a", "1");
        append(&r, "t", 0, "b", "2");
    }
    append(&r, "t", 0, "a", "3");
    append(&r, "t", 0, "z", "4");
    settle_down(&r);
    c = RIG_CALL(&r, lease_call, LEASE);
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->queue = bytes_str("q");
    c->messages_max = 10;
    c->bytes_max = 1 << 20;
    c->no_ack = true;
    c->wait_ms = 1000; /* what was compacted is in a segment, and cold */
    for (before = r.answered, rig_submit(&r, c); r.answered == before;)
        rig_turn(&r);
    assert_int_equal(c->message_count, 3);
    for (size_t i = 0; i < c->message_count; i++) {
        assert_int_equal(c->messages[i].offset, i + 1);
        slice_drop(&c->messages[i].batch);
    }
    call_free(c);
    assert_int_equal(rig_queue(&r, "q")->ledger.fates[FATE_COMPACTED], 1);
    rig_close(&r);
}

static void a_queue_gets_what_is_left(void **state)
{
    (void)state;
    expect_what_is_left(false);
    expect_what_is_left(true);
}

static void what_went_is_not_found_by_its_time(void **state)
{
    struct list_offsets_call *c;
    struct rig                r;

    (void)state;
    rig_open(&r);
    rig_create_topic(&r, "t", 1, &eager);
    rig_append(&r, "t", 0, batch_of_two(100, "a", 300, "b"));
    rig_append(&r, "t", 0, batch_of_two(200, "b", 150, "c"));
    rig_append(&r, "t", 0, batch_of_two(10, "y", 10, "z"));
    settle_down(&r);
    expect(&r, "t", "0:a=v 2:b=v 3:c=v 4:y=v 5:z=v");
    c = RIG_CALL(&r, list_offsets_call, LIST_OFFSETS);
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->item_count = 1;
    c->items = arena_struct(&c->call.arena, struct list_offsets_item);
    c->items->name = bytes_str("t");
    c->items->timestamp_ms = OFFSET_MAX_TIMESTAMP;
    assert_true(rig_run(&r, c));
    assert_int_equal(c->items->offset, 2);
    assert_int_equal(c->items->found_ms, 200);
    call_free(c);
    rig_close(&r);
}

/* The head of the stored batch at offset. */
static struct batch_head head_at(struct rig *r, uint64_t offset)
{
    struct read_call *c = RIG_CALL(r, read_call, READ);
    struct batch_head head;

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->item_count = 1;
    c->items = arena_struct(&c->call.arena, struct read_item);
    *c->items = (struct read_item){ .name = bytes_str("t"), .offset = offset };
    assert_true(rig_run(r, c));
    assert_int_equal(c->items->batch_count, 1);
    assert_int_equal(batch_check(c->items->batches[0].bytes.bytes, &head), ERR_OK);
    slice_drop(&c->items->batches[0].bytes);
    call_free(c);
    return head;
}

/* A batch of one record with a producer's sequence. */
static struct slice sequenced(int64_t producer, int32_t sequence, const char *key)
{
    struct slice      s = rig_batch(key, "v", 1);
    struct batch_head head;

    assert_int_equal(batch_head(s.bytes, &head), ERR_OK);
    head.producer_id = producer;
    head.producer_epoch = 0;
    head.base_sequence = sequence;
    batch_seal_head((uint8_t *)(uintptr_t)s.bytes.at, s.bytes.len, &head);
    return s;
}

static void a_producers_last_sequence_stays(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_create_topic(&r, "t", 1, &eager);
    rig_append(&r, "t", 0, sequenced(7, 0, "a"));
    rig_append(&r, "t", 0, sequenced(7, 1, "a"));
    append(&r, "t", 0, "a", "1");
    append(&r, "t", 0, "z", "end");
    settle_down(&r);
    expect(&r, "t", "2:a=1 3:z=end");
    assert_int_equal(head_at(&r, 0).base_offset, 1); /* the first one is gone */
    assert_int_equal(head_at(&r, 1).record_count, 0);
    assert_int_equal(head_at(&r, 1).base_sequence, 1);
    rig_append(&r, "t", 0, sequenced(7, 2, "b"));
    append(&r, "t", 0, "z", "end");
    settle_down(&r);
    assert_int_equal(head_at(&r, 1).base_offset, 2); /* there is a later one now */
    rig_close(&r);
}

/* Their times are told from the horizon then, which takes more bytes. */
static void a_batch_of_tombstones_may_grow(void **state)
{
    enum { RECORDS = 100000 };
    struct batch_writer w;
    struct buf          b;
    struct rig          r;
    uint64_t            before;

    (void)state;
    rig_open(&r);
    rig_create_topic(&r, "t", 1, &eager);
    buf_init(&b);
    batch_begin(&w, &b);
    for (uint32_t i = 0; i < RECORDS; i++)
        batch_add(&w, 1000, bytes_of(&i, sizeof i), bytes_of(NULL, 0), NULL, 0);
    batch_end(&w);
    rig_append(&r, "t", 0, slice_copy(buf_view(&b)));
    buf_fini(&b);
    append(&r, "t", 0, "z", "end");
    before = log_of(&r, "t", 0)->bytes;
    settle_down(&r);
    assert_true(log_of(&r, "t", 0)->bytes > before + 2 * RECORDS);
    assert_true(head_at(&r, 0).attributes & BATCH_DELETE_HORIZON);
    assert_int_equal(head_at(&r, 0).record_count, RECORDS);
    rig_close(&r);
}

static struct slice one(const char *key, const char *value)
{
    struct batch_writer w;
    struct buf          b;
    struct slice        s;

    buf_init(&b);
    batch_begin(&w, &b);
    batch_add(&w, 1, bytes_str(key), bytes_str(value), NULL, 0);
    batch_end(&w);
    s = slice_copy(buf_view(&b));
    buf_fini(&b);
    return s;
}

/* Several batches in one extent, and room for one key: the tombstone behind it was not met by that
 * pass. */
static void what_a_pass_had_no_room_for_it_did_not_meet(void **state)
{
    const struct engine_options options = { .direct_bytes_min = 1, .compact_keys_bytes = 1 };
    struct append_call         *c;
    struct rig                  r;

    (void)state;
    rig_open_options(&r, &options);
    rig_create_topic(&r, "t", 1, &eager);
    append(&r, "t", 0, "first", "v"); /* orders the segment */
    c = RIG_CALL(&r, append_call, APPEND);
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->item_count = 3;
    c->items = arena_array(&c->call.arena, 3, sizeof *c->items);
    for (int i = 0; i < 3; i++)
        c->items[i] = (struct append_item){ .name = bytes_str("t"),
                                            .delay_ms = -1,
                                            .batch = one(i == 0 ? "first" : "a", i == 1 ? NULL : "v") };
    assert_int_equal(rig_end(&r, c), ERR_OK);
    assert_int_equal(log_of(&r, "t", 0)->extents.count, 1);
    append(&r, "t", 0, "z", "end");
    rig_advance(&r, 1001);
    while (log_of(&r, "t", 0)->clean < 2)
        rig_advance(&r, 1);
    assert_int_equal(log_of(&r, "t", 0)->clean, 2);
    assert_int_equal(log_of(&r, "t", 0)->horizon_ms, 0);
    settle_down(&r);
    expect(&r, "t", "1:first=v 3:a=v 4:z=end");
    rig_close(&r);
}

/* Z5: the record that the tombstone hides may be read again one day. */
static void a_pass_stops_at_what_cannot_be_read(void **state)
{
    const struct engine_options options = { .direct_bytes_min = 1 };
    const struct extent        *x;
    struct rig                  r;
    char                        path[64];

    (void)state;
    rig_open_options(&r, &options);
    rig_create_topic(&r, "t", 1, &eager);
    append(&r, "t", 0, "a", "hidden");
    append(&r, "t", 0, "z", "end");
    settle_down(&r);
    assert_int_equal(log_of(&r, "t", 0)->clean, 1);
    append(&r, "t", 0, "a", NULL);
    append(&r, "t", 0, "z", "end");
    x = log_extents(log_of(&r, "t", 0));
    assert_true(x->base == 0 && x->end == 1);
    snprintf(path, sizeof path, "shard/000/segment/%d-%d", (int)x->segment->id.epoch,
             (int)x->segment->id.number);
    assert_true(disk_sim_rot(r.disk, path, x->at + EXTENT_HEADER_BYTES + 10));
    settle_down(&r);
    for (int hours = 0; hours < 3; hours++) {
        rig_advance(&r, HOUR_MS);
        append(&r, "t", 0, "z", "more");
        settle_down(&r);
    }
    assert_int_equal(log_of(&r, "t", 0)->clean, 1);
    assert_int_equal(head_at(&r, 2).record_count, 1);
    assert_false(head_at(&r, 2).attributes & BATCH_DELETE_HORIZON);
    rig_close(&r);
}

/* ---- anything at any time, against a model ---- */

struct model {
    struct rig  rig;
    uint32_t    seed;
    bool        loses_old; /* retention takes records as well */
    struct seen records[RECORDS_MAX];
    size_t      count;
};

static uint32_t draw(struct model *m, uint32_t below)
{
    m->seed = m->seed * 1664525 + 1013904223;
    return (m->seed >> 8) % below;
}

/* One batch of a few records, some with large values, so that some go to a segment at once. */
static void append_any(struct model *m)
{
    struct batch_writer w;
    struct buf          b;

    buf_init(&b);
    batch_begin(&w, &b);
    for (uint32_t n = 1 + draw(m, 12); n > 0; n--) {
        struct seen *s = &m->records[m->count];

        s->offset = m->count++;
        snprintf(s->key, sizeof s->key, "k%u", draw(m, KEYS));
        s->value[0] = 0;
        if (draw(m, 5) > 0)
            snprintf(s->value, sizeof s->value, "%0*u", 1 + (int)draw(m, 290), draw(m, 1000000));
        batch_add(&w, m->rig.now_ms, bytes_str(s->key), bytes_str(s->value[0] ? s->value : NULL),
                  NULL, 0);
    }
    batch_end(&w);
    rig_append(&m->rig, "t", 0, slice_copy(buf_view(&b)));
    buf_fini(&b);
}

/* What a reader that keeps the last value of each key ends up with: "" when it has none. */
static void replay(const struct seen *records, size_t count, char state[KEYS][300])
{
    memset(state, 0, KEYS * sizeof state[0]);
    for (size_t i = 0; i < count; i++) {
        unsigned key = 0;

        assert_int_equal(sscanf(records[i].key, "k%u", &key), 1);
        memcpy(state[key], records[i].value, sizeof records[i].value);
    }
}

static void check(struct model *m)
{
    static struct seen seen[RECORDS_MAX];
    static char        want[KEYS][300];
    static char        got[KEYS][300];
    size_t             count = read_all(&m->rig, "t", 0, seen);

    for (size_t i = 0; i < count; i++) {
        const struct seen *s = &m->records[seen[i].offset];

        assert_true(i == 0 || seen[i].offset > seen[i - 1].offset);
        assert_string_equal(seen[i].key, s->key);
        assert_string_equal(seen[i].value, s->value);
    }
    assert_false(log_of(&m->rig, "t", 0)->is_damaged);
    if (m->loses_old)
        return;
    replay(m->records, m->count, want);
    replay(seen, count, got);
    for (int k = 0; k < KEYS; k++)
        assert_string_equal(got[k], want[k]);
}

/* A few turns without waiting for the disk: passes stop anywhere. */
static void let_run(struct model *m)
{
    for (uint32_t n = draw(m, 12); n > 0; n--) {
        m->rig.now_ms += draw(m, 400);
        rig_turn_unsynced(&m->rig);
        for (uint32_t k = draw(m, 6); k > 0; k--)
            volume_file_step(m->rig.volume);
        mail_run(&m->rig.completions);
    }
}

static void expect_one_of_each_key(struct model *m)
{
    static struct seen seen[RECORDS_MAX];
    size_t             count = read_all(&m->rig, "t", 0, seen);
    uint64_t           clean = log_of(&m->rig, "t", 0)->clean;

    for (size_t i = 0; i < count && seen[i].offset < clean; i++)
        for (size_t k = i + 1; k < count && seen[k].offset < clean; k++)
            assert_string_not_equal(seen[i].key, seen[k].key);
}

static void run_seed(uint32_t seed, const struct engine_options *options,
                     const struct topic_policy *policy)
{
    struct model *m = mem_new(sizeof *m);

    m->seed = seed;
    m->loses_old = policy->retention_bytes > 0;
    rig_open_options(&m->rig, options);
    rig_create_topic(&m->rig, "t", 1, policy);
    for (int round = 0; round < 60; round++) {
        for (uint32_t n = draw(m, 12); n > 0; n--)
            append_any(m);
        let_run(m);
        if (draw(m, 3) == 0)
            rig_die(&m->rig);
        if (draw(m, 8) == 0)
            rig_advance(&m->rig, HOUR_MS);
        check(m);
        expect_one_of_each_key(m);
    }
    settle_down(&m->rig);
    check(m);
    expect_one_of_each_key(m);
    assert_true(log_of(&m->rig, "t", 0)->clean > 0);
    rig_close(&m->rig);
    free(m);
}

static void a_crash_at_any_point_leaves_a_log_that_reads_right(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 12; seed++)
        run_seed(seed, &small, &eager);
}

/* Room for 36 keys: a pass cannot take them all. */
static void more_keys_than_there_is_room_for_take_more_passes(void **state)
{
    struct engine_options options = small;

    (void)state;
    options.compact_keys_bytes = 40 * 24;
    for (uint32_t seed = 100; seed < 104; seed++)
        run_seed(seed, &options, &eager);
}

/* cleanup.policy=compact,delete: a log loses its front while it is compacted. */
static void retention_and_compaction_go_together(void **state)
{
    struct topic_policy policy = eager;

    (void)state;
    policy.retention_bytes = 30000;
    policy.retention_ms = 2 * HOUR_MS;
    for (uint32_t seed = 200; seed < 208; seed++)
        run_seed(seed, &small, &policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_of_each_key_stays),
        cmocka_unit_test(tombstones_go_when_they_are_of_age),
        cmocka_unit_test(the_newest_part_waits),
        cmocka_unit_test(little_dirt_is_not_worth_a_pass),
        cmocka_unit_test(only_compacted_topics_are_compacted),
        cmocka_unit_test(small_logs_share_a_pass),
        cmocka_unit_test(a_queue_gets_what_is_left),
        cmocka_unit_test(what_went_is_not_found_by_its_time),
        cmocka_unit_test(a_producers_last_sequence_stays),
        cmocka_unit_test(a_batch_of_tombstones_may_grow),
        cmocka_unit_test(what_a_pass_had_no_room_for_it_did_not_meet),
        cmocka_unit_test(a_pass_stops_at_what_cannot_be_read),
        cmocka_unit_test(a_crash_at_any_point_leaves_a_log_that_reads_right),
        cmocka_unit_test(more_keys_than_there_is_room_for_take_more_passes),
        cmocka_unit_test(retention_and_compaction_go_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
