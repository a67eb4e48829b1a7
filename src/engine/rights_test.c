/* rights_test.c - what ACLs amount to, held against a list of them that is gone through from end to end. */
#include "engine/rights.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct acl acl_of(uint8_t pattern, const char *name, const char *principal, uint8_t permission,
                         uint8_t operation)
{
    return (struct acl){ ACL_TOPIC,       pattern,          operation, permission, bytes_str(name),
                         bytes_str(principal), bytes_str("*") };
}

static struct rights_asker asker(const char *principal)
{
    return (struct rights_asker){ .principal = bytes_str(principal), .host = bytes_str("10.0.0.1") };
}

static bool may(struct rights *r, const char *principal, unsigned operation, const char *name)
{
    struct rights_asker a = asker(principal);

    return rights_operations(r, &a, ACL_TOPIC, bytes_str(name)) & 1u << operation;
}

static void add(struct rights *r, struct acl acl)
{
    rights_add(r, &acl);
}

static void take(struct rights *r, struct acl acl)
{
    rights_remove(r, &acl);
}

static void patterns(void **state)
{
    struct rights *r = rights_new(true);

    (void)state;
    assert_false(may(r, "User:a", ACL_READ, "orders"));
    add(r, acl_of(ACL_LITERAL, "orders", "User:a", ACL_ALLOW, ACL_READ));
    assert_true(may(r, "User:a", ACL_READ, "orders"));
    assert_false(may(r, "User:a", ACL_READ, "orders-2"));
    assert_false(may(r, "User:a", ACL_READ, "order"));
    assert_false(may(r, "User:a", ACL_WRITE, "orders"));
    assert_false(may(r, "User:b", ACL_READ, "orders"));
    add(r, acl_of(ACL_PREFIXED, "order", "User:b", ACL_ALLOW, ACL_WRITE));
    assert_true(may(r, "User:b", ACL_WRITE, "orders-2"));
    assert_true(may(r, "User:b", ACL_WRITE, "order"));
    assert_false(may(r, "User:b", ACL_WRITE, "orde"));
    add(r, acl_of(ACL_LITERAL, "*", "User:c", ACL_ALLOW, ACL_ALL));
    assert_true(may(r, "User:c", ACL_DELETE, "anything"));
    add(r, acl_of(ACL_LITERAL, "public", "User:*", ACL_ALLOW, ACL_READ));
    assert_true(may(r, "User:ANONYMOUS", ACL_READ, "public"));
    take(r, acl_of(ACL_PREFIXED, "order", "User:b", ACL_ALLOW, ACL_WRITE));
    assert_false(may(r, "User:b", ACL_WRITE, "orders-2"));
    rights_free(r);
}

static void denial_wins(void **state)
{
    struct rights *r = rights_new(true);

    (void)state;
    add(r, acl_of(ACL_LITERAL, "t", "User:a", ACL_ALLOW, ACL_ALL));
    add(r, acl_of(ACL_PREFIXED, "t", "User:*", ACL_DENY, ACL_WRITE));
    assert_true(may(r, "User:a", ACL_READ, "t"));
    assert_false(may(r, "User:a", ACL_WRITE, "t"));
    add(r, acl_of(ACL_LITERAL, "*", "User:a", ACL_DENY, ACL_ALL));
    assert_false(may(r, "User:a", ACL_READ, "t"));
    take(r, acl_of(ACL_LITERAL, "*", "User:a", ACL_DENY, ACL_ALL));
    assert_true(may(r, "User:a", ACL_READ, "t"));
    rights_free(r);
}

static void what_allows_implies_and_what_denies_does_not(void **state)
{
    static const unsigned describing[] = { ACL_READ, ACL_WRITE, ACL_DELETE, ACL_ALTER };
    struct rights        *r = rights_new(true);

    (void)state;
    for (size_t i = 0; i < COUNT(describing); i++) {
        struct acl a = acl_of(ACL_LITERAL, "t", "User:a", ACL_ALLOW, (uint8_t)describing[i]);

        assert_false(may(r, "User:a", ACL_DESCRIBE, "t"));
        add(r, a);
        assert_true(may(r, "User:a", ACL_DESCRIBE, "t"));
        assert_false(may(r, "User:a", ACL_DESCRIBE_CONFIGS, "t"));
        take(r, a);
    }
    add(r, acl_of(ACL_LITERAL, "t", "User:a", ACL_ALLOW, ACL_ALTER_CONFIGS));
    assert_true(may(r, "User:a", ACL_DESCRIBE_CONFIGS, "t"));
    assert_false(may(r, "User:a", ACL_DESCRIBE, "t"));
    add(r, acl_of(ACL_LITERAL, "t", "User:a", ACL_ALLOW, ACL_DESCRIBE));
    add(r, acl_of(ACL_LITERAL, "t", "User:a", ACL_DENY, ACL_READ));
    assert_true(may(r, "User:a", ACL_DESCRIBE, "t"));
    rights_free(r);
}

