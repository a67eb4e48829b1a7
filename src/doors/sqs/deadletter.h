/*
 * deadletter.h - dead letter queues: what RedrivePolicy does.
 *
 * A message that would be received more often than maxReceiveCount allows is moved at that receive:
 * appended to the target with its id, its attributes and its history, and settled at its source, in
 * one step (CALL_TRANSACT): it is never in both and never in none. When that cannot be done, because
 * the target is gone or the disk is full, the message is delivered like any other.
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
/* Moves them all, or none, then calls next. messages live until then. */
void deadletter_move(struct request *r, const struct redrive_policy *policy,
                     struct deadletter_message *messages, size_t count, deadletter_next_fn *next);

#endif
