/*
 * errors.h - how the engine's answers are said in gRPC, and the sentences that clients and their users' tests match.
 * Thread: pure, any.
 */
#ifndef DOORS_PUBSUB_ERRORS_H
#define DOORS_PUBSUB_ERRORS_H

#include "base/buf.h"
#include "base/err.h"
#include "doors/pubsub/grpc.h"

/* The code of an engine error; appends its sentence, naming the resource (a topic's or subscription's short id; may
 * be null) where the service does. */
enum grpc_code ps_error(enum err err, struct bytes resource, struct buf *text);

#endif
