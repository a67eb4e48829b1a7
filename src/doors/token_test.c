/* token_test.c - tokens signed here by OpenSSL, and those that are not what they say. */
#include "doors/token.h"
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#define NOW_S 1700000000
#define NOW_MS (NOW_S * INT64_C(1000))
#define CLAIMS "{\"sub\":\"anna\",\"exp\":1700000100,\"iss\":\"us\",\"aud\":[\"x\",\"broker\"]}"

static EVP_PKEY          *rsa, *other, *ec;
static struct token_keys *keys;
static struct buf         jwks;

static void put_number(EVP_PKEY *key, const char *param, int bytes)
{
    BIGNUM       *n = NULL;
    unsigned char at[1024];

    assert_int_equal(EVP_PKEY_get_bn_param(key, param, &n), 1);
    if (bytes == 0)
        bytes = BN_num_bytes(n);
    assert_int_equal(BN_bn2binpad(n, at, bytes), bytes);
    base64url_format(&jwks, bytes_of(at, (size_t)bytes));
    BN_free(n);
}

static int make_keys(void **state)
{
    const char *why;

    (void)state;
    rsa = EVP_RSA_gen(2048);
    other = EVP_RSA_gen(2048);
    ec = EVP_EC_gen("P-256");
    buf_init(&jwks);
    buf_str(&jwks, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"},");
    buf_str(&jwks, "{\"kty\":\"RSA\",\"kid\":\"r\",\"use\":\"sig\",\"n\":\"");
    put_number(rsa, OSSL_PKEY_PARAM_RSA_N, 0);
    buf_str(&jwks, "\",\"e\":\"");
    put_number(rsa, OSSL_PKEY_PARAM_RSA_E, 0);
    buf_str(&jwks, "\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"");
    put_number(ec, OSSL_PKEY_PARAM_EC_PUB_X, 32);
    buf_str(&jwks, "\",\"y\":\"");
    put_number(ec, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    buf_str(&jwks, "\"}]}");
    return token_keys_parse(&keys, buf_view(&jwks), &why) == ERR_OK ? 0 : -1;
}

static int free_keys(void **state)
{
    (void)state;
    token_keys_free(keys);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other);
    EVP_PKEY_free(ec);
    buf_fini(&jwks);
    return 0;
}

/* r and s side by side. */
static void flatten(struct buf *signature)
{
    const unsigned char *at = signature->at;
    ECDSA_SIG           *sig = d2i_ECDSA_SIG(NULL, &at, (long)signature->len);
    unsigned char        flat[64];

    BN_bn2binpad(ECDSA_SIG_get0_r(sig), flat, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), flat + 32, 32);
    ECDSA_SIG_free(sig);
    buf_clear(signature);
    buf_add(signature, flat, sizeof flat);
}

static void put_signature(EVP_PKEY *key, const EVP_MD *md, struct buf *token)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t      len = 512;
    struct buf  signature;

    buf_init(&signature);
    assert_int_equal(EVP_DigestSignInit(context, NULL, md, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, buf_grow(&signature, len), &len, token->at, token->len), 1);
    signature.len = len;
    if (key == ec)
        flatten(&signature);
    buf_str(token, ".");
    base64url_format(token, buf_view(&signature));
    buf_fini(&signature);
    EVP_MD_CTX_free(context);
}

static void put_parts(struct buf *token, const char *header, const char *claims)
{
    buf_init(token);
    base64url_format(token, bytes_str(header));
    buf_str(token, ".");
    base64url_format(token, bytes_str(claims));
}

static const char *verify_with(const struct token_rules *rules, const struct buf *text)
{
    struct arena arena;
    struct token t;
    const char  *why;

    arena_init(&arena);
    why = token_verify(keys, rules, buf_view(text), NOW_MS, &arena, &t);
    if (!why) {
        assert_true(bytes_eq_str(t.subject, "anna"));
        assert_int_equal(t.ends_ms / 1000, NOW_S + 100);
    }
    arena_fini(&arena);
    return why;
}

static const char *try_rules(const struct token_rules *rules, EVP_PKEY *key, const EVP_MD *md, const char *header,
                             const char *claims)
{
    struct buf  token;
    const char *why;

    put_parts(&token, header, claims);
    put_signature(key, md, &token);
    why = verify_with(rules, &token);
    buf_fini(&token);
    return why;
}

static const char *try(EVP_PKEY *key, const EVP_MD *md, const char *header, const char *claims)
{
    return try_rules(&(struct token_rules){ "us", "broker" }, key, md, header, claims);
}

