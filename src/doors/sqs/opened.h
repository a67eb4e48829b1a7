/*
 * opened.h - from leased messages to messages of SQS. Consecutive messages of one stored batch are
 * read in one pass over it. Thread: the owner's.
 */
#ifndef DOORS_SQS_OPENED_H
#define DOORS_SQS_OPENED_H

#include "doors/sqs/record.h"
#include "engine/queue_calls.h"

struct opened {
    struct arena       *arena;
    struct uuid         topic;
    struct bytes        account;
    const uint8_t      *batch;   /* that the reader is in; NULL: none */
    int64_t             read_to; /* offset delta already passed */
    struct batch_reader reader;
    struct header       headers[SQS_ATTRIBUTES_MAX + 1];
};

void opened_init(struct opened *o, struct arena *a, const struct uuid *topic, struct bytes account);
void opened_fini(struct opened *o);
/* out borrows from the batch of ref and from o: valid until the next call. */
void opened_read(struct opened *o, const struct message_ref *ref, struct sqs_message *out);

#endif
