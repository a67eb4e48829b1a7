/*
 * token.h - signed JSON web tokens (RFC 7515, 7519), verified against public keys in a file (a JWKS, RFC 7517).
 *
 * Taken are RS256, RS384, RS512, ES256 and ES384: each only with a key of its own kind. Whoever signs a token with a
 * name we do not know, with "none", or with a key made of our public one, has signed nothing.
 *
 * The work is OpenSSL's. Thread: pure but for reading the file; a set of keys is never changed.
 */
#ifndef DOORS_TOKEN_H
#define DOORS_TOKEN_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

struct token_keys;

enum {
    TOKEN_BYTES_MAX = 16 * 1024,
    TOKEN_KEYS_BYTES_MAX = 1024 * 1024, /* of the file */
    TOKEN_KEYS_MAX = 64,
    TOKEN_SKEW_S = 30, /* between the clocks of whoever made a token and ours */
};

/* What a token must say beside being signed; NULL: anything. */
struct token_rules {
    const char *issuer;
    const char *audience;
};

struct token {
    struct bytes subject; /* in the arena */
    int64_t      ends_ms; /* wall clock */
};

/* On failure why says what is wrong with the keys. */
MUST_CHECK enum err token_keys_parse(struct token_keys **out, struct bytes json, const char **why);
void token_keys_free(struct token_keys *k);
/* NULL: it is good, and out is filled in. Otherwise why not, a word of RFC 6750 at its start. */
const char *token_verify(const struct token_keys *k, const struct token_rules *rules, struct bytes text,
                         int64_t now_ms, struct arena *arena, struct token *out);

#endif
