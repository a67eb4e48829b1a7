/*
 * outbox.h - answers and deliveries on their way out, held until the disk has what they speak of (call.h C3, C4).
 *
 *   O1  Things leave in the order in which they were put in.
 *   O2  Nothing leaves before the journal is durable up to the position it was put in with.
 *   O3  The batches of message references are looked up when they leave, because only then they can be read.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_OUTBOX_H
#define ENGINE_OUTBOX_H

#include "engine/queue_calls.h"

struct journal;
struct outbox;

struct outbox *outbox_new(struct journal *j);
void outbox_free(struct outbox *o);
/* refs may be NULL; they belong to the object mail is part of. */
void outbox_put(struct outbox *o, uint64_t position, struct mailbox *home, struct mail *mail,
                struct message_ref *refs, size_t ref_count);
/* Sends all that is durable; one post per home. */
void outbox_release(struct outbox *o);
/* The process ends: everything goes home at once, durable or not, without batches, so that its
 * owners can free it. Nobody may take it for said. */
void outbox_abandon(struct outbox *o);
bool outbox_is_empty(const struct outbox *o);

#endif
