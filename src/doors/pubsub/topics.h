/* topics.h - handlers of the methods on topics. Thread: the loop's. */
#ifndef DOORS_PUBSUB_TOPICS_H
#define DOORS_PUBSUB_TOPICS_H

#include "doors/pubsub/rpc.h"

void ps_topics_on_create(struct rpc *r, const ProtobufCMessage *request);
void ps_topics_on_get(struct rpc *r, const ProtobufCMessage *request);
void ps_topics_on_update(struct rpc *r, const ProtobufCMessage *request);
void ps_topics_on_list(struct rpc *r, const ProtobufCMessage *request);
void ps_topics_on_list_subscriptions(struct rpc *r, const ProtobufCMessage *request);
void ps_topics_on_delete(struct rpc *r, const ProtobufCMessage *request);

#endif
