/* amqp_text_test.c - field values as text. */
#include "doors/amqp/amqp_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect(struct table_value v, const char *text)
{
    struct buf out = { 0 };

    assert_true(amqp_text(&out, &v));
    buf_u8(&out, 0);
    assert_string_equal((char *)out.at, text);
    buf_fini(&out);
}

static void numbers_and_words(void **state)
{
    struct table_value v = { .type = 'V' };
    struct buf         out = { 0 };

    (void)state;
    expect((struct table_value){ .type = 'I', .integer = -5 }, "-5");
    expect((struct table_value){ .type = 'l', .integer = INT64_MIN }, "-9223372036854775808");
    expect((struct table_value){ .type = 't', .integer = 0 }, "false");
    expect((struct table_value){ .type = 'd', .real = 0.1 }, "0.1");
    expect((struct table_value){ .type = 'd', .real = 1e300 }, "1e+300");
    expect((struct table_value){ .type = 'd', .real = 2.0 / 3 }, "0.6666666666666666");
    expect((struct table_value){ .type = 'T', .integer = 1700000000 }, "1700000000000");
    expect((struct table_value){ .type = 'T', .integer = 0 }, "0");
    expect((struct table_value){ .type = 'D', .scale = 2, .integer = -314 }, "-3.14");
    expect((struct table_value){ .type = 'D', .scale = 4, .integer = 5 }, "0.0005");
    expect((struct table_value){ .type = 'D', .scale = 0, .integer = 5 }, "5");
    expect((struct table_value){ .type = 'S', .bytes = bytes_str("text") }, "text");
    assert_false(amqp_text(&out, &v));
    assert_int_equal(out.len, 0);
}

static void nested_values_are_json(void **state)
{
    static const uint8_t table[] =
        "\1aI\0\0\0\1\1sS\0\0\0\4\"\\\n\xe9\1nV\1fF\0\0\0\4\1bt\1\1rA\0\0\0\7I\0\0\0\2t\0";

    (void)state;
    expect(
        (struct table_value){ .type = 'F', .bytes = bytes_of(table, sizeof table - 1) },
        "{\"a\":1,\"s\":\"\\\"\\\\\\u000a\\u00e9\",\"n\":null,\"f\":{\"b\":true},\"r\":[2,false]}");
    expect((struct table_value){ .type = 'A', .bytes = bytes_of(table, 0) }, "[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_words),
        cmocka_unit_test(nested_values_are_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
