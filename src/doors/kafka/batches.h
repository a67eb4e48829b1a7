/*
 * batches.h - stored batches on their way to a client, as they are: fetch.c KF1 and KF5 say what is changed, and when.
 * Thread: the loop's.
 */
#ifndef DOORS_KAFKA_BATCHES_H
#define DOORS_KAFKA_BATCHES_H

#include "doors/kafka/request.h"

/* What is to be sent, in order; the slices are those of the refs, which may be replaced, and of the request. */
struct wire_slices kafka_batches(struct kafka_request *r, struct batch_ref *refs, size_t count);

#endif
