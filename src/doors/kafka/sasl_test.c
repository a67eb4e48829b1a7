/* sasl_test.c - logging in over a real socket, and looking after the users who do: sasl.c, sasl_users.c. */
#include "base/base64.h"
#include "doors/kafka/kafka_rig.h"
#include "doors/kafka/sasl.h"
#include "doors/password.h"

#include <openssl/evp.h>

enum { HANDSHAKE = KAFKA_SASL_HANDSHAKE, AUTHENTICATE = KAFKA_SASL_AUTHENTICATE, DESCRIBE = 50, ALTER = 51 };
enum { LOGIN_MS = 400 };

static int set_up_required(void **state)
{
    return set_up_login(state, true, 0);
}

static int set_up_timed(void **state)
{
    return set_up_login(state, true, LOGIN_MS);
}

static bool answers(struct test *t, int fd)
{
    struct metadata_request q = { 0 };

    return ask(t, fd, METADATA, 1, &q) != NULL;
}

static int16_t handshake(struct test *t, int fd, int16_t version, const char *mechanism)
{
    struct sasl_handshake_request         q = { bytes_str(mechanism) };
    const struct sasl_handshake_response *a = ask(t, fd, HANDSHAKE, version, &q);

    assert_int_equal(a->mechanisms.count, 3);
    return a->error_code;
}

static const struct sasl_authenticate_response *token(struct test *t, int fd, struct bytes b)
{
    struct sasl_authenticate_request q = { b };

    return ask(t, fd, AUTHENTICATE, 2, &q);
}

#define PLAIN(user, password) bytes_of("\0" user "\0" password, sizeof(user) + sizeof(password))

static int16_t login_plain(struct test *t, int fd, struct bytes credentials)
{
    assert_int_equal(handshake(t, fd, 1, "PLAIN"), KAFKA_NONE);
    return token(t, fd, credentials)->error_code;
}

/* ---- logging in ---- */

static void nothing_is_answered_before(void **state)
{
    struct test                *t = *state;
    struct metadata_request     q = { 0 };
    struct api_versions_request v = { bytes_str("test"), bytes_str("1") };
    uint8_t                     large[] = { 0x00, 0x01, 0x00, 0x01, 0, 3 };
    int                         fd = connect_to(t);

    assert_non_null(ask(t, fd, VERSIONS, 3, &v));
    send_request(t, fd, METADATA, 1, &q);
    assert_true(is_hung_up(t, fd));
    close(fd);
    fd = connect_to(t);
    peer_send(t->loop, fd, large, sizeof large);
    assert_true(is_hung_up(t, fd));
    close(fd);
    fd = connect_to(t); /* a token without a handshake */
    send_request(t, fd, AUTHENTICATE, 1, &(struct sasl_authenticate_request){ PLAIN("guest", "guest") });
    assert_true(is_hung_up(t, fd));
    close(fd);
}

static void plain(void **state)
{
    struct test                             *t = *state;
    int                                      fd = connect_to(t);
    const struct sasl_authenticate_response *a;

    assert_int_equal(handshake(t, fd, 1, "PLAIN"), KAFKA_NONE);
    a = token(t, fd, PLAIN("guest", "guest"));
    assert_int_equal(a->error_code, KAFKA_NONE);
    assert_int_equal(a->session_lifetime_ms, 0);
    assert_int_equal(a->auth_bytes.len, 0);
    assert_true(answers(t, fd));
    close(fd);
}

/* SA3: later, whatever was wrong, and then hung up. */
static void failures_are_told_late(void **state)
{
    static const struct {
        const char *at;
        size_t      len;
    } bad[] = { { "\0guest\0wrong", 12 }, { "\0nobody\0guest", 13 }, { "\0guest\0", 7 }, { "guest", 5 },
                { "", 0 },                { "other\0guest\0guest", 17 }, { "\0guest\0guest\0", 13 } };
    struct test *t = *state;

    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t start = peer_clock_ms();
        int     fd = connect_to(t);

        assert_int_equal(login_plain(t, fd, bytes_of(bad[i].at, bad[i].len)), KAFKA_SASL_AUTHENTICATION_FAILED);
        assert_true(peer_clock_ms() - start >= SASL_FAILED_MS);
        assert_true(is_hung_up(t, fd));
        close(fd);
    }
}

