/*
 * token.c - see token.h.
 *
 *     header . payload . signature      each base64url; the signature is over "header.payload"
 */
#include "doors/token.h"
#include "base/base64.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

enum { SIGNATURE_BYTES_MAX = 1024, RSA_BITS_MIN = 2048 };

static const struct algorithm {
    const char *name;
    const char *key_type;
    const char *curve; /* as a JWK says it; NULL: RSA */
    const char *group; /* as OpenSSL does */
    size_t      number_bytes; /* ECDSA: of r and of s */
    const EVP_MD *(*md)(void);
} algorithms[] = {
    { "RS256", "RSA", NULL, NULL, 0, EVP_sha256 },
    { "RS384", "RSA", NULL, NULL, 0, EVP_sha384 },
    { "RS512", "RSA", NULL, NULL, 0, EVP_sha512 },
    { "ES256", "EC", "P-256", "prime256v1", 32, EVP_sha256 },
    { "ES384", "EC", "P-384", "secp384r1", 48, EVP_sha384 },
};

struct token_key {
    char       *id; /* NULL: it has none */
    const char *key_type, *curve; /* of the algorithms table */
    EVP_PKEY   *key;
};

struct token_keys {
    size_t           count;
    struct token_key at[TOKEN_KEYS_MAX];
};

/* ---- keys ---- */

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* A member in base64url. False: there is none. */
static bool bytes_of_member(const json_t *object, const char *name, struct buf *out)
{
    const char *text = text_of(object, name);

    return text && base64url_parse(out, bytes_str(text)) && out->len > 0 && out->len <= SIGNATURE_BYTES_MAX;
}

