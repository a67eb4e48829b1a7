/* timers_test.c - timers fire in time and in order, whatever was started, moved and stopped. */
#include "base/timers.h"
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TIMERS = 200 };

struct world;

struct alarm {
    struct timer  timer;
    struct world *world;
    int           number;
    struct alarm *victim; /* stopped by fire */
    int64_t       again_ms; /* started again by fire, once */
};

struct world {
    struct timers timers;
    int           fired[TIMERS];
    int64_t       at_ms[TIMERS];
    int           count;
};

static void fire(struct timer *t, int64_t now_ms)
{
    struct alarm *a = CONTAINER(t, struct alarm, timer);

    a->world->fired[a->world->count] = a->number;
    a->world->at_ms[a->world->count++] = now_ms;
    assert_false(timer_is_started(t));
    if (a->victim)
        timer_stop(&a->world->timers, &a->victim->timer);
    if (a->again_ms) {
        timer_start(&a->world->timers, t, a->again_ms);
        a->again_ms = 0;
    }
}

static void alarm_init(struct alarm *a, struct world *w, int number)
{
    *a = (struct alarm){ .world = w, .number = number, .timer.fire = fire };
}

static void fire_when_due_soonest_first(void **state)
{
    struct world w = { 0 };
    struct alarm a[4];

    (void)state;
    timers_init(&w.timers);
    for (int i = 0; i < 4; i++)
        alarm_init(&a[i], &w, i);
    assert_true(timers_next_ms(&w.timers) == INT64_MAX);
    timer_start(&w.timers, &a[0].timer, 30);
    timer_start(&w.timers, &a[1].timer, 10);
    timer_start(&w.timers, &a[2].timer, 20);
    timer_start(&w.timers, &a[3].timer, 10); /* after a[1], which was started first */
    assert_int_equal(timers_next_ms(&w.timers), 10);
    timers_run(&w.timers, 9);
    assert_int_equal(w.count, 0);
    timers_run(&w.timers, 20);
    assert_int_equal(w.count, 3);
    assert_int_equal(w.fired[0], 1);
    assert_int_equal(w.fired[1], 3);
    assert_int_equal(w.fired[2], 2);
    assert_int_equal(timers_next_ms(&w.timers), 30);
    timers_fini(&w.timers);
}

static void can_be_moved_and_stopped(void **state)
{
    struct world w = { 0 };
    struct alarm a[2];

    (void)state;
    timers_init(&w.timers);
    alarm_init(&a[0], &w, 0);
    alarm_init(&a[1], &w, 1);
    timer_stop(&w.timers, &a[0].timer); /* stopped already */
    timer_start(&w.timers, &a[0].timer, 10);
    timer_start(&w.timers, &a[1].timer, 20);
    timer_start(&w.timers, &a[0].timer, 40);
    timers_run(&w.timers, 30);
    assert_int_equal(w.count, 1);
    assert_int_equal(w.fired[0], 1);
    assert_true(timer_is_started(&a[0].timer));
    timer_stop(&w.timers, &a[0].timer);
    timers_run(&w.timers, 50);
    assert_int_equal(w.count, 1);
    timers_fini(&w.timers);
}

static void may_start_and_stop_others_while_they_fire(void **state)
{
    struct world w = { 0 };
    struct alarm a[3];

    (void)state;
    timers_init(&w.timers);
    for (int i = 0; i < 3; i++) {
        alarm_init(&a[i], &w, i);
        timer_start(&w.timers, &a[i].timer, 10 + i);
    }
    a[0].victim = &a[1];
    a[0].again_ms = 15;
    timers_run(&w.timers, 20);
    assert_int_equal(w.count, 3);
    assert_int_equal(w.fired[0], 0);
    assert_int_equal(w.fired[1], 2);
    assert_int_equal(w.fired[2], 0);
    timers_fini(&w.timers);
}

static void many_fire_in_order(void **state)
{
    struct world w = { 0 };
    struct alarm a[TIMERS];
    uint32_t     random = 1;

    (void)state;
    timers_init(&w.timers);
    for (int i = 0; i < TIMERS; i++)
        alarm_init(&a[i], &w, i);
    for (int step = 0; step < 5 * TIMERS; step++) {
        random = random * 1664525 + 1013904223;
        if (random >> 30 == 0)
            timer_stop(&w.timers, &a[step % TIMERS].timer);
        else
            timer_start(&w.timers, &a[step % TIMERS].timer, (int64_t)(random >> 16 & 0xff));
    }
    for (int64_t now = 0; now < 256; now++)
        timers_run(&w.timers, now);
    assert_int_equal(w.timers.count, 0);
    for (int i = 0; i < w.count; i++)
        assert_int_equal(w.at_ms[i], a[w.fired[i]].timer.due_ms);
    assert_true(w.count > TIMERS / 2);
    timers_fini(&w.timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fire_when_due_soonest_first),
        cmocka_unit_test(can_be_moved_and_stopped),
        cmocka_unit_test(may_start_and_stop_others_while_they_fire),
        cmocka_unit_test(many_fire_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