/* The answer that waits is forgotten with the client. */
static void a_client_that_does_not_wait_for_it(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    handshake(t, fd, 1, "PLAIN");
    send_request(t, fd, AUTHENTICATE, 1, &(struct sasl_authenticate_request){ PLAIN("guest", "wrong") });
    close(fd);
    fd = connect_to(t);
    assert_int_equal(login_plain(t, fd, PLAIN("guest", "guest")), KAFKA_NONE);
    close(fd);
}

/* SA2: what was sent behind the token is answered, as its sender. */
static void requests_wait_for_the_login(void **state)
{
    struct test            *t = *state;
    int                     fd = connect_to(t);
    struct metadata_request q = { 0 };
    int32_t                 first;

    handshake(t, fd, 1, "PLAIN");
    send_request(t, fd, AUTHENTICATE, 1, &(struct sasl_authenticate_request){ PLAIN("guest", "guest") });
    first = t->correlation_id;
    send_request(t, fd, METADATA, 1, &q);
    assert_non_null(receive_response(t, fd, AUTHENTICATE, 1, first));
    assert_non_null(receive_response(t, fd, METADATA, 1, first + 1));
    close(fd);
}

static void tokens_without_requests(void **state)
{
    static const uint8_t good[] = "\0\0\0\x0c\0guest\0guest", wrong[] = "\0\0\0\x0c\0guest\0wrong";
    struct test         *t = *state;
    int                  fd = connect_to(t);
    uint8_t              got[4];

    assert_int_equal(handshake(t, fd, 0, "PLAIN"), KAFKA_NONE);
    peer_send(t->loop, fd, good, sizeof good - 1);
    assert_int_equal(peer_recv(t->loop, fd, got, 4), 4);
    assert_memory_equal(got, "\0\0\0\0", 4);
    assert_true(answers(t, fd));
    close(fd);
    fd = connect_to(t);
    handshake(t, fd, 0, "PLAIN");
    peer_send(t->loop, fd, wrong, sizeof wrong - 1);
    assert_true(is_hung_up(t, fd));
    close(fd);
}

static void an_unknown_mechanism(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    assert_int_equal(handshake(t, fd, 1, "GSSAPI"), KAFKA_UNSUPPORTED_SASL_MECHANISM);
    assert_true(is_hung_up(t, fd));
    close(fd);
}

/* ---- users ---- */

static void salt_password(enum credential_kind kind, const char *password, uint8_t *out)
{
    PKCS5_PBKDF2_HMAC(password, -1, (const unsigned char *)"salt", 4, 4096,
                      kind == CREDENTIAL_SCRAM_SHA_256 ? EVP_sha256() : EVP_sha512(),
                      (int)password_hash_bytes(kind), out);
}

static int16_t alter(struct test *t, int fd, const char *user, int8_t number, int32_t iterations)
{
    uint8_t                            salted[64];
    enum credential_kind               kind = number == 2 ? CREDENTIAL_SCRAM_SHA_512 : CREDENTIAL_SCRAM_SHA_256;
    struct alter_scram_request_upsertion u = { bytes_str(user), number, iterations, bytes_str("salt"),
                                               bytes_of(salted, password_hash_bytes(kind)) };
    struct alter_scram_request           q = { .upsertions = { 1, &u } };
    const struct alter_scram_response   *a;

    salt_password(kind, "secret", salted);
    a = ask(t, fd, ALTER, 0, &q);
    assert_int_equal(a->results.count, 1);
    assert_true(bytes_eq_str(a->results.at[0].user, user));
    return a->results.at[0].error_code;
}

static int16_t forget(struct test *t, int fd, const char *user, int8_t number)
{
    struct alter_scram_request_deletion d = { bytes_str(user), number };
    struct alter_scram_request          q = { .deletions = { 1, &d } };
    const struct alter_scram_response  *a = ask(t, fd, ALTER, 0, &q);

    return a->results.at[0].error_code;
}

static const struct describe_scram_response_result *describe(struct test *t, int fd, const char *user)
{
    struct describe_scram_request_user    u = { bytes_str(user) };
    struct describe_scram_request         q = { .users = { 1, &u } };
    const struct describe_scram_response *a = ask(t, fd, DESCRIBE, 0, &q);

    assert_int_equal(a->results.count, 1);
    return &a->results.at[0];
}

