/* bytes_test.c - comparison, UTF-8, and the cursor with its sticky error. */
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void null_and_empty_are_equal_but_told_apart(void **state)
{
    (void)state;
    assert_true(bytes_eq(bytes_of(NULL, 0), bytes_str("")));
    assert_true(bytes_is_null(bytes_of(NULL, 0)));
    assert_true(bytes_is_null(bytes_str(NULL)));
    assert_false(bytes_is_null(bytes_str("")));
}

static void order_is_that_of_bytes(void **state)
{
    static const char *const sorted[] = { "", "a", "a\x01", "aa", "ab", "b", "\x80", "\xff" };

    (void)state;
    for (size_t i = 0; i < COUNT(sorted); i++)
        for (size_t k = 0; k < COUNT(sorted); k++) {
            int c = bytes_cmp(bytes_str(sorted[i]), bytes_str(sorted[k]));

            assert_int_equal(c < 0, i < k);
            assert_int_equal(c > 0, i > k);
            assert_int_equal(bytes_eq_str(bytes_str(sorted[i]), sorted[k]), i == k);
        }
    assert_true(bytes_starts(bytes_str("abc"), "ab"));
    assert_false(bytes_starts(bytes_str("ab"), "abc"));
}

static void utf8_is_strict(void **state)
{
    static const char *const good[] = {
        "", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
    };
    static const char *const bad[] = {
        "\x80",             /* alone */
        "\xc2",             /* cut */
        "\xe2\x82",         /* cut */
        "\xf0\x90\x80",     /* cut */
        "\xc0\x80",         /* overlong */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* surrogate */
        "\xed\xbf\xbf",     /* surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xf5\x80\x80\x80", "\xff", "ok\xc3(",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(bytes_is_utf8(bytes_str(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(bytes_is_utf8(bytes_str(bad[i])));
}

static void integers_are_read_in_order(void **state)
{
    static const uint8_t in[] = { 1, 0x12, 0x34, 0x11, 0x22, 0x33, 0x44, 1, 2,    3,    4,    5,
                                  6, 7,    8,    0x44, 0x33, 0x22, 0x11, 8, 7, 6, 5, 4, 3, 2, 1 };
    struct rd            r = rd_of(bytes_of(in, sizeof in));

    (void)state;
    assert_int_equal(rd_u8(&r), 1);
    assert_int_equal(rd_u16(&r), 0x1234);
    assert_int_equal(rd_u32(&r), 0x11223344);
    assert_int_equal(rd_u64(&r), 0x0102030405060708);
    assert_int_equal(rd_u32le(&r), 0x11223344);
    assert_int_equal(rd_u64le(&r), 0x0102030405060708);
    assert_int_equal(rd_left(&r), 0);
    assert_false(r.failed);
}

static void a_failed_read_sticks_and_moves_nothing(void **state)
{
    static const uint8_t in[] = { 1, 2, 3 };
    struct rd            r = rd_of(bytes_of(in, sizeof in));

    (void)state;
    assert_int_equal(rd_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(rd_left(&r), 0);
    assert_int_equal(rd_u8(&r), 0);
    assert_true(bytes_is_null(rd_bytes(&r, 1)));
    assert_ptr_equal(r.at, in);
}

static void nothing_can_be_read_from_nothing(void **state)
{
    struct rd r = rd_of(bytes_of(NULL, 0));

    (void)state;
    assert_non_null(rd_bytes(&r, 0).at);
    assert_false(r.failed);
    rd_u8(&r);
    assert_true(r.failed);
    r = rd_of(bytes_str("abc"));
    assert_true(bytes_is_null(rd_bytes(&r, SIZE_MAX)));
}

static void varints_have_bounds(void **state)
{
    static const uint8_t five[] = { 0xff, 0xff, 0xff, 0xff, 0x0f };
    static const uint8_t six[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
    static const uint8_t ten[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
    static const uint8_t eleven[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0x01 };
    struct rd            r = rd_of(bytes_of(five, sizeof five));

    (void)state;
    assert_int_equal(rd_uvarint32(&r), UINT32_MAX);
    r = rd_of(bytes_of(five, sizeof five));
    assert_int_equal(rd_varint32(&r), INT32_MIN);
    r = rd_of(bytes_of(six, sizeof six));
    rd_uvarint32(&r);
    assert_true(r.failed);
    r = rd_of(bytes_of(ten, sizeof ten));
    assert_true(rd_uvarint64(&r) == UINT64_MAX);
    r = rd_of(bytes_of(ten, sizeof ten));
    assert_true(rd_varint64(&r) == INT64_MIN);
    r = rd_of(bytes_of(eleven, sizeof eleven));
    rd_uvarint64(&r);
    assert_true(r.failed);
    r = rd_of(bytes_of(ten, 4));
    rd_uvarint64(&r);
    assert_true(r.failed);
}

static size_t put_uvarint(uint8_t *at, uint64_t v)
{
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        at[n++] = (uint8_t)(v | 0x80);
    at[n++] = (uint8_t)v;
    return n;
}

/* With as many bytes behind it as there may be: how it is read depends on that. */
static void varints_of_all_lengths(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 64; bits++)
        for (unsigned behind = 0; behind < 10; behind++) {
            uint64_t  v = (1ull << bits) + (0x123456789abcdefull & ((1ull << bits) - 1));
            uint8_t   bytes[24];
            size_t    n = put_uvarint(bytes, v);
            struct rd r;

            memset(bytes + n, 0xff, behind);
            r = rd_of(bytes_of(bytes, n + behind));
            assert_true(rd_uvarint64(&r) == v);
            assert_int_equal(rd_left(&r), behind);
            r = rd_of(bytes_of(bytes, n + behind));
            assert_int_equal(rd_uvarint32(&r), n <= 5 ? (uint32_t)v : 0);
            assert_int_equal(r.failed, n > 5);
            r = rd_of(bytes_of(bytes, n - 1));
            rd_uvarint64(&r);
            assert_true(r.failed);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_and_empty_are_equal_but_told_apart),
        cmocka_unit_test(order_is_that_of_bytes),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(integers_are_read_in_order),
        cmocka_unit_test(a_failed_read_sticks_and_moves_nothing),
        cmocka_unit_test(nothing_can_be_read_from_nothing),
        cmocka_unit_test(varints_have_bounds),
        cmocka_unit_test(varints_of_all_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