static void good_ones(void **state)
{
    (void)state;
    assert_null(try(rsa, EVP_sha256(), "{\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS));
    assert_null(try(rsa, EVP_sha256(), "{\"alg\":\"RS256\"}", CLAIMS));
    assert_null(try(rsa, EVP_sha384(), "{\"alg\":\"RS384\"}", CLAIMS));
    assert_null(try(rsa, EVP_sha512(), "{\"alg\":\"RS512\"}", CLAIMS));
    assert_null(try(ec, EVP_sha256(), "{\"alg\":\"ES256\",\"kid\":\"any\"}", CLAIMS));
}

static void signed_by_others(void **state)
{
    struct buf    token;
    unsigned char mac[32];

    (void)state;
    assert_non_null(try(other, EVP_sha256(), "{\"alg\":\"RS256\"}", CLAIMS));
    assert_non_null(try(rsa, EVP_sha256(), "{\"alg\":\"RS256\",\"kid\":\"another\"}", CLAIMS));
    assert_non_null(try(rsa, EVP_sha256(), "{\"alg\":\"RS512\"}", CLAIMS));
    assert_non_null(try(rsa, EVP_sha256(), "{\"alg\":\"ES256\"}", CLAIMS));
    assert_non_null(try(rsa, EVP_sha256(), "{\"alg\":\"none\"}", CLAIMS));
    assert_non_null(try(rsa, EVP_sha256(), "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", CLAIMS));
    put_parts(&token, "{\"alg\":\"none\"}", CLAIMS);
    buf_str(&token, ".");
    assert_non_null(verify_with(&(struct token_rules){ 0 }, &token));
    buf_fini(&token);
    put_parts(&token, "{\"alg\":\"HS256\"}", CLAIMS); /* with our public key as the secret */
    HMAC(EVP_sha256(), jwks.at, (int)jwks.len, token.at, token.len, mac, NULL);
    buf_str(&token, ".");
    base64url_format(&token, bytes_of(mac, sizeof mac));
    assert_non_null(verify_with(&(struct token_rules){ 0 }, &token));
    buf_fini(&token);
}

static void claims(void **state)
{
    static const char *const bad[] = {
        "{\"sub\":\"anna\",\"iss\":\"us\",\"aud\":\"broker\"}",
        "{\"sub\":\"anna\",\"exp\":\"1700000100\",\"iss\":\"us\",\"aud\":\"broker\"}",
        "{\"sub\":\"anna\",\"exp\":1e300,\"iss\":\"us\",\"aud\":\"broker\"}",
        "{\"sub\":\"anna\",\"exp\":1699999970,\"iss\":\"us\",\"aud\":\"broker\"}",
        "{\"sub\":\"anna\",\"exp\":1700000100,\"nbf\":1700000031,\"iss\":\"us\",\"aud\":\"broker\"}",
        "{\"sub\":\"anna\",\"exp\":1700000100,\"iss\":\"them\",\"aud\":\"broker\"}",
        "{\"sub\":\"anna\",\"exp\":1700000100,\"aud\":\"broker\"}",
        "{\"sub\":\"anna\",\"exp\":1700000100,\"iss\":\"us\",\"aud\":\"other\"}",
        "{\"sub\":\"anna\",\"exp\":1700000100,\"iss\":\"us\",\"aud\":[\"other\",7]}",
        "{\"sub\":\"anna\",\"exp\":1700000100,\"iss\":\"us\"}",
        "{\"exp\":1700000100,\"iss\":\"us\",\"aud\":\"broker\"}",
        "{\"sub\":\"\",\"exp\":1700000100,\"iss\":\"us\",\"aud\":\"broker\"}",
        "{\"sub\":\"anna\",\"sub\":\"bert\",\"exp\":1700000100,\"iss\":\"us\",\"aud\":\"broker\"}",
        "[1]",
        "",
    };
    const char *late = "{\"sub\":\"anna\",\"exp\":1700000100,\"nbf\":1700000029}";

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_non_null(try(rsa, EVP_sha256(), "{\"alg\":\"RS256\"}", bad[i]));
    assert_null(try_rules(&(struct token_rules){ 0 }, rsa, EVP_sha256(), "{\"alg\":\"RS256\"}", late));
}

/* Each octet of a token counts. */
static void changed_ones(void **state)
{
    struct buf token;

    (void)state;
    put_parts(&token, "{\"alg\":\"ES256\"}", CLAIMS);
    put_signature(ec, EVP_sha256(), &token);
    for (size_t i = 0; i < token.len; i++) {
        token.at[i] ^= 1;
        assert_non_null(verify_with(&(struct token_rules){ 0 }, &token));
        token.at[i] ^= 1;
    }
    while (token.len > 0) {
        token.len--;
        assert_non_null(verify_with(&(struct token_rules){ 0 }, &token));
    }
    buf_fini(&token);
}

static void bad_keys(void **state)
{
    static const char *const bad[] = {
        "", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}]}",
        ("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}"), /* not on the curve */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct token_keys *k;
        const char        *why;

        assert_int_equal(token_keys_parse(&k, bytes_str(bad[i]), &why), ERR_BAD_ARGUMENT);
        assert_non_null(why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones), cmocka_unit_test(signed_by_others), cmocka_unit_test(claims),
        cmocka_unit_test(changed_ones), cmocka_unit_test(bad_keys),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
