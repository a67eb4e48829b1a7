/* recode_test.c - a batch with each codec becomes one with each other, and says the same. */
#include "engine/deflate.h"
#include "engine/recode.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { RECORDS = 200 };

static struct slice batch_with(unsigned codec)
{
    struct batch_writer w;
    struct batch_head   head;
    struct buf          b;
    struct slice        made;

    buf_init(&b);
    batch_begin(&w, &b);
    for (int i = 0; i < RECORDS; i++)
        batch_add(&w, 1000 + i, bytes_str("key"), bytes_str("a value that compresses"), NULL, 0);
    batch_end(&w);
    assert_int_equal(batch_head(buf_view(&b), &head), ERR_OK);
    head.producer_id = 7;
    head.producer_epoch = 3;
    head.base_sequence = 40;
    batch_seal_head(b.at, b.len, &head);
    made = slice_copy(buf_view(&b));
    if (codec != CODEC_NONE)
        assert_int_equal(recode_batch(&made, &head, codec), ERR_OK);
    buf_fini(&b);
    return made;
}

static void expect_records(struct bytes batch)
{
    struct batch_reader reader;
    struct record       record;
    enum err            err;
    int                 count = 0;

    assert_int_equal(batch_open(&reader, batch), ERR_OK);
    for (; batch_next(&reader, &record, &err); count++) {
        assert_int_equal(record.offset_delta, count);
        assert_int_equal(record.timestamp_ms, 1000 + count);
        assert_true(bytes_eq_str(record.value, "a value that compresses"));
    }
    assert_int_equal(count, RECORDS);
    batch_close(&reader);
}

static void each_codec_becomes_each_other(void **state)
{
    (void)state;
    for (unsigned from = CODEC_NONE; from <= CODEC_ZSTD; from++)
        for (unsigned to = CODEC_NONE; to <= CODEC_ZSTD; to++) {
            struct slice      batch = batch_with(from);
            struct batch_head head, again;

            assert_int_equal(batch_check(batch.bytes, &head), ERR_OK);
            assert_int_equal(head.attributes & BATCH_CODEC_MASK, from);
            assert_int_equal(recode_batch(&batch, &head, to), ERR_OK);
            assert_int_equal(batch_check(batch.bytes, &again), ERR_OK);
            assert_int_equal(again.attributes, to);
            assert_int_equal(head.crc, again.crc);
            assert_int_equal(again.producer_id, 7);
            assert_int_equal(again.producer_epoch, 3);
            assert_int_equal(again.base_sequence, 40);
            assert_int_equal(again.max_timestamp_ms, 1000 + RECORDS - 1);
            expect_records(batch.bytes);
            slice_drop(&batch);
        }
}

static void what_cannot_be_inflated_is_left_alone(void **state)
{
    struct slice      batch = batch_with(CODEC_ZSTD);
    struct bytes      was = batch.bytes;
    struct batch_head head;

    (void)state;
    assert_int_equal(batch_head(batch.bytes, &head), ERR_OK);
    memset((uint8_t *)(uintptr_t)batch.bytes.at + BATCH_HEADER_BYTES, 0xff, 20);
    assert_int_equal(recode_batch(&batch, &head, CODEC_GZIP), ERR_BAD_RECORD);
    assert_ptr_equal(batch.bytes.at, was.at);
    assert_int_equal(head.attributes & BATCH_CODEC_MASK, CODEC_ZSTD);
    slice_drop(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_codec_becomes_each_other),
        cmocka_unit_test(what_cannot_be_inflated_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
