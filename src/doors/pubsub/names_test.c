/* names_test.c - shapes that are looked up, rules for new names, projects and namespaces. */
#include "doors/pubsub/names.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void splits_full_names(void **state)
{
    struct ps_name n;

    (void)state;
    assert_true(ps_name_parse("projects/acme/topics/orders", PS_TOPICS, "default", &n));
    assert_true(bytes_eq_str(n.project, "acme"));
    assert_true(bytes_eq_str(n.ns, "acme"));
    assert_true(bytes_eq_str(n.id, "orders"));
    assert_true(ps_name_parse("projects/default/subscriptions/a/b c", PS_SUBSCRIPTIONS, "default", &n));
    assert_true(bytes_eq_str(n.id, "a/b c"));
    assert_true(ps_name_parse("projects/main/topics/x", PS_TOPICS, "main", &n));
    assert_true(bytes_eq_str(n.ns, "default"));
    assert_true(ps_project_parse("projects/main", "main", &n));
    assert_true(bytes_eq_str(n.ns, "default"));
}

static void refuses_other_shapes(void **state)
{
    static const char *const bad[] = {
        "",           "orders",          "projects/p",           "projects/p/topics/", "projects//topics/t",
        "projects/p/subscriptions/t", "project/p/topics/t", "/projects/p/topics/t", "projects/p/topics",
    };
    struct ps_name n;
    char           longest[400] = "projects/p/topics/";
    size_t         i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++)
        assert_false(ps_name_parse(bad[i], PS_TOPICS, "default", &n));
    memset(longest + strlen(longest), 'x', PS_ID_BYTES_MAX);
    assert_true(ps_name_parse(longest, PS_TOPICS, "default", &n));
    longest[strlen(longest)] = 'x';
    assert_false(ps_name_parse(longest, PS_TOPICS, "default", &n));
    assert_false(ps_project_parse("projects/", "default", &n));
    assert_false(ps_project_parse("projects/a/b", "default", &n));
}

static void new_names_obey_the_rule(void **state)
{
    static const char *const good[] = { "abc", "Orders-1_2.3~4+5%6", "Google" };
    static const char *const bad[] = { "ab", "1abc", "-abc", "google", "a b c", "a/b", "caf\xc3\xa9" };
    char                     longest[PS_ID_BYTES_MAX + 2];
    size_t                   i;

    (void)state;
    for (i = 0; i < COUNT(good); i++)
        assert_true(ps_id_is_valid(bytes_str(good[i])));
    for (i = 0; i < COUNT(bad); i++)
        assert_false(ps_id_is_valid(bytes_str(bad[i])));
    memset(longest, 'a', sizeof longest);
    assert_true(ps_id_is_valid(bytes_of(longest, PS_ID_BYTES_MAX)));
    assert_false(ps_id_is_valid(bytes_of(longest, PS_ID_BYTES_MAX + 1)));
}

static void formats_what_it_parses(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b);
    ps_name_format(&b, bytes_str("acme"), PS_SUBSCRIPTIONS, bytes_str("billing"));
    assert_true(bytes_eq_str(buf_view(&b), "projects/acme/subscriptions/billing"));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_full_names),
        cmocka_unit_test(refuses_other_shapes),
        cmocka_unit_test(new_names_obey_the_rule),
        cmocka_unit_test(formats_what_it_parses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
