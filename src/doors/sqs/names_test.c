/* names_test.c - credentials, queue addresses of every known style, ARNs. */
#include "doors/sqs/names.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void account_and_region_come_from_the_credential(void **state)
{
    struct caller c;

    (void)state;
    c = caller_of(
        bytes_str("AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/sqs/aws4_request, "
                  "SignedHeaders=host, Signature=00"));
    assert_true(bytes_eq_str(c.account, "123456789012"));
    assert_true(bytes_eq_str(c.region, "eu-west-1"));
    c = caller_of(
        bytes_str("AWS4-HMAC-SHA256 Credential=test/20260101/us-west-2/sqs/aws4_request"));
    assert_true(bytes_eq_str(c.account, ACCOUNT_DEFAULT));
    assert_true(bytes_eq_str(c.region, "us-west-2"));
    c = caller_of(bytes_of(NULL, 0));
    assert_true(bytes_eq_str(c.account, ACCOUNT_DEFAULT));
    assert_true(bytes_eq_str(c.region, REGION_DEFAULT));
    c = caller_of(bytes_str("Credential="));
    assert_true(bytes_eq_str(c.region, REGION_DEFAULT));
    assert_true(bytes_eq_str(namespace_of(c.account), "default"));
    assert_true(bytes_eq_str(namespace_of(bytes_str("123456789012")), "123456789012"));
}

static const struct {
    const char *url, *account, *name;
} urls[] = {
    { "http://localhost:9324/000000000000/orders", "000000000000", "orders" },
    { "http://localhost:9324/123456789012/orders/", "123456789012", "orders" },
    { "https://sqs.eu-west-1.amazonaws.com/123456789012/orders", "123456789012", "orders" },
    { "http://localhost:4566/queue/eu-west-1/123456789012/orders", "123456789012", "orders" },
    { "/123456789012/orders", "123456789012", "orders" },
    { "orders", "999999999999", "orders" },
    { "http://h/000000000000/a%2Fb%20c?x=y", "000000000000", "a/b c" },
    { "a%zz%4", "999999999999", "a%zz%4" },
};

static void every_style_of_queue_url_is_resolved(void **state)
{
    static const char *const bad[] = { "",
                                       "/",
                                       "http://localhost:9324/",
                                       "http://localhost:9324/orders",
                                       "http://localhost/abc/orders",
                                       "//",
                                       "?" };
    struct queue_ref         q;
    struct arena             a;

    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(urls); i++) {
        assert_true(queue_url_parse(&a, bytes_str(urls[i].url), bytes_str("999999999999"), &q));
        assert_true(bytes_eq_str(q.account, urls[i].account));
        assert_true(bytes_eq_str(q.name, urls[i].name));
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(queue_url_parse(&a, bytes_str(bad[i]), bytes_str("999999999999"), &q));
    arena_fini(&a);
}

static void urls_and_arns_round_trip(void **state)
{
    struct queue_ref in = { bytes_str("000000000000"), bytes_str("my.q/\xc3\xa9") }, out;
    struct arena     a;
    struct bytes     text;

    (void)state;
    arena_init(&a);
    text = queue_url_format(&a, bytes_str("http://h:1"), in);
    assert_string_equal((const char *)text.at, "http://h:1/000000000000/my.q%2F%C3%A9");
    assert_true(queue_url_parse(&a, text, bytes_str("999999999999"), &out));
    assert_true(bytes_eq(out.name, in.name));
    text = queue_arn_format(&a, bytes_str("eu-west-1"), in);
    assert_true(queue_arn_parse(text, &out));
    assert_true(bytes_eq(out.name, in.name) && bytes_eq(out.account, in.account));
    assert_false(queue_arn_parse(bytes_str("arn:aws:sns:eu-west-1:000000000000:x"), &out));
    assert_false(queue_arn_parse(bytes_str("dummy"), &out));
    assert_false(queue_arn_parse(bytes_str("arn:aws:sqs:eu-west-1:000000000000:"), &out));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(account_and_region_come_from_the_credential),
        cmocka_unit_test(every_style_of_queue_url_is_resolved),
        cmocka_unit_test(urls_and_arns_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
