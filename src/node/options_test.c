/* options_test.c - the command line: sizes, and what is refused. */
#include "node/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static enum options_result parse(struct options *o, const char *a, const char *b)
{
    char *argv[] = { (char *)(uintptr_t)"myna", (char *)(uintptr_t)a, (char *)(uintptr_t)b, NULL };

    return options_parse(o, b ? 3 : 2, argv, "0");
}

static void memory_is_a_size(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(parse(&o, "--quiet", NULL), OPTIONS_RUN);
    assert_int_equal(o.memory, 512ull << 20);
    assert_int_equal(parse(&o, "--memory", "2G"), OPTIONS_RUN);
    assert_int_equal(o.memory, 2ull << 30);
    assert_int_equal(parse(&o, "--memory=16M", NULL), OPTIONS_RUN);
    assert_int_equal(o.memory, 16ull << 20);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(parse(&o, "--memory", "16383K"), OPTIONS_WRONG);
    assert_int_equal(parse(&o, "--memory", "-1"), OPTIONS_WRONG);
    assert_int_equal(parse(&o, "--memory", "1T"), OPTIONS_WRONG);
    assert_int_equal(parse(&o, "--memory", NULL), OPTIONS_WRONG);
    assert_int_equal(parse(&o, "--kafka-port", "65536"), OPTIONS_WRONG);
    assert_int_equal(parse(&o, "--nonsense", NULL), OPTIONS_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_a_size),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
