/*
 * deadletter.h - dead letter queues: what RedrivePolicy does.
 *
 * A message that would be received more often than maxReceiveCount allows is moved at that receive:
 * appended to the target with its id, its attributes and its history, and deleted at its source
 * once the target has it on disk. A crash between the two leaves it in both, never in none. When
 * the target is gone the message is delivered like any other.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_SQS_DEADLETTER_H
#define DOORS_SQS_DEADLETTER_H

#include "doors/sqs/request.h"

typedef void deadletter_next_fn(struct request *r);

/* Looks whether the RedrivePolicy of s names a queue that exists and allows it; raises a fault if
 * not. Then, maybe at once, calls next. */
void deadletter_check_target(struct request *r, const struct queue_settings *s,
                             deadletter_next_fn *next);

/* A leased message of r->view on its way. */
struct deadletter_message {
    const struct message_ref *ref;
    bool                      is_moved; /* out */
};
/* Moves them all, then calls next. messages live until then. */
void deadletter_move(struct request *r, const struct redrive_policy *policy,
                     struct deadletter_message *messages, size_t count, deadletter_next_fn *next);

#endif
