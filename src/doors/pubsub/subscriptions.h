/* subscriptions.h - handlers of the methods on subscriptions. Thread: the loop's. */
#ifndef DOORS_PUBSUB_SUBSCRIPTIONS_H
#define DOORS_PUBSUB_SUBSCRIPTIONS_H

#include "doors/pubsub/rpc.h"

void ps_subscriptions_on_create(struct rpc *r, const ProtobufCMessage *request);
void ps_subscriptions_on_get(struct rpc *r, const ProtobufCMessage *request);
void ps_subscriptions_on_update(struct rpc *r, const ProtobufCMessage *request);
void ps_subscriptions_on_list(struct rpc *r, const ProtobufCMessage *request);
void ps_subscriptions_on_delete(struct rpc *r, const ProtobufCMessage *request);
void ps_subscriptions_on_modify_push_config(struct rpc *r, const ProtobufCMessage *request);

#endif
