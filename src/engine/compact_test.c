/* compact_test.c - compaction against a model that does the same naively, and the rules one by one. */
#include "engine/compact.h"
#include "engine/deflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS_BYTES = 1 << 20, RETENTION_MS = 1000, BATCH_RECORDS = 12, BATCHES = 400 };

/* ---- the model: a log as a list of batches of records ---- */

struct item {
    uint64_t offset;
    int64_t  timestamp_ms;
    char     key[8];   /* "": null */
    char     value[8]; /* "": null */
    bool     has_header;
};

struct model_batch {
    uint64_t    base;
    int32_t     last_delta;
    unsigned    codec;
    bool        is_append_time;
    int64_t     producer; /* -1: none */
    int64_t     horizon_ms; /* 0: none */
    int64_t     append_time_ms;
    int         count;
    struct item items[BATCH_RECORDS];
    struct buf  bytes; /* as it is stored; len 0: gone */
};

struct model {
    struct model_batch batches[BATCHES];
    size_t             count;
    uint64_t           end;
    uint32_t           seed;
};

static uint32_t draw(struct model *m, uint32_t below)
{
    m->seed = m->seed * 1664525 + 1013904223;
    return (m->seed >> 8) % below;
}

static struct bytes text_or_null(const char *text)
{
    return text[0] ? bytes_str(text) : (struct bytes){ 0 };
}

/* Writes b's items into b->bytes, through batch_writer: the codec and the producer are put in later. */
static void store(struct model_batch *b)
{
    const struct header header = { bytes_str("h"), bytes_str("x") };
    struct batch_writer w;
    struct batch_head   head;
    struct buf          plain, packed;

    buf_init(&plain);
    batch_begin(&w, &plain);
    for (int i = 0; i < b->count; i++)
        batch_add(&w, b->items[i].timestamp_ms, text_or_null(b->items[i].key),
                  text_or_null(b->items[i].value), &header, b->items[i].has_header);
    batch_end(&w);
    assert_int_equal(batch_head(buf_view(&plain), &head), ERR_OK);
    buf_init(&packed);
    buf_grow(&packed, BATCH_HEADER_BYTES);
    if (b->codec == CODEC_NONE)
        buf_add(&packed, plain.at + BATCH_HEADER_BYTES, plain.len - BATCH_HEADER_BYTES);
    else
        deflate_records(b->codec,
                        bytes_of(plain.at + BATCH_HEADER_BYTES, plain.len - BATCH_HEADER_BYTES),
                        &packed);
    head.attributes = (uint16_t)(b->codec | (b->is_append_time ? BATCH_APPEND_TIME : 0));
    if (b->is_append_time)
        head.max_timestamp_ms = b->append_time_ms;
    head.producer_id = b->producer;
    head.producer_epoch = b->producer < 0 ? -1 : 3;
    head.base_sequence = b->producer < 0 ? -1 : (int32_t)b->base;
    batch_seal_head(packed.at, packed.len, &head);
    b->bytes = packed;
    buf_fini(&plain);
}

static void add_batch(struct model *m, int64_t now_ms)
{
    struct model_batch *b = &m->batches[m->count++];

    *b = (struct model_batch){ .base = m->end,
                               .codec = draw(m, 5),
                               .is_append_time = draw(m, 6) == 0,
                               .append_time_ms = now_ms,
                               .producer = draw(m, 2) ? (int64_t)draw(m, 3) : -1,
                               .count = 1 + (int)draw(m, BATCH_RECORDS) };
    b->last_delta = b->count - 1;
    for (int i = 0; i < b->count; i++) {
        struct item *x = &b->items[i];

        x->offset = m->end++;
        x->timestamp_ms = now_ms - (int64_t)draw(m, 50);
        if (draw(m, 20) > 0)
            snprintf(x->key, sizeof x->key, "k%u", draw(m, 60));
        if (draw(m, 4) > 0)
            snprintf(x->value, sizeof x->value, "v%u", draw(m, 1000));
        x->has_header = draw(m, 3) == 0;
    }
    store(b);
    for (int i = 0; b->is_append_time && i < b->count; i++)
        b->items[i].timestamp_ms = now_ms;
}

