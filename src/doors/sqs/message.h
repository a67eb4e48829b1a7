/*
 * message.h - a message as SQS sees it, whatever door it came by. A value: everything in it is
 * borrowed.
 */
#ifndef DOORS_SQS_MESSAGE_H
#define DOORS_SQS_MESSAGE_H

#include "engine/topic_calls.h"

enum { SQS_ATTRIBUTES_MAX = 10 };

struct sqs_attribute {
    struct bytes name;
    struct bytes type;  /* "String", "Number", "Binary", each with an optional ".suffix" */
    struct bytes value; /* text, or raw bytes when the type is Binary */
};

/* What a message that was moved to a dead letter queue brings along. */
struct sqs_history {
    struct bytes source_arn; /* of the queue it comes from; null: it was never moved */
    uint32_t     receives;   /* before the move */
    int64_t      first_receive_ms;
    int64_t      sent_ms;
};

struct sqs_message {
    struct uuid          id;
    struct bytes         body;
    struct bytes         group_id; /* MessageGroupId; null when none */
    struct bytes         sender;   /* SenderId */
    struct bytes         trace;    /* AWSTraceHeader; null when none */
    struct sqs_history   history;
    size_t               attribute_count;
    struct sqs_attribute attributes[SQS_ATTRIBUTES_MAX];
};

static inline bool sqs_attribute_is_binary(const struct sqs_attribute *a)
{
    return bytes_starts(a->type, "Binary");
}

#endif
