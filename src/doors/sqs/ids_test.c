/* ids_test.c - versions, repeatability, stability. */
#include "doors/sqs/ids.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void random_ids_differ_and_repeat_with_the_seed(void **state)
{
    struct ids  one, two;
    struct uuid a, b, again;
    char        text[UUID_TEXT_BYTES];

    (void)state;
    ids_init(&one, 7);
    ids_init(&two, 7);
    a = ids_next(&one);
    b = ids_next(&one);
    again = ids_next(&two);
    assert_memory_not_equal(a.at, b.at, 16);
    assert_memory_equal(a.at, again.at, 16);
    uuid_format(&a, text);
    assert_int_equal(strlen(text), 36);
    assert_int_equal(text[14], '4');
    assert_non_null(strchr("89ab", text[19]));
}

static void ids_of_a_place_never_change(void **state)
{
    static const struct uuid topic = { { 0xde, 0xad } };
    struct uuid              a = ids_of_place(&topic, 1, 2), b = ids_of_place(&topic, 2, 1);
    char                     text[UUID_TEXT_BYTES];

    (void)state;
    uuid_format(&a, text);
    /* Stored nowhere and yet promised to stay: this text must not change with the program. */
    assert_string_equal(text, "e9f98e3a-cfaa-8cf8-b993-cb27eea48197");
    assert_memory_not_equal(a.at, b.at, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_ids_differ_and_repeat_with_the_seed),
        cmocka_unit_test(ids_of_a_place_never_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
