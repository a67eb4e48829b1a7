/* compose_test.c - what may be sent, and the words for what may not. */
#include "doors/sqs/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    struct arena    arena;
    json_t         *in;
    struct composed out;
    struct fault    fault;
};

static bool run(struct fixture *f, const char *text)
{
    *f = (struct fixture){ .in = json_loads(text, JSON_ALLOW_NUL, NULL) };
    arena_init(&f->arena);
    assert_non_null(f->in);
    return compose(&f->out, &f->arena, f->in, &f->fault);
}

static void end(struct fixture *f)
{
    json_decref(f->in);
    arena_fini(&f->arena);
}

static void refuses(const char *text, enum shape shape, const char *words)
{
    struct fixture f;

    assert_false(run(&f, text));
    assert_int_equal(f.fault.shape, shape);
    if (words)
        assert_string_equal(f.fault.text, words);
    end(&f);
}

static void accepts(const char *text)
{
    struct fixture f;

    assert_true(run(&f, text));
    end(&f);
}

static void a_whole_message(void **state)
{
    struct fixture f;

    (void)state;
    assert_true(run(
        &f, ""
            "{\"MessageBody\":\"h\\u00e9\",\"DelaySeconds\":0,\"MessageGroupId\":\"g\","
            "\"MessageAttributes\":{\"n\":{\"DataType\":\"Number.int\",\"StringValue\":\"-1.5e3\"},"
            "\"b\":{\"DataType\":\"Binary\",\"BinaryValue\":\"AP8=\"}},\"MessageSystemAttributes\":"
            "{\"AWSTraceHeader\":{\"DataType\":\"String\",\"StringValue\":\"Root=1\"}}}"));
    assert_true(bytes_eq_str(f.out.message.body, "h\xc3\xa9") &&
                bytes_eq_str(f.out.message.group_id, "g"));
    assert_int_equal(f.out.delay_ms, 0);
    assert_int_equal(f.out.message.attribute_count, 2);
    assert_true(bytes_eq(f.out.message.attributes[1].value, bytes_of("\0\xff", 2)));
    assert_true(f.out.has_system_attributes && bytes_eq_str(f.out.message.trace, "Root=1"));
    /* body 3, n + Number.int + -1.5e3 = 1 + 10 + 6, b + Binary + 2 bytes = 1 + 6 + 2; the system
     * attribute does not count */
    assert_int_equal(f.out.bytes, 3 + 17 + 9);
    end(&f);
}

static void delay_absent_is_not_zero(void **state)
{
    struct fixture f;

    (void)state;
    assert_true(run(&f, "{\"MessageBody\":\"x\"}"));
    assert_int_equal(f.out.delay_ms, -1);
    assert_true(bytes_is_null(f.out.message.group_id));
    end(&f);
    accepts("{\"MessageBody\":\"x\",\"DelaySeconds\":900}");
    refuses("{\"MessageBody\":\"x\",\"DelaySeconds\":901}", SHAPE_INVALID_PARAMETER,
            "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 "
            "and <= 900.");
    refuses("{\"MessageBody\":\"x\",\"DelaySeconds\":-1}", SHAPE_INVALID_PARAMETER, NULL);
    refuses("{\"MessageBody\":\"x\",\"DelaySeconds\":9223372036854775807}", SHAPE_INVALID_PARAMETER,
            NULL);
}

static void bodies(void **state)
{
    (void)state;
    refuses("{\"MessageBody\":\"a\\u0000b\"}", SHAPE_INVALID_CONTENTS, NULL);
    refuses("{\"MessageBody\":\"\\uffff\"}", SHAPE_INVALID_CONTENTS, NULL);
    refuses("{\"MessageBody\":\"\\u0008\"}", SHAPE_INVALID_CONTENTS, NULL);
    accepts("{\"MessageBody\":\"\\t\\r\\n\\ufffd\\ud83d\\udc26\"}");
}

static void ids(void **state)
{
    (void)state;
    refuses("{\"MessageBody\":\"x\",\"MessageGroupId\":\"group 123\"}", SHAPE_INVALID_PARAMETER,
            "Value group 123 for parameter MessageGroupId is invalid. Reason: MessageGroupId can "
            "only include alphanumeric and punctuation characters. 1 to 128 in length.");
    refuses("{\"MessageBody\":\"x\",\"MessageGroupId\":\"\"}", SHAPE_INVALID_PARAMETER,
            "Value  for parameter MessageGroupId is invalid. Reason: MessageGroupId can only "
            "include alphanumeric and punctuation characters. 1 to 128 in length.");
    refuses("{\"MessageBody\":\"x\",\"MessageDeduplicationId\":\"d\"}", SHAPE_INVALID_PARAMETER,
            "Value d for parameter MessageDeduplicationId is invalid. Reason: The request includes "
            "a parameter that is not valid for this queue type.");
}

