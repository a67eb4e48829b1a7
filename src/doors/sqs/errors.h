/*
 * errors.h - what the door says when it says no.
 *
 * SQS has two names for each error: the shape ("QueueDoesNotExist", the __type of the JSON body)
 * and the older query code ("AWS.SimpleQueueService.NonExistentQueue", sent in x-amzn-query-error
 * and in the Failed entries of batches), and an HTTP status. All three, and the text where it is
 * always the same, stand in one table. A fault is one such answer in the making; the first one
 * raised stays.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_SQS_ERRORS_H
#define DOORS_SQS_ERRORS_H

#include "base/err.h"

#include <stdbool.h>

enum shape {
    SHAPE_NONE,
    SHAPE_QUEUE_DOES_NOT_EXIST,
    SHAPE_QUEUE_NAME_EXISTS,
    SHAPE_QUEUE_DELETED_RECENTLY,
    SHAPE_PURGE_IN_PROGRESS,
    SHAPE_TOO_MANY_ENTRIES,
    SHAPE_INVALID_ENTRY_ID,
    SHAPE_BATCH_TOO_LONG,
    SHAPE_ENTRY_IDS_NOT_DISTINCT,
    SHAPE_EMPTY_BATCH,
    SHAPE_UNSUPPORTED,
    SHAPE_NOT_INFLIGHT,
    SHAPE_OVER_LIMIT,
    SHAPE_RESOURCE_NOT_FOUND,
    SHAPE_INVALID_HANDLE,
    SHAPE_INVALID_ATTRIBUTE_NAME,
    SHAPE_INVALID_ATTRIBUTE_VALUE,
    SHAPE_INVALID_CONTENTS,
    SHAPE_INVALID_ADDRESS,
    SHAPE_THROTTLED,
    SHAPE_MODELLED_LAST = SHAPE_THROTTLED, /* com.amazonaws.sqs#; then com.amazon.coral.service# */
    SHAPE_INVALID_PARAMETER,
    SHAPE_MISSING_PARAMETER,
    SHAPE_ACCESS_DENIED,
    SHAPE_SERIALIZATION,
    SHAPE_UNKNOWN_OPERATION,
    SHAPE_INTERNAL_FAILURE,
    SHAPE_UNAVAILABLE,
    SHAPE_COUNT
};

struct shape_row {
    const char *name;
    const char *code;        /* the older query code */
    unsigned    status;      /* when the client asked for query mode; else every 4xx is 400 */
    const char *text;        /* where it is always the same; NULL: the fault's own */
};

const struct shape_row *shape_row(enum shape shape);
bool shape_is_modelled(enum shape shape);
/* Whose fault it is: the sender's (4xx) or ours. */
bool shape_is_sender(enum shape shape);

enum { FAULT_TEXT_BYTES = 2048 };

struct fault {
    enum shape shape; /* SHAPE_NONE: nothing happened */
    char       text[FAULT_TEXT_BYTES];
};

/* Raises a fault unless there is one. Always false, so that a check can end with it. Texts that are
 * too long are cut. */
__attribute__((format(printf, 3, 4))) bool fault_set(struct fault *f, enum shape shape,
                                                     const char *format, ...);
/* The same with the shape's own text. */
bool fault_raise(struct fault *f, enum shape shape);
/* The door's word for an engine's answer that is not ERR_OK. */
bool fault_err(struct fault *f, enum err err);

#endif
