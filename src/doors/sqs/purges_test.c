/* purges_test.c - the minute between two purges. */
#include "doors/sqs/purges.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_second_purge_waits_for_a_minute(void **state)
{
    struct purges p;

    (void)state;
    purges_init(&p);
    assert_true(purges_begin(&p, 1, 1000));
    assert_false(purges_begin(&p, 1, 60999));
    assert_true(purges_begin(&p, 2, 60999));
    assert_true(purges_begin(&p, 1, 61000));
    assert_false(purges_begin(&p, 1, 61001));
    purges_fini(&p);
}

static void what_is_over_is_forgotten(void **state)
{
    struct purges p;

    (void)state;
    purges_init(&p);
    for (uint64_t id = 1; id <= 100; id++)
        assert_true(purges_begin(&p, id, 0));
    assert_true(purges_begin(&p, 101, PURGE_INTERVAL_MS));
    assert_int_equal(p.by_queue.count, 1);
    purges_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_purge_waits_for_a_minute),
        cmocka_unit_test(what_is_over_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
