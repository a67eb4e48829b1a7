/* topic_test.c - the policy of topics: that it is checked, kept, changed, and remembered. */
#include "engine/engine_rig.h"

static const struct topic_policy odd = {
    .retention = RETAIN_BOTH,
    .time_basis = TIME_OF_APPEND,
    .retention_ms = 1ll << 40,
    .retention_bytes = 2,
    .stamps_append = true,
    .is_compacted = true,
    .recodes = true,
    .codec = CODEC_ZSTD,
    .delete_retention_ms = 3,
    .min_compaction_lag_ms = 4,
    .max_compaction_lag_ms = 5,
    .segment_ms = 6,
    .segment_bytes = INT64_MAX,
    .dirty_ratio = 7,
};

static void expect_same(const struct topic_policy *a, const struct topic_policy *b)
{
    assert_int_equal(a->retention, b->retention);
    assert_int_equal(a->time_basis, b->time_basis);
    assert_int_equal(a->retention_ms, b->retention_ms);
    assert_int_equal(a->retention_bytes, b->retention_bytes);
    assert_int_equal(a->stamps_append, b->stamps_append);
    assert_int_equal(a->is_compacted, b->is_compacted);
    assert_int_equal(a->recodes, b->recodes);
    assert_int_equal(a->codec, b->codec);
    assert_int_equal(a->delete_retention_ms, b->delete_retention_ms);
    assert_int_equal(a->min_compaction_lag_ms, b->min_compaction_lag_ms);
    assert_int_equal(a->max_compaction_lag_ms, b->max_compaction_lag_ms);
    assert_int_equal(a->segment_ms, b->segment_ms);
    assert_int_equal(a->segment_bytes, b->segment_bytes);
    assert_int_equal(a->dirty_ratio, b->dirty_ratio);
}

static enum err create(struct rig *r, const char *name, const struct topic_policy *policy)
{
    struct topic_create_call *c = RIG_NEW(r, topic_create_call, CALL_TOPIC_CREATE);
    enum err                  err;

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    c->partition_count = 1;
    c->policy = *policy;
    c->door = DOOR_KAFKA;
    c->native = bytes_str("made");
    assert_true(rig_call(r, c));
    err = c->call.err;
    call_free(c);
    return err;
}

static struct topic *topic(struct rig *r, const char *name)
{
    return topic_find(r->engine, bytes_str(NAMESPACE_DEFAULT), bytes_str(name));
}

static struct topic_alter_call *new_alter(struct rig *r, const char *name)
{
    struct topic_alter_call *c = RIG_NEW(r, topic_alter_call, CALL_TOPIC_ALTER);

    c->ns = bytes_str(NAMESPACE_DEFAULT);
    c->name = bytes_str(name);
    return c;
}

static enum err alter_policy(struct rig *r, const char *name, const struct topic_policy *policy)
{
    struct topic_alter_call *c = new_alter(r, name);
    enum err                 err;

    c->set_policy = true;
    c->policy = *policy;
    assert_true(rig_call(r, c));
    err = c->call.err;
    if (err == ERR_OK)
        expect_same(&c->view.policy, policy);
    call_free(c);
    return err;
}

static void a_policy_survives(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    assert_int_equal(create(&r, "odd", &odd), ERR_OK);
    assert_int_equal(create(&r, "plain", &topic_policy_default), ERR_OK);
    assert_int_equal(create(&r, "zero", &(struct topic_policy){ 0 }), ERR_OK);
    rig_restart(&r);
    expect_same(&topic(&r, "odd")->policy, &odd);
    expect_same(&topic(&r, "plain")->policy, &topic_policy_default);
    expect_same(&topic(&r, "zero")->policy, &(struct topic_policy){ 0 });
    assert_int_equal(alter_policy(&r, "zero", &odd), ERR_OK);
    assert_int_equal(alter_policy(&r, "odd", &topic_policy_default), ERR_OK);
    rig_restart(&r);
    expect_same(&topic(&r, "odd")->policy, &topic_policy_default);
    expect_same(&topic(&r, "zero")->policy, &odd);
    rig_close(&r);
}

static void a_bad_policy_changes_nothing(void **state)
{
    struct topic_policy bad[] = { odd, odd, odd, odd };
    struct rig          r;

    (void)state;
    bad[0].retention_ms = -1;
    bad[1].segment_bytes = INT64_MIN;
    bad[2].dirty_ratio = DIRTY_RATIO_ONE + 1;
    bad[3].retention = RETAIN_BOTH + 1;
    rig_open(&r);
    create(&r, "t", &odd);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(create(&r, "new", &bad[i]), ERR_BAD_ARGUMENT);
        assert_int_equal(alter_policy(&r, "t", &bad[i]), ERR_BAD_ARGUMENT);
    }
    assert_null(topic(&r, "new"));
    expect_same(&topic(&r, "t")->policy, &odd);
    assert_int_equal(alter_policy(&r, "new", &odd), ERR_NO_TOPIC);
    rig_close(&r);
}

static void what_is_not_set_stays(void **state)
{
    struct rig               r;
    struct topic_alter_call *c;

    (void)state;
    rig_open(&r);
    create(&r, "t", &odd);
    c = new_alter(&r, "t");
    c->set_native = true;
    c->door = DOOR_PUBSUB;
    c->native = bytes_str("labels");
    assert_true(rig_call(&r, c));
    assert_int_equal(c->call.err, ERR_OK);
    assert_true(bytes_eq_str(c->view.native[DOOR_PUBSUB], "labels"));
    assert_true(bytes_eq_str(c->view.native[DOOR_KAFKA], "made"));
    expect_same(&c->view.policy, &odd);
    call_free(c);
    assert_int_equal(alter_policy(&r, "t", &topic_policy_default), ERR_OK);
    assert_true(bytes_eq_str(topic(&r, "t")->native[DOOR_PUBSUB], "labels"));
    rig_close(&r);
}

static enum err get_by_uuid(struct rig *r, const char *ns, const struct uuid *uuid)
{
    struct topic_get_call *c = RIG_NEW(r, topic_get_call, CALL_TOPIC_GET);
    struct topic_get_item  item = { .uuid = *uuid };

    c->ns = bytes_str(ns);
    c->item_count = 1;
    c->items = &item;
    assert_true(rig_call(r, c));
    call_free(c);
    return item.err;
}

static void an_id_is_no_key_to_another_namespace(void **state)
{
    struct rig  r;
    struct uuid uuid;

    (void)state;
    rig_open(&r);
    assert_int_equal(create(&r, "t", &topic_policy_default), ERR_OK);
    uuid = topic(&r, "t")->uuid;
    assert_int_equal(get_by_uuid(&r, NAMESPACE_DEFAULT, &uuid), ERR_OK);
    assert_int_equal(get_by_uuid(&r, "other", &uuid), ERR_NO_TOPIC);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_survives),
        cmocka_unit_test(a_bad_policy_changes_nothing),
        cmocka_unit_test(what_is_not_set_stays),
        cmocka_unit_test(an_id_is_no_key_to_another_namespace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
