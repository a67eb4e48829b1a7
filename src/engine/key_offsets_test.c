/* key_offsets_test.c - the table of keys: the highest offset wins, and full is full. */
#include "engine/key_offsets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct bytes key_of(char text[24], int n)
{
    int len = snprintf(text, 24, "key-%d", n);

    return bytes_of(text, (size_t)len);
}

static void the_highest_offset_is_kept(void **state)
{
    struct key_offsets *m = key_offsets_new(1000);

    (void)state;
    assert_true(key_offsets_get(m, 1, bytes_str("a")) == KEY_OFFSETS_NONE);
    key_offsets_put(m, 1, bytes_str("a"), 0);
    assert_int_equal(key_offsets_get(m, 1, bytes_str("a")), 0);
    key_offsets_put(m, 1, bytes_str("a"), 7);
    key_offsets_put(m, 1, bytes_str("a"), 5);
    key_offsets_put(m, 1, bytes_of("", 0), 3);
    assert_int_equal(key_offsets_get(m, 1, bytes_str("a")), 7);
    assert_int_equal(key_offsets_get(m, 1, bytes_of("", 0)), 3);
    assert_true(key_offsets_get(m, 1, bytes_str("b")) == KEY_OFFSETS_NONE);
    assert_true(key_offsets_get(m, 2, bytes_str("a")) == KEY_OFFSETS_NONE);
    key_offsets_put(m, 2, bytes_str("a"), 1);
    assert_int_equal(key_offsets_get(m, 1, bytes_str("a")), 7);
    assert_int_equal(key_offsets_get(m, 2, bytes_str("a")), 1);
    key_offsets_free(m);
}

static void a_full_table_finds_everything(void **state)
{
    enum { BYTES = 24 * 1000 };
    struct key_offsets *m = key_offsets_new(BYTES);
    char                text[24];
    int                 n = 0;

    (void)state;
    assert_int_equal(key_offsets_room(m), 900);
    for (; key_offsets_room(m) > 0; n++)
        key_offsets_put(m, 1, key_of(text, n), (uint64_t)n);
    assert_int_equal(n, 900);
    for (int i = 0; i < n; i++)
        assert_int_equal(key_offsets_get(m, 1, key_of(text, i)), i);
    key_offsets_put(m, 1, key_of(text, 5), 1u << 31); /* it is there: that needs no room */
    assert_int_equal(key_offsets_get(m, 1, key_of(text, 5)), 1u << 31);
    assert_true(key_offsets_get(m, 1, key_of(text, n)) == KEY_OFFSETS_NONE);
    key_offsets_free(m);
}

static void the_smallest_table_has_one_place(void **state)
{
    struct key_offsets *m = key_offsets_new(0);

    (void)state;
    assert_int_equal(key_offsets_room(m), 1);
    key_offsets_put(m, 1, bytes_str("a"), 1);
    assert_int_equal(key_offsets_room(m), 0);
    assert_true(key_offsets_get(m, 1, bytes_str("b")) == KEY_OFFSETS_NONE);
    key_offsets_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_highest_offset_is_kept),
        cmocka_unit_test(a_full_table_finds_everything),
        cmocka_unit_test(the_smallest_table_has_one_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
