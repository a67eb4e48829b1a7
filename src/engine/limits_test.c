/* limits_test.c - whose quota counts, and how long one waits. Time is an argument. */
#include "engine/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct bytes text(const char *s)
{
    return bytes_str(s);
}

/* NULL: not of one; "": the default. */
static struct limit_entity entity(const char *user, const char *client, const char *address)
{
    const char *const   names[] = { user, client, address };
    struct limit_entity e = { 0 };

    for (size_t i = 0; i < LIMIT_PART_COUNT; i++) {
        e.presence[i] = !names[i] ? LIMIT_ABSENT : names[i][0] ? LIMIT_NAMED : LIMIT_DEFAULT;
        if (e.presence[i] == LIMIT_NAMED)
            e.names[i] = text(names[i]);
    }
    return e;
}

static void set(struct limits *l, struct limit_entity e, enum limit limit, double value)
{
    double values[LIMIT_COUNT] = { 0 };

    values[limit] = value;
    limits_set(l, &e, values);
}

static int64_t count(struct limits *l, const char *user, const char *client, double amount, int64_t now_ms)
{
    struct limits_asker who = { text(user), text(client) };

    return limits_count(l, &who, LIMIT_PRODUCE, amount, now_ms);
}

static void nothing_is_set(void **state)
{
    struct limits *l = limits_new();

    (void)state;
    assert_false(limits_has(l, LIMIT_PRODUCE));
    assert_int_equal(count(l, "u", "c", 1e12, 0), 0);
    set(l, entity("u", NULL, NULL), LIMIT_CONSUME, 1);
    assert_false(limits_has(l, LIMIT_PRODUCE));
    assert_true(limits_has(l, LIMIT_CONSUME));
    assert_int_equal(count(l, "u", "c", 1e12, 0), 0);
    set(l, entity("u", NULL, NULL), LIMIT_CONSUME, 0);
    assert_false(limits_has(l, LIMIT_CONSUME));
    limits_free(l);
}

/* Ten seconds' worth may come at once; what is more is waited for. */
static void who_is_over_waits(void **state)
{
    struct limits *l = limits_new();

    (void)state;
    set(l, entity("u", NULL, NULL), LIMIT_PRODUCE, 1000);
    assert_int_equal(count(l, "u", "c", 10000, 0), 0);
    assert_int_equal(count(l, "u", "c", 500, 0), 500);
    assert_int_equal(count(l, "u", "c", 0, 100), 400);
    assert_int_equal(count(l, "u", "c", 0, 10500), 0); /* 10,500 bytes in 10.5 s */
    assert_int_equal(count(l, "u", "c", 100, 10500), 100);
    assert_int_equal(count(l, "u", "c", 0, 11000), 0); /* the first window is too old */
    assert_int_equal(count(l, "u", "c", 10000, 50000), 0);
    limits_free(l);
}

/* From the least exact to the most exact: each new one counts from then on. */
static void the_most_exact_counts(void **state)
{
    static const struct {
        const char *user, *client;
    } order[] = { { NULL, "" }, { NULL, "c" }, { "", NULL }, { "", "" }, { "", "c" },
                  { "u", NULL }, { "u", "" }, { "u", "c" } };
    struct limits *l = limits_new();

    (void)state;
    for (size_t i = 0; i < COUNT(order); i++) {
        double quota = (double)(i + 1) * 100;
        int64_t now_ms = (int64_t)i * 100000;

        set(l, entity(order[i].user, order[i].client, NULL), LIMIT_PRODUCE, quota);
        assert_int_equal(count(l, "u", "c", quota * 10, now_ms), 0);
        assert_int_equal(count(l, "u", "c", quota, now_ms), 1000);
    }
    limits_free(l);
}

static void who_is_measured_together(void **state)
{
    struct limits *l = limits_new();

    (void)state;
    set(l, entity("", NULL, NULL), LIMIT_PRODUCE, 100);
    assert_int_equal(count(l, "u", "c", 1000, 0), 0);
    assert_int_equal(count(l, "v", "c", 1000, 0), 0); /* another user */
    assert_int_equal(count(l, "u", "d", 100, 0), 1000); /* another client of his */
    set(l, entity("", NULL, NULL), LIMIT_PRODUCE, 0);
    set(l, entity(NULL, "", NULL), LIMIT_PRODUCE, 100);
    assert_int_equal(count(l, "u", "c", 1000, 0), 0);
    assert_int_equal(count(l, "v", "c", 100, 0), 1000); /* the same client id */
    assert_int_equal(count(l, "u", "d", 1000, 0), 0);
    limits_free(l);
}

static bool take(struct limits *l, double amount, bool is_strict, int64_t now_ms, int64_t *wait_ms)
{
    struct limits_asker who = { text("u"), text("c") };

    return limits_take(l, &who, amount, is_strict, now_ms, wait_ms);
}

static void mutations(void **state)
{
    struct limits *l = limits_new();
    int64_t        wait_ms;

    (void)state;
    assert_true(take(l, 1e9, true, 0, &wait_ms));
    set(l, entity("u", NULL, NULL), LIMIT_MUTATIONS, 2);
    assert_true(take(l, 22, true, 0, &wait_ms)); /* 11 seconds' worth */
    assert_int_equal(wait_ms, 0);
    assert_true(take(l, 4, true, 0, &wait_ms)); /* there was not less than none */
    assert_int_equal(wait_ms, 2000);
    assert_false(take(l, 1, true, 1000, &wait_ms));
    assert_int_equal(wait_ms, 1000);
    assert_true(take(l, 1, false, 1000, &wait_ms));
    assert_int_equal(wait_ms, 1500);
    assert_true(take(l, 1, true, 2500, &wait_ms));
    limits_free(l);
}

static void connections(void **state)
{
    struct limits *l = limits_new();

    (void)state;
    set(l, entity(NULL, NULL, ""), LIMIT_CONNECTIONS, 1);
    set(l, entity(NULL, NULL, "10.0.0.2"), LIMIT_CONNECTIONS, 100);
    for (int i = 0; i < 10; i++)
        assert_int_equal(limits_connect(l, text("10.0.0.1"), 0), 0);
    assert_int_equal(limits_connect(l, text("10.0.0.1"), 0), 1000);
    assert_int_equal(limits_connect(l, text("10.0.0.3"), 0), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(limits_connect(l, text("10.0.0.2"), 0), 0);
    limits_free(l);
}

/* LI3: somebody who calls himself something else each time. */
static void many_names(void **state)
{
    struct limits *l = limits_new();
    char           name[16];

    (void)state;
    set(l, entity(NULL, "", NULL), LIMIT_PRODUCE, 1);
    count(l, "u", "first", 100, 0);
    for (int i = 0; i < LIMITS_METERS_MAX; i++) {
        snprintf(name, sizeof name, "c%d", i);
        count(l, "u", name, 1, 0);
    }
    assert_int_equal(count(l, "u", "first", 0, 0), 0); /* forgotten */
    assert_true(count(l, "u", name, 100, 0) > 0);
    limits_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_set),        cmocka_unit_test(who_is_over_waits),
        cmocka_unit_test(the_most_exact_counts), cmocka_unit_test(who_is_measured_together),
        cmocka_unit_test(mutations),             cmocka_unit_test(connections),
        cmocka_unit_test(many_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
