/* attributes_test.c - ranges, defaults, spellings, round trips, the rules of encryption, reports.
 */
#include "doors/sqs/attributes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    struct arena          arena;
    struct queue_settings settings;
    struct fault          fault;
};

static int begin(void **state)
{
    struct fixture         *f = mem_new(sizeof *f);
    const struct queue_view view = { .id = 1 };

    arena_init(&f->arena);
    settings_load(&f->settings, &f->arena, &view);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    settings_fini(&f->settings);
    arena_fini(&f->arena);
    free(f);
    return 0;
}

/* Sets one attribute; the fault is that of this change alone. */
static bool set(struct fixture *f, const char *name, const char *value)
{
    json_t *map = json_pack("{s:s}", name, value);
    bool    ok;

    f->fault.shape = SHAPE_NONE;
    ok = settings_change(&f->settings, &f->arena, map, &f->fault);
    json_decref(map);
    assert_int_equal(ok, f->fault.shape == SHAPE_NONE);
    return ok;
}

static void expect(struct fixture *f, enum queue_attribute at, const char *text)
{
    struct bytes have = settings_text(&f->settings, at);

    if (text)
        assert_true(bytes_eq_str(have, text));
    else
        assert_true(bytes_is_null(have));
}

static void defaults_are_those_of_the_service(void **state)
{
    struct fixture     *f = *state;
    struct queue_policy policy = { 0 };

    expect(f, ATTR_DELAY_SECONDS, "0");
    expect(f, ATTR_MAXIMUM_MESSAGE_SIZE, "1048576");
    expect(f, ATTR_MESSAGE_RETENTION_PERIOD, "345600");
    expect(f, ATTR_RECEIVE_WAIT_SECONDS, "0");
    expect(f, ATTR_VISIBILITY_TIMEOUT, "30");
    expect(f, ATTR_SQS_MANAGED_SSE, "true");
    expect(f, ATTR_POLICY, NULL);
    expect(f, ATTR_KMS_REUSE_SECONDS, NULL);
    settings_policy(&f->settings, false, &policy);
    assert_true(policy.lease_ms == 0 && policy.retention_ms == 0);
    settings_policy(&f->settings, true, &policy);
    assert_true(policy.lease_ms == 30000 && policy.retention_ms == 345600000 &&
                policy.delay_ms == 0);
}

static const struct {
    const char *name, *low, *high, *below, *above;
} ranges[] = {
    { "DelaySeconds", "0", "900", "-1", "901" },
    { "MaximumMessageSize", "1024", "1048576", "1023", "1048577" },
    { "MessageRetentionPeriod", "60", "1209600", "59", "1209601" },
    { "ReceiveMessageWaitTimeSeconds", "0", "20", "-1", "21" },
    { "VisibilityTimeout", "0", "43200", "", "43201" },
    { "KmsDataKeyReusePeriodSeconds", "60", "86400", "59", "86401" },
};

static void ranges_are_checked_at_both_ends(void **state)
{
    static const char *const nonsense[] = {
        "", " 6", "6 ", "5.0", "x", "0x10", "99999999999999999999"
    };
    struct fixture *f = *state;
    char            text[128];

    for (size_t i = 0; i < COUNT(ranges); i++) {
        assert_true(set(f, ranges[i].name, ranges[i].low));
        assert_true(set(f, ranges[i].name, ranges[i].high));
        assert_false(set(f, ranges[i].name, ranges[i].below));
        assert_false(set(f, ranges[i].name, ranges[i].above));
        assert_int_equal(f->fault.shape, SHAPE_INVALID_ATTRIBUTE_VALUE);
        snprintf(text, sizeof text, "Invalid value for the parameter %s.", ranges[i].name);
        assert_string_equal(f->fault.text, text);
        for (size_t j = 0; j < COUNT(nonsense); j++)
            assert_false(set(f, ranges[i].name, nonsense[j]));
    }
}