static void hosts(void **state)
{
    struct rights *r = rights_new(true);
    struct acl     here = acl_of(ACL_LITERAL, "t", "User:a", ACL_ALLOW, ACL_READ);
    struct acl     there = acl_of(ACL_LITERAL, "t", "User:a", ACL_ALLOW, ACL_WRITE);

    (void)state;
    here.host = bytes_str("10.0.0.1");
    there.host = bytes_str("10.0.0.2");
    add(r, here);
    add(r, there);
    assert_true(may(r, "User:a", ACL_READ, "t"));
    assert_false(may(r, "User:a", ACL_WRITE, "t"));
    rights_free(r);
}

static void super_users_and_names_without_acls(void **state)
{
    struct rights      *r = rights_new(true);
    struct rights_asker super = asker("User:s");
    struct rights_asker guest = asker("User:g");

    (void)state;
    super.is_super = true;
    guest.everyone_if_no_acls = true;
    add(r, acl_of(ACL_PREFIXED, "se", "User:x", ACL_ALLOW, ACL_READ));
    add(r, acl_of(ACL_LITERAL, "t", "User:*", ACL_DENY, ACL_ALL));
    assert_int_equal(rights_operations(r, &super, ACL_TOPIC, bytes_str("t")), UINT16_MAX);
    assert_int_equal(rights_operations(r, &guest, ACL_TOPIC, bytes_str("free")), UINT16_MAX);
    assert_int_equal(rights_operations(r, &guest, ACL_TOPIC, bytes_str("secret")), 0);
    assert_int_equal(rights_operations(r, &guest, ACL_TOPIC, bytes_str("t")), 0);
    assert_true(rights_any(r, &guest, ACL_WRITE, ACL_TOPIC));
    take(r, acl_of(ACL_PREFIXED, "se", "User:x", ACL_ALLOW, ACL_READ));
    assert_int_equal(rights_operations(r, &guest, ACL_TOPIC, bytes_str("secret")), UINT16_MAX);
    rights_free(r);
}

static bool any(struct rights *r, const char *principal)
{
    struct rights_asker a = asker(principal);

    return rights_any(r, &a, ACL_WRITE, ACL_TOPIC);
}

static void anything_at_all(void **state)
{
    struct rights *r = rights_new(true);

    (void)state;
    assert_false(any(r, "User:a"));
    add(r, acl_of(ACL_LITERAL, "t", "User:a", ACL_ALLOW, ACL_WRITE));
    assert_true(any(r, "User:a"));
    add(r, acl_of(ACL_LITERAL, "t", "User:a", ACL_DENY, ACL_WRITE));
    assert_false(any(r, "User:a"));
    add(r, acl_of(ACL_PREFIXED, "te", "User:*", ACL_ALLOW, ACL_ALL));
    assert_true(any(r, "User:a"));
    add(r, acl_of(ACL_PREFIXED, "tes", "User:a", ACL_DENY, ACL_WRITE)); /* "te" itself is left */
    assert_true(any(r, "User:a"));
    add(r, acl_of(ACL_PREFIXED, "t", "User:a", ACL_DENY, ACL_WRITE));
    assert_false(any(r, "User:a"));
    assert_true(any(r, "User:b"));
    add(r, acl_of(ACL_LITERAL, "*", "User:*", ACL_DENY, ACL_ALL));
    assert_false(any(r, "User:b"));
    rights_free(r);
}

static void topics_by_id(void **state)
{
    struct rights    *r = rights_new(true);
    const struct uuid one = { { 1 } }, two = { { 2 } };
    struct buf        name;

    (void)state;
    buf_init(&name);
    rights_name_topic(r, &one, bytes_str("orders"));
    assert_false(rights_topic_name(r, &two, &name));
    assert_true(rights_topic_name(r, &one, &name));
    assert_true(bytes_eq_str(buf_view(&name), "orders"));
    rights_forget_topic(r, &one);
    rights_forget_topic(r, &two);
    assert_false(rights_topic_name(r, &one, &name));
    buf_fini(&name);
    rights_free(r);
}

