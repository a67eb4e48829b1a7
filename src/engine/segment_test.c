/* segment_test.c - the format of segments: what is written comes back, everything else is refused. */
#include "engine/segment.h"

#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void make_batch(struct buf *out, int records, int64_t time_ms)
{
    struct batch_writer w;

    buf_clear(out);
    batch_begin(&w, out);
    for (int i = 0; i < records; i++)
        batch_add(&w, time_ms + i, bytes_str("key"), bytes_str("value"), NULL, 0);
    batch_end(&w);
}

/* Batches of 1, 2, 3... records with a hole of one offset behind each. */
static void fill(struct extent_writer *w, uint64_t log, uint64_t base, int batches)
{
    struct buf b;

    buf_init(&b);
    extent_begin(w, log);
    for (int i = 1; i <= batches; i++) {
        struct log_entry entry = { .base_offset = base,
                                   .max_timestamp_ms = 1000 * i + i - 1,
                                   .append_ms = 5000 + 10 * (i % 3),
                                   .count = (uint32_t)i };

        make_batch(&b, i, 1000 * i);
        entry.batch_len = (uint32_t)b.len;
        assert_true(extent_has_room(w, &entry));
        extent_add(w, &entry, buf_view(&b));
        base += (uint64_t)i + 1;
    }
    extent_end(w);
    buf_fini(&b);
}

static struct bytes batches_of(const struct extent_writer *w)
{
    return bytes_of(w->out.at + EXTENT_HEADER_BYTES, w->out.len - EXTENT_HEADER_BYTES);
}

static void a_segment_header_comes_back(void **state)
{
    const struct segment_head head = { 3, 7, 1000000, 42 };
    struct segment_head       got;
    uint8_t                   bytes[SEGMENT_HEADER_BYTES];

    (void)state;
    segment_head_encode(bytes, &head);
    assert_int_equal(segment_head_decode(bytes_of(bytes, sizeof bytes), &got), ERR_OK);
    assert_memory_equal(&got, &head, sizeof got);
    assert_int_equal(segment_head_decode(bytes_of(bytes, sizeof bytes - 1), &got), ERR_CORRUPT);
    for (size_t i = 0; i < 44; i++) {
        enum err err;

        bytes[i] ^= 1;
        err = segment_head_decode(bytes_of(bytes, sizeof bytes), &got);
        assert_true(err == ERR_CORRUPT || (err == ERR_NEWER_FORMAT && i >= 8 && i < 12));
        bytes[i] ^= 1;
    }
    put_u32(bytes + 8, SEGMENT_VERSION + 1);
    assert_int_equal(segment_head_decode(bytes_of(bytes, sizeof bytes), &got), ERR_NEWER_FORMAT);
}

static void an_extent_comes_back(void **state)
{
    struct extent_writer w = { 0 };
    struct extent_head   head;
    struct log_entry     entries[6];
    uint64_t             base = 100;
    uint64_t             position = 0;

    (void)state;
    fill(&w, 9, base, 6);
    assert_int_equal(extent_head_decode(buf_view(&w.out), &head), ERR_OK);
    assert_int_equal(head.log, 9);
    assert_int_equal(head.base, 100);
    assert_int_equal(head.end, 100 + 21 + 5);
    assert_int_equal(head.batches, 6);
    assert_int_equal(head.max_timestamp_ms, 6005);
    assert_int_equal(head.append_ms, 5020);
    assert_int_equal(extent_index(&head, batches_of(&w), entries), ERR_OK);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(entries[i].base_offset, base);
        assert_int_equal(entries[i].position, position);
        assert_int_equal(entries[i].count, i + 1);
        assert_int_equal(entries[i].append_ms, 5000 + 10 * ((i + 1) % 3));
        assert_int_equal(entries[i].max_timestamp_ms, 1000 * (i + 1) + i);
        base += (uint64_t)i + 2;
        position += entries[i].batch_len;
    }
    assert_int_equal(position, head.bytes);
    extent_fini(&w);
}

static void every_changed_bit_is_seen(void **state)
{
    struct extent_writer w = { 0 };
    struct extent_head   head;
    struct log_entry     entries[3];

    (void)state;
    fill(&w, 1, 0, 3);
    for (size_t bit = 0; bit < 8 * w.out.len; bit++) {
        enum err err;

        w.out.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        err = extent_head_decode(buf_view(&w.out), &head);
        if (err == ERR_OK)
            err = extent_index(&head, batches_of(&w), entries);
        assert_int_equal(err, ERR_CORRUPT);
        w.out.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    extent_fini(&w);
}

/* The checksum of the header is right again after a field was changed. */
static enum err decode_with(struct extent_writer *w, const struct extent_head *head)
{
    struct extent_head got;
    struct log_entry   entries[8];
    enum err           err;

    extent_head_encode(w->out.at, head);
    err = extent_head_decode(buf_view(&w->out), &got);
    return err ? err : extent_index(&got, batches_of(w), entries);
}

static void what_nobody_wrote_is_refused(void **state)
{
    struct extent_writer w = { 0 };
    struct extent_head   head;
    struct extent_head   bad;

    (void)state;
    fill(&w, 1, 10, 3);
    assert_int_equal(extent_head_decode(buf_view(&w.out), &head), ERR_OK);
    assert_int_equal(decode_with(&w, &head), ERR_OK);
#define BAD(change)                                                                                \
    bad = head;                                                                                    \
    change;                                                                                        \
    assert_int_equal(decode_with(&w, &bad), ERR_CORRUPT)
    BAD(bad.base++);
    BAD(bad.base--);
    BAD(bad.end--);
    BAD(bad.end++);
    BAD(bad.batches--);
    BAD(bad.batches++);
    BAD(bad.batches = 0);
    BAD(bad.batches = UINT32_MAX);
    BAD(bad.bytes--);
    BAD(bad.bytes = 0);
    BAD(bad.bytes = UINT32_MAX);
    BAD(bad.crc++);
    BAD(bad.end = bad.base);
#undef BAD
    extent_fini(&w);
}

static void an_extent_has_a_limit(void **state)
{
    struct extent_writer w = { 0 };
    struct log_entry     entry = { .base_offset = 0, .count = 1, .append_ms = 1000 };
    struct buf           b;
    static uint8_t       value[1000000];
    struct batch_writer  bw;

    (void)state;
    buf_init(&b);
    batch_begin(&bw, &b);
    batch_add(&bw, 0, bytes_of(NULL, 0), bytes_of(value, sizeof value), NULL, 0);
    batch_end(&bw);
    entry.batch_len = (uint32_t)b.len;
    extent_begin(&w, 1);
    for (; extent_has_room(&w, &entry); entry.base_offset++)
        extent_add(&w, &entry, buf_view(&b));
    assert_int_equal(w.head.batches, 4);
    extent_begin(&w, 1);
    entry.batch_len = EXTENT_BYTES_MAX + 1;
    assert_true(extent_has_room(&w, &entry)); /* a single one that is larger */
    entry.batch_len = (uint32_t)b.len;
    extent_add(&w, &entry, buf_view(&b));
    entry.append_ms += (int64_t)UINT32_MAX + 1; /* its age would not fit */
    assert_false(extent_has_room(&w, &entry));
    entry.append_ms--;
    assert_true(extent_has_room(&w, &entry));
    extent_fini(&w);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_header_comes_back),
        cmocka_unit_test(an_extent_comes_back),
        cmocka_unit_test(every_changed_bit_is_seen),
        cmocka_unit_test(what_nobody_wrote_is_refused),
        cmocka_unit_test(an_extent_has_a_limit),
    };

    return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
