/* resource_test.c - what is filled in, what is kept, what is refused and in which words. */
#include "doors/pubsub/resource.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_new_subscription_reads_back_as_the_service_s(void **state)
{
    struct arena      a;
    PB(Subscription) *s, *got;
    struct queue_view v = { .name = bytes_str("billing"), .topic = bytes_str("orders") };
    struct queue_policy policy;

    (void)state;
    arena_init(&a);
    s = ps_message_new(&a, &google__pubsub__v1__subscription__descriptor);
    s->name = (char[]){ "projects/p/subscriptions/billing" };
    s->topic = (char[]){ "projects/p/topics/orders" };
    ps_subscription_fill(&a, s);
    v.native[DOOR_PUBSUB] = ps_subscription_native(&a, s);
    got = ps_subscription_of(&a, &v, bytes_str("p"));
    assert_string_equal(got->name, s->name);
    assert_string_equal(got->topic, s->topic);
    assert_int_equal(got->ack_deadline_seconds, 10);
    assert_non_null(got->push_config);
    assert_int_equal(got->message_retention_duration->seconds, 604800);
    assert_int_equal(got->expiration_policy->ttl->seconds, 2678400);
    assert_int_equal(got->state, PB_STATE_ACTIVE);
    assert_null(got->retry_policy);
    policy = ps_subscription_policy(got);
    assert_int_equal(policy.lease_ms, 10000);
    assert_int_equal(policy.retention_ms, 604800000);
    assert_int_equal(ps_lease_ms(&v), 10000);
    arena_fini(&a);
}

static void a_queue_of_another_door_is_a_subscription(void **state)
{
    struct arena      a;
    PB(Subscription) *got;
    struct queue_view v = { .name = bytes_str("q"), .topic = bytes_str("q") };

    (void)state;
    arena_init(&a);
    got = ps_subscription_of(&a, &v, bytes_str("default"));
    assert_string_equal(got->topic, "projects/default/topics/q");
    assert_int_equal(got->ack_deadline_seconds, 10);
    v.policy.lease_ms = 30000;
    assert_int_equal(ps_lease_ms(&v), 30000);
    v.policy.lease_ms = 12 * 3600 * 1000;
    assert_int_equal(ps_lease_ms(&v), 600000);
    v.policy.lease_ms = 1;
    assert_int_equal(ps_lease_ms(&v), 10000);
    v.topic = bytes_str("_deleted-topic_");
    assert_string_equal(ps_subscription_of(&a, &v, bytes_str("default"))->topic, "_deleted-topic_");
    arena_fini(&a);
}

static void expect(const PB(Subscription) *s, enum grpc_code code, const char *text)
{
    struct buf why;

    buf_init(&why);
    assert_int_equal(ps_subscription_check(s, &why), code);
    if (text)
        assert_true(bytes_eq_str(buf_view(&why), text));
    buf_fini(&why);
}

static void bounds_are_told_in_the_service_s_words(void **state)
{
    PB(Subscription) s = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    PB(Duration)     retention = GOOGLE__PUBSUB__V1__DURATION__INIT;

    (void)state;
    expect(&s, GRPC_OK, NULL);
    s.ack_deadline_seconds = 601;
    expect(&s, GRPC_INVALID_ARGUMENT,
           "Invalid ack deadline given (ack_deadline=601). The ack deadline must be between 10 and 600 seconds.");
    s.ack_deadline_seconds = 9;
    expect(&s, GRPC_INVALID_ARGUMENT, NULL);
    s.ack_deadline_seconds = 600;
    s.message_retention_duration = &retention;
    retention.seconds = 599;
    expect(&s, GRPC_INVALID_ARGUMENT,
           "The value for message retention duration is out of bounds. You passed 9m59s in the request, but the value "
           "must be between 10m and 744h.");
    retention.seconds = 31 * 24 * 3600;
    expect(&s, GRPC_OK, NULL);
    retention.nanos = 1;
    expect(&s, GRPC_INVALID_ARGUMENT, NULL);
    retention.seconds = INT64_MIN;
    expect(&s, GRPC_INVALID_ARGUMENT, NULL);
}

