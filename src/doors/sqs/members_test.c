/* members_test.c - types, castings, nulls, required members, for every action there is. */
#include "doors/sqs/actions.h"
#include "doors/sqs/members.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Checks in against an action; the fault's text, "" when it is accepted. in is changed. */
static const char *check(const char *action, json_t *in)
{
    static struct fault f;
    bool                ok;

    f = (struct fault){ .shape = SHAPE_NONE };
    ok = members_check(action_find(bytes_str(action))->members, in, &f);
    assert_int_equal(ok, f.shape == SHAPE_NONE);
    return f.text;
}

static const char *ask(const char *action, const char *text)
{
    json_t     *in = json_loads(text, JSON_ALLOW_NUL, NULL);
    const char *answer = check(action, in);

    json_decref(in);
    return answer;
}

static void wrong_types_are_serialization_errors(void **state)
{
    (void)state;
    assert_string_equal(ask("SendMessage", "{\"QueueUrl\":\"q\",\"MessageBody\":{}}"),
                        "Start of structure or map found where not expected.");
    assert_string_equal(ask("SendMessage", "{\"QueueUrl\":\"q\",\"MessageBody\":[]}"),
                        "Start of list found where not expected");
    assert_string_equal(
        ask("SendMessage", "{\"QueueUrl\":\"q\",\"MessageBody\":\"b\",\"DelaySeconds\":\"5\"}"),
        "STRING_VALUE can not be converted to an Integer");
    assert_string_equal(ask("SendMessage", ""
                                           "{\"QueueUrl\":\"q\",\"MessageBody\":\"b\","
                                           "\"MessageAttributes\":{\"a\":{\"StringValue\":{}}}}"),
                        "Start of structure or map found where not expected.");
    assert_string_equal(
        ask("SendMessageBatch",
            "{\"QueueUrl\":\"q\",\"Entries\":[{\"Id\":\"1\",\"DelaySeconds\":[]}]}"),
        "Start of list found where not expected");
    assert_true(ask("SendMessageBatch", "{\"QueueUrl\":\"q\",\"Entries\":[7]}")[0] != 0);
    assert_true(ask("SendMessageBatch", "{\"QueueUrl\":\"q\",\"Entries\":\"x\"}")[0] != 0);
    assert_true(ask("GetQueueAttributes", "{\"QueueUrl\":\"q\",\"AttributeNames\":[1]}")[0] != 0);
    assert_true(ask("CreateQueue", "{\"QueueName\":\"q\",\"Attributes\":[]}")[0] != 0);
}

static void scalars_are_cast_to_texts(void **state)
{
    json_t *in =
        json_loads(""
                   "{\"QueueUrl\":\"q\",\"MessageBody\":0,\"MessageGroupId\":true,"
                   "\"MessageAttributes\":{\"a\":{\"DataType\":\"String\",\"StringValue\":2345}}}",
                   0, NULL);
    json_t *attribute;

    (void)state;
    assert_string_equal(check("SendMessage", in), "");
    assert_string_equal(json_string_value(json_object_get(in, "MessageBody")), "0");
    assert_string_equal(json_string_value(json_object_get(in, "MessageGroupId")), "true");
    attribute = json_object_get(json_object_get(in, "MessageAttributes"), "a");
    assert_string_equal(json_string_value(json_object_get(attribute, "StringValue")), "2345");
    json_decref(in);
}

static void nulls_are_as_if_they_were_not_there(void **state)
{
    json_t *in = json_loads(""
                            "{\"QueueName\":\"q\",\"tags\":null,\"Attributes\":{\"DelaySeconds\":"
                            "null,\"Policy\":\"\"}}",
                            0, NULL);

    (void)state;
    assert_string_equal(check("CreateQueue", in), "");
    assert_null(json_object_get(in, "tags"));
    assert_int_equal(json_object_size(json_object_get(in, "Attributes")), 1);
    json_decref(in);
}

static void missing_members_are_named(void **state)
{
    (void)state;
    assert_string_equal(ask("SendMessage", "{\"QueueUrl\":\"q\"}"),
                        "The request must contain the parameter MessageBody.");
    assert_string_equal(ask("SendMessage", "{\"QueueUrl\":\"q\",\"MessageBody\":\"\"}"),
                        "The request must contain the parameter MessageBody.");
    assert_string_equal(ask("DeleteMessage", "{\"QueueUrl\":\"q\"}"),
                        "The request must contain the parameter ReceiptHandle.");
    assert_string_equal(
        ask("ChangeMessageVisibility", "{\"QueueUrl\":\"q\",\"ReceiptHandle\":\"x\"}"),
        "The request must contain the parameter VisibilityTimeout.");
    for (size_t i = 0; action_at(i); i++)
        if (action_at(i)->need != QUEUE_NONE)
            assert_string_equal(ask(action_at(i)->name, "{}"),
                                "The request must contain the parameter QueueUrl.");
}

static void strange_members_are_ignored(void **state)
{
    (void)state;
    for (size_t i = 0; action_at(i); i++)
        if (action_at(i)->need == QUEUE_NONE)
            assert_string_equal(ask(action_at(i)->name, "{\"Foo\":{\"bar\":[null]}}"), "");
    assert_null(action_find(bytes_str("FooBar")));
    assert_null(action_find(bytes_str("sendmessage")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_types_are_serialization_errors),
        cmocka_unit_test(scalars_are_cast_to_texts),
        cmocka_unit_test(nulls_are_as_if_they_were_not_there),
        cmocka_unit_test(missing_members_are_named),
        cmocka_unit_test(strange_members_are_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