static void values_have_one_spelling(void **state)
{
    struct fixture *f = *state;

    assert_true(set(f, "VisibilityTimeout", "007"));
    expect(f, ATTR_VISIBILITY_TIMEOUT, "7");
    assert_true(set(f, "SqsManagedSseEnabled", "False"));
    expect(f, ATTR_SQS_MANAGED_SSE, "false");
    assert_false(set(f, "SqsManagedSseEnabled", "yes"));
    assert_int_equal(f->fault.shape, SHAPE_INVALID_ATTRIBUTE_VALUE);
}

static void names_that_are_not_settable_are_refused(void **state)
{
    static const char *const unknown[] = { "Foobar",
                                           "QueueArn",
                                           "ApproximateNumberOfMessages",
                                           "FifoQueue",
                                           "ContentBasedDeduplication",
                                           "All" };
    struct fixture          *f = *state;
    char                     text[128];

    for (size_t i = 0; i < COUNT(unknown); i++) {
        assert_false(set(f, unknown[i], "true"));
        assert_int_equal(f->fault.shape, SHAPE_INVALID_ATTRIBUTE_NAME);
        snprintf(text, sizeof text, "Unknown Attribute %s.", unknown[i]);
        assert_string_equal(f->fault.text, text);
    }
    assert_false(set(f, "FifoThroughputLimit", "perQueue"));
    assert_string_equal(f->fault.text,
                        "You can specify the FifoThroughputLimit only when FifoQueue "
                        "is set to true.");
}

static void documents_come_back_exactly_and_go_when_empty(void **state)
{
    static const char document[] = "{ \"Version\" : \"2012-10-17\",\n \"Statement\":[] }";
    struct fixture   *f = *state;

    assert_true(set(f, "Policy", document));
    expect(f, ATTR_POLICY, document);
    assert_false(set(f, "Policy", "[]"));
    assert_false(set(f, "Policy", "{"));
    assert_true(set(f, "Policy", ""));
    expect(f, ATTR_POLICY, NULL);
}

static void the_two_encryptions_exclude_each_other(void **state)
{
    struct fixture *f = *state;
    json_t *both = json_pack("{s:s,s:s}", "KmsMasterKeyId", "k", "SqsManagedSseEnabled", "true");

    assert_true(set(f, "KmsMasterKeyId", "k"));
    expect(f, ATTR_SQS_MANAGED_SSE, "false");
    expect(f, ATTR_KMS_REUSE_SECONDS, "300");
    assert_true(set(f, "KmsMasterKeyId", ""));
    expect(f, ATTR_SQS_MANAGED_SSE, "false");
    expect(f, ATTR_KMS_REUSE_SECONDS, NULL);
    assert_true(set(f, "KmsMasterKeyId", "k"));
    assert_true(set(f, "SqsManagedSseEnabled", "true"));
    expect(f, ATTR_KMS_MASTER_KEY_ID, NULL);
    assert_false(settings_change(&f->settings, &f->arena, both, &f->fault));
    assert_int_equal(f->fault.shape, SHAPE_INVALID_ATTRIBUTE_NAME);
    json_decref(both);
}

static void what_is_stored_comes_back(void **state)
{
    struct fixture       *f = *state;
    struct queue_view     view = { .id = 1 };
    struct queue_settings again;

    assert_true(set(f, "DelaySeconds", "5"));
    assert_true(set(f, "Policy", "{\"a\":\"\\u00fc\\n\"}"));
    json_object_set_new(f->settings.tags, "team", json_string("blue"));
    view.native[DOOR_SQS] = settings_store(&f->settings, &f->arena);
    settings_load(&again, &f->arena, &view);
    assert_null(settings_difference(&again, &f->settings));
    assert_true(bytes_is_null(again.values[ATTR_VISIBILITY_TIMEOUT]));
    assert_true(json_equal(again.tags, f->settings.tags));
    settings_fini(&again);
}

