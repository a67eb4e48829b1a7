/* scram_test.c - the exchange against the example of RFC 7677, a client written here, and bad messages. */
#include "doors/kafka/scram.h"
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t secret[SCRAM_SECRET_BYTES] = "a secret of this broker";
static const uint8_t random_bytes[SCRAM_NONCE_BYTES] = "not random, but long en";

static struct bytes text(const char *s)
{
    return bytes_str(s);
}

/* RFC 7677, section 3: its nonces, salt and messages. */
static void the_example_of_the_rfc(void **state)
{
    static const char    challenge[] = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                       "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    static const char    final[] = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                   "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    struct scram        *s = scram_new(CREDENTIAL_SCRAM_SHA_256);
    struct credential    c = { .iterations = 4096 };
    struct password_keys keys;
    struct buf           salt, out;

    (void)state;
    buf_init(&salt);
    buf_init(&out);
    assert_true(base64_parse(&salt, text("W22ZaJ0SNY7soEsUEjb6gQ==")));
    c.salt = buf_view(&salt);
    password_keys(CREDENTIAL_SCRAM_SHA_256, text("pencil"), &c, &keys);
    assert_true(scram_read_first(s, text("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")));
    assert_true(bytes_eq_str(s->name, "user"));
    s->is_known = true;
    memcpy(s->stored, keys.stored, sizeof s->stored);
    memcpy(s->server, keys.server, sizeof s->server);
    free((void *)(uintptr_t)s->nonce.at);
    s->nonce = bytes_of(mem_copy(challenge + 2, 50), 50);
    s->challenge = bytes_of(mem_copy(challenge, sizeof challenge - 1), sizeof challenge - 1);
    assert_true(scram_read_final(s, text(final), &out));
    assert_true(bytes_eq_str(buf_view(&out), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    buf_fini(&salt);
    buf_fini(&out);
    scram_free(s);
}

/* ---- a client ---- */

struct user {
    struct credential    credential;
    struct password_keys keys;
};

static void make_user(struct user *u, enum credential_kind kind, const char *password)
{
    u->credential = (struct credential){ .iterations = 4096, .salt = text("some salt") };
    password_keys(kind, text(password), &u->credential, &u->keys);
    u->credential.stored = bytes_of(u->keys.stored, u->keys.len);
    u->credential.server = bytes_of(u->keys.server, u->keys.len);
}

/* The client's proof: its key, under the signature of all that was said. */
static void put_proof(const struct scram *s, const char *password, struct bytes without_proof, struct buf *out)
{
    enum credential_kind kind = s->kind;
    size_t               len = password_hash_bytes(kind);
    struct password_keys keys;
    struct credential    c = { .iterations = 4096, .salt = text("some salt") };
    uint8_t              salted[64], client[64], signature[64];
    struct buf           all;
    uint8_t              block[64 + 13];
    uint8_t              u[64];

    /* Hi() of RFC 5802, by hand. */
    memcpy(block, "some salt\0\0\0\1", 13);
    password_hmac(kind, text(password), bytes_of(block, 13), u);
    memcpy(salted, u, len);
    for (int i = 1; i < 4096; i++) {
        uint8_t next[64];

        password_hmac(kind, text(password), bytes_of(u, len), next);
        memcpy(u, next, len);
        for (size_t k = 0; k < len; k++)
            salted[k] ^= u[k];
    }
    password_keys(kind, text(password), &c, &keys);
    password_hmac(kind, bytes_of(salted, len), text("Client Key"), client);
    buf_init(&all);
    buf_bytes(&all, s->first_bare);
    buf_str(&all, ",");
    buf_bytes(&all, s->challenge);
    buf_str(&all, ",");
    buf_bytes(&all, without_proof);
    password_hmac(kind, bytes_of(keys.stored, len), buf_view(&all), signature);
    for (size_t k = 0; k < len; k++)
        client[k] ^= signature[k];
    buf_str(out, ",p=");
    base64_format(out, bytes_of(client, len));
    buf_fini(&all);
}

/* before_nonce: said in front of both. */
static bool login(enum credential_kind kind, const struct credential *c, const char *password,
                  const char *before_nonce, const char *extension)
{
    struct scram *s = scram_new(kind);
    struct buf    final, out;
    bool          is_in;

    buf_init(&final);
    buf_init(&out);
    assert_true(scram_read_first(s, text("n,a=an=2Cna,n=an=2Cna,r=abcdef")));
    assert_true(bytes_eq_str(s->name, "an,na"));
    scram_challenge(s, c, secret, random_bytes);
    assert_true(bytes_starts(s->challenge, "r=abcdef"));
    buf_str(&final, "c=bixhPWFuPTJDbmEs,r="); /* n,a=an=2Cna, */
    buf_str(&final, before_nonce);
    buf_bytes(&final, s->nonce);
    buf_str(&final, extension);
    put_proof(s, password, buf_view(&final), &final);
    is_in = scram_read_final(s, buf_view(&final), &out);
    assert_int_equal(out.len > 0, is_in);
    buf_fini(&final);
    buf_fini(&out);
    scram_free(s);
    return is_in;
}

static void both_hashes(void **state)
{
    static const enum credential_kind kinds[] = { CREDENTIAL_SCRAM_SHA_256, CREDENTIAL_SCRAM_SHA_512 };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct user u;

        make_user(&u, kinds[i], "secret");
        assert_true(login(kinds[i], &u.credential, "secret", "", ""));
        assert_true(login(kinds[i], &u.credential, "secret", "abcdef", ""));
        assert_true(login(kinds[i], &u.credential, "secret", "", ",x=later"));
        assert_false(login(kinds[i], &u.credential, "Secret", "", ""));
        assert_false(login(kinds[i], NULL, "secret", "", ""));
    }
}

/* SC1. */
static void strangers_get_a_challenge_like_any(void **state)
{
    struct scram *s[3] = { scram_new(CREDENTIAL_SCRAM_SHA_256), scram_new(CREDENTIAL_SCRAM_SHA_256),
                           scram_new(CREDENTIAL_SCRAM_SHA_256) };

    (void)state;
    assert_true(scram_read_first(s[0], text("n,,n=nobody,r=abc")));
    assert_true(scram_read_first(s[1], text("n,,n=nobody,r=abc")));
    assert_true(scram_read_first(s[2], text("n,,n=other,r=abc")));
    for (int i = 0; i < 3; i++)
        scram_challenge(s[i], NULL, secret, random_bytes);
    assert_true(bytes_eq(s[0]->challenge, s[1]->challenge));
    assert_false(bytes_eq(s[0]->challenge, s[2]->challenge));
    for (int i = 0; i < 3; i++)
        scram_free(s[i]);
}

static void malformed_firsts(void **state)
{
    static const char *const bad[] = {
        "",           "n",         "n,",         "n,,",          "n,,n=a",      "n,,r=abc",
        "n,,n=,r=a",  "n,,n=a,r=", "n,,r=a,n=b", "p=tls,,n=a,r=b", "x,,n=a,r=b", 
        "n,a=b,n=a,r=c", "n,,n=a=,r=b", "n,,n=a=2,r=b", "n,,n=a=2X,r=b", "n,,n=\xff,r=b", "n,,m=x,n=a,r=b",
        "n,,n=a,r=b\x01", "n,b=x,n=a,r=b",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct scram *s = scram_new(CREDENTIAL_SCRAM_SHA_256);
        bool          is_good = scram_read_first(s, text(bad[i]));

        assert_false(is_good);
        scram_free(s);
    }
}

static void malformed_finals(void **state)
{
    static const char *const bad[] = { "", "c=biws", "c=biws,r=abc", "c=biws,r=abc,p=", "c=biws,r=abc,p=!!!!",
                                       "c=eSws,r=%s,p=AAAA", "c=biws,r=%s,p=AAAA", "c=biws,r=%s", "r=%s,c=biws,p=AAAA",
                                       "c=biws,r=%s,x=y" };
    struct user u;

    (void)state;
    make_user(&u, CREDENTIAL_SCRAM_SHA_256, "secret");
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct scram *s = scram_new(CREDENTIAL_SCRAM_SHA_256);
        const char   *at = strstr(bad[i], "%s");
        struct buf    final, out;

        buf_init(&final);
        buf_init(&out);
        assert_true(scram_read_first(s, text("n,,n=a,r=abc")));
        scram_challenge(s, &u.credential, secret, random_bytes);
        buf_add(&final, bad[i], at ? (size_t)(at - bad[i]) : strlen(bad[i]));
        if (at) {
            buf_bytes(&final, s->nonce);
            buf_str(&final, at + 2);
        }
        assert_false(scram_read_final(s, buf_view(&final), &out));
        assert_int_equal(out.len, 0);
        buf_fini(&final);
        buf_fini(&out);
        scram_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc),
        cmocka_unit_test(both_hashes),
        cmocka_unit_test(strangers_get_a_challenge_like_any),
        cmocka_unit_test(malformed_firsts),
        cmocka_unit_test(malformed_finals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