static uint64_t latest_of(const struct model *m, uint64_t dirty, uint64_t end, const char *key)
{
    uint64_t latest = KEY_OFFSETS_NONE;

    for (size_t i = 0; i < m->count; i++)
        for (int k = 0; k < m->batches[i].count; k++) {
            const struct item *x = &m->batches[i].items[k];

            if (x->offset >= dirty && x->offset < end && strcmp(x->key, key) == 0)
                latest = x->offset;
        }
    return latest;
}

static bool model_stays(const struct model *m, const struct model_batch *b, const struct item *x,
                        uint64_t dirty, uint64_t end, int64_t now_ms)
{
    uint64_t latest = latest_of(m, dirty, end, x->key);

    if (!x->key[0] || (latest != KEY_OFFSETS_NONE && latest > x->offset))
        return false;
    return x->value[0] || b->horizon_ms == 0 || now_ms < b->horizon_ms;
}

/* The last batch of its producer, whatever is left of it. */
static bool is_producers_last(void *ctx, int64_t producer, uint64_t last_offset)
{
    const struct model *m = ctx;
    uint64_t            last = 0;

    for (size_t i = 0; i < m->count; i++)
        if (m->batches[i].producer == producer)
            last = m->batches[i].base + (uint64_t)m->batches[i].last_delta;
    return last == last_offset;
}

/* One pass over the model; all decisions are made before anything changes. */
static void compact_model(struct model *m, uint64_t dirty, uint64_t end, int64_t now_ms)
{
    static bool keep[BATCHES][BATCH_RECORDS];

    for (size_t i = 0; i < m->count; i++)
        for (int k = 0; k < m->batches[i].count; k++)
            keep[i][k] = model_stays(m, &m->batches[i], &m->batches[i].items[k], dirty, end, now_ms);
    for (size_t i = 0; i < m->count && m->batches[i].base < end; i++) {
        struct model_batch *b = &m->batches[i];
        bool                has_tombstone = false;
        int                 left = 0;

        for (int k = 0; k < b->count; k++)
            if (keep[i][k]) {
                has_tombstone |= !b->items[k].value[0];
                b->items[left++] = b->items[k];
            }
        b->count = left;
        if (has_tombstone && b->horizon_ms == 0)
            b->horizon_ms = now_ms + RETENTION_MS;
    }
}

/* ---- the real thing ---- */

static void compact_real(struct model *m, uint64_t dirty, uint64_t end, int64_t now_ms)
{
    struct key_offsets *keys = key_offsets_new(KEYS_BYTES);
    struct compact_pass p;

    for (size_t i = 0; i < m->count; i++)
        if (m->batches[i].base >= dirty && m->batches[i].base < end && m->batches[i].bytes.len > 0)
            assert_true(compact_note(keys, 1, buf_view(&m->batches[i].bytes), m->batches[i].base));
    compact_begin(&p, keys, 1, now_ms, RETENTION_MS);
    p.is_last = is_producers_last;
    p.ctx = m;
    for (size_t i = 0; i < m->count && m->batches[i].base < end; i++) {
        struct model_batch *b = &m->batches[i];
        struct buf          out;

        if (b->bytes.len == 0)
            continue;
        buf_init(&out);
        switch (compact_batch(&p, buf_view(&b->bytes), b->base, &out)) {
        case COMPACT_SAME:
            assert_int_equal(out.len, 0);
            break;
        case COMPACT_LESS:
            buf_fini(&b->bytes);
            b->bytes = out;
            break;
        case COMPACT_GONE:
            assert_int_equal(out.len, 0);
            buf_clear(&b->bytes);
            break;
        }
    }
    compact_end(&p);
    key_offsets_free(keys);
}

static void expect_item(const struct item *x, const struct record *r, uint64_t base)
{
    assert_int_equal(base + (uint64_t)r->offset_delta, x->offset);
    assert_int_equal(r->timestamp_ms, x->timestamp_ms);
    assert_true(bytes_eq(r->key, bytes_str(x->key)));
    assert_true(bytes_is_null(r->value) == !x->value[0]);
    assert_true(bytes_eq(r->value, bytes_str(x->value)));
    assert_int_equal(r->header_count, x->has_header);
}