/* ---- against a list ---- */

enum { ACLS = 60, STEPS = 4000 };

struct world {
    struct rights *rights;
    struct acl     acls[ACLS];
    bool           is_there[ACLS];
    unsigned       seed;
};

static const char *const names[] = { "a", "ab", "abc", "b", "*", "abcd" };
static const char *const principals[] = { "User:a", "User:b", "User:*" };
static const char *const host_names[] = { "*", "10.0.0.1", "10.0.0.2" };

static unsigned draw(struct world *w, unsigned below)
{
    w->seed = w->seed * 1103515245u + 12345u;
    return (w->seed >> 16) % below;
}

static bool concerns(const struct acl *acl, const struct rights_asker *a, struct bytes name)
{
    if (!bytes_eq(acl->principal, a->principal) && !bytes_eq_str(acl->principal, "User:*"))
        return false;
    if (!bytes_eq(acl->host, a->host) && !bytes_eq_str(acl->host, "*"))
        return false;
    if (acl->pattern == ACL_LITERAL)
        return bytes_eq(acl->name, name) || bytes_eq_str(acl->name, "*");
    return name.len >= acl->name.len && memcmp(name.at, acl->name.at, acl->name.len) == 0;
}

static bool is_said(const struct world *w, const struct rights_asker *a, struct bytes name,
                    uint8_t permission, unsigned operation)
{
    for (size_t i = 0; i < ACLS; i++)
        if (w->is_there[i] && w->acls[i].permission == permission && concerns(&w->acls[i], a, name) &&
            (w->acls[i].operation == operation || w->acls[i].operation == ACL_ALL))
            return true;
    return false;
}

static void check_all(const struct world *w)
{
    static const unsigned operations[] = { ACL_READ, ACL_WRITE, ACL_CREATE };

    for (size_t p = 0; p < 2; p++)
        for (size_t n = 0; n < COUNT(names); n++)
            for (size_t o = 0; o < COUNT(operations); o++) {
                struct rights_asker a = asker(principals[p]);
                struct bytes        name = bytes_str(names[n]);
                bool                want = is_said(w, &a, name, ACL_ALLOW, operations[o]) &&
                            !is_said(w, &a, name, ACL_DENY, operations[o]);

                assert_int_equal((rights_operations(w->rights, &a, ACL_TOPIC, name) >> operations[o]) & 1,
                                 want);
            }
}

static bool by_value(const struct acl *a, const struct acl *b)
{
    return a->pattern == b->pattern && a->operation == b->operation && a->permission == b->permission &&
           bytes_eq(a->name, b->name) && bytes_eq(a->principal, b->principal) && bytes_eq(a->host, b->host);
}

static void as_the_list_says(void **state)
{
    struct world w = { .rights = rights_new(true), .seed = 7 };

    (void)state;
    for (size_t i = 0; i < ACLS; i++) {
        struct acl a = acl_of(draw(&w, 2) ? ACL_LITERAL : ACL_PREFIXED, names[draw(&w, COUNT(names))],
                              principals[draw(&w, 3)], draw(&w, 3) ? ACL_ALLOW : ACL_DENY,
                              (uint8_t)(ACL_ALL + draw(&w, 4)));

        a.host = bytes_str(host_names[draw(&w, 3)]);
        w.acls[i] = a;
    }
    for (int step = 0; step < STEPS; step++) {
        size_t i = draw(&w, ACLS);

        w.is_there[i] = draw(&w, 3) == 0;
        for (size_t k = 0; k < ACLS; k++) /* the same ACL may have been drawn twice */
            if (k != i && by_value(&w.acls[k], &w.acls[i]))
                w.is_there[k] = w.is_there[i];
        if (w.is_there[i])
            rights_add(w.rights, &w.acls[i]);
        else
            rights_remove(w.rights, &w.acls[i]);
        if (step % 16 == 0)
            check_all(&w);
    }
    rights_free(w.rights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(denial_wins),
        cmocka_unit_test(what_allows_implies_and_what_denies_does_not),
        cmocka_unit_test(hosts),
        cmocka_unit_test(super_users_and_names_without_acls),
        cmocka_unit_test(anything_at_all),
        cmocka_unit_test(topics_by_id),
        cmocka_unit_test(as_the_list_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
