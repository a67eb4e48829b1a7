/*
 * record.h - PubsubMessage to stored record and back: the one table between Pub/Sub and the other doors.
 *
 *     Pub/Sub         record           what the other doors see
 *     data            value            body
 *     ordering_key    key              Kafka key, SQS MessageGroupId; null when there is none
 *     attributes      headers, in order
 *     message_id      the offset       (partition << 48) + offset, in decimal: with one partition the offset
 *     publish_time    the time of the append
 *
 * Native part ("myna-pubsub", message.h): version u8 = 1, then for each attribute that could not be a record header
 * because its name is reserved ("myna-amqp"):  key length uvarint | key | value length uvarint | value.  Other doors
 * do not see these.
 *
 * A record of another door is shown by these rules, and by them alone, so that one record always looks the same:
 *   V1  ordering_key is the key when it is UTF-8 of at most PS_ORDERING_KEY_BYTES_MAX; any other key is shown in
 *       base64 as attribute "myna-key".
 *   V2  Headers become attributes. Of equal names the last value counts, at the place of the first. A null value is
 *       "".
 *   V3  A value that is not UTF-8 is shown in base64, and its name is listed in attribute "myna-base64" (names with
 *       commas between them).
 *   V4  Pub/Sub's limits hold: at most PS_ATTRIBUTES_MAX attributes, names of 1 to 256 bytes of UTF-8, values of at
 *       most 1024 bytes (before base64); only the first 1000 headers are looked at. What does not fit is left out and
 *       counted in attribute "myna-left-out".
 *
 * Thread: pure, any.
 */
#ifndef DOORS_PUBSUB_RECORD_H
#define DOORS_PUBSUB_RECORD_H

#include "doors/pubsub/schema.h"
#include "engine/message.h"

enum {
    PS_ATTRIBUTES_MAX = 100,
    PS_ATTRIBUTE_KEY_BYTES_MAX = 256,
    PS_ATTRIBUTE_VALUE_BYTES_MAX = 1024,
    PS_ORDERING_KEY_BYTES_MAX = 1024,
    PS_RECORD_VERSION = 1,
};

/* Adds m, which has passed publish.c's checks, to the batch. */
void ps_record_add(struct batch_writer *w, int64_t timestamp_ms, const PB(PubsubMessage) *m);
/* Fills data, attributes and ordering_key; borrows from m and arena. */
void ps_record_show(const struct message *m, struct arena *a, PB(PubsubMessage) *out);
/* message_id of a record. */
uint64_t ps_message_id(uint32_t partition, uint64_t offset);

#endif