static void users_are_looked_after(void **state)
{
    struct test                                 *t = *state;
    int                                          fd = connect_to(t);
    const struct describe_scram_response_result *d;
    const struct describe_scram_response        *all;
    struct describe_scram_request                q = { 0 };

    assert_int_equal(alter(t, fd, "anna", 1, 4096), KAFKA_NONE);
    assert_int_equal(alter(t, fd, "anna", 2, 8192), KAFKA_NONE);
    assert_int_equal(alter(t, fd, "bert", 1, 4095), KAFKA_UNACCEPTABLE_CREDENTIAL);
    assert_int_equal(alter(t, fd, "bert", 1, 16385), KAFKA_UNACCEPTABLE_CREDENTIAL);
    assert_int_equal(alter(t, fd, "bert", 3, 4096), KAFKA_UNSUPPORTED_SASL_MECHANISM);
    assert_int_equal(alter(t, fd, "", 1, 4096), KAFKA_UNACCEPTABLE_CREDENTIAL);
    d = describe(t, fd, "anna");
    assert_int_equal(d->credential_infos.count, 2);
    assert_int_equal(d->credential_infos.at[0].mechanism, 1);
    assert_int_equal(d->credential_infos.at[1].iterations, 8192);
    assert_int_equal(describe(t, fd, "bert")->error_code, KAFKA_RESOURCE_NOT_FOUND);
    assert_int_equal(describe(t, fd, "guest")->error_code, KAFKA_RESOURCE_NOT_FOUND);
    all = ask(t, fd, DESCRIBE, 0, &q);
    assert_int_equal(all->results.count, 1);
    assert_int_equal(forget(t, fd, "anna", 1), KAFKA_NONE);
    assert_int_equal(forget(t, fd, "anna", 1), KAFKA_RESOURCE_NOT_FOUND);
    assert_int_equal(forget(t, fd, "anna", 2), KAFKA_NONE);
    assert_int_equal(forget(t, fd, "anna", 2), KAFKA_RESOURCE_NOT_FOUND);
    close(fd);
}

static void twice_in_a_request_is_refused(void **state)
{
    struct test                        *t = *state;
    int                                 fd = connect_to(t);
    struct alter_scram_request_deletion d[2] = { { bytes_str("anna"), 1 }, { bytes_str("anna"), 1 } };
    struct alter_scram_request          q = { .deletions = { 2, d } };
    const struct alter_scram_response  *a = ask(t, fd, ALTER, 0, &q);

    assert_int_equal(a->results.count, 1);
    assert_int_equal(a->results.at[0].error_code, KAFKA_DUPLICATE_RESOURCE);
    close(fd);
}

/* guest is an administrator, anna is not. */
static void only_administrators_look_after_users(void **state)
{
    struct test                  *t = *state;
    int                           fd = connect_to(t);
    struct describe_scram_request q = { 0 };

    assert_int_equal(login_plain(t, fd, PLAIN("guest", "guest")), KAFKA_NONE);
    assert_int_equal(alter(t, fd, "anna", 1, 4096), KAFKA_NONE);
    close(fd);
    fd = connect_to(t);
    assert_int_equal(login_plain(t, fd, PLAIN("anna", "secret")), KAFKA_NONE); /* by her SCRAM credential */
    assert_int_equal(alter(t, fd, "anna", 1, 4096), KAFKA_CLUSTER_AUTHORIZATION_FAILED);
    assert_int_equal(((const struct describe_scram_response *)ask(t, fd, DESCRIBE, 0, &q))->error_code,
                     KAFKA_CLUSTER_AUTHORIZATION_FAILED);
    close(fd);
}

/* ---- SCRAM ---- */

/* The client's side, in the simplest case. */
static void put_final(enum credential_kind kind, const char *password, struct bytes challenge, struct buf *out)
{
    size_t       len = password_hash_bytes(kind);
    size_t       nonce = (size_t)((const uint8_t *)memchr(challenge.at, ',', challenge.len) - challenge.at);
    uint8_t      salted[64], client[64], stored[64], signature[64];
    struct buf   all;

    salt_password(kind, password, salted);
    password_hmac(kind, bytes_of(salted, len), bytes_str("Client Key"), client);
    password_hash(kind, bytes_of(client, len), stored);
    buf_str(out, "c=biws,");
    buf_bytes(out, bytes_of(challenge.at, nonce));
    buf_init(&all);
    buf_str(&all, "n=anna,r=abc,");
    buf_bytes(&all, challenge);
    buf_str(&all, ",");
    buf_bytes(&all, buf_view(out));
    password_hmac(kind, bytes_of(stored, len), buf_view(&all), signature);
    for (size_t i = 0; i < len; i++)
        client[i] ^= signature[i];
    buf_str(out, ",p=");
    base64_format(out, bytes_of(client, len));
    buf_fini(&all);
}

