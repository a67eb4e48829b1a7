/* login_test.c - who may come in. */
#include "doors/amqp/login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static enum login_result try(const char *mechanism, const void *response, size_t len)
{
    return login_check(bytes_str(mechanism), bytes_of(response, len), true);
}

static void plain(void **state)
{
    static const char right[] = "\0guest\0guest";

    (void)state;
    assert_int_equal(try("PLAIN", right, sizeof right - 1), LOGIN_OK);
    assert_int_equal(login_check(bytes_str("PLAIN"), bytes_of(right, sizeof right - 1), false),
                     LOGIN_REFUSED);
    assert_int_equal(try("PLAIN", "\0guest\0wrong", 12), LOGIN_REFUSED);
    assert_int_equal(try("PLAIN", "\0admin\0guest", 12), LOGIN_REFUSED);
    assert_int_equal(try("PLAIN", "\0guest\0", 7), LOGIN_REFUSED);
    assert_int_equal(try("PLAIN", "\0guest", 6), LOGIN_MALFORMED);
    assert_int_equal(try("PLAIN", "guest\0guest", 11), LOGIN_MALFORMED);
    assert_int_equal(try("PLAIN", "\0guest\0guest\0", 13), LOGIN_MALFORMED);
    assert_int_equal(try("PLAIN", "", 0), LOGIN_MALFORMED);
    assert_int_equal(try("PLAIN", "\0", 1), LOGIN_MALFORMED);
}

static void amqplain(void **state)
{
    static const char right[] = "\5LOGINS\0\0\0\5guest\10PASSWORDS\0\0\0\5guest";
    static const char number[] = "\5LOGINS\0\0\0\5guest\10PASSWORDI\0\0\0\5";

    (void)state;
    assert_int_equal(try("AMQPLAIN", right, sizeof right - 1), LOGIN_OK);
    assert_int_equal(try("AMQPLAIN", right, sizeof right - 2), LOGIN_MALFORMED);
    assert_int_equal(try("AMQPLAIN", right, 16), LOGIN_MALFORMED);
    assert_int_equal(try("AMQPLAIN", number, sizeof number - 1), LOGIN_MALFORMED);
}

static void others(void **state)
{
    (void)state;
    assert_int_equal(try("ANONYMOUS", "", 0), LOGIN_OK);
    assert_int_equal(login_check(bytes_str("ANONYMOUS"), bytes_str(""), false), LOGIN_REFUSED);
    assert_int_equal(try("EXTERNAL", "", 0), LOGIN_UNKNOWN_MECHANISM);
    assert_int_equal(try("plain", "\0guest\0guest", 12), LOGIN_UNKNOWN_MECHANISM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(amqplain),
        cmocka_unit_test(others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
