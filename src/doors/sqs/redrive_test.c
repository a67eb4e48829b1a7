/* redrive_test.c - which documents are accepted, and the words for those that are not. */
#include "doors/sqs/redrive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ARN "arn:aws:sqs:us-east-1:000000000000:dead"

typedef bool check_fn(const json_t *document, struct bytes text, struct fault *f);

/* The fault's text; "" when the document is accepted. */
static const char *ask(check_fn *check, const char *text)
{
    static struct fault f;
    json_t             *document = json_loads(text, 0, NULL);
    bool                ok;

    f = (struct fault){ .shape = SHAPE_NONE };
    ok = check(document, bytes_str(text), &f);
    assert_int_equal(ok, f.shape == SHAPE_NONE);
    json_decref(document);
    return f.text;
}

static void refuses(check_fn *check, const char *parameter, const char *text, const char *reason)
{
    char expected[2048];

    snprintf(expected, sizeof expected, "Value %s for parameter %s is invalid. Reason: %s", text,
             parameter, reason);
    assert_string_equal(ask(check, text), expected);
}

static void redrive_policies(void **state)
{
    (void)state;
    assert_string_equal(
        ask(redrive_check, "{\"deadLetterTargetArn\":\"" ARN "\",\"maxReceiveCount\":1}"), "");
    assert_string_equal(
        ask(redrive_check, "{\"deadLetterTargetArn\":\"" ARN "\",\"maxReceiveCount\":\"1000\"}"),
        "");
    refuses(redrive_check, "RedrivePolicy", "[]", "Redrive policy is not a valid JSON map.");
    refuses(redrive_check, "RedrivePolicy", "junk", "Redrive policy is not a valid JSON map.");
    refuses(redrive_check, "RedrivePolicy", "{\"maxReceiveCount\":1}",
            "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.");
    refuses(redrive_check, "RedrivePolicy", "{\"deadLetterTargetArn\":\"" ARN "\"}",
            "Redrive policy does not contain mandatory attribute: maxReceiveCount.");
    refuses(redrive_check, "RedrivePolicy",
            "{\"deadLetterTargetArn\":\"" ARN "\",\"maxReceiveCount\":1,\"x\":1}",
            "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn].");
    refuses(
        redrive_check, "RedrivePolicy",
        "{\"deadLetterTargetArn\":\"" ARN "\",\"maxReceiveCount\":1001}",
        "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive.");
    refuses(
        redrive_check, "RedrivePolicy",
        "{\"deadLetterTargetArn\":\"" ARN "\",\"maxReceiveCount\":\"1x\"}",
        "Invalid value for maxReceiveCount: -1, valid values are from 1 to 1000 both inclusive.");
    refuses(redrive_check, "RedrivePolicy",
            "{\"deadLetterTargetArn\":\"dummy\",\"maxReceiveCount\":1}",
            "Invalid value for deadLetterTargetArn.");
}

static void allow_policies(void **state)
{
    static const char *const unsupported[] = {
        "junk",
        "[]",
        "{}",
        "{\"redrivePermission\":\"dummy\"}",
        "{\"redrivePermission\":\"allowAll\",\"x\":1}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":\"" ARN "\"}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[1]}"
    };

    (void)state;
    assert_string_equal(ask(redrive_allow_check, "{\"redrivePermission\":\"denyAll\"}"), "");
    assert_string_equal(ask(redrive_allow_check,
                            "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"" ARN
                            "\"]}"),
                        "");
    for (size_t i = 0; i < COUNT(unsupported); i++)
        assert_non_null(
            strstr(ask(redrive_allow_check, unsupported[i]), "in an unsupported format."));
    refuses(redrive_allow_check, "RedriveAllowPolicy", "{\"redrivePermission\":\"byQueue\"}",
            "Amazon SQS can't create the redrive allow policy. When you specify the byQueue "
            "permission type, you must also specify one or more sourceQueueArns values.");
    refuses(redrive_allow_check, "RedriveAllowPolicy",
            "{\"redrivePermission\":\"allowAll\",\"sourceQueueArns\":[\"" ARN "\"]}",
            "Amazon SQS can't create the redrive allow policy. To specify one or more source queue "
            "ARNs, you must set redrivePermission to byQueue.");
    refuses(redrive_allow_check, "RedriveAllowPolicy",
            ""
            "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"1\",\"2\",\"3\",\"4\",\"5\","
            "\"6\",\"7\",\"8\",\"9\",\"a\",\"b\"]}",
            "Amazon SQS can't create the redrive allow policy. The maximum number of source queue "
            "ARNs you can specify is 10.");
}

static void allowing(void **state)
{
    static const struct {
        const char *policy;
        bool        allows;
    } cases[] = { { "", true },
                  { "{\"redrivePermission\":\"allowAll\"}", true },
                  { "{\"redrivePermission\":\"denyAll\"}", false },
                  { "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"x\",\"" ARN "\"]}",
                    true },
                  { "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"x\"]}", false } };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct queue_settings s = { 0 };

        s.values[ATTR_REDRIVE_ALLOW_POLICY] = bytes_str(cases[i].policy);
        assert_int_equal(redrive_is_allowed(&s, bytes_str(ARN)), cases[i].allows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redrive_policies),
        cmocka_unit_test(allow_policies),
        cmocka_unit_test(allowing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
