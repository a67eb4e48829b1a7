/*
 * message.h - what a user sent, seen by any door.
 *
 * A stored record is shown to a door as key, value, headers, time and at most one native part: the
 * value of the reserved record header of the door it entered by, verbatim bytes in that door's own
 * layout (documented in that door's codec). Kafka records have none. A door writes its message so
 * that the other doors read it naturally: body as value; routing key, MessageGroupId or ordering
 * key as key; headers or attributes as record headers, their values as UTF-8 text where the
 * protocol has them as numbers, booleans or strings and as raw bytes where they are binary; times as milliseconds.
 *
 * Thread: pure, any.
 */
#ifndef ENGINE_MESSAGE_H
#define ENGINE_MESSAGE_H

#include "engine/batch.h"

enum door { DOOR_KAFKA, DOOR_AMQP, DOOR_SQS, DOOR_PUBSUB, DOOR_CONSOLE, DOOR_COUNT };

/* The record header a door keeps its native part in ("myna-amqp"); NULL for DOOR_KAFKA. */
const char *message_native_name(enum door door);

struct message {
    int64_t              timestamp_ms;
    struct bytes         key;
    struct bytes         value;
    enum door            origin;
    struct bytes         native;  /* null when origin is DOOR_KAFKA */
    size_t               header_count;
    const struct header *headers; /* the native header is left out */
};

/* Splits the native header off. The message borrows from the record and shares its lifetime; the
 * record's header array is rearranged in place. */
void message_of(struct record *r, struct message *out);

/* A batch as it is, but for the native headers of its records: uncompressed, at the end of out. ERR_BAD_RECORD. */
MUST_CHECK enum err message_strip(struct bytes batch, struct buf *out);

#endif