static EVP_PKEY *build(const char *type, OSSL_PARAM_BLD *b)
{
    OSSL_PARAM   *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY     *key = NULL;

    if (params && context && EVP_PKEY_fromdata_init(context) == 1)
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *rsa_key(struct bytes modulus, struct bytes exponent)
{
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    BIGNUM         *n = BN_bin2bn(modulus.at, (int)modulus.len, NULL);
    BIGNUM         *e = BN_bin2bn(exponent.at, (int)exponent.len, NULL);
    EVP_PKEY       *key = NULL;

    if (b && n && e && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key = build("RSA", b);
    OSSL_PARAM_BLD_free(b);
    BN_free(n);
    BN_free(e);
    if (key && EVP_PKEY_get_bits(key) < RSA_BITS_MIN) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

/* The point as OpenSSL wants it: 4, x, y. */
static EVP_PKEY *ec_key(const struct algorithm *a, struct bytes x, struct bytes y)
{
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    EVP_PKEY       *key = NULL;
    struct buf      point;

    buf_init(&point);
    buf_u8(&point, 4);
    buf_bytes(&point, x);
    buf_bytes(&point, y);
    if (b && x.len == a->number_bytes && y.len == a->number_bytes &&
        OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, a->group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point.at, point.len) == 1)
        key = build("EC", b);
    OSSL_PARAM_BLD_free(b);
    buf_fini(&point);
    return key;
}

/* The first row of this kind of key; NULL: not one of ours. */
static const struct algorithm *kind_of(const json_t *jwk)
{
    const char *type = text_of(jwk, "kty");
    const char *curve = text_of(jwk, "crv");

    for (size_t i = 0; type && i < COUNT(algorithms); i++)
        if (strcmp(algorithms[i].key_type, type) == 0 &&
            (!algorithms[i].curve || (curve && strcmp(algorithms[i].curve, curve) == 0)))
            return &algorithms[i];
    return NULL;
}

static EVP_PKEY *key_of(const json_t *jwk, const struct algorithm *a)
{
    struct buf first, second;
    EVP_PKEY  *key = NULL;

    buf_init(&first);
    buf_init(&second);
    if (bytes_of_member(jwk, a->curve ? "x" : "n", &first) && bytes_of_member(jwk, a->curve ? "y" : "e", &second))
        key = a->curve ? ec_key(a, buf_view(&first), buf_view(&second))
                       : rsa_key(buf_view(&first), buf_view(&second));
    buf_fini(&first);
    buf_fini(&second);
    ERR_clear_error();
    return key;
}

/* Keys for encryption and of kinds we do not know are passed over. False: one of ours is malformed. */
static bool add_key(struct token_keys *k, const json_t *jwk)
{
    const struct algorithm *a = kind_of(jwk);
    const char             *use = text_of(jwk, "use");
    const char             *id = text_of(jwk, "kid");
    EVP_PKEY               *key;

    if (!a || (use && strcmp(use, "sig") != 0))
        return true;
    key = key_of(jwk, a);
    if (!key || k->count == TOKEN_KEYS_MAX) {
        EVP_PKEY_free(key);
        return false;
    }
    k->at[k->count++] = (struct token_key){ id ? mem_copy(id, strlen(id) + 1) : NULL, a->key_type, a->curve, key };
    return true;
}

enum err token_keys_parse(struct token_keys **out, struct bytes json, const char **why)
{
    struct token_keys *k = mem_new(sizeof *k);
    json_t            *set = json.len <= TOKEN_KEYS_BYTES_MAX
                                 ? json_loadb((const char *)json.at, json.len, JSON_REJECT_DUPLICATES, NULL)
                                 : NULL;
    json_t            *jwk;
    size_t             i;

    *why = json_is_array(json_object_get(set, "keys")) ? NULL : "not a JSON object with an array \"keys\"";
    json_array_foreach(json_object_get(set, "keys"), i, jwk)
        if (!add_key(k, jwk))
            *why = "one of its keys is malformed, or an RSA key of less than 2048 bits";
    if (!*why && k->count == 0)
        *why = "it has no key for RS256, RS384, RS512, ES256 or ES384";
    json_decref(set);
    if (*why) {
        token_keys_free(k);
        return ERR_BAD_ARGUMENT;
    }
    *out = k;
    return ERR_OK;
}

void token_keys_free(struct token_keys *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->count; i++) {
        free(k->at[i].id);
        EVP_PKEY_free(k->at[i].key);
    }
    free(k);
}

/* ---- signatures ---- */

/* JOSE has r and s side by side, OpenSSL wants them in DER. */
static unsigned char *ec_signature(const struct algorithm *a, struct bytes raw, int *len)
{
    ECDSA_SIG     *sig = ECDSA_SIG_new();
    BIGNUM        *r = BN_bin2bn(raw.at, (int)a->number_bytes, NULL);
    BIGNUM        *s = BN_bin2bn(raw.at + a->number_bytes, (int)a->number_bytes, NULL);
    unsigned char *der = NULL;

    if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1)
        mem_exhausted("OpenSSL");
    *len = i2d_ECDSA_SIG(sig, &der);
    ECDSA_SIG_free(sig);
    return der;
}

static bool is_signed_by(EVP_PKEY *key, const struct algorithm *a, struct bytes text, struct bytes signature)
{
    EVP_MD_CTX    *context = EVP_MD_CTX_new();
    unsigned char *der = NULL;
    int            len = (int)signature.len;
    bool           is_good;

    if (a->curve && signature.len != 2 * a->number_bytes) {
        EVP_MD_CTX_free(context);
        return false;
    }
    if (a->curve)
        der = ec_signature(a, signature, &len);
    is_good = context && len > 0 && EVP_DigestVerifyInit(context, NULL, a->md(), NULL, key) == 1 &&
              EVP_DigestVerify(context, der ? der : signature.at, (size_t)len, text.at, text.len) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    ERR_clear_error();
    return is_good;
}

/* By one of the keys that may have signed it: of its kind, and if it names one, of that name. */
static bool is_signed(const struct token_keys *k, const json_t *header, struct bytes text, struct bytes signature)
{
    const char             *name = text_of(header, "alg");
    const char             *id = text_of(header, "kid");
    const struct algorithm *a = NULL;

    for (size_t i = 0; name && i < COUNT(algorithms) && !a; i++)
        if (strcmp(algorithms[i].name, name) == 0)
            a = &algorithms[i];
    for (size_t i = 0; a && i < k->count; i++) {
        const struct token_key *key = &k->at[i];
        bool is_of_kind = strcmp(key->key_type, a->key_type) == 0 &&
                          (!a->curve || strcmp(key->curve, a->curve) == 0);

        if (is_of_kind && (!id || !key->id || strcmp(id, key->id) == 0) &&
            is_signed_by(key->key, a, text, signature))
            return true;
    }
    return false;
}