/* One attribute of this name and value. */
static void refuses_attribute(const char *name, const char *value, const char *words)
{
    char text[2048];

    snprintf(text, sizeof text, "{\"MessageBody\":\"x\",\"MessageAttributes\":{\"%s\":%s}}", name,
             value);
    refuses(text, SHAPE_INVALID_PARAMETER, words);
}

#define STRING "{\"DataType\":\"String\",\"StringValue\":\"v\"}"

static void attribute_names(void **state)
{
    static const char *const reserved[] = { "aWs.x", "AMAZON.x", ".x", "x.", "x..y" };
    char                     long_name[258];

    (void)state;
    memset(long_name, 'L', 257);
    long_name[257] = 0;
    refuses_attribute("", STRING,
                      "The request must contain non-empty message (user) attribute names.");
    refuses_attribute(long_name, STRING,
                      "Message (user) attribute name must be shorter than 256 bytes.");
    refuses_attribute("a!b", STRING,
                      "Message (user) attributes name can only contain upper and lower score "
                      "characters, digits, periods, hyphens and underscores. ");
    for (size_t i = 0; i < COUNT(reserved); i++)
        refuses_attribute(
            reserved[i], STRING,
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These "
            "strings are reserved for internal use. Additionally, they cannot start or end with "
            "'.'.");
}

static void attribute_values(void **state)
{
    (void)state;
    refuses_attribute(
        "a", "{}",
        "The message (user) attribute 'a' must contain a non-empty message attribute value.");
    refuses_attribute("a", "{\"StringValue\":\"v\"}",
                      "The message attribute 'a' must contain a non-empty attribute type.");
    refuses_attribute("a", "{\"DataType\":\"Stringy\",\"StringValue\":\"v\"}",
                      "The type of message (user) attribute 'a' is invalid. You must use only the "
                      "following supported type prefixes: Binary, Number, String.");
    refuses_attribute(
        "a", "{\"DataType\":\"String\",\"StringValue\":\"\"}",
        "Message (user) attribute 'a' must contain a non-empty value of type 'String'.");
    refuses_attribute(
        "a", "{\"DataType\":\"Binary\"}",
        "Message (user) attribute 'a' must contain a non-empty value of type 'Binary'.");
    refuses_attribute("a", "{\"DataType\":\"Number\",\"StringValue\":\"world\"}",
                      "Can't cast the value of message (user) attribute 'a' to a number.");
    refuses_attribute("a", "{\"DataType\":\"String\",\"StringValue\":\"\\u0008\"}", NULL);
    refuses_attribute("a", "{\"DataType\":\"String\",\"StringListValues\":[\"x\"]}",
                      "Message attribute list values in SendMessage operation are not supported.");
    refuses(""
            "{\"MessageBody\":\"x\",\"MessageAttributes\":{\"a\":{\"DataType\":\"Binary\","
            "\"BinaryValue\":\"?\"}}}",
            SHAPE_SERIALIZATION, NULL);
}

static void not_more_than_ten_attributes(void **state)
{
    char   text[2048];
    size_t n = (size_t)snprintf(text, sizeof text,
                                "{\"MessageBody\":\"x\",\"MessageAttributes\":{\"a0\":" STRING);

    (void)state;
    for (int i = 1; i < 11; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ",\"a%d\":" STRING, i);
    snprintf(text + n, sizeof text - n, "}}");
    refuses(text, SHAPE_INVALID_PARAMETER,
            "Number of message attributes [11] exceeds the allowed maximum [10].");
}

static void system_attributes(void **state)
{
    (void)state;
    refuses("{\"MessageBody\":\"x\",\"MessageSystemAttributes\":{\"Hello\":" STRING "}}",
            SHAPE_INVALID_PARAMETER, "Message system attribute name 'Hello' is invalid.");
    refuses(""
            "{\"MessageBody\":\"x\",\"MessageSystemAttributes\":{\"AWSTraceHeader\":{\"DataType\":"
            "\"Number\",\"StringValue\":\"1\"}}}",
            SHAPE_INVALID_PARAMETER, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_message),
        cmocka_unit_test(delay_absent_is_not_zero),
        cmocka_unit_test(bodies),
        cmocka_unit_test(ids),
        cmocka_unit_test(attribute_names),
        cmocka_unit_test(attribute_values),
        cmocka_unit_test(not_more_than_ten_attributes),
        cmocka_unit_test(system_attributes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
