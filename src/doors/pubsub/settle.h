/*
 * settle.h - handlers of Acknowledge and ModifyAckDeadline, and the same on a stream.
 *
 * However many ids a request has, they become one engine call and one journal record. An id that is well-formed but
 * has expired, was acknowledged before or belongs to a deleted subscription of the same name is ignored with OK; a
 * malformed one or another subscription's is INVALID_ARGUMENT, and then nothing of the request is done.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_PUBSUB_SETTLE_H
#define DOORS_PUBSUB_SETTLE_H

#include "doors/pubsub/rpc.h"
#include "engine/queue_calls.h"

void ps_settle_on_acknowledge(struct rpc *r, const ProtobufCMessage *request);
void ps_settle_on_modify_ack_deadline(struct rpc *r, const ProtobufCMessage *request);

/* What a StreamingPull request carries, for the subscription r->name. False: r was failed. */
bool ps_settle_streamed(struct rpc *r, const PB(StreamingPullRequest) *request);

/* Gives messages back that never reached the client; they do not count as attempts. */
void ps_settle_give_back(struct rpc *r, const struct message_ref *refs, size_t count);
/* Gives up messages that cannot be read. */
void ps_settle_reject(struct rpc *r, const struct lease *leases, size_t count);

#endif
