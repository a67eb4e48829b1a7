/* password.c - see password.h. RFC 5802, section 3, has the names. */
#include "doors/password.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const struct {
    const EVP_MD *(*md)(void);
    size_t bytes;
    bool   is_scram;
} kinds[] = {
    [CREDENTIAL_RABBIT_SHA_256] = { EVP_sha256, 32, false },
    [CREDENTIAL_RABBIT_SHA_512] = { EVP_sha512, 64, false },
    [CREDENTIAL_SCRAM_SHA_256] = { EVP_sha256, 32, true },
    [CREDENTIAL_SCRAM_SHA_512] = { EVP_sha512, 64, true },
};
_Static_assert(COUNT(kinds) == CREDENTIAL_KIND_COUNT, "a new kind of credential needs a hash");

size_t password_hash_bytes(enum credential_kind kind)
{
    return kinds[kind].bytes;
}

bool password_is_scram(enum credential_kind kind)
{
    return kinds[kind].is_scram;
}

/* What OpenSSL cannot do for lack of memory it cannot do at all. */
static void must(bool done)
{
    if (!done)
        mem_exhausted("OpenSSL");
}

void password_hash(enum credential_kind kind, struct bytes of, uint8_t *out)
{
    must(EVP_Digest(of.at, of.len, out, NULL, kinds[kind].md(), NULL) == 1);
}

void password_hmac(enum credential_kind kind, struct bytes key, struct bytes of, uint8_t *out)
{
    must(HMAC(kinds[kind].md(), key.at, (int)key.len, of.at, of.len, out, NULL) != NULL);
}

void password_keys_of_salted(enum credential_kind kind, struct bytes salted, struct password_keys *out)
{
    uint8_t client[PASSWORD_KEY_BYTES_MAX];

    out->len = kinds[kind].bytes;
    password_hmac(kind, salted, bytes_str("Client Key"), client);
    password_hash(kind, bytes_of(client, out->len), out->stored);
    password_hmac(kind, salted, bytes_str("Server Key"), out->server);
    OPENSSL_cleanse(client, sizeof client);
}

static void rabbit_keys(enum credential_kind kind, struct bytes password, struct bytes salt,
                        struct password_keys *out)
{
    uint8_t salted[USER_SALT_BYTES_MAX + PASSWORD_BYTES_MAX];

    out->len = kinds[kind].bytes;
    if (salt.len > 0)
        memcpy(salted, salt.at, salt.len);
    if (password.len > 0)
        memcpy(salted + salt.len, password.at, password.len);
    password_hash(kind, bytes_of(salted, salt.len + password.len), out->stored);
    OPENSSL_cleanse(salted, sizeof salted);
}

static void scram_keys(enum credential_kind kind, struct bytes password, const struct credential *what,
                       struct password_keys *out)
{
    uint8_t salted[PASSWORD_KEY_BYTES_MAX];

    must(PKCS5_PBKDF2_HMAC((const char *)password.at, (int)password.len, what->salt.at, (int)what->salt.len,
                           (int)what->iterations, kinds[kind].md(), (int)kinds[kind].bytes, salted) == 1);
    password_keys_of_salted(kind, bytes_of(salted, kinds[kind].bytes), out);
    OPENSSL_cleanse(salted, sizeof salted);
}

void password_keys(enum credential_kind kind, struct bytes password, const struct credential *what,
                   struct password_keys *out)
{
    assert(password.len <= PASSWORD_BYTES_MAX && what->salt.len <= USER_SALT_BYTES_MAX);
    *out = (struct password_keys){ 0 };
    if (kinds[kind].is_scram)
        scram_keys(kind, password, what, out);
    else
        rabbit_keys(kind, password, what->salt, out);
}

bool password_eq(const uint8_t *a, const uint8_t *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

static bool matches(enum credential_kind kind, const struct credential *c, struct bytes password)
{
    struct password_keys keys;
    bool                 is_it;

    password_keys(kind, password, c, &keys);
    is_it = c->stored.len == keys.len && password_eq(keys.stored, c->stored.at, keys.len);
    OPENSSL_cleanse(&keys, sizeof keys);
    return is_it;
}

/* RabbitMQ's kinds come first because they are cheap. */
bool password_matches(const struct user_view *user, struct bytes password)
{
    static const struct credential nobody = { .iterations = PASSWORD_ITERATIONS,
                                              .salt = { (const uint8_t *)"nobody", 6 } };
    bool is_it = false;
    bool was_tried = false;

    if (password.len == 0 || password.len > PASSWORD_BYTES_MAX)
        return false; /* RabbitMQ lets nobody in with an empty password, whatever was kept */
    for (size_t i = 0; user && i < CREDENTIAL_KIND_COUNT && !is_it; i++) {
        if (bytes_is_null(user->credentials[i].stored))
            continue;
        is_it = matches((enum credential_kind)i, &user->credentials[i], password);
        was_tried = true;
    }
    if (!was_tried)
        matches(CREDENTIAL_SCRAM_SHA_256, &nobody, password);
    return is_it;
}

bool user_has_tag(const struct user_view *user, const char *tag)
{
    struct bytes tags = user->tags;
    size_t       len = strlen(tag);

    for (size_t i = 0; i + len <= tags.len; i++) {
        bool begins = i == 0 || tags.at[i - 1] == ',' || tags.at[i - 1] == ' ';
        bool ends = i + len == tags.len || tags.at[i + len] == ',' || tags.at[i + len] == ' ';

        if (begins && ends && memcmp(tags.at + i, tag, len) == 0)
            return true;
    }
    return false;
}