static void expect_head(const struct model_batch *b, const struct batch_head *head)
{
    int64_t max_ms = INT64_MIN;

    assert_int_equal(head->last_offset_delta, b->last_delta);
    assert_int_equal(head->record_count, b->count);
    assert_int_equal(head->producer_id, b->producer);
    assert_int_equal(head->producer_epoch, b->producer < 0 ? -1 : 3);
    assert_int_equal(head->base_sequence, b->producer < 0 ? -1 : (int32_t)b->base);
    assert_int_equal((head->attributes & BATCH_APPEND_TIME) != 0, b->is_append_time);
    if (b->count == 0)
        return;
    assert_int_equal(head->attributes & BATCH_CODEC_MASK, b->codec);
    assert_int_equal((head->attributes & BATCH_DELETE_HORIZON) != 0, b->horizon_ms > 0);
    if (b->horizon_ms > 0)
        assert_int_equal(head->base_timestamp_ms, b->horizon_ms);
    for (int i = 0; i < b->count; i++)
        max_ms = b->items[i].timestamp_ms > max_ms ? b->items[i].timestamp_ms : max_ms;
    assert_int_equal(head->max_timestamp_ms, max_ms);
}

static void expect_batch(struct model *m, const struct model_batch *b)
{
    struct batch_reader reader;
    struct batch_head   head;
    struct record       r;
    enum err            err;

    if (b->bytes.len == 0) {
        assert_int_equal(b->count, 0);
        assert_false(b->producer >= 0 &&
                     is_producers_last(m, b->producer, b->base + (uint64_t)b->last_delta));
        return;
    }
    assert_int_equal(batch_check(buf_view(&b->bytes), &head), ERR_OK);
    expect_head(b, &head);
    assert_int_equal(batch_open(&reader, buf_view(&b->bytes)), ERR_OK);
    for (int i = 0; i < b->count; i++) {
        assert_true(batch_next(&reader, &r, &err));
        expect_item(&b->items[i], &r, b->base);
    }
    assert_false(batch_next(&reader, &r, &err));
    assert_int_equal(err, ERR_OK);
    batch_close(&reader);
}

static void free_model(struct model *m)
{
    for (size_t i = 0; i < m->count; i++)
        buf_fini(&m->batches[i].bytes);
    free(m);
}

static struct model *new_model(uint32_t seed)
{
    struct model *m = mem_new(sizeof *m);

    m->seed = seed;
    return m;
}

/* Appends and passes in turn; each pass cleans all but the newest few. Time goes in steps that let tombstones of some
 * passes come of age before others. */
static void many_passes_do_what_the_model_does(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct model *m = new_model(seed);
        uint64_t      dirty = 0;
        int64_t       now_ms = 10000;

        while (m->count + 30 < BATCHES) {
            for (uint32_t n = 1 + draw(m, 25); n > 0; n--)
                add_batch(m, now_ms += draw(m, 5));
            now_ms += draw(m, RETENTION_MS);
            uint64_t end = m->batches[m->count - draw(m, 3) % m->count - 1].base;
            if (end < dirty)
                continue;
            compact_real(m, dirty, end, now_ms);
            compact_model(m, dirty, end, now_ms);
            for (size_t i = 0; i < m->count; i++)
                expect_batch(m, &m->batches[i]);
            dirty = end;
        }
        free_model(m);
    }
}

/* ---- single rules ---- */

static struct model_batch *put(struct model *m, const char *key, const char *value)
{
    struct model_batch *b = &m->batches[m->count++];

    *b = (struct model_batch){ .base = m->end, .producer = -1, .count = 1 };
    b->items[0] = (struct item){ .offset = m->end++, .timestamp_ms = 5 };
    snprintf(b->items[0].key, sizeof b->items[0].key, "%s", key);
    snprintf(b->items[0].value, sizeof b->items[0].value, "%s", value);
    store(b);
    return b;
}

static void a_tombstone_stays_for_its_time(void **state)
{
    struct model       *m = new_model(1);
    struct model_batch *value = put(m, "k", "v");
    struct model_batch *tombstone = put(m, "k", "");
    struct batch_head   head;

    (void)state;
    compact_real(m, 0, 2, 100);
    assert_int_equal(value->bytes.len, 0);
    assert_int_equal(batch_check(buf_view(&tombstone->bytes), &head), ERR_OK);
    assert_true(head.attributes & BATCH_DELETE_HORIZON);
    assert_int_equal(head.base_timestamp_ms, 100 + RETENTION_MS);
    assert_int_equal(head.max_timestamp_ms, 5);
    compact_real(m, 2, 2, 100 + RETENTION_MS - 1);
    assert_true(tombstone->bytes.len > 0);
    compact_real(m, 2, 2, 100 + RETENTION_MS);
    assert_int_equal(tombstone->bytes.len, 0);
    free_model(m);
}

