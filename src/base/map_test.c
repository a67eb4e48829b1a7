/* map_test.c - both maps against a plain array, with random operations from a seed. */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { KEYS = 300, STEPS = 200000 };

struct thing {
    char     key[16];
    unsigned number;
};

struct world {
    struct thing things[2][KEYS]; /* two values that share each key */
    void        *in[KEYS];        /* what the map holds */
    uint32_t     random;
};

static uint32_t draw(struct world *w, uint32_t below)
{
    w->random = w->random * 1664525 + 1013904223;
    return (w->random >> 8) % below;
}

static void fill(struct world *w)
{
    for (unsigned i = 0; i < KEYS; i++)
        for (int k = 0; k < 2; k++) {
            snprintf(w->things[k][i].key, sizeof w->things[k][i].key, "key%u", i * i);
            w->things[k][i].number = i;
        }
    w->random = 42;
}

static size_t held(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < KEYS; i++)
        n += w->in[i] != NULL;
    return n;
}

static void byte_keys(void **state)
{
    static struct world w;
    struct map          m;

    (void)state;
    fill(&w);
    map_init(&m);
    assert_null(map_get(&m, bytes_str("key0")));
    assert_null(map_remove(&m, bytes_str("key0")));
    for (int step = 0; step < STEPS; step++) {
        uint32_t      i = draw(&w, step % 2000 < 1000 ? KEYS : KEYS / 20);
        struct thing *t = &w.things[draw(&w, 2)][i];
        struct bytes  key = bytes_str(t->key);

        switch (draw(&w, 3)) {
        case 0:
            assert_ptr_equal(map_put(&m, key, t), w.in[i]);
            w.in[i] = t;
            break;
        case 1:
            assert_ptr_equal(map_remove(&m, key), w.in[i]);
            w.in[i] = NULL;
            break;
        default:
            assert_ptr_equal(map_get(&m, key), w.in[i]);
        }
    }
    assert_int_equal(m.count, held(&w));
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(map_get(&m, bytes_str(w.things[0][i].key)), w.in[i]);
    map_fini(&m);
}

static void integer_keys(void **state)
{
    static struct world w;
    struct idmap        m;

    (void)state;
    fill(&w);
    idmap_init(&m);
    assert_null(idmap_get(&m, 0));
    for (int step = 0; step < STEPS; step++) {
        uint32_t      i = draw(&w, KEYS);
        uint64_t      key = (uint64_t)i << 32; /* alike in their low bits */
        struct thing *t = &w.things[draw(&w, 2)][i];

        if (draw(&w, 2)) {
            assert_ptr_equal(idmap_put(&m, key, t), w.in[i]);
            w.in[i] = t;
        } else {
            assert_ptr_equal(idmap_remove(&m, key), w.in[i]);
            w.in[i] = NULL;
        }
    }
    assert_int_equal(m.count, held(&w));
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(idmap_get(&m, (uint64_t)i << 32), w.in[i]);
    idmap_fini(&m);
}

static void iteration_gives_each_once(void **state)
{
    static struct world w;
    unsigned            seen[KEYS] = { 0 };
    struct map          m;
    struct thing       *t;
    size_t              at = 0;

    (void)state;
    fill(&w);
    map_init(&m);
    assert_null(map_next(&m, &at));
    for (size_t i = 0; i < KEYS; i++)
        map_put(&m, bytes_str(w.things[0][i].key), &w.things[0][i]);
    at = 0;
    while ((t = map_next(&m, &at)) != NULL)
        seen[t->number]++;
    for (size_t i = 0; i < KEYS; i++)
        assert_int_equal(seen[i], 1);
    map_fini(&m);
}

static void iteration_may_remove_what_it_gave(void **state)
{
    static struct world w;
    unsigned            seen[KEYS] = { 0 };
    struct map          m;
    struct thing       *t;

    (void)state;
    fill(&w);
    map_init(&m);
    for (size_t i = 0; i < KEYS; i++)
        map_put(&m, bytes_str(w.things[0][i].key), &w.things[0][i]);
    for (size_t at = 0; (t = map_next(&m, &at)) != NULL;) {
        seen[t->number]++;
        if (t->number % 3) {
            map_remove(&m, bytes_str(t->key));
            at--;
        }
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_in_range(seen[i], 1, i % 3 ? 1 : 2); /* one that is kept may move behind itself */
    assert_int_equal(m.count, (KEYS + 2) / 3);
    map_fini(&m);
}

/* Beside a model that needs no map, through several growths in steps. */
static void large_ones_grow_in_steps(void **state)
{
    enum { MANY = 60000 };
    static char names[MANY][16];
    static bool is_in[MANY];
    struct map  m;
    size_t      count = 0;
    size_t      at = 0;
    size_t      seen = 0;
    uint32_t    seed = 1;
    char       *name;

    (void)state;
    map_init(&m);
    for (int step = 0; step < 6 * MANY; step++) {
        uint32_t     i = (seed >> 8) % (uint32_t)(1 + step / 6);
        struct bytes key;

        seed = seed * 1664525 + 1013904223;
        snprintf(names[i], sizeof names[i], "key-%u", i);
        key = bytes_str(names[i]);
        assert_ptr_equal(map_get(&m, key), is_in[i] ? names[i] : NULL);
        if ((seed >> 4) % 4 == 0) {
            assert_ptr_equal(map_remove(&m, key), is_in[i] ? names[i] : NULL);
            count -= is_in[i];
            is_in[i] = false;
        } else {
            assert_ptr_equal(map_put(&m, key, names[i]), is_in[i] ? names[i] : NULL);
            count += !is_in[i];
            is_in[i] = true;
        }
        if (step % 50000 == 0 || (m.past && step % 5000 == 0)) {
            for (at = 0, seen = 0; map_next(&m, &at); seen++)
                ;
            assert_int_equal(seen, count);
        }
    }
    assert_int_equal(m.count, count);
    for (int i = 0; !m.past; i++) { /* and removing while a growth is under way */
        assert_true(i < MANY);
        snprintf(names[i], sizeof names[i], "key-%d", i);
        map_put(&m, bytes_str(names[i]), names[i]);
    }
    for (at = 0; (name = map_next(&m, &at)) != NULL; at--)
        assert_ptr_equal(map_remove(&m, bytes_str(name)), name);
    assert_int_equal(m.count, 0);
    map_fini(&m);
}

static void hashes_differ(void **state)
{
    (void)state;
    assert_true(bytes_hash(bytes_str("a")) != bytes_hash(bytes_str("b")));
    assert_true(bytes_hash(bytes_str("")) != bytes_hash(bytes_of("\0", 1)));
    assert_true(bytes_hash(bytes_of("\0\0\0\0\0\0\0\0", 8)) != bytes_hash(bytes_of("\0", 1)));
    assert_true(bytes_hash(bytes_str("12345678")) == bytes_hash(bytes_str("12345678")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(byte_keys),
        cmocka_unit_test(integer_keys),
        cmocka_unit_test(iteration_gives_each_once),
        cmocka_unit_test(iteration_may_remove_what_it_gave),
        cmocka_unit_test(large_ones_grow_in_steps),
        cmocka_unit_test(hashes_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
