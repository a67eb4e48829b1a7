/* buf_test.c - what a buffer writes a cursor reads back. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void integers_come_back(void **state)
{
    struct buf b;
    struct rd  r;

    (void)state;
    buf_init(&b);
    buf_u8(&b, 200);
    buf_u16(&b, 0x1234);
    buf_u32(&b, 0xdeadbeef);
    buf_u64(&b, 0x0123456789abcdef);
    buf_u32le(&b, 0xdeadbeef);
    buf_u64le(&b, 0x0123456789abcdef);
    assert_int_equal(b.len, 27);
    assert_int_equal(b.at[1], 0x12);
    assert_int_equal(b.at[15], 0xef);
    r = rd_of(buf_view(&b));
    assert_int_equal(rd_u8(&r), 200);
    assert_int_equal(rd_u16(&r), 0x1234);
    assert_int_equal(rd_u32(&r), 0xdeadbeef);
    assert_int_equal(rd_u64(&r), 0x0123456789abcdef);
    assert_int_equal(rd_u32le(&r), 0xdeadbeef);
    assert_int_equal(rd_u64le(&r), 0x0123456789abcdef);
    buf_fini(&b);
}

static void varints_come_back_in_the_length_promised(void **state)
{
    static const int64_t values[] = { 0, -1, 1, 63, -64, 64, -65, 8191, 8192, INT32_MAX, INT32_MIN,
                                      INT64_MAX, INT64_MIN };
    struct buf           b;

    (void)state;
    buf_init(&b);
    for (size_t i = 0; i < COUNT(values); i++) {
        struct rd r;

        buf_clear(&b);
        buf_varint(&b, values[i]);
        assert_int_equal(b.len, varint_len(values[i]));
        r = rd_of(buf_view(&b));
        assert_true(rd_varint64(&r) == values[i]);
        assert_int_equal(rd_left(&r), 0);
        buf_clear(&b);
        buf_uvarint(&b, (uint64_t)values[i]);
        assert_int_equal(b.len, uvarint_len((uint64_t)values[i]));
        r = rd_of(buf_view(&b));
        assert_true(rd_uvarint64(&r) == (uint64_t)values[i]);
    }
    buf_fini(&b);
}

static void growth_keeps_what_was_there(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b);
    for (uint32_t i = 0; i < 100000; i++)
        buf_u32(&b, i);
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(get_u32(b.at + 4 * i), i);
    buf_fini(&b);
    assert_null(b.at);
}

static void room_does_not_count_until_it_is_used(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b);
    assert_non_null(buf_room(&b, 0));
    memcpy(buf_room(&b, 1000), "x", 1);
    assert_int_equal(b.len, 0);
    assert_true(b.cap >= 1000);
    buf_add(&b, NULL, 0);
    buf_bytes(&b, bytes_of(NULL, 0));
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

static void text_is_appended_without_its_zero(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b);
    buf_str(&b, "a=");
    buf_printf(&b, "%d,%s", -5, "");
    buf_printf(&b, "%0200d", 7);
    buf_bytes(&b, bytes_str("."));
    assert_int_equal(b.len, 2 + 3 + 200 + 1);
    assert_memory_equal(b.at, "a=-5,00", 7);
    assert_int_equal(b.at[b.len - 1], '.');
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_come_back),
        cmocka_unit_test(varints_come_back_in_the_length_promised),
        cmocka_unit_test(growth_keeps_what_was_there),
        cmocka_unit_test(room_does_not_count_until_it_is_used),
        cmocka_unit_test(text_is_appended_without_its_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