static int16_t login_scram(struct test *t, int fd, int8_t number, const char *password)
{
    enum credential_kind kind = number == 2 ? CREDENTIAL_SCRAM_SHA_512 : CREDENTIAL_SCRAM_SHA_256;
    const struct sasl_authenticate_response *a;
    struct buf                               final;

    assert_int_equal(handshake(t, fd, 1, number == 2 ? "SCRAM-SHA-512" : "SCRAM-SHA-256"), KAFKA_NONE);
    a = token(t, fd, bytes_str("n,,n=anna,r=abc"));
    assert_int_equal(a->error_code, KAFKA_NONE);
    buf_init(&final);
    put_final(kind, password, a->auth_bytes, &final);
    a = token(t, fd, buf_view(&final));
    buf_fini(&final);
    assert_int_equal(bytes_starts(a->auth_bytes, "v="), a->error_code == KAFKA_NONE);
    return a->error_code;
}

static void scram(void **state)
{
    struct test *t = *state;

    for (int8_t number = 1; number <= 2; number++) {
        int fd = connect_to(t);

        assert_int_equal(alter(t, fd, "anna", number, 4096), KAFKA_NONE);
        assert_int_equal(login_scram(t, fd, number, "secret"), KAFKA_NONE);
        assert_true(answers(t, fd));
        close(fd);
        fd = connect_to(t);
        assert_int_equal(login_scram(t, fd, number, "wrong"), KAFKA_SASL_AUTHENTICATION_FAILED);
        assert_true(is_hung_up(t, fd));
        close(fd);
    }
}

static void scram_of_nobody_fails_last(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);

    assert_int_equal(login_scram(t, fd, 1, "secret"), KAFKA_SASL_AUTHENTICATION_FAILED);
    close(fd);
}

/* ---- for a time (SA4) ---- */

static bool is_later(void *at)
{
    return peer_clock_ms() >= *(int64_t *)at;
}

static void a_login_is_over(void **state)
{
    struct test            *t = *state;
    int                     fd = connect_to(t);
    struct metadata_request q = { 0 };
    int64_t                 over;

    handshake(t, fd, 1, "PLAIN");
    assert_int_equal(token(t, fd, PLAIN("guest", "guest"))->session_lifetime_ms, LOGIN_MS);
    over = peer_clock_ms() + LOGIN_MS + 50;
    assert_true(answers(t, fd));
    peer_drive(t->loop, is_later, &over);
    send_request(t, fd, METADATA, 1, &q);
    assert_true(is_hung_up(t, fd));
    close(fd);
}

static void a_login_is_renewed(void **state)
{
    struct test *t = *state;
    int          fd = connect_to(t);
    int64_t      over;

    assert_int_equal(login_plain(t, fd, PLAIN("guest", "guest")), KAFKA_NONE);
    over = peer_clock_ms() + LOGIN_MS + 50;
    peer_drive(t->loop, is_later, &over);
    assert_int_equal(login_plain(t, fd, PLAIN("guest", "guest")), KAFKA_NONE);
    assert_true(answers(t, fd));
    assert_int_equal(alter(t, fd, "anna", 1, 4096), KAFKA_NONE);
    assert_int_equal(login_plain(t, fd, PLAIN("anna", "secret")), KAFKA_SASL_AUTHENTICATION_FAILED);
    assert_true(is_hung_up(t, fd));
    close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define TEST_REQUIRED(f) cmocka_unit_test_setup_teardown(f, set_up_required, tear_down)
#define TEST_TIMED(f) cmocka_unit_test_setup_teardown(f, set_up_timed, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_REQUIRED(nothing_is_answered_before),
        TEST_REQUIRED(plain),
        TEST_REQUIRED(failures_are_told_late),
        TEST_REQUIRED(a_client_that_does_not_wait_for_it),
        TEST_REQUIRED(requests_wait_for_the_login),
        TEST_REQUIRED(tokens_without_requests),
        TEST_REQUIRED(an_unknown_mechanism),
        TEST(users_are_looked_after),
        TEST(twice_in_a_request_is_refused),
        TEST_REQUIRED(only_administrators_look_after_users),
        TEST(scram),
        TEST(scram_of_nobody_fails_last),
        TEST_TIMED(a_login_is_over),
        TEST_TIMED(a_login_is_renewed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
