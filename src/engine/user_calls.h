/*
 * user_calls.h - arguments and results of the calls on users. See call.h for the rules of all.
 *
 * A user has a name, tags (RabbitMQ's: what he may manage) and credentials: at most one of each kind, never a
 * password, only what a password can be verified by. Whoever asks verifies (doors/password.h): the engine keeps.
 *
 * There is one user from the beginning: guest with the password guest, as in RabbitMQ. He can be changed and deleted
 * like any other. That he comes in from this machine only is for the doors to see to.
 */
#ifndef ENGINE_USER_CALLS_H
#define ENGINE_USER_CALLS_H

#include "engine/call.h"

/* On disk: a number is never used again for something else. */
enum credential_kind {
    CREDENTIAL_RABBIT_SHA_256, /* RabbitMQ's rabbit_password_hashing_sha256: the hash of salt and password */
    CREDENTIAL_RABBIT_SHA_512,
    CREDENTIAL_SCRAM_SHA_256, /* RFC 7677, RFC 5802 */
    CREDENTIAL_SCRAM_SHA_512,
    CREDENTIAL_KIND_COUNT
};

struct credential {
    uint32_t     iterations; /* 0 with RabbitMQ's kinds */
    struct bytes salt;
    struct bytes stored; /* SCRAM: StoredKey. Null: there is no credential of this kind */
    struct bytes server; /* SCRAM: ServerKey */
};

enum {
    USER_NAME_BYTES_MAX = 255,
    USER_TAGS_BYTES_MAX = 255,
    USER_SALT_BYTES_MAX = 128,
    USER_KEY_BYTES_MAX = 64,
    USER_ITERATIONS_MAX = 1000000,
    USER_COUNT_MAX = 100000,
};

#define USER_GUEST "guest"

struct user_view {
    struct bytes      name, tags;
    struct credential credentials[CREDENTIAL_KIND_COUNT];
};

enum user_put_mode {
    USER_PUT_ANY,  /* made when missing */
    USER_PUT_NEW,  /* ERR_EXISTS */
    USER_PUT_KNOWN /* ERR_NO_USER */
};

struct user_put_call {
    struct call        call; /* ERR_EXISTS, ERR_NO_USER, ERR_BAD_NAME, ERR_BAD_ARGUMENT, ERR_LIMIT */
    struct bytes       name;
    enum user_put_mode mode;
    struct bytes       tags; /* null: as they are */
    bool               sets[CREDENTIAL_KIND_COUNT]; /* which kinds change */
    struct credential  credentials[CREDENTIAL_KIND_COUNT];
};

struct user_delete_call {
    struct call  call; /* ERR_NO_USER */
    struct bytes name;
};

struct users_get_call {
    struct call       call; /* ERR_NO_USER when one was named */
    struct bytes      name; /* null: all, in order of their names */
    size_t            count; /* out */
    struct user_view *users;
};

#endif