static void differences_are_named(void **state)
{
    struct fixture       *f = *state;
    struct queue_settings wanted = { 0 };
    json_t *same = json_pack("{s:s,s:s}", "DelaySeconds", "0", "SqsManagedSseEnabled", "True");

    assert_true(settings_change(&wanted, &f->arena, same, &f->fault));
    assert_null(settings_difference(&f->settings, &wanted));
    assert_true(set(f, "DelaySeconds", "5"));
    assert_string_equal(settings_difference(&f->settings, &wanted), "DelaySeconds");
    json_decref(same);
}

static void queues_of_other_doors_show_their_policy(void **state)
{
    struct fixture   *f = *state;
    struct queue_view view = { .policy = { .lease_ms = 10000, .delay_ms = 0, .retention_ms = 5 } };
    struct queue_settings s;

    settings_load(&s, &f->arena, &view);
    assert_int_equal(settings_number(&s, ATTR_VISIBILITY_TIMEOUT), 10);
    assert_int_equal(settings_number(&s, ATTR_MESSAGE_RETENTION_PERIOD), 345600);
    settings_fini(&s);
    view.native[DOOR_SQS] = bytes_str("not json");
    settings_load(&s, &f->arena, &view);
    assert_int_equal(settings_number(&s, ATTR_VISIBILITY_TIMEOUT), 10);
    settings_fini(&s);
}

static void reports_hold_what_is_asked_for(void **state)
{
    struct fixture         *f = *state;
    const struct queue_view view = { .created_ms = 1999,
                                     .altered_ms = 2000,
                                     .ready_count = 3,
                                     .leased_count = 4,
                                     .delayed_count = 5 };
    struct bytes            arn = bytes_str("arn:x");
    json_t *all = json_pack("[s]", "All"), *two = json_pack("[s,s]", "QueueArn", "Policy");
    json_t *bad = json_pack("[s]", "Foobar"), *report;

    report = attributes_report(&f->settings, &view, arn, all, &f->fault);
    assert_int_equal(json_object_size(report), 12);
    assert_string_equal(json_string_value(json_object_get(report, "CreatedTimestamp")), "1");
    assert_string_equal(json_string_value(json_object_get(report, "LastModifiedTimestamp")), "2");
    assert_string_equal(
        json_string_value(json_object_get(report, "ApproximateNumberOfMessagesDelayed")), "5");
    json_decref(report);
    report = attributes_report(&f->settings, &view, arn, two, &f->fault);
    assert_int_equal(json_object_size(report), 1);
    json_decref(report);
    report = attributes_report(&f->settings, &view, arn, NULL, &f->fault);
    assert_int_equal(json_object_size(report), 0);
    json_decref(report);
    assert_null(attributes_report(&f->settings, &view, arn, bad, &f->fault));
    assert_string_equal(f->fault.text, "Unknown Attribute Foobar.");
    json_decref(all);
    json_decref(two);
    json_decref(bad);
}

static void tags_have_limits(void **state)
{
    struct fixture *f = *state;
    json_t         *tags = json_object();
    char            name[16];

    for (int i = 0; i <= QUEUE_TAGS_MAX; i++) {
        f->fault.shape = SHAPE_NONE;
        assert_true(tags_check(tags, &f->fault));
        snprintf(name, sizeof name, "t%d", i);
        json_object_set_new(tags, name, json_string(""));
    }
    assert_false(tags_check(tags, &f->fault));
    json_decref(tags);
    assert_true(tags_check(NULL, &f->fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_are_those_of_the_service, begin, end),
        cmocka_unit_test_setup_teardown(ranges_are_checked_at_both_ends, begin, end),
        cmocka_unit_test_setup_teardown(values_have_one_spelling, begin, end),
        cmocka_unit_test_setup_teardown(names_that_are_not_settable_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(documents_come_back_exactly_and_go_when_empty, begin, end),
        cmocka_unit_test_setup_teardown(the_two_encryptions_exclude_each_other, begin, end),
        cmocka_unit_test_setup_teardown(what_is_stored_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(differences_are_named, begin, end),
        cmocka_unit_test_setup_teardown(queues_of_other_doors_show_their_policy, begin, end),
        cmocka_unit_test_setup_teardown(reports_hold_what_is_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(tags_have_limits, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
