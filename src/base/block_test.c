/* block_test.c - the last drop frees, whoever makes it. */
#include "base/block.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { THREADS = 4, TIMES = 20000 };

static int freed;

static void count_free(struct block *b)
{
    (void)b;
    freed++;
}

static void the_last_drop_frees(void **state)
{
    struct block b;
    uint8_t      bytes[4];
    struct slice s;
    struct slice t;

    (void)state;
    freed = 0;
    block_init(&b, bytes, sizeof bytes, count_free);
    s = slice_of(&b, bytes + 1, 2);
    t = slice_hold(s);
    slice_drop(&s);
    assert_null(s.block);
    assert_int_equal(freed, 0);
    slice_drop(&t);
    assert_int_equal(freed, 1);
}

static void nothing_can_be_held_and_dropped(void **state)
{
    struct slice s = slice_hold(slice_of(NULL, NULL, 0));

    (void)state;
    assert_null(block_hold(NULL));
    block_drop(NULL);
    slice_drop(&s);
}

static void copies_are_their_own(void **state)
{
    char         text[] = "text";
    struct slice s = slice_copy(bytes_str(text));
    struct slice none = slice_copy(bytes_of(NULL, 0));

    (void)state;
    text[0] = 'n';
    assert_true(bytes_eq_str(s.bytes, "text"));
    assert_int_equal(none.bytes.len, 0);
    slice_drop(&s);
    slice_drop(&none);
}

static void *hold_and_drop(void *arg)
{
    for (int i = 0; i < TIMES; i++) {
        block_hold(arg);
        block_drop(arg);
    }
    block_drop(arg);
    return NULL;
}

static void threads_may_share(void **state)
{
    struct block b;
    pthread_t    threads[THREADS];

    (void)state;
    freed = 0;
    block_init(&b, NULL, 0, count_free);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, hold_and_drop, block_hold(&b));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(freed, 0);
    block_drop(&b);
    assert_int_equal(freed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_drop_frees),
        cmocka_unit_test(nothing_can_be_held_and_dropped),
        cmocka_unit_test(copies_are_their_own),
        cmocka_unit_test(threads_may_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
