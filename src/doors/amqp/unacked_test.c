/* unacked_test.c - deliveries by tag: taking one, many, all; memory that follows what is left. */
#include "doors/amqp/unacked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct taken {
    uint64_t tags[64];
    size_t   count;
};

static void keep(void *ctx, uint64_t tag, struct lease lease)
{
    struct taken *t = ctx;

    assert_int_equal(lease.offset, tag * 10);
    t->tags[t->count++ % 64] = tag;
}

static void add(struct unacked *u, uint64_t tag)
{
    unacked_add(u, tag, (struct lease){ .offset = tag * 10 });
}

static size_t take(struct unacked *u, uint64_t tag, bool multiple, struct taken *t)
{
    *t = (struct taken){ .count = 0 };
    if (!unacked_take(u, tag, multiple, keep, t))
        return SIZE_MAX;
    return t->count;
}

static void one_is_taken_once(void **state)
{
    struct unacked u = { 0 };
    struct taken   t;

    (void)state;
    assert_int_equal(take(&u, 1, false, &t), SIZE_MAX);
    add(&u, 1);
    add(&u, 2);
    assert_int_equal(take(&u, 3, false, &t), SIZE_MAX);
    assert_int_equal(take(&u, 0, false, &t), SIZE_MAX);
    assert_int_equal(take(&u, 2, false, &t), 1);
    assert_int_equal(take(&u, 2, false, &t), SIZE_MAX);
    assert_int_equal(take(&u, 1, false, &t), 1);
    assert_int_equal(u.live, 0);
    unacked_fini(&u);
}

static void multiple_takes_all_up_to_it_oldest_first(void **state)
{
    struct unacked u = { 0 };
    struct taken   t;

    (void)state;
    for (uint64_t tag = 1; tag <= 6; tag++)
        add(&u, tag);
    assert_int_equal(take(&u, 2, false, &t), 1);
    assert_int_equal(take(&u, 4, true, &t), 3);
    assert_int_equal(t.tags[0], 1);
    assert_int_equal(t.tags[1], 3);
    assert_int_equal(t.tags[2], 4);
    assert_int_equal(take(&u, 4, true, &t), SIZE_MAX);
    assert_int_equal(take(&u, 0, true, &t), 2);
    assert_int_equal(take(&u, 0, true, &t), 0);
    unacked_fini(&u);
}

/* Tags of no_ack deliveries leave gaps. */
static void gaps_are_no_hindrance(void **state)
{
    struct unacked u = { 0 };
    struct taken   t;

    (void)state;
    add(&u, 5);
    add(&u, 9);
    add(&u, 1000);
    assert_int_equal(take(&u, 6, true, &t), SIZE_MAX);
    assert_int_equal(take(&u, 9, false, &t), 1);
    assert_int_equal(take(&u, 1000, true, &t), 2);
    unacked_fini(&u);
}

static void memory_follows_what_is_left(void **state)
{
    struct unacked u = { 0 };
    struct taken   t;

    (void)state;
    add(&u, 1);
    for (uint64_t tag = 2; tag <= 1000000; tag++) {
        add(&u, tag);
        assert_int_equal(take(&u, tag, false, &t), 1);
    }
    assert_true(u.cap <= 64);
    assert_int_equal(take(&u, 1, false, &t), 1);
    unacked_fini(&u);
}

static void what_was_taken_can_be_put_back(void **state)
{
    struct unacked u = { 0 };
    struct taken   t;

    (void)state;
    for (uint64_t tag = 1; tag <= 5; tag++)
        add(&u, tag);
    assert_int_equal(take(&u, 3, true, &t), 3);
    unacked_add_back(&u, 2, (struct lease){ .offset = 20 });
    unacked_add_back(&u, 1, (struct lease){ .offset = 10 });
    unacked_sort(&u);
    assert_int_equal(take(&u, 4, true, &t), 3);
    assert_int_equal(t.tags[0], 1);
    assert_int_equal(t.tags[1], 2);
    assert_int_equal(t.tags[2], 4);
    unacked_fini(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_taken_once),
        cmocka_unit_test(multiple_takes_all_up_to_it_oldest_first),
        cmocka_unit_test(gaps_are_no_hindrance),
        cmocka_unit_test(memory_follows_what_is_left),
        cmocka_unit_test(what_was_taken_can_be_put_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
