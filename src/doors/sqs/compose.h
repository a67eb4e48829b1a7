/*
 * compose.h - what a client wants to send, checked: one SendMessage request or one entry of a batch
 * becomes a message. Thread: pure, any.
 */
#ifndef DOORS_SQS_COMPOSE_H
#define DOORS_SQS_COMPOSE_H

#include "base/mem.h"
#include "doors/sqs/errors.h"
#include "doors/sqs/message.h"

#include <jansson.h>

enum { DELAY_SECONDS_MAX = 900 };

struct composed {
    struct sqs_message message;  /* id and sender are the caller's to fill in */
    size_t             bytes;    /* body and attributes: what limits count */
    int64_t            delay_ms; /* -1: the queue's */
    bool               has_system_attributes;
};

/* entry has passed members_check and has a MessageBody. Borrows from it and from the arena. */
bool compose(struct composed *out, struct arena *a, const json_t *entry, struct fault *f);

#endif
