/* arguments_test.c - RabbitMQ's words for arguments that are wrong or not the same, compared with 3.10. */
#include "doors/amqp/arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define RS "queue 'q' in vhost '/'"

/* One-entry tables. */
static struct bytes number(struct buf *out, const char *name, char type, int64_t v)
{
    buf_u8(out, (uint8_t)strlen(name));
    buf_str(out, name);
    buf_u8(out, (uint8_t)type);
    if (type == 'b' || type == 't')
        buf_u8(out, (uint8_t)v);
    else if (type == 'I')
        buf_u32(out, (uint32_t)v);
    else
        buf_u64(out, (uint64_t)v);
    return buf_view(out);
}

static struct bytes text(struct buf *out, const char *name, const char *v)
{
    buf_u8(out, (uint8_t)strlen(name));
    buf_str(out, name);
    buf_u8(out, 'S');
    buf_u32(out, (uint32_t)strlen(v));
    buf_str(out, v);
    return buf_view(out);
}

static void expect_queue(struct bytes table, const char *expected)
{
    struct buf why = { 0 };
    bool       is_right = arguments_check_queue(table, (struct queue_flags){ .is_durable = true },
                                                bytes_str(RS), &why);

    assert_int_equal(is_right, expected == NULL);
    if (expected) {
        buf_u8(&why, 0);
        assert_string_equal((char *)why.at, expected);
    }
    buf_fini(&why);
}

static void expect_number(const char *name, char type, int64_t v, const char *expected)
{
    struct buf out = { 0 };

    expect_queue(number(&out, name, type, v), expected);
    buf_fini(&out);
}

static void expect_text(const char *name, const char *v, const char *expected)
{
    struct buf out = { 0 };

    expect_queue(text(&out, name, v), expected);
    buf_fini(&out);
}

#define INVALID(name, why) "invalid arg '" name "' for " RS ": " why

static void values_are_checked(void **state)
{
    (void)state;
    expect_number("x-message-ttl", 'I', 0, NULL);
    expect_number("x-message-ttl", 'b', 5, NULL);
    expect_number("x-message-ttl", 'I', -1, INVALID("x-message-ttl", "{value_negative,-1}"));
    expect_number("x-message-ttl", 'l', 315360000001,
                  INVALID("x-message-ttl", "{value_too_large,315360000001}"));
    expect_text("x-message-ttl", "5",
                INVALID("x-message-ttl", "\"expected integer, got longstr\""));
    expect_number("x-expires", 'I', 0, INVALID("x-expires", "{value_zero,0}"));
    expect_number("x-max-length", 'I', -1, INVALID("x-max-length", "{value_negative,-1}"));
    expect_number("x-max-priority", 'I', 256,
                  INVALID("x-max-priority", "{max_value_exceeded,256}"));
    expect_text("x-overflow", "drop-head", NULL);
    expect_text("x-overflow", "foo", INVALID("x-overflow", "invalid_overflow"));
    expect_number("x-overflow", 'I', 4, INVALID("x-overflow", "{unacceptable_type,signedint}"));
    expect_number("x-single-active-consumer", 't', 1, NULL);
    expect_number("x-single-active-consumer", 'I', 1,
                  INVALID("x-single-active-consumer", "{unacceptable_type,signedint}"));
    expect_text("x-queue-mode", "foo", INVALID("x-queue-mode", "\"unsupported queue mode 'foo'\""));
    expect_number("x-queue-version", 'I', 3,
                  INVALID("x-queue-version", "\"unsupported queue version '3'\""));
    expect_text("x-queue-type", "foo", INVALID("x-queue-type", "\"unsupported queue type 'foo'\""));
    expect_text("x-dead-letter-routing-key", "k",
                INVALID("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined"));
    expect_number("x-dead-letter-exchange", 'I', 5,
                  "invalid type 'signedint' for arg 'x-dead-letter-exchange' in " RS);
    expect_text("x-foo", "anything", NULL);
}

