/* batch_test.c - the record format: what is written is read back, what is damaged is refused. */
#include "engine/batch.h"
#include "engine/message.h"

#include <lz4frame.h>
#include <setjmp.h>
#include <snappy-c.h>
#include <stdarg.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/crc32c.h"

static void write_two(struct buf *out)
{
    struct batch_writer w;
    struct header       headers[] = {
        { bytes_str("tier"), bytes_str("gold") },
        { bytes_str("none"), bytes_of(NULL, 0) },
    };

    batch_begin(&w, out);
    batch_add(&w, 1000, bytes_str("k1"), bytes_str("first"), headers, COUNT(headers));
    batch_add(&w, 990, bytes_of(NULL, 0), bytes_str(""), NULL, 0);
    batch_end(&w);
}

static void what_is_written_is_read_back(void **state)
{
    struct buf          b;
    struct batch_reader r;
    struct record       record;
    enum err            err;

    (void)state;
    buf_init(&b);
    write_two(&b);
    assert_int_equal(batch_check(buf_view(&b), &(struct batch_head){ 0 }), ERR_OK);
    assert_int_equal(batch_open(&r, buf_view(&b)), ERR_OK);
    assert_int_equal(r.head.record_count, 2);
    assert_int_equal(r.head.base_timestamp_ms, 1000);
    assert_int_equal(r.head.max_timestamp_ms, 1000);
    assert_int_equal(r.head.producer_id, -1);

    assert_true(batch_next(&r, &record, &err));
    assert_true(bytes_eq_str(record.key, "k1"));
    assert_true(bytes_eq_str(record.value, "first"));
    assert_int_equal(record.header_count, 2);
    assert_true(bytes_eq_str(record.headers[0].value, "gold"));
    assert_true(bytes_is_null(record.headers[1].value));

    assert_true(batch_next(&r, &record, &err));
    assert_int_equal(record.timestamp_ms, 990);
    assert_int_equal(record.offset_delta, 1);
    assert_true(bytes_is_null(record.key));
    assert_false(bytes_is_null(record.value));
    assert_int_equal(record.value.len, 0);
    assert_false(batch_next(&r, &record, &err));
    assert_int_equal(err, ERR_OK);
    batch_close(&r);
    buf_fini(&b);
}

