/* pattern_test.c - RE2's syntax, whole texts, and no pattern that takes long. */
#include "engine/pattern.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

/* -1: not valid. */
static int fits(const char *pattern, const char *text)
{
    struct pattern *p;
    int             answer;

    if (pattern_new(&p, bytes_str(pattern)))
        return -1;
    answer = pattern_fits(p, bytes_str(text));
    pattern_free(p);
    return answer;
}

static void whole_texts_are_meant(void **state)
{
    static const struct {
        const char *pattern, *text;
        int         answer;
    } cases[] = {
        { "orders", "orders", 1 },
        { "orders", "orders-eu", 0 },
        { "orders", "my-orders", 0 },
        { "orders-.*", "orders-eu", 1 },
        { "a|ab", "ab", 1 }, /* not the first alternative that fits a part */
        { "(a|ab)(c|bcd)", "abcd", 1 },
        { "", "", 1 },
        { "", "x", 0 },
        { "^a$", "a", 1 },
        { "a$", "a\n", 0 },
        { "[a-c]+\\d{2,3}", "abc12", 1 },
        { "[a-c]+\\d{2,3}", "abc1234", 0 },
        { "(?i)Orders", "oRDERS", 1 },
        { "(?P<region>eu|us)-x", "us-x", 1 },
        { "(?:a|b)*?", "abab", 1 },
        { "\\Qa.b\\E.", "a.bx", 1 },
        { "\\Qa.b\\E.", "axbx", 0 },
        { "a\\.b", "a.b", 1 },
        { "\\x41\\101\\x{41}", "AAA", 1 },
        { "[[:alpha:]_]+", "ab_c", 1 },
        { "[]a]+", "]a", 1 },
        { "[^]a]+", "b", 1 },
        { "a{,2}", "a{,2}", 1 },
        { "\\pL+", "\xc3\xa4" "b", 1 },
        { ".", "\xc3\xa4", 1 },
        { ".", "\n", 0 },
        { "(?s).", "\n", 1 },
        { "\\v", "\v", 1 },
        { "\\v", "\n", 0 },
        { "\\z", "", 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("%s %s\n", cases[i].pattern, cases[i].text);
        assert_int_equal(fits(cases[i].pattern, cases[i].text), cases[i].answer);
    }
}

static void what_re2_does_not_know_is_refused(void **state)
{
    static const char *const patterns[] = {
        "(", ")", "[", "[a", "a**", "a++", "a*+", "a{2}{3}", "a??+", "*", "+a", "(*ACCEPT)", "(?=a)", "(?!a)",
        "(?<=a)b", "(?<!a)b", "(?>a)", "(a)\\1", "\\8", "(?R)", "(?1)", "(?#x)", "(?x)a", "(?)", "\\K", "\\G",
        "\\R", "\\X", "\\h", "\\Z", "\\C", "\\", "a{1001}", "a{2,1}", "a{1,99999999999}", "[b-a]", "\\pX",
        "(?P=x)", "(?|a)", "\xff", "\\cA", "\\k<a>", "[\\Z]", "(?C1)a", "(?P>x)", "((a{1000}){1000}){1000}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(patterns); i++) {
        print_message("%s\n", patterns[i]);
        assert_int_equal(fits(patterns[i], "a"), -1);
    }
}

/* Each of these takes a backtracking matcher longer than anybody waits. */
static void no_pattern_takes_long(void **state)
{
    static const char *const patterns[] = {
        "(a*)*b", "(a|a)*b", "(a|aa)+b", "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)b", "(a?){200}a{200}b",
    };
    char text[250];

    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    for (size_t i = 0; i < COUNT(patterns); i++)
        assert_int_equal(fits(patterns[i], text), 0);
}

static void limits_hold(void **state)
{
    static char     text[PATTERN_BYTES_MAX + 1];
    struct pattern *p;

    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(pattern_new(&p, bytes_of(text, sizeof text)), ERR_BAD_PATTERN);
    assert_int_equal(pattern_new(&p, bytes_of(text, sizeof text - 1)), ERR_OK);
    pattern_free(p);
    assert_int_equal(pattern_new(&p, bytes_of("a\0b", 3)), ERR_BAD_PATTERN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_texts_are_meant),
        cmocka_unit_test(what_re2_does_not_know_is_refused),
        cmocka_unit_test(no_pattern_takes_long),
        cmocka_unit_test(limits_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
