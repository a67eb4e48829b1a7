/* pins_test.c - what keeps the journal, against a plain list. */
#include "engine/pins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STEPS = 20000, MOST = 500 };

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

static uint64_t lowest(const uint64_t *at, size_t count)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < count; i++)
        least = at[i] < least ? at[i] : least;
    return least;
}

static void the_oldest_is_never_above_a_batch(void **state)
{
    struct pins p;
    uint64_t    at[MOST];
    size_t      count = 0;
    uint64_t    end = 0;

    (void)state;
    pins_init(&p);
    for (int i = 0; i < STEPS; i++) {
        if (count < MOST && draw(2)) {
            end += draw(3 * PINS_STRETCH_BYTES);
            at[count] = draw(20) == 0 && count > 0 ? at[draw((uint32_t)count)] : end;
            pins_put(&p, at[count++], 1);
        } else if (count > 0) {
            size_t k = draw(4) == 0 ? draw((uint32_t)count) : 0;

            pins_take(&p, at[k], 1);
            at[k] = at[--count];
        }
        assert_int_equal(p.total, count);
        if (count == 0) {
            assert_int_equal(pins_oldest(&p), UINT64_MAX);
            continue;
        }
        assert_true(pins_oldest(&p) <= lowest(at, count));
        assert_true(lowest(at, count) - pins_oldest(&p) < PINS_STRETCH_BYTES);
        assert_true(pins_held(&p, end) >= end - lowest(at, count));
        assert_true(pins_held(&p, end) <= end - lowest(at, count) + 2 * PINS_STRETCH_BYTES);
    }
    pins_fini(&p);
}

static void a_gap_between_claims_does_not_count(void **state)
{
    const uint64_t claim = 1ull << 36;
    struct pins    p;

    (void)state;
    pins_init(&p);
    pins_put(&p, 0, 1);
    pins_put(&p, 2 * PINS_STRETCH_BYTES, 1);
    pins_put(&p, claim, 1);
    assert_int_equal(pins_held(&p, claim + 5 * PINS_STRETCH_BYTES),
                     (2 + 1 + 6) * (uint64_t)PINS_STRETCH_BYTES);
    pins_fini(&p);
}

static void one_can_count_back(void **state)
{
    struct pins p;

    (void)state;
    pins_init(&p);
    for (uint64_t i = 0; i < 100; i++)
        pins_put(&p, i * PINS_STRETCH_BYTES, 1);
    assert_int_equal(pins_back(&p, 100 * PINS_STRETCH_BYTES - 1, 1000 * PINS_STRETCH_BYTES), 0);
    assert_int_equal(pins_back(&p, 100 * PINS_STRETCH_BYTES - 1, 10 * PINS_STRETCH_BYTES),
                     90 * PINS_STRETCH_BYTES);
    assert_int_equal(pins_back_count(&p, 100 * PINS_STRETCH_BYTES - 1, 10),
                     90 * PINS_STRETCH_BYTES);
    assert_int_equal(pins_back_count(&p, 100 * PINS_STRETCH_BYTES - 1, 100), 0);
    pins_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_is_never_above_a_batch),
        cmocka_unit_test(a_gap_between_claims_does_not_count),
        cmocka_unit_test(one_can_count_back),
    };

    return cmocka_run_group_tests_name("pins", tests, NULL, NULL);
}
