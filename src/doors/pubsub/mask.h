/*
 * mask.h - update masks of UpdateSubscription: which fields are taken over from the request.
 *
 * A path inside a field ("push_config.push_endpoint") names the whole field: what we support of such fields has no
 * parts that could differ.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_PUBSUB_MASK_H
#define DOORS_PUBSUB_MASK_H

#include "doors/pubsub/grpc.h"
#include "doors/pubsub/schema.h"

/* GRPC_OK, or the code of what is wrong with the mask (NULL: missing), whose sentence is appended to why. */
enum grpc_code ps_mask_check(const PB(FieldMask) *mask, struct buf *why);
/* Sets the fields that a checked mask names; to borrows from from. */
void ps_mask_apply(const PB(FieldMask) *mask, PB(Subscription) *to, const PB(Subscription) *from);

#endif
