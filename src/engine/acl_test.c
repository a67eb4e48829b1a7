/* acl_test.c - ACLs through the real engine: what is kept, found, deleted, and still there after a restart. */
#include "engine/acl_calls.h"
#include "engine/engine_rig.h"

static struct acl acl_of(uint8_t pattern, const char *name, const char *principal, uint8_t operation)
{
    return (struct acl){ ACL_TOPIC,       pattern,          operation, ACL_ALLOW, bytes_str(name),
                         bytes_str(principal), bytes_str("*") };
}

static struct acl any(void)
{
    return (struct acl){ ACL_RESOURCE_ANY, ACL_PATTERN_ANY, ACL_OPERATION_ANY, ACL_PERMISSION_ANY,
                         { 0 },            { 0 },           { 0 } };
}

static enum err create(struct rig *r, struct acl acl)
{
    struct acls_create_call *c = RIG_NEW(r, acls_create_call, CALL_ACLS_CREATE);
    struct acl_item          item = { .acl = acl };

    c->count = 1;
    c->items = &item;
    assert_true(rig_call(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    call_free(c);
    return item.err;
}

/* How many match; those found are compared with the names, one after the other. */
static size_t filter(struct rig *r, struct acl acl, bool deletes, const char *const found[])
{
    struct acls_call *c = RIG_NEW(r, acls_call, CALL_ACLS_FILTER);
    struct acl_filter f = { .acl = acl };
    size_t            count;

    c->count = 1;
    c->filters = &f;
    c->deletes = deletes;
    assert_true(rig_call(r, c));
    assert_int_equal(f.err, ERR_OK);
    count = f.count;
    for (size_t i = 0; found && i < count; i++)
        assert_true(bytes_eq_str(f.found[i].name, found[i]));
    call_free(c);
    return count;
}

static bool may_read(struct rig *r, const char *principal, const char *name)
{
    struct rights_asker a = { .principal = bytes_str(principal), .host = bytes_str("::1") };

    return rights_operations(r->engine->rights, &a, ACL_TOPIC, bytes_str(name)) & 1u << ACL_READ;
}

static void acls_survive(void **state)
{
    static const char *const names[] = { "orders", "te" };
    struct rig               r;

    (void)state;
    rig_open(&r);
    assert_int_equal(create(&r, acl_of(ACL_PREFIXED, "te", "User:b", ACL_READ)), ERR_OK);
    assert_int_equal(create(&r, acl_of(ACL_LITERAL, "orders", "User:a", ACL_READ)), ERR_OK);
    assert_int_equal(create(&r, acl_of(ACL_LITERAL, "orders", "User:a", ACL_READ)), ERR_OK); /* is there */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(filter(&r, any(), false, names), 2);
        assert_true(may_read(&r, "User:b", "test"));
        assert_true(may_read(&r, "User:a", "orders"));
        assert_false(may_read(&r, "User:a", "test"));
        rig_restart(&r);
    }
    assert_int_equal(filter(&r, acl_of(ACL_PREFIXED, "te", "User:b", ACL_READ), true, names + 1), 1);
    assert_int_equal(filter(&r, acl_of(ACL_PREFIXED, "te", "User:b", ACL_READ), true, NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(filter(&r, any(), false, names), 1);
        assert_false(may_read(&r, "User:b", "test"));
        rig_restart(&r);
    }
    rig_close(&r);
}

static struct acl named(uint8_t pattern, const char *name)
{
    struct acl f = any();

    f.pattern = pattern;
    f.name = bytes_str(name);
    return f;
}

static void filters(void **state)
{
    struct acl f = any();
    struct rig r;

    (void)state;
    rig_open(&r);
    create(&r, acl_of(ACL_LITERAL, "foo", "User:a", ACL_READ));
    create(&r, acl_of(ACL_PREFIXED, "foo", "User:a", ACL_READ));
    create(&r, acl_of(ACL_PREFIXED, "fo", "User:b", ACL_WRITE));
    create(&r, acl_of(ACL_LITERAL, "*", "User:b", ACL_DESCRIBE));
    create(&r, acl_of(ACL_LITERAL, "foobar", "User:b", ACL_DESCRIBE));
    assert_int_equal(filter(&r, any(), false, NULL), 5);
    assert_int_equal(filter(&r, named(ACL_PATTERN_MATCH, "foobar"), false, NULL), 4);
    assert_int_equal(filter(&r, named(ACL_PATTERN_MATCH, "fo"), false, NULL), 2);
    assert_int_equal(filter(&r, named(ACL_PATTERN_ANY, "foo"), false, NULL), 2);
    assert_int_equal(filter(&r, named(ACL_LITERAL, "foo"), false, NULL), 1);
    assert_int_equal(filter(&r, named(ACL_PREFIXED, "foo"), false, NULL), 1);
    assert_int_equal(filter(&r, named(ACL_LITERAL, "*"), false, NULL), 1);
    f.principal = bytes_str("User:b");
    assert_int_equal(filter(&r, f, false, NULL), 3);
    f.operation = ACL_DESCRIBE;
    assert_int_equal(filter(&r, f, false, NULL), 2);
    f.host = bytes_str("10.0.0.1"); /* not where it applies: what it says */
    assert_int_equal(filter(&r, f, false, NULL), 0);
    f = any();
    f.resource = ACL_GROUP;
    assert_int_equal(filter(&r, f, false, NULL), 0);
    f = any();
    f.permission = ACL_DENY;
    assert_int_equal(filter(&r, f, false, NULL), 0);
    assert_int_equal(filter(&r, any(), true, NULL), 5);
    assert_int_equal(filter(&r, any(), false, NULL), 0);
    rig_close(&r);
}

static void what_is_refused(void **state)
{
    struct acl a = acl_of(ACL_LITERAL, "t", "User:a", ACL_READ);
    struct acl f = any();
    char       name[ACL_NAME_BYTES_MAX + 2];
    struct rig r;

    (void)state;
    rig_open(&r);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    a.pattern = ACL_PATTERN_MATCH;
    assert_int_equal(create(&r, a), ERR_BAD_ARGUMENT);
    a = acl_of(ACL_LITERAL, "t", "User:a", ACL_OPERATION_ANY);
    assert_int_equal(create(&r, a), ERR_BAD_ARGUMENT);
    a = acl_of(ACL_LITERAL, "t", "User:a", ACL_OPERATION_END);
    assert_int_equal(create(&r, a), ERR_BAD_ARGUMENT);
    a.operation = ACL_READ;
    a.resource = ACL_RESOURCE_END;
    assert_int_equal(create(&r, a), ERR_BAD_ARGUMENT);
    assert_int_equal(create(&r, acl_of(ACL_LITERAL, "", "User:a", ACL_READ)), ERR_BAD_NAME);
    assert_int_equal(create(&r, acl_of(ACL_LITERAL, name, "User:a", ACL_READ)), ERR_BAD_NAME);
    assert_int_equal(create(&r, acl_of(ACL_LITERAL, name + 1, "User:a", ACL_READ)), ERR_OK);
    assert_true(may_read(&r, "User:a", name + 1));
    assert_false(may_read(&r, "User:a", name));
    assert_int_equal(filter(&r, f, false, NULL), 1);
    rig_close(&r);
}

static struct uuid make_topic(struct rig *r, const char *ns, const char *name)
{
    struct topic_create_call *c = RIG_NEW(r, topic_create_call, CALL_TOPIC_CREATE);
    struct uuid               id;

    c->ns = bytes_str(ns);
    c->name = bytes_str(name);
    c->partition_count = 1;
    assert_true(rig_call(r, c));
    assert_int_equal(c->call.err, ERR_OK);
    id = c->view.uuid;
    call_free(c);
    return id;
}

static void topics_are_known_by_id(void **state)
{
    struct topic_delete_call *d;
    struct uuid               mine, other;
    struct buf                name;
    struct rig                r;

    (void)state;
    rig_open(&r);
    buf_init(&name);
    r.rights = rights_new(true);
    mine = make_topic(&r, NAMESPACE_DEFAULT, "mine");
    other = make_topic(&r, "other", "other");
    rig_restart(&r);
    assert_true(rights_topic_name(r.engine->rights, &mine, &name));
    assert_true(bytes_eq_str(buf_view(&name), "mine"));
    assert_false(rights_topic_name(r.engine->rights, &other, &name));
    d = RIG_NEW(&r, topic_delete_call, CALL_TOPIC_DELETE);
    d->ns = bytes_str(NAMESPACE_DEFAULT);
    d->name = bytes_str("mine");
    assert_true(rig_call(&r, d));
    call_free(d);
    assert_false(rights_topic_name(r.engine->rights, &mine, &name));
    buf_fini(&name);
    rig_close(&r);
    rights_free(r.rights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acls_survive),
        cmocka_unit_test(filters),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(topics_are_known_by_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
