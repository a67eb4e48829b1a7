/* outlet_test.c - random additions and departures must not change the order or the bytes; small copies become
 * one slice. */
#include "net/outlet.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

enum { ROUNDS = 30000, PIECE_MAX = 40000 };

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* The stream is the numbers 0, 1, 2... modulo 251. */
static void fill(uint8_t *at, size_t n, uint64_t *position)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)((*position)++ % 251);
}

static void check(const uint8_t *at, size_t n, uint64_t *position)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] != (*position)++ % 251)
            fail_msg("byte %llu differs", (unsigned long long)*position - 1);
}

static void add(struct outlet *o, struct pool *pool, uint64_t *seed, uint64_t *written)
{
    static uint8_t piece[PIECE_MAX];
    size_t         n = draw(seed) % 8 ? draw(seed) % 100 : draw(seed) % PIECE_MAX;

    fill(piece, n, written);
    if (draw(seed) % 3)
        outlet_copy(o, pool, bytes_of(piece, n));
    else
        outlet_add(o, slice_copy(bytes_of(piece, n)));
}

static void depart(struct outlet *o, uint64_t *seed, uint64_t *left)
{
    struct iovec iov[OUTLET_GATHER_MAX];
    int          n = outlet_gather(o, iov);
    size_t       total = 0, sent;
    uint64_t     position = *left;

    for (int i = 0; i < n; i++) {
        check(iov[i].iov_base, iov[i].iov_len, &position);
        total += iov[i].iov_len;
    }
    sent = draw(seed) % (total + 1);
    outlet_sent(o, sent);
    *left += sent;
}

static void take(struct outlet *o, uint64_t *seed, uint64_t *left)
{
    size_t       max = 1 + draw(seed) % 20000;
    struct slice s;

    if (o->bytes == 0)
        return;
    s = outlet_take(o, max);
    assert_in_range(s.bytes.len, 1, max);
    check(s.bytes.at, s.bytes.len, left);
    slice_drop(&s);
}

static void bytes_leave_in_the_order_of_their_coming(void **state)
{
    struct outlet o = { 0 };
    struct pool   pool = { 0 };
    uint64_t      seed = 2463534242u, written = 0, left = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t what = draw(&seed) % 8;

        if (what < 5 && o.bytes < 4000000)
            add(&o, &pool, &seed, &written);
        else if (what == 7)
            take(&o, &seed, &left);
        else
            depart(&o, &seed, &left);
        assert_int_equal(o.bytes, written - left);
    }
    assert_true(left > 1000000);
    outlet_fini(&o);
    pool_fini(&pool);
}

static void small_copies_become_one_slice(void **state)
{
    struct outlet o = { 0 };
    struct pool   pool = { 0 };
    struct iovec  iov[OUTLET_GATHER_MAX];

    (void)state;
    for (int i = 0; i < 100; i++)
        outlet_copy(&o, &pool, bytes_str("0123456789"));
    assert_int_equal(outlet_gather(&o, iov), 1);
    assert_int_equal(iov[0].iov_len, 1000);
    outlet_add(&o, slice_copy(bytes_str("x")));
    outlet_copy(&o, &pool, bytes_str("y"));
    assert_int_equal(outlet_gather(&o, iov), 3);
    outlet_fini(&o);
    pool_fini(&pool);
}

static void nothing_is_not_queued(void **state)
{
    struct outlet o = { 0 };
    struct pool   pool = { 0 };

    (void)state;
    outlet_add(&o, slice_copy((struct bytes){ 0 }));
    outlet_copy(&o, &pool, (struct bytes){ 0 });
    assert_int_equal(o.count, 0);
    assert_int_equal(o.bytes, 0);
    outlet_fini(&o);
    pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_leave_in_the_order_of_their_coming),
        cmocka_unit_test(small_copies_become_one_slice),
        cmocka_unit_test(nothing_is_not_queued),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
