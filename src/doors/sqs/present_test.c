/* present_test.c - filters of attributes, and what a received message looks like. */
#include "doors/sqs/present.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct message_ref ref = {
    .counted_attempts = 2, .attempts = 3, .append_ms = 1000, .first_lease_ms = 2000
};

static struct sqs_message sample(void)
{
    struct sqs_message m = {
        .body = bytes_str("msg"),
        .sender = bytes_str("000000000000"),
        .attribute_count = 3,
        .attributes = { { bytes_str("Help.Me"), bytes_str("String"), bytes_str("Me") },
                        { bytes_str("Hello"), bytes_str("String"), bytes_str("There") },
                        { bytes_str("General"), bytes_str("String"), bytes_str("Kenobi") } }
    };

    return m;
}

static json_t *show(const struct sqs_message *m, const char *request)
{
    json_t       *in = json_loads(request, 0, NULL);
    struct wanted wanted = wanted_of(in);
    json_t       *out = present_message(m, &ref, &wanted);

    json_decref(in);
    return out;
}

static const struct {
    const char *names;
    const char *digest; /* NULL: none are shown */
} filters[] = {
    { "[]", NULL },
    { "[\"All\"]", "4c360f3fdafd970e05fae2f149d997f5" },
    { "[\"*\"]", "4c360f3fdafd970e05fae2f149d997f5" },
    { "[\".*\"]", "4c360f3fdafd970e05fae2f149d997f5" },
    { "[\"Foo\",\"Help\"]", NULL },
    { "[\"Hello\",\"General\"]", "fca026605781cb4126a1e9044df24232" },
    { "[\"Foo\",\"Hello\"]", "a311262e065454b75da111d535b8dacd" },
    { "[\"Hel.*\"]", "83fee93c1bcd8b9a5a923ffacdc636c7" },
    { "[\"AWS.\",\"..foo\"]", NULL },
};

static void filters_choose_attributes_and_digest(void **state)
{
    struct sqs_message m = sample();

    (void)state;
    for (size_t i = 0; i < COUNT(filters); i++) {
        char        request[128];
        json_t     *out;
        const char *digest;

        snprintf(request, sizeof request, "{\"MessageAttributeNames\":%s}", filters[i].names);
        out = show(&m, request);
        digest = json_string_value(json_object_get(out, "MD5OfMessageAttributes"));
        assert_int_equal(json_object_get(out, "MessageAttributes") != NULL,
                         filters[i].digest != NULL);
        if (filters[i].digest)
            assert_string_equal(digest, filters[i].digest);
        else
            assert_null(digest);
        json_decref(out);
    }
}

static void plain_messages_have_four_members(void **state)
{
    struct sqs_message m = { .body = bytes_of(NULL, 0) };
    json_t            *out = show(&m, "{}");

    (void)state;
    assert_int_equal(json_object_size(out), 4);
    assert_string_equal(json_string_value(json_object_get(out, "Body")), "");
    assert_string_equal(json_string_value(json_object_get(out, "MD5OfBody")),
                        "d41d8cd98f00b204e9800998ecf8427e");
    assert_string_equal(json_string_value(json_object_get(out, "MessageId")),
                        "00000000-0000-0000-0000-000000000000");
    json_decref(out);
}

static void system_attributes_come_when_asked_for(void **state)
{
    struct sqs_message m = sample();
    json_t            *out = show(&m, "{\"AttributeNames\":[\"All\"]}");
    json_t            *expected =
        json_pack("{s:s,s:s,s:s,s:s}", "SenderId", "000000000000", "SentTimestamp", "1000",
                  "ApproximateReceiveCount", "2", "ApproximateFirstReceiveTimestamp", "2000");

    (void)state;
    assert_true(json_equal(json_object_get(out, "Attributes"), expected));
    json_decref(out);
    json_decref(expected);
    /* the newer name wins */
    out = show(&m, ""
                   "{\"AttributeNames\":[\"All\"],\"MessageSystemAttributeNames\":[\"SenderId\","
                   "\"SequenceNumber\"]}");
    assert_int_equal(json_object_size(json_object_get(out, "Attributes")), 1);
    json_decref(out);
}

static void dead_letters_keep_their_history(void **state)
{
    struct sqs_message m = sample();
    json_t            *out, *a;

    (void)state;
    m.history = (struct sqs_history){ bytes_str("arn:x"), 5, 700, 600 };
    m.group_id = bytes_str("g");
    m.trace = bytes_str("t");
    out = show(&m, "{\"MessageSystemAttributeNames\":[\"All\"]}");
    a = json_object_get(out, "Attributes");
    assert_string_equal(json_string_value(json_object_get(a, "ApproximateReceiveCount")), "7");
    assert_string_equal(json_string_value(json_object_get(a, "SentTimestamp")), "600");
    assert_string_equal(json_string_value(json_object_get(a, "ApproximateFirstReceiveTimestamp")),
                        "700");
    assert_string_equal(json_string_value(json_object_get(a, "DeadLetterQueueSourceArn")), "arn:x");
    assert_string_equal(json_string_value(json_object_get(a, "MessageGroupId")), "g");
    assert_string_equal(json_string_value(json_object_get(a, "AWSTraceHeader")), "t");
    json_decref(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_choose_attributes_and_digest),
        cmocka_unit_test(plain_messages_have_four_members),
        cmocka_unit_test(system_attributes_come_when_asked_for),
        cmocka_unit_test(dead_letters_keep_their_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
