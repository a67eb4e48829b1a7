/*
 * sparse_test.c - batches that compaction left holes in, by each of their offsets, in any order.
 */
#include "engine/compact.h"
#include "engine/queue_rig.h"
#include "engine/sparse.h"

enum { BASE = 1000, RECORDS = 8 };

static struct slice write_batch(const char *keys)
{
    struct buf          b;
    struct batch_writer w;
    struct slice        s;

    buf_init(&b);
    batch_begin(&w, &b);
    for (size_t i = 0; i < strlen(keys); i++)
        batch_add(&w, 1000, bytes_of((const uint8_t *)keys + i, 1), bytes_str("value"), NULL, 0);
    batch_end(&w);
    s = slice_copy(buf_view(&b));
    buf_fini(&b);
    return s;
}

/* The batch of RECORDS records of which those stay whose key does not come later, there or in `behind`. */
static struct slice compacted(const char *keys, const char *behind)
{
    struct key_offsets *noted = key_offsets_new(1 << 16);
    struct compact_pass pass;
    struct slice        batch = write_batch(keys);
    struct slice        next = write_batch(behind);
    struct buf          out;

    buf_init(&out);
    assert_true(compact_note(noted, 1, batch.bytes, BASE));
    assert_true(compact_note(noted, 1, next.bytes, BASE + RECORDS));
    compact_begin(&pass, noted, 1, 2000, 1000);
    assert_int_equal(compact_batch(&pass, batch.bytes, BASE, &out), COMPACT_LESS);
    compact_end(&pass);
    key_offsets_free(noted);
    slice_drop(&batch);
    slice_drop(&next);
    batch = slice_copy(buf_view(&out));
    buf_fini(&out);
    return batch;
}

/* As if it lay in an extent that is loaded. */
static struct load *load_of(struct slice batch)
{
    struct load *load = mem_new(sizeof *load + sizeof load->entries[0]);

    load->bytes = batch;
    load->count = 1;
    load->entries[0] = (struct log_entry){ .base_offset = BASE,
                                           .batch_len = (uint32_t)batch.bytes.len,
                                           .count = RECORDS };
    load->is_sparse = true; /* so that each batch is looked at */
    return load;
}

static void check(struct rig *r, struct slice batch, const char *present)
{
    struct load  *load = load_of(batch);
    struct log_at at = { &load->entries[0], load };
    struct sparse s;

    for (uint64_t first = 0; first < RECORDS; first++) { /* from there on, and again from the start */
        sparse_begin(&s);
        for (uint64_t i = 0; i < 2 * RECORDS; i++) {
            uint64_t from = (first + i) % RECORDS;
            uint64_t want = from;

            while (want < RECORDS && present[want] != 'x')
                want++;
            assert_int_equal(sparse_next(&s, r->engine, &at, BASE + from), BASE + want);
        }
        sparse_end(&s);
    }
    slice_drop(&load->bytes);
    free(load);
}

static void holes_are_passed_over(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    check(&r, compacted("abcabcde", "f"), "...xxxxx");
    check(&r, compacted("abcdefgh", "aceg"), ".x.x.x.x");
    check(&r, compacted("abcdefgh", "bdfh"), "x.x.x.x.");
    check(&r, compacted("aaaaaaab", "a"), ".......x");
    check(&r, compacted("baaaaaaa", "a"), "x.......");
    check(&r, write_batch("aaaaaaaa"), "xxxxxxxx");
    rig_close(&r);
}

/* Its end is missing: what it is shall be seen by whoever reads it. */
static void damage_counts_as_dense(void **state)
{
    struct slice batch = compacted("abcdefgh", "aceg");
    struct rig   r;

    (void)state;
    rig_open(&r);
    batch.bytes.len -= 3;
    check(&r, batch, "xxxxxxxx");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_passed_over),
        cmocka_unit_test(damage_counts_as_dense),
    };

    return cmocka_run_group_tests_name("sparse", tests, NULL, NULL);
}
