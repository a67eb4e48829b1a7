/*
 * outbox.h - answers and deliveries on their way out, held until the disk has what they speak of (call.h C3, C4).
 *
 *   O1  Things leave in the order in which they were put in.
 *   O2  Nothing leaves before the journal is durable up to the position it was put in with.
 *   O3  The batches of message references are looked up when they leave, because only then they can be read; those
 *       that are not hot any more (recall.h) were attached, and checked, when the reference was made.
 *   O4  The journal is not trimmed beyond what is still to be looked up. So a message never leaves without its bytes:
 *       one that cannot be read is met before, when it would be leased, and has its fate.
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
/* The lowest position of a batch that is still to be looked up (O4); UINT64_MAX: there is none. */
uint64_t outbox_pinned(const struct outbox *o);
/* Sends all that is durable; one post per home. */
void outbox_release(struct outbox *o);
/* The process ends: everything goes home at once, durable or not, without batches, so that its
 * owners can free it. Nobody may take it for said. */
void outbox_abandon(struct outbox *o);
bool outbox_is_empty(const struct outbox *o);

#endif
