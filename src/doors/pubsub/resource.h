/*
 * resource.h - Topic and Subscription as clients see them, from what the engine keeps, and the rules for new ones.
 *
 * The engine's topic or queue carries the resource as this door got it, encoded, without what is known elsewhere
 * (names, state). A topic or queue that another door made has none: it is shown with the defaults, its lease time as
 * ack deadline.
 *
 * What a subscription may ask for is of three kinds: kept and given back (labels, retention, expiration, retry
 * policy), acted upon (ack deadline, retention, ordering), and refused with UNIMPLEMENTED because ignoring it would
 * lose or repeat messages behind the client's back (filter, dead letters, exactly-once, push, exports, transforms,
 * retaining acked ones).
 *
 * Thread: pure, any.
 */
#ifndef DOORS_PUBSUB_RESOURCE_H
#define DOORS_PUBSUB_RESOURCE_H

#include "doors/pubsub/grpc.h"
#include "doors/pubsub/schema.h"
#include "engine/queue_calls.h"

enum {
    PS_ACK_DEADLINE_SECONDS_MIN = 10,
    PS_ACK_DEADLINE_SECONDS_MAX = 600,
};

PB(Topic) *ps_topic_of(struct arena *a, const struct topic_view *v, struct bytes project);
PB(Subscription) *ps_subscription_of(struct arena *a, const struct queue_view *v, struct bytes project);

/* GRPC_OK, or the code of the first rule it breaks, whose sentence is appended to why. */
enum grpc_code ps_topic_check(const PB(Topic) *t, struct buf *why);
enum grpc_code ps_subscription_check(const PB(Subscription) *s, struct buf *why);

/* What the resource asks for, over what the topic has now (NULL: it is new). A topic keeps what it was asked to keep,
 * or seven days, and in any case what a subscription still needs. */
struct topic_policy ps_topic_policy(const PB(Topic) *t, const struct topic_policy *now);
/* Fills in what the service fills in when a subscription is made. */
void ps_subscription_fill(struct arena *a, PB(Subscription) *s);
struct queue_policy ps_subscription_policy(const PB(Subscription) *s);
/* What the engine is to keep. */
struct bytes ps_topic_native(struct arena *a, const PB(Topic) *t);
struct bytes ps_subscription_native(struct arena *a, const PB(Subscription) *s);

/* How long a lease on this queue lasts when it is taken by this door. */
int64_t ps_lease_ms(const struct queue_view *v);

/* The one queue a CALL_QUEUE_GET by name asked for. ERR_NO_QUEUE also when it is another connection's own. */
enum err ps_queue_found(const struct queue_get_call *c, const struct queue_view **out);

#endif
