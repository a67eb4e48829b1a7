/*
 * received.h - messages in the engine's hands to ReceivedMessage on the wire.
 *
 * A packer walks message_refs in the order they were leased and keeps the reader of the last stored batch open: a
 * thousand messages of one batch cost one walk over it. A record that cannot be read (a Kafka client may have stored
 * anything under a valid checksum) is not shown; the caller gives such messages up.
 *
 * Thread: the owner's.
 */
#ifndef DOORS_PUBSUB_RECEIVED_H
#define DOORS_PUBSUB_RECEIVED_H

#include "base/buf.h"
#include "engine/queue_calls.h"

struct ps_packer {
    uint32_t            subscription; /* ackid_subscription */
    bool                is_open;
    const uint8_t      *batch;
    uint64_t            next_offset; /* the reader stands before this one */
    struct batch_reader reader;
    struct arena        arena; /* of one message */
    size_t              unreadable_count;
    struct lease       *unreadable; /* leases of records that could not be read */
};

void ps_packer_init(struct ps_packer *p, uint32_t subscription);
void ps_packer_fini(struct ps_packer *p);
/* Appends ref as field 1 (received_messages) of a PullResponse or StreamingPullResponse. */
void ps_packer_add(struct ps_packer *p, struct buf *out, const struct message_ref *ref);

#endif
