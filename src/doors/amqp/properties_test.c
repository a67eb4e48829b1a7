/* properties_test.c - content headers: what the broker looks at, and what is not one. */
#include "doors/amqp/properties.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* All fourteen: strings of one letter, headers { k: V }, numbers. */
static const uint8_t ALL[] = "\xff\xfc"
                             "\1a\1b"
                             "\0\0\0\3\1kV"
                             "\2\7"
                             "\1c\1d\3"
                             "100\1e"
                             "\0\0\0\0\0\0\0\11"
                             "\1f\5guest\1g\1h";
enum { ALL_LEN = sizeof ALL - 1 };

static void all_properties_are_walked(void **state)
{
    struct properties p;

    (void)state;
    assert_true(properties_decode(bytes_of(ALL, ALL_LEN), &p));
    assert_int_equal(p.delivery_mode, 2);
    assert_int_equal(p.headers.len, 3);
    assert_true(bytes_eq_str(p.expiration, "100"));
    assert_true(bytes_eq_str(p.user_id, "guest"));
}

static void absent_ones_are_null(void **state)
{
    struct properties p;

    (void)state;
    assert_true(properties_decode(bytes_of("\0\0", 2), &p));
    assert_true(bytes_is_null(p.headers));
    assert_true(bytes_is_null(p.expiration));
    assert_true(bytes_is_null(p.user_id));
    assert_int_equal(p.delivery_mode, 0);
}

static void cut_long_and_continued_ones_are_refused(void **state)
{
    struct properties p;

    (void)state;
    for (size_t n = 0; n < ALL_LEN; n++)
        assert_false(properties_decode(bytes_of(ALL, n), &p));
    assert_false(properties_decode(bytes_of("\0\0x", 3), &p));
    assert_false(properties_decode(bytes_of("\0\1\0\0", 4), &p));
    assert_false(properties_decode(bytes_of("\x20\0\0\0\0\3\1kZ", 9), &p));
}

static void the_head_is_read(void **state)
{
    static const uint8_t head[] = { 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0 };
    struct content_head  h;

    (void)state;
    assert_true(content_head_decode(bytes_of(head, sizeof head), &h));
    assert_int_equal(h.class_id, 60);
    assert_int_equal(h.weight, 0);
    assert_int_equal(h.body_size, 258);
    assert_int_equal(h.raw.len, 2);
    assert_false(content_head_decode(bytes_of(head, 11), &h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_properties_are_walked),
        cmocka_unit_test(absent_ones_are_null),
        cmocka_unit_test(cut_long_and_continued_ones_are_refused),
        cmocka_unit_test(the_head_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