/* ---- claims ---- */

static bool is_for(const json_t *audience, const char *wanted)
{
    json_t *one;
    size_t  i;

    if (json_is_string(audience))
        return strcmp(json_string_value(audience), wanted) == 0;
    json_array_foreach(audience, i, one)
        if (json_is_string(one) && strcmp(json_string_value(one), wanted) == 0)
            return true;
    return false;
}

static const char *check_claims(const json_t *claims, const struct token_rules *rules, int64_t now_ms,
                                struct arena *arena, struct token *out)
{
    const json_t *ends = json_object_get(claims, "exp");
    const json_t *begins = json_object_get(claims, "nbf");
    const char   *issuer = text_of(claims, "iss");
    const char   *subject = text_of(claims, "sub");
    double        now_s = (double)now_ms / 1000;

    if (!json_is_number(ends) || !(json_number_value(ends) >= 0 && json_number_value(ends) < 1e11))
        return "invalid_token: it has no end (exp)";
    if (json_number_value(ends) + TOKEN_SKEW_S <= now_s)
        return "invalid_token: it is over (exp)";
    if (begins && (!json_is_number(begins) || !(json_number_value(begins) - TOKEN_SKEW_S <= now_s)))
        return "invalid_token: it has not begun (nbf)";
    if (rules->issuer && (!issuer || strcmp(issuer, rules->issuer) != 0))
        return "invalid_token: it is from another issuer (iss)";
    if (rules->audience && !is_for(json_object_get(claims, "aud"), rules->audience))
        return "invalid_token: it is for somebody else (aud)";
    if (!subject || !*subject)
        return "invalid_token: it names nobody (sub)";
    out->subject = arena_bytes(arena, bytes_str(subject));
    out->ends_ms = (int64_t)(json_number_value(ends) * 1000);
    return NULL;
}

/* ---- the whole ---- */

static json_t *object_of(struct bytes part)
{
    struct buf json;
    json_t    *object = NULL;

    buf_init(&json);
    if (base64url_parse(&json, part))
        object = json_loadb((const char *)json.at, json.len, JSON_REJECT_DUPLICATES, NULL);
    buf_fini(&json);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

static struct bytes up_to_dot(struct bytes text, size_t from)
{
    const uint8_t *dot = from < text.len ? memchr(text.at + from, '.', text.len - from) : NULL;

    return dot ? bytes_of(text.at + from, (size_t)(dot - text.at) - from) : bytes_of(NULL, 0);
}

const char *token_verify(const struct token_keys *k, const struct token_rules *rules, struct bytes text,
                         int64_t now_ms, struct arena *arena, struct token *out)
{
    struct bytes head = up_to_dot(text, 0);
    struct bytes body = up_to_dot(text, head.len + 1);
    size_t       signed_bytes = head.len + 1 + body.len;
    const char  *why = "invalid_token: it is not signed by a key that is known";
    json_t      *header, *claims;
    struct buf   signature;

    if (text.len > TOKEN_BYTES_MAX || bytes_is_null(head) || bytes_is_null(body))
        return "invalid_token: it is no signed token";
    header = object_of(head);
    claims = object_of(body);
    buf_init(&signature);
    if (header && claims && !json_object_get(header, "crit") &&
        base64url_parse(&signature, bytes_of(text.at + signed_bytes + 1, text.len - signed_bytes - 1)) &&
        signature.len > 0 && signature.len <= SIGNATURE_BYTES_MAX &&
        is_signed(k, header, bytes_of(text.at, signed_bytes), buf_view(&signature)))
        why = check_claims(claims, rules, now_ms, arena, out);
    buf_fini(&signature);
    json_decref(header);
    json_decref(claims);
    return why;
}
