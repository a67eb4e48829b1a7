/*
 * route.h - the bindings of one exchange, and which of them a message matches. Knows no queues and
 * no engine.
 *
 * What matching costs, with n bindings:
 *
 *     direct   one look-up by key, then only what is bound with it
 *     fanout   only what is found: everything
 *     topic    a trie of words; at most (words of the key) x (trie nodes that can still match),
 *     whatever the patterns: the
 *              set of live nodes is carried from word to word, so many '#' do not multiply
 *     headers  n: each binding's arguments are compared with the message's headers
 *     hash, modulus, random   a search in a sorted array: one binding is found (route_spread.c)
 *
 *   R1  A binding is found at most once by a match.
 *   R2  Adding and removing cost the length of the key and arguments, not the number of bindings
 *       (but for hash, modulus and random, which keep those in order).
 *
 * Thread: the owner's; a match must not change the bindings.
 */
#ifndef ENGINE_ROUTE_H
#define ENGINE_ROUTE_H

#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "engine/row.h"

/* On disk. x-delayed-message is none: it is a property of an exchange of another type. */
enum route_type {
    ROUTE_DIRECT,
    ROUTE_FANOUT,
    ROUTE_TOPIC,
    ROUTE_HEADERS,
    ROUTE_HASH,
    ROUTE_MODULUS,
    ROUTE_RANDOM,
    ROUTE_LOCAL_RANDOM,
    ROUTE_TYPE_COUNT
};

enum { ROUTE_KEY_BYTES_MAX = 255 };

/* The type's name in AMQP; static storage. */
const char *route_type_name(enum route_type type);
MUST_CHECK enum err route_type_find(struct bytes name, enum route_type *out); /* ERR_UNKNOWN_TYPE */
/* ERR_BAD_ARGUMENT: the key is too long, or no weight for a hash exchange, or a headers exchange
 * cannot match by these arguments. */
MUST_CHECK enum err route_check(enum route_type type, struct bytes key, struct bytes arguments);

/* What a binding is: two that are equal in all of this are the same binding. */
struct binding_key {
    bool         to_exchange;
    struct bytes destination;
    struct bytes key;
    struct bytes arguments; /* field table, may be null */
};

/* 88 bytes and the id. */
struct binding {
    struct row    row;       /* the caller's */
    void         *target;    /* the caller's */
    struct list   in_target; /* the caller's, initialised */
    struct route *route;     /* that it is in */
    struct list   in_place;  /* direct: a ring of those with its key; topic: node; else route.all */
    union {
        struct route_node   *node;   /* topic */
        struct match_fields *fields; /* headers: arguments, read once */
    };
    uint32_t id_len;
    uint8_t  id[]; /* what it is, as one map key */
};
/* What b is; borrowed from it. */
struct binding_key binding_what(const struct binding *b);

/* What of a message is matched. */
struct route_message {
    struct bytes key;
    struct bytes headers; /* field table, may be null */
    struct bytes message_id, correlation_id;
    uint64_t     timestamp;
    uint64_t     random;
};

struct ring;
struct route_node;
struct node_set {
    struct route_node **at;
    size_t              count, cap;
};

struct route {
    enum route_type      type;
    struct map           bindings; /* id -> struct binding */
    struct map           by_key;   /* direct: key -> the first binding of its ring */
    struct list          all;      /* fanout, headers */
    struct route_node   *root;     /* topic */
    uint64_t             stamp;    /* of the word being matched; marks nodes already in the set */
    struct node_set      live, next;
    struct match_fields *headers; /* scratch: the message's, by name */
    struct ring         *ring;    /* hash, modulus, random */
};

void route_init(struct route *r, enum route_type type);
/* Of an exchange: what its arguments say of routing; they must outlive the route. Of one that was not initialised
 * it is only checked. ERR_BAD_ARGUMENT. */
MUST_CHECK enum err route_read(struct route *r, struct bytes arguments);
void route_fini(struct route *r); /* frees what is still bound, too */
struct binding *route_find(const struct route *r, const struct binding_key *what);
/* It must not be there yet and must have passed route_check. */
struct binding *route_add(struct route *r, const struct binding_key *what, void *target);
/* Unlinks it from its target's list, too, and frees it. */
void route_remove(struct binding *b);

typedef void route_found_fn(void *ctx, const struct binding *b);
void route_match(struct route *r, const struct route_message *m, route_found_fn *found, void *ctx);

#endif