static void what_is_not_well_formed_stays(void **state)
{
    struct model       *m = new_model(1);
    struct model_batch *old = put(m, "k", "v");
    struct model_batch *broken = put(m, "k", "w");
    struct batch_head   head;
    struct buf          before;
    uint8_t            *second; /* of its two records */

    (void)state;
    buf_fini(&broken->bytes);
    broken->items[1] = broken->items[0];
    broken->count = 2;
    store(broken);
    second = broken->bytes.at + (broken->bytes.len + BATCH_HEADER_BYTES) / 2;
    *second = 0xff; /* it says that it is longer than its batch */
    assert_int_equal(batch_head(buf_view(&broken->bytes), &head), ERR_OK);
    batch_seal_head(broken->bytes.at, broken->bytes.len, &head);
    buf_init(&before);
    buf_bytes(&before, buf_view(&broken->bytes));
    compact_real(m, 0, 2, 100);
    assert_true(old->bytes.len > 0); /* its key was not noted: who knows what the later batch says */
    assert_true(bytes_eq(buf_view(&before), buf_view(&broken->bytes)));
    buf_fini(&before);
    free_model(m);
}

static void control_batches_stay(void **state)
{
    struct model       *m = new_model(1);
    struct model_batch *value = put(m, "c", "v");
    struct model_batch *control = put(m, "c", "");
    struct batch_head   head;

    (void)state;
    assert_int_equal(batch_head(buf_view(&control->bytes), &head), ERR_OK);
    head.attributes |= BATCH_CONTROL;
    batch_seal_head(control->bytes.at, control->bytes.len, &head);
    compact_real(m, 0, 2, 100);
    assert_true(control->bytes.len > 0);
    assert_false(head.attributes & BATCH_DELETE_HORIZON);
    assert_true(value->bytes.len > 0); /* what a control batch says is not about keys */
    free_model(m);
}

static void a_producers_last_batch_stays_as_a_header(void **state)
{
    struct model       *m = new_model(1);
    struct model_batch *first = put(m, "k", "1");
    struct model_batch *last = put(m, "k", "2");
    struct batch_head   head;

    (void)state;
    buf_fini(&first->bytes);
    buf_fini(&last->bytes);
    first->producer = last->producer = 9;
    last->codec = CODEC_LZ4;
    store(first);
    store(last);
    put(m, "k", "3");
    for (int pass = 0; pass < 2; pass++) {
        const uint8_t *before = last->bytes.at;

        compact_real(m, 0, 3, 100);
        assert_true((last->bytes.at == before) == (pass == 1)); /* then there is nothing left to do */
        assert_int_equal(first->bytes.len, 0);
        assert_int_equal(last->bytes.len, BATCH_HEADER_BYTES);
        assert_int_equal(batch_check(buf_view(&last->bytes), &head), ERR_OK);
        assert_true(head.record_count == 0 && head.last_offset_delta == 0);
        assert_int_equal(head.base_offset, 1);
        assert_true(head.producer_id == 9 && head.producer_epoch == 3 && head.base_sequence == 1);
        assert_int_equal(head.max_timestamp_ms, 5);
    }
    put(m, "k", "4")->producer = 9; /* the model's word is enough for is_producers_last */
    compact_real(m, 3, 3, 100);
    assert_int_equal(last->bytes.len, 0);
    free_model(m);
}

static void a_full_table_takes_no_part_of_a_batch(void **state)
{
    struct key_offsets *keys = key_offsets_new(100); /* three keys */
    struct model       *m = new_model(1);

    (void)state;
    for (int i = 0; i < 4; i++) {
        char key[8];

        snprintf(key, sizeof key, "%d", i);
        put(m, key, "v");
        assert_int_equal(compact_note(keys, 1, buf_view(&m->batches[i].bytes), m->batches[i].base),
                         i < 3);
    }
    assert_true(key_offsets_get(keys, 1, bytes_str("3")) == KEY_OFFSETS_NONE);
    key_offsets_free(keys);
    free_model(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_passes_do_what_the_model_does),
        cmocka_unit_test(a_tombstone_stays_for_its_time),
        cmocka_unit_test(what_is_not_well_formed_stays),
        cmocka_unit_test(control_batches_stay),
        cmocka_unit_test(a_producers_last_batch_stays_as_a_header),
        cmocka_unit_test(a_full_table_takes_no_part_of_a_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
