/* pages_test.c - a walk over pages sees every name once. */
#include "doors/sqs/pages.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const names[] = { "a", "b", "c", "d", "e" };

/* One page of the names, asked for with in. */
static json_t *ask(json_t *in)
{
    struct fault f = { .shape = SHAPE_NONE };
    json_t      *out = json_object();
    struct arena a;
    struct page  p;

    arena_init(&a);
    assert_true(page_begin(&p, &a, in, &f));
    for (size_t i = 0; i < COUNT(names); i++)
        if (page_wants(&p, bytes_str(names[i])))
            page_add(&p, bytes_str(names[i]), json_string(names[i]));
    page_end(&p, out, "Names");
    arena_fini(&a);
    return out;
}

static void without_a_limit_all_come_and_no_token(void **state)
{
    json_t *in = json_object(), *out = ask(in);

    (void)state;
    assert_int_equal(json_array_size(json_object_get(out, "Names")), 5);
    assert_null(json_object_get(out, "NextToken"));
    json_decref(in);
    json_decref(out);
}

static void tokens_lead_through_all_pages(void **state)
{
    static const size_t sizes[] = { 2, 2, 1 };
    json_t             *in = json_pack("{s:i}", "MaxResults", 2);

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        json_t *out = ask(in);
        json_t *list = json_object_get(out, "Names"), *token = json_object_get(out, "NextToken");

        assert_int_equal(json_array_size(list), sizes[i]);
        assert_string_equal(json_string_value(json_array_get(list, 0)), names[2 * i]);
        assert_int_equal(token != NULL, i < 2);
        if (token)
            json_object_set(in, "NextToken", token);
        json_decref(out);
    }
    json_decref(in);
}

static void bad_limits_and_tokens_are_refused(void **state)
{
    struct fault f = { .shape = SHAPE_NONE };
    json_t *bad[] = { json_pack("{s:i}", "MaxResults", 0), json_pack("{s:i}", "MaxResults", 1001),
                      json_pack("{s:s}", "NextToken", "?") };
    struct arena a;
    struct page  p;

    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(bad); i++) {
        f.shape = SHAPE_NONE;
        assert_false(page_begin(&p, &a, bad[i], &f));
        assert_int_equal(f.shape, SHAPE_INVALID_PARAMETER);
        json_decref(bad[i]);
    }
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_limit_all_come_and_no_token),
        cmocka_unit_test(tokens_lead_through_all_pages),
        cmocka_unit_test(bad_limits_and_tokens_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
