/* stream.h - the handlers of StreamingPull. Thread: the loop's. */
#ifndef DOORS_PUBSUB_STREAM_H
#define DOORS_PUBSUB_STREAM_H

#include "doors/pubsub/rpc.h"

void ps_stream_on_request(struct rpc *r, const ProtobufCMessage *request);
void ps_stream_on_half_closed(struct rpc *r);
void ps_stream_on_writable(struct rpc *r);
void ps_stream_on_closed(struct rpc *r);

#endif
