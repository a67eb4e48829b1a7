/* pull.h - the handler of Pull. Thread: the loop's. */
#ifndef DOORS_PUBSUB_PULL_H
#define DOORS_PUBSUB_PULL_H

#include "doors/pubsub/rpc.h"

void ps_pull_on_pull(struct rpc *r, const ProtobufCMessage *request);

#endif
