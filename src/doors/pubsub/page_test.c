/* page_test.c - pages join without gaps or repeats, also when items go meanwhile. */
#include "doors/pubsub/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Takes the page after token from names; returns how many it has. */
static size_t take(struct arena *a, const char *const *names, size_t count, int32_t size, char **token)
{
    struct ps_page *p = ps_page_new(a, size, *token);
    size_t          taken = 0;
    size_t          i;

    assert_non_null(p);
    for (i = 0; i < count; i++)
        taken += ps_page_take(p, bytes_str(names[i])) ? 1 : 0;
    *token = ps_page_token(p, a);
    return taken;
}

static void pages_join(void **state)
{
    static const char *const names[] = { "a", "b", "c", "d", "e" };
    static const char *const later[] = { "a", "c", "d", "e" };
    struct arena             a;
    char                    *token = (char[]){ "" };

    (void)state;
    arena_init(&a);
    assert_int_equal(take(&a, names, COUNT(names), 2, &token), 2);
    assert_string_not_equal(token, "");
    assert_int_equal(take(&a, later, COUNT(later), 2, &token), 2); /* "b", the last of the first page, is gone */
    assert_string_not_equal(token, "");
    assert_int_equal(take(&a, later, COUNT(later), 2, &token), 1);
    assert_string_equal(token, "");
    arena_fini(&a);
}

static void sizes_have_a_default_and_a_limit(void **state)
{
    static char  text[1500][8];
    const char  *names[1500];
    struct arena a;
    char        *token = (char[]){ "" };
    size_t       i;

    (void)state;
    for (i = 0; i < COUNT(names); i++) {
        snprintf(text[i], sizeof text[i], "n%05zu", i);
        names[i] = text[i];
    }
    arena_init(&a);
    assert_int_equal(take(&a, names, COUNT(names), 0, &token), PS_PAGE_ITEMS);
    token = (char[]){ "" };
    assert_int_equal(take(&a, names, COUNT(names), INT32_MAX, &token), PS_PAGE_ITEMS_MAX);
    assert_int_equal(take(&a, names, COUNT(names), INT32_MAX, &token), 500);
    assert_null(ps_page_new(&a, -1, ""));
    assert_null(ps_page_new(&a, 1, "not a token!"));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_join),
        cmocka_unit_test(sizes_have_a_default_and_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
