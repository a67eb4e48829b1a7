/*
 * present.h - messages as the answer of ReceiveMessage shows them: which attributes are asked for,
 * and the JSON. Thread: pure, any.
 */
#ifndef DOORS_SQS_PRESENT_H
#define DOORS_SQS_PRESENT_H

#include "doors/sqs/message.h"
#include "engine/queue_calls.h"

#include <jansson.h>

/* What a request asks for; borrows from it. Names that do not exist are ignored. */
struct wanted {
    const json_t *system;     /* names of system attributes, or "All" */
    const json_t *attributes; /* names, "All", "*", ".*", or prefixes "foo.*" */
};

struct wanted wanted_of(const json_t *in);
/* A new object. */
json_t *present_message(const struct sqs_message *m, const struct message_ref *ref,
                        const struct wanted *wanted);

#endif
