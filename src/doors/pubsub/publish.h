/* publish.h - the handler of Publish. Thread: the loop's. */
#ifndef DOORS_PUBSUB_PUBLISH_H
#define DOORS_PUBSUB_PUBLISH_H

#include "doors/pubsub/rpc.h"

void ps_publish_on_publish(struct rpc *r, const ProtobufCMessage *request);

#endif