static void every_flipped_bit_is_noticed(void **state)
{
    struct buf        b;
    struct batch_head head;

    (void)state;
    buf_init(&b);
    write_two(&b);
    for (size_t i = 0; i < b.len * 8; i++) {
        bool outside = i / 8 < 8 || (i / 8 >= 12 && i / 8 < 16); /* base offset, leader epoch */

        b.at[i / 8] ^= (uint8_t)(1 << i % 8);
        if (outside)
            assert_int_equal(batch_check(buf_view(&b), &head), ERR_OK);
        else
            assert_int_not_equal(batch_check(buf_view(&b), &head), ERR_OK);
        b.at[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    buf_fini(&b);
}

static void patching_leaves_the_checksum_right(void **state)
{
    struct buf        b;
    struct batch_head head;

    (void)state;
    buf_init(&b);
    write_two(&b);
    batch_patch(b.at, 77, 3);
    assert_int_equal(batch_check(buf_view(&b), &head), ERR_OK);
    assert_int_equal(head.base_offset, 77);
    assert_int_equal(head.leader_epoch, 3);
    batch_set_append_time(b.at, b.len, 5000);
    assert_int_equal(batch_check(buf_view(&b), &head), ERR_OK);
    assert_int_equal(head.max_timestamp_ms, 5000);
    assert_int_equal(head.attributes & BATCH_APPEND_TIME, BATCH_APPEND_TIME);
    buf_fini(&b);
}

static void a_truncated_batch_is_refused(void **state)
{
    struct buf        b;
    struct batch_head head;

    (void)state;
    buf_init(&b);
    write_two(&b);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(batch_head(bytes_of(b.at, n), &head), ERR_BAD_RECORD);
    buf_fini(&b);
}

static void a_count_that_cannot_be_is_refused(void **state)
{
    static const uint32_t counts[] = { 100, 1u << 21, INT32_MAX };
    struct buf            b;
    struct batch_head     head;

    (void)state;
    buf_init(&b);
    write_two(&b);
    for (size_t i = 0; i < COUNT(counts); i++) {
        put_u32(b.at + 23, counts[i] - 1); /* lastOffsetDelta */
        put_u32(b.at + 57, counts[i]);
        b.at[22] = CODEC_NONE;
        assert_int_equal(batch_head(buf_view(&b), &head), ERR_BAD_RECORD);
        b.at[22] = CODEC_ZSTD; /* nobody has counted them yet */
        assert_int_equal(batch_head(buf_view(&b), &head),
                         counts[i] <= BATCH_RECORDS_MAX ? ERR_OK : ERR_BAD_RECORD);
    }
    buf_fini(&b);
}

/* ---- compression ---- */

static size_t pack_gzip(struct bytes in, uint8_t *out, size_t cap)
{
    z_stream z = { 0 };

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (uint8_t *)(uintptr_t)in.at;
    z.avail_in = (uInt)in.len;
    z.next_out = out;
    z.avail_out = (uInt)cap;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return cap - z.avail_out;
}

static size_t pack_snappy(struct bytes in, uint8_t *out, size_t cap)
{
    assert_int_equal(snappy_compress((const char *)in.at, in.len, (char *)out, &cap), SNAPPY_OK);
    return cap;
}

static size_t pack_xerial(struct bytes in, uint8_t *out, size_t cap)
{
    static const uint8_t head[16] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1 };
    size_t               n = 16;

    memcpy(out, head, 16);
    for (size_t at = 0; at < in.len; at += 7) { /* many small blocks */
        size_t step = in.len - at < 7 ? in.len - at : 7;
        size_t made = pack_snappy(bytes_of(in.at + at, step), out + n + 4, cap - n - 4);

        put_u32(out + n, (uint32_t)made);
        n += 4 + made;
    }
    return n;
}

static size_t pack_lz4(struct bytes in, uint8_t *out, size_t cap)
{
    return LZ4F_compressFrame(out, cap, in.at, in.len, NULL);
}

static size_t pack_zstd(struct bytes in, uint8_t *out, size_t cap)
{
    return ZSTD_compress(out, cap, in.at, in.len, 3);
}

static const struct {
    enum batch_codec codec;
    size_t (*pack)(struct bytes in, uint8_t *out, size_t cap);
} packers[] = {
    { CODEC_GZIP, pack_gzip },     { CODEC_SNAPPY, pack_snappy }, { CODEC_SNAPPY, pack_xerial },
    { CODEC_LZ4, pack_lz4 },       { CODEC_ZSTD, pack_zstd },
};

/* The same batch with its records packed; CRC and length made right. */
static struct buf packed(size_t which)
{
    struct buf plain;
    struct buf out;
    size_t     n;

    buf_init(&plain);
    buf_init(&out);
    write_two(&plain);
    buf_add(&out, plain.at, BATCH_HEADER_BYTES);
    n = packers[which].pack(
        bytes_of(plain.at + BATCH_HEADER_BYTES, plain.len - BATCH_HEADER_BYTES), buf_room(&out, 4096), 4096);
    out.len += n;
    put_u32(out.at + 8, (uint32_t)(out.len - 12));
    put_u16(out.at + 21, (uint16_t)packers[which].codec);
    put_u32(out.at + 17, crc32c(0, out.at + 21, out.len - 21));
    buf_fini(&plain);
    return out;
}

static void every_codec_is_inflated(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(packers); i++) {
        struct buf          b = packed(i);
        struct batch_reader r;
        struct record       record;

        assert_int_equal(batch_open(&r, buf_view(&b)), ERR_OK);
        assert_true(batch_find(&r, 1, &record));
        assert_int_equal(record.timestamp_ms, 990);
        batch_close(&r);
        buf_fini(&b);
    }
}

static void damaged_compression_is_an_error_not_a_crash(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(packers); i++) {
        struct buf          b = packed(i);
        struct batch_reader r;
        struct record       record;

        for (size_t at = BATCH_HEADER_BYTES; at < b.len; at++) {
            b.at[at] ^= 0x55;
            if (batch_open(&r, buf_view(&b)) == ERR_OK) {
                while (batch_next(&r, &record, NULL))
                    ;
                batch_close(&r);
            }
            b.at[at] ^= 0x55;
        }
        buf_fini(&b);
    }
}

static void the_native_header_is_split_off(void **state)
{
    struct header headers[] = {
        { bytes_str("a"), bytes_str("1") },
        { bytes_str("myna-amqp"), bytes_str("native") },
        { bytes_str("myna-seq"), bytes_str("2") }, /* not a door's: stays */
    };
    struct record  r = { .header_count = 3, .headers = headers };
    struct message m;

    (void)state;
    message_of(&r, &m);
    assert_int_equal(m.origin, DOOR_AMQP);
    assert_true(bytes_eq_str(m.native, "native"));
    assert_int_equal(m.header_count, 2);
    assert_true(bytes_eq_str(m.headers[1].name, "myna-seq"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(patching_leaves_the_checksum_right),
        cmocka_unit_test(a_truncated_batch_is_refused),
        cmocka_unit_test(a_count_that_cannot_be_is_refused),
        cmocka_unit_test(every_codec_is_inflated),
        cmocka_unit_test(damaged_compression_is_an_error_not_a_crash),
        cmocka_unit_test(the_native_header_is_split_off),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
