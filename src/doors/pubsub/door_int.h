/* door_int.h - the door's state as its own modules see it. Thread: the loop's. */
#ifndef DOORS_PUBSUB_DOOR_INT_H
#define DOORS_PUBSUB_DOOR_INT_H

#include "base/list.h"
#include "engine/call.h"
#include "net/door.h"
#include "net/http2.h"

/* What clients have sent and no handler has taken yet, over all calls of the door. */
#define PS_RECEIVED_BYTES_MAX ((size_t)512 * 1024 * 1024)

struct pubsub_door {
    struct door_server  server;
    struct door_env     env;
    struct http_server *http;
    struct h2_listener *listener;
    struct list         rpcs;     /* rpc.in_door */
    uint64_t            session;  /* of all unary calls: Pulls wait in it */
    uint64_t            last_tag; /* given to an rpc */
    uint64_t            last_invented; /* names of subscriptions that came without one */
    size_t              received_bytes;
    bool                is_closing;
    bool                is_session_closed;
};

/* An rpc has gone: a closing door may be able to end. */
void door_on_rpc_gone(struct pubsub_door *d);

#endif
