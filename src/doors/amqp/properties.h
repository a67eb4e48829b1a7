/*
 * properties.h - the content header of class basic: flags and the properties they announce.
 *
 * Properties are passed on byte for byte (their field table types would not survive a second
 * encoding); this reader finds the few that the broker looks at, and checks that the rest is what
 * the flags say.
 *
 * Header payload: class u16 | weight u16 = 0 | body size u64 | flags u16 | the properties
 * present, highest flag first.
 *
 * Thread: pure, any.
 */
#ifndef DOORS_AMQP_PROPERTIES_H
#define DOORS_AMQP_PROPERTIES_H

#include "base/bytes.h"
#include "base/err.h"

enum {
    CONTENT_HEAD_BYTES = 12, /* before the flags */
    PROPERTY_HEADERS = 1 << 13,
    PROPERTY_DELIVERY_MODE = 1 << 12,
    PROPERTY_TIMESTAMP = 1 << 6,
};
enum { DELIVERY_PERSISTENT = 2 };

struct content_head {
    uint16_t     class_id;
    uint16_t     weight;
    uint64_t     body_size;
    struct bytes raw; /* flags and properties */
};
MUST_CHECK bool content_head_decode(struct bytes payload, struct content_head *out);

struct properties {
    uint16_t     flags;
    struct bytes headers;    /* the table without its length; null when absent */
    struct bytes expiration; /* null when absent, likewise below */
    struct bytes user_id;
    struct bytes correlation_id;
    struct bytes reply_to;
    struct bytes message_id;
    uint64_t     timestamp; /* seconds; 0 when absent */
    uint8_t      delivery_mode;
};
/* False when malformed. Everything borrows from raw. */
MUST_CHECK bool properties_decode(struct bytes raw, struct properties *out);

#endif
