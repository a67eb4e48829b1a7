/*
 * mask.h - update masks of UpdateTopic and UpdateSubscription: which fields are taken over from the request.
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

/* What a mask is about: the resource's type and which of its fields may change. */
struct ps_mask_rules {
    const char                       *request;  /* as errors name it */
    const char                       *resource; /* likewise */
    const ProtobufCMessageDescriptor *type;
    const char *const                *mutable_fields; /* NULL behind the last one */
};
extern const struct ps_mask_rules ps_topic_mask;
extern const struct ps_mask_rules ps_subscription_mask;

/* GRPC_OK, or the code of what is wrong with the mask (NULL: missing), whose sentence is appended to why. */
enum grpc_code ps_mask_check(const struct ps_mask_rules *rules, const PB(FieldMask) *mask, struct buf *why);
/* Whether a checked mask names the field. */
bool ps_mask_names(const PB(FieldMask) *mask, const char *field);
/* Sets the fields that a checked mask names; to borrows from from. Both are of the rules' type. */
void ps_mask_apply(const struct ps_mask_rules *rules, const PB(FieldMask) *mask, ProtobufCMessage *to,
                   const ProtobufCMessage *from);

#endif
