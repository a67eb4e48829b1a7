/*
 * password.h - what every door that asks for a password does with it, and with what the engine keeps instead of it
 * (engine/user_calls.h).
 *
 * The work is OpenSSL's. Secrets are compared in a time that does not depend on them, and a user who does not exist
 * takes as long as one who does.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_PASSWORD_H
#define DOORS_PASSWORD_H

#include "engine/user_calls.h"

enum {
    PASSWORD_BYTES_MAX = 1024,
    PASSWORD_KEY_BYTES_MAX = 64,
    PASSWORD_ITERATIONS = 4096, /* what SCRAM's clients expect, and the least they take */
};

/* Keys of one credential. */
struct password_keys {
    uint8_t stored[PASSWORD_KEY_BYTES_MAX];
    uint8_t server[PASSWORD_KEY_BYTES_MAX]; /* SCRAM only */
    size_t  len;
};

/* Bytes of its hash: 32 or 64. */
size_t password_hash_bytes(enum credential_kind kind);
bool password_is_scram(enum credential_kind kind);
void password_hash(enum credential_kind kind, struct bytes of, uint8_t *out);
void password_hmac(enum credential_kind kind, struct bytes key, struct bytes of, uint8_t *out);
/* Keys of a password; what->salt and, with SCRAM, what->iterations count. */
void password_keys(enum credential_kind kind, struct bytes password, const struct credential *what,
                   struct password_keys *out);
/* SCRAM: keys of a password that was salted elsewhere. */
void password_keys_of_salted(enum credential_kind kind, struct bytes salted, struct password_keys *out);
bool password_eq(const uint8_t *a, const uint8_t *b, size_t len);
/* Tags are separated by commas or spaces. */
bool user_has_tag(const struct user_view *user, const char *tag);
/* Any one of the user's credentials does; NULL: there is no such user. */
bool password_matches(const struct user_view *user, struct bytes password);

#endif
