/* legal_test.c - the edges of every rule. */
#include "doors/sqs/legal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool check(bool (*rule)(struct bytes), const char *text)
{
    return rule(bytes_str(text));
}

static void body_text_has_only_allowed_code_points(void **state)
{
    (void)state;
    assert_true(check(legal_text, ""));
    assert_true(check(legal_text, "a\t\n\r ~\x7f"));
    assert_true(check(legal_text, "\xed\x9f\xbf"));     /* U+D7FF */
    assert_true(check(legal_text, "\xee\x80\x80"));     /* U+E000 */
    assert_true(check(legal_text, "\xef\xbf\xbd"));     /* U+FFFD */
    assert_true(check(legal_text, "\xf0\x90\x80\x80")); /* U+10000 */
    assert_true(check(legal_text, "\xf4\x8f\xbf\xbf")); /* U+10FFFF */
    assert_false(check(legal_text, "\xef\xbf\xbe"));    /* U+FFFE */
    assert_false(check(legal_text, "\xef\xbf\xbf"));
    assert_false(check(legal_text, "\xed\xa0\x80")); /* a surrogate */
    assert_false(check(legal_text, "\x08"));
    assert_false(check(legal_text, "\x0b"));
    assert_false(check(legal_text, "a\x1f"));
    assert_false(check(legal_text, "\xff"));
    assert_false(check(legal_text, "\xef\xbf"));
    assert_false(legal_text(bytes_of("a\0b", 3)));
}

static void names_and_ids(void **state)
{
    char long_name[82];

    (void)state;
    memset(long_name, 'x', sizeof long_name);
    assert_true(check(legal_queue_name, "Orders_1-x"));
    assert_true(legal_queue_name(bytes_of(long_name, 80)));
    assert_false(legal_queue_name(bytes_of(long_name, 81)));
    assert_false(check(legal_queue_name, ""));
    assert_false(check(legal_queue_name, "a.fifo"));
    assert_false(check(legal_queue_name, "a b"));
    assert_false(check(legal_batch_id, "\xc3\xa9"));
    assert_true(check(legal_group_id, "order!~7"));
    assert_false(check(legal_group_id, ""));
    assert_false(check(legal_group_id, "group 123"));
    assert_false(check(legal_group_id, "\x7f"));
    assert_true(check(legal_account, "000000000000"));
    assert_false(check(legal_account, "00000000000"));
    assert_false(check(legal_account, "00000000000x"));
}

static void attribute_names(void **state)
{
    (void)state;
    assert_true(check(legal_attribute_name, "Help.Me"));
    assert_true(check(legal_attribute_name, "attr.1\xc3\xb8\xc3\x9f\xc3\xa4"));
    assert_true(check(legal_attribute_name, "AWSx"));
    assert_false(check(legal_attribute_name, ""));
    assert_false(check(legal_attribute_name, "aWs.x"));
    assert_false(check(legal_attribute_name, "AMAZON.x"));
    assert_false(check(legal_attribute_name, ".x"));
    assert_false(check(legal_attribute_name, "x."));
    assert_false(check(legal_attribute_name, "x..y"));
    assert_false(check(legal_attribute_name, "a b"));
    assert_false(check(legal_attribute_name, "a\xc2\xa7"));
    assert_false(check(legal_attribute_name, "a\xc3"));
    assert_false(check(legal_attribute_name, "a\xc3\x97"));
}

static void numbers(void **state)
{
    static const char *const good[] = { "0",
                                        "-1",
                                        "+1.5",
                                        ".5",
                                        "5.",
                                        "1e10",
                                        "1E-10",
                                        "12345678901234567890123456789012345678",
                                        "00000000000000000000000000000000000000000000001" };
    static const char *const bad[] = { "",
                                       "-",
                                       ".",
                                       "1e",
                                       "1x",
                                       " 1",
                                       "1 ",
                                       "0x10",
                                       "1.2.3",
                                       "NaN",
                                       "123456789012345678901234567890123456789" };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(check(legal_number, good[i]));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(check(legal_number, bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_text_has_only_allowed_code_points),
        cmocka_unit_test(names_and_ids),
        cmocka_unit_test(attribute_names),
        cmocka_unit_test(numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