static void each_type_knows_its_arguments(void **state)
{
    struct buf         out = { 0 };
    struct buf         why = { 0 };
    struct queue_flags flags = { .is_durable = true };

    (void)state;
    expect_text("x-max-age", "7D",
                "invalid arg 'x-max-age' for " RS " of queue type rabbit_classic_queue");
    expect_number("x-delivery-limit", 'I', 3,
                  "invalid arg 'x-delivery-limit' for " RS " of queue type rabbit_classic_queue");
    text(&out, "x-queue-type", "quorum");
    expect_queue(number(&out, "x-delivery-limit", 'I', 3), NULL);
    expect_queue(number(&out, "x-max-priority", 'I', 3),
                 "invalid arg 'x-max-priority' for " RS " of queue type rabbit_quorum_queue");
    buf_clear(&out);
    text(&out, "x-queue-type", "quorum");
    flags.is_exclusive = true;
    assert_false(arguments_check_queue(buf_view(&out), flags, bytes_str(RS), &why));
    assert_true(bytes_eq_str(buf_view(&why), "invalid property 'exclusive-owner' for " RS));
    buf_fini(&out);
    buf_fini(&why);
}

static void expect_same(struct bytes current, struct bytes received, const char *expected)
{
    struct buf why = { 0 };
    bool       is_same = arguments_same_queue(current, received, bytes_str(RS), &why);

    assert_int_equal(is_same, expected == NULL);
    if (expected) {
        buf_u8(&why, 0);
        assert_string_equal((char *)why.at, expected);
    }
    buf_fini(&why);
}

static void sameness_is_of_values(void **state)
{
    struct buf   a = { 0 };
    struct buf   b = { 0 };
    struct bytes none = bytes_of(NULL, 0);

    (void)state;
    number(&a, "x-message-ttl", 'I', 1000);
    number(&b, "x-message-ttl", 'l', 1000);
    expect_same(buf_view(&a), buf_view(&b), NULL);
    buf_clear(&b);
    number(&b, "x-message-ttl", 'I', 2000);
    expect_same(buf_view(&a), buf_view(&b),
                "inequivalent arg 'x-message-ttl' for " RS
                ": received '2000' but current is '1000'");
    expect_same(buf_view(&a), none,
                "inequivalent arg 'x-message-ttl' for " RS
                ": received none but current is the value '1000' of type 'signedint'");
    expect_same(none, buf_view(&a),
                "inequivalent arg 'x-message-ttl' for " RS
                ": received the value '1000' of type 'signedint' but current is none");
    buf_clear(&a);
    expect_same(none, text(&a, "x-queue-type", "classic"), NULL);
    expect_same(buf_view(&a), none, NULL);
    buf_clear(&a);
    expect_same(none, text(&a, "x-foo", "1"), NULL);
    buf_fini(&a);
    buf_fini(&b);
}

static void fields_and_bindings_have_words(void **state)
{
    struct buf why = { 0 };
    struct buf table = { 0 };

    (void)state;
    assert_true(arguments_same_flag("durable", true, true, bytes_str(RS), &why));
    assert_false(arguments_same_flag("durable", false, true, bytes_str(RS), &why));
    assert_true(bytes_eq_str(buf_view(&why), "inequivalent arg 'durable' for " RS
                                             ": received 'true' but current is 'false'"));
    buf_clear(&why);
    arguments_explain_binding(bytes_str("k"), text(&table, "x-match", "foo"), &why);
    assert_true(bytes_eq_str(buf_view(&why),
                             "Invalid x-match field value <<\"foo\">>; expected all, any, "
                             "all-with-x, or any-with-x"));
    buf_clear(&why);
    buf_clear(&table);
    arguments_explain_binding(bytes_str("k"), number(&table, "x-match", 'I', 5), &why);
    assert_true(bytes_eq_str(buf_view(&why),
                             "Invalid x-match field type signedint (value 5); expected longstr"));
    buf_fini(&why);
    buf_fini(&table);
}

static void a_consumers_priority_is_read(void **state)
{
    struct buf why = { 0 };
    struct buf table = { 0 };
    int32_t    priority;

    (void)state;
    assert_true(arguments_check_consumer(bytes_of(NULL, 0), bytes_str(RS), &priority, &why));
    assert_int_equal(priority, 0);
    assert_true(arguments_check_consumer(number(&table, "x-priority", 'I', -3), bytes_str(RS),
                                         &priority, &why));
    assert_int_equal(priority, -3);
    buf_clear(&table);
    assert_false(
        arguments_check_consumer(text(&table, "x-priority", "a"), bytes_str(RS), &priority, &why));
    assert_true(
        bytes_eq_str(buf_view(&why), INVALID("x-priority", "\"expected integer, got longstr\"")));
    buf_fini(&why);
    buf_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(each_type_knows_its_arguments),
        cmocka_unit_test(sameness_is_of_values),
        cmocka_unit_test(fields_and_bindings_have_words),
        cmocka_unit_test(a_consumers_priority_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
