/* exchange_int.h - what exchange.c (definitions) and exchange_publish.c (routing) share. Thread:
 * the shard's. */
#ifndef ENGINE_EXCHANGE_INT_H
#define ENGINE_EXCHANGE_INT_H

#include "engine/queue_int.h"
#include "engine/route.h"

struct exchanges { /* of one namespace */
    struct bytes ns; /* owned */
    struct map   by_name;
};

struct exchange {
    struct row        row; /* unborn when it is predeclared */
    struct exchanges *in;
    struct bytes      name; /* owned */
    bool              is_durable, is_auto_delete, is_internal;
    bool              is_delayed;     /* x-delayed-message: route is of the type behind it */
    bool              is_predeclared; /* born with its namespace, never journalled, never deleted */
    struct bytes      arguments;      /* owned */
    struct route      route;          /* outgoing bindings */
    struct list       incoming;       /* binding.in_target of bindings to this exchange */
    struct list       in_sweep; /* engine.sweep */
    uint64_t          routed; /* number of the publish that reached it last */
};

/* NULL when there is none. The first look into a namespace makes its pre-declared exchanges. */
struct exchange *exchange_find(struct engine *e, struct bytes ns, struct bytes name);

#endif