static void what_would_be_ignored_is_refused(void **state)
{
    PB(Subscription)     s = GOOGLE__PUBSUB__V1__SUBSCRIPTION__INIT;
    PB(DeadLetterPolicy) dead = GOOGLE__PUBSUB__V1__DEAD_LETTER_POLICY__INIT;
    PB(PushConfig)       push = GOOGLE__PUBSUB__V1__PUSH_CONFIG__INIT;

    (void)state;
    s.push_config = &push;
    expect(&s, GRPC_OK, NULL);
    s.filter = (char[]){ "attributes:a" };
    expect(&s, GRPC_UNIMPLEMENTED, NULL);
    s.filter = (char[]){ "" };
    s.enable_exactly_once_delivery = true;
    expect(&s, GRPC_UNIMPLEMENTED, NULL);
    s.enable_exactly_once_delivery = false;
    dead.dead_letter_topic = (char[]){ "projects/p/topics/dead" };
    s.dead_letter_policy = &dead;
    expect(&s, GRPC_UNIMPLEMENTED, NULL);
    s.dead_letter_policy = NULL;
    push.push_endpoint = (char[]){ "http://localhost/" };
    expect(&s, GRPC_UNIMPLEMENTED, NULL);
}

static void labels_obey_their_rule(void **state)
{
    PB(Topic)  t = GOOGLE__PUBSUB__V1__TOPIC__INIT;
    PB(Label)  label = GOOGLE__PUBSUB__V1__LABEL__INIT;
    PB(Label) *labels[] = { &label };
    struct buf why;

    (void)state;
    buf_init(&why);
    t.labels = labels;
    t.n_labels = 1;
    label.key = (char[]){ "env-1_a" };
    label.value = (char[]){ "" };
    assert_int_equal(ps_topic_check(&t, &why), GRPC_OK);
    label.key = (char[]){ "Env" };
    assert_int_equal(ps_topic_check(&t, &why), GRPC_INVALID_ARGUMENT);
    label.key = (char[]){ "" };
    assert_int_equal(ps_topic_check(&t, &why), GRPC_INVALID_ARGUMENT);
    buf_fini(&why);
}

static void a_topic_keeps_its_labels_and_not_its_name(void **state)
{
    struct arena      a;
    PB(Topic)         t = GOOGLE__PUBSUB__V1__TOPIC__INIT;
    PB(Label)         label = GOOGLE__PUBSUB__V1__LABEL__INIT;
    PB(Label)        *labels[] = { &label };
    PB(Topic)        *got;
    struct topic_view v = { .name = bytes_str("orders") };

    (void)state;
    arena_init(&a);
    label.key = (char[]){ "env" };
    label.value = (char[]){ "dev" };
    t.name = (char[]){ "projects/somebody-else/topics/other" };
    t.labels = labels;
    t.n_labels = 1;
    v.native[DOOR_PUBSUB] = ps_topic_native(&a, &t);
    got = ps_topic_of(&a, &v, bytes_str("p"));
    assert_string_equal(got->name, "projects/p/topics/orders");
    assert_int_equal(got->n_labels, 1);
    assert_string_equal(got->labels[0]->value, "dev");
    assert_int_equal(got->state, PB_STATE_ACTIVE);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_subscription_reads_back_as_the_service_s),
        cmocka_unit_test(a_queue_of_another_door_is_a_subscription),
        cmocka_unit_test(bounds_are_told_in_the_service_s_words),
        cmocka_unit_test(what_would_be_ignored_is_refused),
        cmocka_unit_test(labels_obey_their_rule),
        cmocka_unit_test(a_topic_keeps_its_labels_and_not_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
