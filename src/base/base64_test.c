/* base64_test.c - RFC 4648 section 10 and what must be refused. */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check(const char *plain, const char *padded, const char *url)
{
    struct buf b;

    buf_init(&b);
    base64_format(&b, bytes_str(plain));
    assert_true(bytes_eq_str(buf_view(&b), padded));
    buf_clear(&b);
    base64url_format(&b, bytes_str(plain));
    assert_true(bytes_eq_str(buf_view(&b), url));
    assert_int_equal(b.len, BASE64URL_LEN(strlen(plain)));
    buf_clear(&b);
    assert_true(base64url_parse(&b, bytes_str(url)));
    assert_true(bytes_eq_str(buf_view(&b), plain));
    buf_clear(&b);
    assert_true(base64_parse(&b, bytes_str(padded)));
    assert_true(bytes_eq_str(buf_view(&b), plain));
    buf_fini(&b);
}

static void formats_and_parses(void **state)
{
    (void)state;
    check("", "", "");
    check("f", "Zg==", "Zg");
    check("fo", "Zm8=", "Zm8");
    check("foo", "Zm9v", "Zm9v");
    check("foob", "Zm9vYg==", "Zm9vYg");
    check("fooba", "Zm9vYmE=", "Zm9vYmE");
    check("foobar", "Zm9vYmFy", "Zm9vYmFy");
    check("\xfb\xff\xfe", "+//+", "-__-");
}

static void refuses_what_is_not_base64url(void **state)
{
    static const char *const bad[] = { "Z", "Zg=", "Zg==", "Zh", "Zm9", "Zm9v!", "+//+", " Zg", "Zm9vY" };
    struct buf               b;
    size_t                   i;

    (void)state;
    buf_init(&b);
    buf_str(&b, "kept");
    for (i = 0; i < COUNT(bad); i++) {
        assert_false(base64url_parse(&b, bytes_str(bad[i])));
        assert_true(bytes_eq_str(buf_view(&b), "kept"));
    }
    buf_fini(&b);
}

static void refuses_what_is_not_base64(void **state)
{
    static const char *const bad[] = { "Z",    "Zg",   "Zg=",   "Zh==",     "Zm9=", "Z===",
                                       "====", "Zm-v", " Zg==", "Zg==Zg==", "Zg==\n" };
    struct buf               b;
    size_t                   i;

    (void)state;
    buf_init(&b);
    for (i = 0; i < COUNT(bad); i++)
        assert_false(base64_parse(&b, bytes_str(bad[i])));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_and_parses),
        cmocka_unit_test(refuses_what_is_not_base64url),
        cmocka_unit_test(refuses_what_is_not_base64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
