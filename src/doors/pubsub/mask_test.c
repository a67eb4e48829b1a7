/* mask_test.c - which fields an update may name, and that nothing else changes. */
#include "doors/pubsub/mask.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MASK_FAULT "Invalid update_mask provided in the UpdateSubscriptionRequest: "

static enum grpc_code check(char *path, struct buf *why)
{
    PB(FieldMask) mask = GOOGLE__PUBSUB__V1__FIELD_MASK__INIT;

    mask.paths = &path;
    mask.n_paths = 1;
    buf_clear(why);
    return ps_mask_check(&ps_subscription_mask, &mask, why);
}

static void unknown_and_fixed_fields_are_refused(void **state)
{
    struct buf why;

    (void)state;
    buf_init(&why);
    assert_int_equal(check((char[]){ "labels" }, &why), GRPC_OK);
    assert_int_equal(check((char[]){ "push_config.push_endpoint" }, &why), GRPC_OK);
    assert_int_equal(check((char[]){ "filter" }, &why), GRPC_INVALID_ARGUMENT);
    assert_true(bytes_eq_str(buf_view(&why), MASK_FAULT "the 'filter' field in the Subscription is not mutable."));
    assert_int_equal(check((char[]){ "colour" }, &why), GRPC_INVALID_ARGUMENT);
    assert_true(bytes_eq_str(buf_view(&why), MASK_FAULT "'colour' is not a known Subscription field."));
    assert_int_equal(ps_mask_check(&ps_subscription_mask, NULL, &why), GRPC_INVALID_ARGUMENT);
    buf_fini(&why);
}

static void only_named_fields_change(void **state)
{
    PB(Subscription) to = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    PB(Subscription) from = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    PB(FieldMask)    mask = GOOGLE__PUBSUB__V1__FIELD_MASK__INIT;
    PB(Label)        label = GOOGLE__PUBSUB__V1__LABEL__INIT;
    PB(Label)       *labels[] = { &label };
    PB(RetryPolicy)  retry = GOOGLE__PUBSUB__V1__RETRY_POLICY__INIT;
    char            *paths[] = { (char[]){ "ack_deadline_seconds" }, (char[]){ "labels" }, (char[]){ "retry_policy" },
                                 (char[]){ "enable_exactly_once_delivery" }, (char[]){ "bigquery_config" } };

    (void)state;
    to.retry_policy = &retry;
    to.ack_deadline_seconds = 10;
    from.ack_deadline_seconds = 42;
    from.labels = labels;
    from.n_labels = 1;
    from.enable_exactly_once_delivery = true;
    from.retain_acked_messages = true;
    from.bigquery_config = (ProtobufCBinaryData){ 1, (uint8_t[]){ 7 } };
    mask.paths = paths;
    mask.n_paths = COUNT(paths);
    ps_mask_apply(&ps_subscription_mask, &mask, &to.base, &from.base);
    assert_int_equal(to.ack_deadline_seconds, 42);
    assert_int_equal(to.n_labels, 1);
    assert_ptr_equal(to.labels, labels);
    assert_null(to.retry_policy);
    assert_true(to.enable_exactly_once_delivery);
    assert_int_equal(to.bigquery_config.len, 1);
    assert_false(to.retain_acked_messages);
}

static void each_resource_has_its_own_fields(void **state)
{
    PB(FieldMask) mask = GOOGLE__PUBSUB__V1__FIELD_MASK__INIT;
    char         *path = (char[]){ "ack_deadline_seconds" };
    struct buf    why;

    (void)state;
    buf_init(&why);
    mask.paths = &path;
    mask.n_paths = 1;
    assert_int_equal(ps_mask_check(&ps_topic_mask, &mask, &why), GRPC_INVALID_ARGUMENT);
    assert_true(bytes_eq_str(buf_view(&why), "Invalid update_mask provided in the UpdateTopicRequest: "
                                             "'ack_deadline_seconds' is not a known Topic field."));
    path = (char[]){ "message_retention_duration.seconds" };
    assert_int_equal(ps_mask_check(&ps_topic_mask, &mask, &why), GRPC_OK);
    assert_true(ps_mask_names(&mask, "message_retention_duration"));
    assert_false(ps_mask_names(&mask, "message_retention"));
    buf_fini(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_and_fixed_fields_are_refused),
        cmocka_unit_test(only_named_fields_change),
        cmocka_unit_test(each_resource_has_its_own_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
