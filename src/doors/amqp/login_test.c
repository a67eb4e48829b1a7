/* login_test.c - who may come in. */
#include "doors/amqp/login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/sha.h>

static const struct login_peer here = { .is_loopback = true };
static const struct login_peer there = { .is_loopback = false };

/* As the engine would: there are guest and, with a certificate, CN=anna. */
static enum login_result from(const struct login_peer *peer, const char *mechanism, const void *response, size_t len)
{
    uint8_t           hash[SHA256_DIGEST_LENGTH];
    struct user_view  guest = { .name = bytes_str("guest") };
    struct user_view  anna = { .name = bytes_str("CN=anna") };
    struct user_view *user = NULL;
    struct login      login;
    enum login_result r = login_read(bytes_str(mechanism), bytes_of(response, len), peer, &login);

    SHA256((const unsigned char *)"saltguest", 9, hash);
    guest.credentials[CREDENTIAL_RABBIT_SHA_256] =
        (struct credential){ 0, bytes_str("salt"), bytes_of(hash, sizeof hash), bytes_of(NULL, 0) };
    if (r != LOGIN_OK)
        return r;
    if (bytes_eq(login.user, guest.name))
        user = &guest;
    if (bytes_eq(login.user, anna.name))
        user = &anna;
    return login_is_good(&login, peer, user) ? LOGIN_OK : LOGIN_REFUSED;
}

static enum login_result try(const char *mechanism, const void *response, size_t len)
{
    return from(&here, mechanism, response, len);
}

static void plain(void **state)
{
    static const char right[] = "\0guest\0guest";

    (void)state;
    assert_int_equal(try("PLAIN", right, sizeof right - 1), LOGIN_OK);
    assert_int_equal(from(&there, "PLAIN", right, sizeof right - 1), LOGIN_REFUSED);
    assert_int_equal(try("PLAIN", "\0\0guest", 7), LOGIN_REFUSED);
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
    assert_int_equal(from(&there, "ANONYMOUS", "", 0), LOGIN_REFUSED);
    assert_int_equal(try("EXTERNAL", "", 0), LOGIN_UNKNOWN_MECHANISM);
    assert_int_equal(try("plain", "\0guest\0guest", 12), LOGIN_UNKNOWN_MECHANISM);
}

static void certificates(void **state)
{
    static const struct login_peer known = { .certificate = { (const uint8_t *)"CN=anna", 7 } };
    static const struct login_peer unknown = { .certificate = { (const uint8_t *)"CN=bert", 7 } };

    (void)state;
    assert_int_equal(from(&known, "EXTERNAL", "", 0), LOGIN_OK);
    assert_int_equal(from(&known, "EXTERNAL", "\0", 1), LOGIN_OK);
    assert_int_equal(from(&unknown, "EXTERNAL", "", 0), LOGIN_REFUSED);
    assert_int_equal(from(&known, "PLAIN", "\0CN=anna\0x", 10), LOGIN_REFUSED); /* has no password */
    assert_non_null(strstr(login_mechanisms(&known), "EXTERNAL"));
    assert_null(strstr(login_mechanisms(&here), "EXTERNAL"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(amqplain),
        cmocka_unit_test(others),
        cmocka_unit_test(certificates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
