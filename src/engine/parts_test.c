/* parts_test.c - sets of partitions: what they hold, and what is read back. */
#include "engine/parts.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static void sets_do_what_their_names_say(void **state)
{
    const uint64_t some[] = { 7, 3, 3, 9 };
    const uint64_t others[] = { 9, 4 };
    struct parts   a = { 0 };
    struct parts   b = { 0 };
    struct parts   c = { 0 };

    (void)state;
    parts_from(&a, some, 4);
    parts_from(&b, others, 2);
    assert_int_equal(a.count, 3);
    assert_true(parts_have(&a, 7) && !parts_have(&a, 4));
    assert_true(parts_meet(&a, &b));
    parts_both(&c, &a, &b);
    assert_true(c.count == 1 && c.at[0] == 9);
    assert_true(parts_within(&c, &a) && !parts_within(&a, &c));
    parts_minus(&c, &a, &b);
    assert_true(c.count == 2 && c.at[0] == 3 && c.at[1] == 7);
    assert_false(parts_meet(&c, &b));
    parts_either(&a, &a, &b);
    assert_true(a.count == 4 && a.at[1] == 4);
    parts_minus(&a, &a, &a);
    assert_true(a.count == 0 && a.at == NULL && parts_eq(&a, &(struct parts){ 0 }));
    parts_fini(&b);
    parts_fini(&c);
}

static void sets_survive_being_written(void **state)
{
    const uint64_t ids[] = { 1, 5, UINT64_MAX };
    struct parts   a = { 0 };
    struct parts   b = { 0 };
    struct buf     out;
    struct rd      r;

    (void)state;
    parts_from(&a, ids, 3);
    buf_init(&out);
    parts_write(&out, &a);
    for (size_t len = 0; len <= out.len; len++) {
        r = rd_of(bytes_of(out.at, len));
        parts_read(&r, &b);
        assert_int_equal(r.failed, len < out.len);
        assert_true(parts_eq(&b, len < out.len ? &(struct parts){ 0 } : &a));
    }
    buf_clear(&out);
    buf_uvarint(&out, 2);
    buf_uvarint(&out, 4);
    buf_uvarint(&out, 0); /* the same again */
    r = rd_of(buf_view(&out));
    parts_read(&r, &b);
    assert_true(r.failed && b.count == 0);
    buf_fini(&out);
    parts_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_do_what_their_names_say),
        cmocka_unit_test(sets_survive_being_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
