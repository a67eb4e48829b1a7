/* recovery_test.c - what a long start says, and when; time is an argument. */
#include "node/recovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_short_start_says_nothing(void **state)
{
    struct recovery r;
    char            line[80];

    (void)state;
    recovery_begin(&r, 5000);
    assert_false(recovery_note(&r, ENGINE_LOADS, 10, 100, 5400, line));
    assert_false(recovery_note(&r, ENGINE_REPLAYS, 10, 100, 5999, line));
    recovery_end(&r);
    assert_int_equal(recovery_percent(&r), 100);
}

static void a_long_one_says_how_far_it_is_each_second(void **state)
{
    struct recovery r;
    char            line[80];
    int             lines = 0;

    (void)state;
    recovery_begin(&r, 5000);
    for (int ms = 0; ms < 3500; ms += 10)
        lines += recovery_note(&r, ENGINE_REPLAYS, (uint64_t)ms << 20, 4096ull << 20, 5000 + ms,
                               line);
    assert_int_equal(lines, 3);
    assert_true(recovery_note(&r, ENGINE_REPLAYS, 2000000000, 4000000000, 9999, line));
    assert_string_equal(line, "recovering: journal, 50 %, 0.40 GB/s");
}

static void ready_comes_last(void **state)
{
    struct recovery r;
    char            line[80];
    unsigned        last = 0;

    (void)state;
    recovery_begin(&r, 0);
    assert_int_equal(recovery_percent(&r), 0);
    for (int stage = ENGINE_LOADS; stage <= ENGINE_REPLAYS; stage++)
        for (uint64_t done = 0; done <= 120; done++) { /* more than was expected */
            recovery_note(&r, (enum engine_stage)stage, done, 100, 0, line);
            assert_in_range(recovery_percent(&r), last, 99);
            last = recovery_percent(&r);
        }
    recovery_end(&r);
    assert_int_equal(recovery_percent(&r), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_start_says_nothing),
        cmocka_unit_test(a_long_one_says_how_far_it_is_each_second),
        cmocka_unit_test(ready_comes_last),
    };

    return cmocka_run_group_tests_name("recovery", tests, NULL, NULL);
}
