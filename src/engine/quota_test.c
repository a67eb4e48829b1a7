/* quota_test.c - quotas through the real engine: kept, counted against, still there after a restart, gone. */
#include "engine/quota_calls.h"
#include "engine/engine_rig.h"

static struct limit_entity user(const char *name)
{
    struct limit_entity e = { .presence = { name ? LIMIT_NAMED : LIMIT_DEFAULT } };

    e.names[LIMIT_OF_USER] = bytes_str(name);
    return e;
}

static enum err set(struct rig *r, struct limit_entity e, enum limit limit, double value)
{
    struct quotas_set_call *c = RIG_NEW(r, quotas_set_call, CALL_QUOTAS_SET);
    struct quota_item       item = { .entity = e };

    item.sets[limit] = true;
    item.values[limit] = value;
    c->count = 1;
    c->items = &item;
    assert_true(rig_call(r, c));
    call_free(c);
    return item.err;
}

/* The value of the i-th of so many. */
static double get(struct rig *r, size_t count, size_t i, enum limit limit)
{
    struct quotas_get_call *c = RIG_NEW(r, quotas_get_call, CALL_QUOTAS_GET);
    double                  value;

    assert_true(rig_call(r, c));
    assert_int_equal(c->count, count);
    value = i < count ? c->quotas[i].values[limit] : 0;
    call_free(c);
    return value;
}

static int64_t wait_of(struct rig *r, const char *name, double amount)
{
    struct limits_asker who = { bytes_str(name), bytes_str("c") };

    return limits_count(r->engine->limits, &who, LIMIT_PRODUCE, amount, r->now_ms);
}

static void quotas_survive(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    assert_int_equal(set(&r, user("anna"), LIMIT_PRODUCE, 1000.5), ERR_OK);
    assert_int_equal(set(&r, user("anna"), LIMIT_CONSUME, 7), ERR_OK);
    assert_int_equal(set(&r, user(NULL), LIMIT_PRODUCE, 5), ERR_OK);
    for (int i = 0; i < 3; i++) {
        assert_true(get(&r, 2, 0, LIMIT_PRODUCE) == 5);
        assert_true(get(&r, 2, 1, LIMIT_PRODUCE) == 1000.5);
        assert_true(get(&r, 2, 1, LIMIT_CONSUME) == 7);
        assert_int_equal(wait_of(&r, "anna", 10005), 0);
        assert_int_equal(wait_of(&r, "bert", 55), 1000);
        rig_restart(&r);
    }
    assert_int_equal(set(&r, user("anna"), LIMIT_PRODUCE, 0), ERR_OK);
    assert_true(get(&r, 2, 1, LIMIT_CONSUME) == 7);
    assert_int_equal(set(&r, user("anna"), LIMIT_CONSUME, 0), ERR_OK);
    assert_int_equal(set(&r, user("anna"), LIMIT_CONSUME, 0), ERR_OK);
    for (int i = 0; i < 2; i++) {
        get(&r, 1, 0, LIMIT_PRODUCE);
        rig_restart(&r);
    }
    rig_close(&r);
}

static void what_is_refused(void **state)
{
    struct limit_entity both = user("anna");
    struct limit_entity none = { 0 };
    char                name[QUOTA_NAME_BYTES_MAX + 2];
    struct rig          r;

    (void)state;
    rig_open(&r);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    both.presence[LIMIT_OF_ADDRESS] = LIMIT_DEFAULT;
    assert_int_equal(set(&r, both, LIMIT_PRODUCE, 1), ERR_BAD_ARGUMENT);
    assert_int_equal(set(&r, none, LIMIT_PRODUCE, 1), ERR_BAD_ARGUMENT);
    assert_int_equal(set(&r, user("anna"), LIMIT_CONNECTIONS, 1), ERR_BAD_ARGUMENT);
    assert_int_equal(set(&r, user("anna"), LIMIT_PRODUCE, -1), ERR_BAD_ARGUMENT);
    assert_int_equal(set(&r, user("anna"), LIMIT_PRODUCE, 1.0 / 0.0), ERR_BAD_ARGUMENT);
    assert_int_equal(set(&r, user(name), LIMIT_PRODUCE, 1), ERR_BAD_NAME);
    assert_int_equal(set(&r, user(""), LIMIT_PRODUCE, 1), ERR_BAD_NAME);
    get(&r, 0, 0, LIMIT_PRODUCE);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotas_survive),
        cmocka_unit_test(what_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
