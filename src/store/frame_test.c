/* frame_test.c - the layouts of docs/journal.md, byte by byte, and every bit that is wrong. */
#include "store/frame.h"
#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint64_t salt = 0x0123456789abcdef;

/* A frame with 16 bytes of body. */
static void make(uint8_t out[FRAME_HEADER_BYTES + 16])
{
    struct frame f = { 3, 4, 0x1122334455, 0x1122334400, 16, 0xdeadbeef, 0, 0 };

    memset(out + FRAME_HEADER_BYTES, 'b', 16);
    f.body_crc = crc32c(0, out + FRAME_HEADER_BYTES, 16);
    frame_encode(out, &f, salt);
}

static void a_frame_is_laid_out_as_written_down(void **state)
{
    static const uint8_t first[44] = {
        'M', 'Y', 'F', 1,    0,    0,    0,    16,   /* body bytes */
        0,   0,   0,   0,    0,    0,    0,    3,    /* epoch */
        0,   0,   0,   0,    0,    0,    0,    4,    /* seq */
        0,   0,   0,   0x11, 0x22, 0x33, 0x44, 0x55, /* position */
        0,   0,   0,   0x11, 0x22, 0x33, 0x44, 0x00, /* synced */
        0xde, 0xad, 0xbe, 0xef,                      /* previous */
    };
    uint8_t b[FRAME_HEADER_BYTES + 16];
    uint8_t salted[8 + 52];

    (void)state;
    make(b);
    assert_memory_equal(b, first, sizeof first);
    assert_int_equal(get_u32(b + 44), crc32c(0, "bbbbbbbbbbbbbbbb", 16));
    assert_int_equal(get_u32(b + 48), 0);
    put_u64(salted, salt);
    memcpy(salted + 8, b, 52);
    assert_int_equal(get_u32(b + 52), crc32c(0, salted, sizeof salted));
}

static void a_frame_comes_back(void **state)
{
    uint8_t      b[FRAME_HEADER_BYTES + 16];
    struct frame f;

    (void)state;
    make(b);
    assert_true(frame_check(&f, bytes_of(b, sizeof b), salt));
    assert_int_equal(f.epoch, 3);
    assert_int_equal(f.seq, 4);
    assert_int_equal(f.position, 0x1122334455);
    assert_int_equal(f.synced, 0x1122334400);
    assert_int_equal(f.bytes, 16);
    assert_int_equal(f.previous, 0xdeadbeef);
    assert_int_equal(f.crc, get_u32(b + 52));
    assert_int_equal(frame_end(&f), 0x1122334455 + 56 + 16);
}

static void no_bit_may_be_wrong(void **state)
{
    uint8_t      b[FRAME_HEADER_BYTES + 16];
    struct frame f;

    (void)state;
    for (size_t bit = 0; bit < sizeof b * 8; bit++) {
        make(b);
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(frame_check(&f, bytes_of(b, sizeof b), salt));
    }
    make(b);
    assert_false(frame_check(&f, bytes_of(b, sizeof b), salt + 1));
    for (size_t len = 0; len < sizeof b; len++)
        assert_false(frame_check(&f, bytes_of(b, len), salt));
}

static void lengths_have_limits(void **state)
{
    static const uint32_t bad[] = { FRAME_BODY_MAX + 8u, UINT32_MAX - 7, 1, 15 };
    uint8_t               b[FRAME_HEADER_BYTES];
    struct frame          out;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct frame f = { .bytes = bad[i] };

        frame_encode(b, &f, salt);
        assert_false(frame_decode(&out, b, salt));
    }
}

static void a_frame_is_found_where_one_may_begin(void **state)
{
    uint8_t      b[256] = { 0 };
    struct bytes file = bytes_of(b, sizeof b);
    struct frame f;
    size_t       at = 0;

    (void)state;
    make(b + 12); /* not a multiple of FRAME_ALIGN */
    assert_false(frame_find(&f, file, &at, sizeof b, salt));
    memset(b, 0, sizeof b);
    make(b + 16);
    make(b + 104);
    b[20]++; /* the first is damaged */
    at = 8;
    assert_true(frame_find(&f, file, &at, sizeof b, salt));
    assert_int_equal(at, 104);
    assert_true(frame_find(&f, file, &at, 105, salt));
    assert_false(frame_find(&f, file, &at, 104, salt));
    at = 112;
    assert_false(frame_find(&f, file, &at, sizeof b, salt));
    at = 16;
    assert_false(frame_find(&f, bytes_of(b, 104 + FRAME_HEADER_BYTES), &at, sizeof b, salt));
}

static void a_file_header_is_laid_out_as_written_down(void **state)
{
    struct file_head h = { 7, 2, 5, salt };
    struct file_head got;
    static uint8_t   b[FILE_HEADER_BYTES];

    (void)state;
    memset(b, 0xff, sizeof b);
    file_head_encode(b, &h);
    assert_memory_equal(b, "myna jrn\0\0\0\1\0\0\0\7\0\0\0\0\0\0\0\5", 24);
    assert_int_equal(get_u64(b + 24), salt);
    assert_int_equal(get_u32(b + 32), 2);
    assert_int_equal(get_u32(b + 36), 4096);
    assert_int_equal(get_u32(b + 40), crc32c(0, b, 40));
    for (size_t i = 44; i < sizeof b; i++)
        assert_int_equal(b[i], 0);
    assert_int_equal(file_head_decode(bytes_of(b, sizeof b), &got), ERR_OK);
    assert_int_equal(got.number, 7);
    assert_int_equal(got.epoch, 5);
    assert_int_equal(got.salt, salt);
    assert_int_equal(got.shard, 2);
}

static void a_damaged_file_header_is_told_from_a_newer_one(void **state)
{
    struct file_head h = { 7, 2, 5, salt };
    static uint8_t   b[FILE_HEADER_BYTES];

    (void)state;
    for (size_t bit = 0; bit < 44 * 8; bit++) {
        file_head_encode(b, &h);
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(file_head_decode(bytes_of(b, sizeof b), &h), ERR_CORRUPT);
    }
    file_head_encode(b, &h);
    assert_int_equal(file_head_decode(bytes_of(b, sizeof b - 1), &h), ERR_CORRUPT);
    put_u32(b + 8, JOURNAL_VERSION + 1);
    put_u32(b + 40, crc32c(0, b, 40));
    assert_int_equal(file_head_decode(bytes_of(b, sizeof b), &h), ERR_NEWER_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_laid_out_as_written_down),
        cmocka_unit_test(a_frame_comes_back),
        cmocka_unit_test(no_bit_may_be_wrong),
        cmocka_unit_test(lengths_have_limits),
        cmocka_unit_test(a_frame_is_found_where_one_may_begin),
        cmocka_unit_test(a_file_header_is_laid_out_as_written_down),
        cmocka_unit_test(a_damaged_file_header_is_told_from_a_newer_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
