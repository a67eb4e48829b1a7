/* group_policy_test.c - what groups are told survives crashes and checkpoints, and is told atomically. */
#include "engine/group_policy.h"
#include "engine/engine_rig.h"

static enum err end(struct rig *r, void *call)
{
    enum err err;

    assert_true(rig_call(r, call));
    err = r->last->err;
    call_free(call);
    return err;
}

static struct group_policy_set_call *telling(struct rig *r, const char *group, const char *native, const char *before)
{
    struct group_policy_set_call *c = RIG_NEW(r, group_policy_set_call, CALL_GROUP_POLICY_SET);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->group = bytes_str(group);
    c->policy = group_policy_default;
    c->native = bytes_str(native);
    c->native_before = bytes_str(before);
    return c;
}

static const struct group_policy *policy_of(struct rig *r, const char *group)
{
    return group_policy_of(r->engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(group));
}

static void what_a_group_is_told_survives(void **state)
{
    struct group_policy_set_call *c;
    struct rig                    r;

    (void)state;
    rig_open(&r);
    c = telling(&r, "g", "x", NULL);
    c->policy.lock_ms = 1234;
    c->policy.start = OFFSET_EARLIEST;
    c->policy.dead_letter_topic = bytes_str("dlq.g");
    assert_int_equal(end(&r, c), ERR_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(policy_of(&r, "g")->lock_ms, 1234);
        assert_int_equal(policy_of(&r, "g")->start, OFFSET_EARLIEST);
        assert_true(bytes_eq_str(policy_of(&r, "g")->dead_letter_topic, "dlq.g"));
        assert_int_equal(policy_of(&r, "g")->delivery_limit, group_policy_default.delivery_limit);
        assert_ptr_equal(policy_of(&r, "h"), &group_policy_default);
        rig_restart(&r);
    }
    assert_int_equal(end(&r, telling(&r, "g", NULL, "x")), ERR_OK);
    rig_restart(&r);
    assert_ptr_equal(policy_of(&r, "g"), &group_policy_default);
    rig_close(&r);
}

static void who_knows_not_what_it_was_does_not_change_it(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    assert_int_equal(end(&r, telling(&r, "g", "x", "w")), ERR_IN_USE);
    assert_int_equal(end(&r, telling(&r, "g", "x", NULL)), ERR_OK);
    assert_int_equal(end(&r, telling(&r, "g", "y", NULL)), ERR_IN_USE);
    assert_int_equal(end(&r, telling(&r, "g", "y", "z")), ERR_IN_USE);
    assert_int_equal(end(&r, telling(&r, "g", "y", "x")), ERR_OK);
    assert_int_equal(end(&r, telling(&r, "", "y", NULL)), ERR_BAD_NAME);
    rig_close(&r);
}

static void all_that_were_told_something_are_listed(void **state)
{
    struct group_policy_get_call *c;
    struct rig                    r;

    (void)state;
    rig_open(&r);
    assert_int_equal(end(&r, telling(&r, "b", "2", NULL)), ERR_OK);
    assert_int_equal(end(&r, telling(&r, "a", "1", NULL)), ERR_OK);
    c = RIG_NEW(&r, group_policy_get_call, CALL_GROUP_POLICY_GET);
    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->all = true;
    assert_true(rig_call(&r, c));
    assert_int_equal(c->item_count, 2);
    assert_true(bytes_eq_str(c->items[0].group, "a") && bytes_eq_str(c->items[0].native, "1"));
    assert_true(bytes_eq_str(c->items[1].group, "b") && bytes_eq_str(c->items[1].native, "2"));
    call_free(c);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_group_is_told_survives),
        cmocka_unit_test(who_knows_not_what_it_was_does_not_change_it),
        cmocka_unit_test(all_that_were_told_something_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
