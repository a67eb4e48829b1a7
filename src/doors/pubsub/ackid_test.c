/* ackid_test.c - every lease has a text of its own, and only our texts are leases. */
#include "doors/pubsub/ackid.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void gives_back_the_lease(void **state)
{
    static const struct lease leases[] = {
        { .queue_id = 1 },
        { .queue_id = 7, .partition = 3, .token = 9, .offset = 123456789 },
        { .queue_id = UINT64_MAX, .partition = UINT32_MAX, .token = UINT32_MAX, .offset = UINT64_MAX },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(leases); i++) {
        char         text[ACKID_TEXT_MAX + 1];
        size_t       len = ackid_format(&leases[i], 0xdeadbeef, text);
        struct lease got;
        uint32_t     subscription;

        assert_int_equal(len, strlen(text));
        assert_true(len <= ACKID_TEXT_MAX);
        assert_true(ackid_parse(bytes_str(text), &got, &subscription));
        assert_int_equal(got.queue_id, leases[i].queue_id);
        assert_int_equal(got.partition, leases[i].partition);
        assert_int_equal(got.offset, leases[i].offset);
        assert_int_equal(got.token, leases[i].token);
        assert_int_equal(subscription, 0xdeadbeef);
    }
}

static void differs_for_each_delivery(void **state)
{
    struct lease lease = { .queue_id = 1, .offset = 5, .token = 1 };
    char         first[ACKID_TEXT_MAX + 1], second[ACKID_TEXT_MAX + 1];

    (void)state;
    ackid_format(&lease, 0, first);
    lease.token = 2;
    ackid_format(&lease, 0, second);
    assert_string_not_equal(first, second);
}

static void names_and_namespaces_do_not_run_together(void **state)
{
    (void)state;
    assert_int_not_equal(ackid_subscription(bytes_str("a"), bytes_str("bc")),
                         ackid_subscription(bytes_str("ab"), bytes_str("c")));
}

static void any_damage_is_seen(void **state)
{
    struct lease lease = { .queue_id = 300, .offset = 70000, .token = 77 };
    struct lease got;
    uint32_t     subscription;
    char         text[ACKID_TEXT_MAX + 1];
    size_t       len = ackid_format(&lease, 1, text);
    size_t       i;

    (void)state;
    for (i = 0; i < len; i++) {
        char was = text[i];

        text[i] = was == 'A' ? 'B' : 'A';
        assert_false(ackid_parse(bytes_str(text), &got, &subscription));
        assert_false(ackid_parse(bytes_of(text, i), &got, &subscription));
        text[i] = was;
    }
    assert_false(ackid_parse(bytes_str(""), &got, &subscription));
    assert_false(ackid_parse(bytes_str("projects/p/subscriptions/s:1"), &got, &subscription));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_the_lease),
        cmocka_unit_test(differs_for_each_delivery),
        cmocka_unit_test(names_and_namespaces_do_not_run_together),
        cmocka_unit_test(any_damage_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
