/*
 * pubsub.h - the Pub/Sub door: gRPC on HTTP/2, and a health check on HTTP/1.1, on one port.
 *
 * A client set to it with PUBSUB_EMULATOR_HOST sees topics, subscriptions and messages of the engine under the names
 * of names.h. From bytes to engine calls:
 *
 *     door.c (listeners) -> rpc.c (one gRPC call) -> grpc.c, schema.c (bytes to messages) -> methods.c (the table)
 *         -> topics.c subscriptions.c publish.c pull.c stream.c settle.c (handlers) -> the gate
 *
 * Thread: the loop's.
 */
#ifndef DOORS_PUBSUB_PUBSUB_H
#define DOORS_PUBSUB_PUBSUB_H

#include "net/door.h"

/* ERR_BUSY, ERR_ACCESS, ERR_IO as listener_open. env's strings must outlive the door. */
MUST_CHECK enum err pubsub_door_open(struct door_server **out, const struct door_env *env);

#endif
