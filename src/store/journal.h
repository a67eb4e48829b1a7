/*
 * journal.h - the shard's one write-ahead journal, as the engine sees it. The truth: what is not in
 * it did not happen.
 *
 * A record is (kind, head, payload). Records are added in memory in order and get their positions
 * at once; journal_kick hands all that was added since the last one to the volume as one frame; all
 * frames that arrive while the disk is busy share the next write and sync. on_durable tells how far
 * the disk has it. A frame is whole or absent after a crash, so what is added as a group stays
 * together; of other records a frame is closed when it has 4 MiB.
 *
 *   J1  on_durable(p) is called only after every byte below p is on stable storage, in order, and
 *       on the owner's thread, never from inside a call of this module.
 *   J2  Positions only grow and are never used twice, not even after a crash: they are byte
 *       addresses of one endless journal.
 *   J3  After a failed write or sync the journal is dead: on_failed once, nothing is retried,
 *       nothing more becomes durable.
 *   J4  Replay gives every acknowledged record once and in order; records at the very end that
 *       nobody acknowledged may appear.
 *
 * Layout on disk: docs/journal.md. Thread: the shard's engine thread, but journal_view's slices may
 * be read anywhere.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/block.h"
#include "base/err.h"
#include "base/mail.h"
#include "store/volume.h"

struct journal;

struct journal_options {
    uint64_t file_bytes; /* size of one journal file; a commit never spans two. 0: default */
    void (*on_durable)(void *ctx, uint64_t position); /* everything below position */
    void (*on_failed)(void *ctx, enum err err, const char *what);
    void *ctx;
    uint64_t frame_bytes; /* above it a frame is closed even within a turn. 0: default */
};

/* Reads one record back. position is the payload's. head and payload are valid during the call. */
typedef enum err journal_replay_fn(void *ctx, uint8_t kind, struct bytes head,
                                   struct bytes payload, uint64_t position);

/* The journal of a claimed shard. Nothing may be added before journal_replay has returned OK. */
MUST_CHECK enum err journal_open(struct journal **out, struct shard *shard,
                                 const struct journal_options *options);
/* Gives the records of one frame's body, which lies at position. ERR_CORRUPT with a diag line; fn's
 * error ends it and is returned. Any thread. */
MUST_CHECK enum err journal_each(struct bytes body, uint64_t position, journal_replay_fn *fn,
                                 void *ctx);
/* Every record at or after `from` (0: all; else an end position noted by a checkpoint). Cuts a torn
 * tail; ERR_CORRUPT with one diag line that names file and position for damage below the synced
 * mark. */
MUST_CHECK enum err journal_replay(struct journal *j, uint64_t from, journal_replay_fn *fn,
                                   void *ctx);
/* Frees, or, when not journal_is_idle, leaves that to the mails that are still to come: release the
 * shard, run the mailbox, and all is gone. No callback is called any more. */
void journal_close(struct journal *j);

/*
 * Adds a record. head is copied. payload is held by the journal until written (its bytes must not
 * change any more); small payloads are copied. Returns the position of the payload's first byte:
 * what journal_view takes.
 */
uint64_t journal_add(struct journal *j, uint8_t kind, struct bytes head, struct slice payload);
/*
 * Bytes for a blob, which are durable there when the record of the next journal_add is, and before
 * it can ever be replayed. The slices are held until then. They lie within what is reserved.
 */
void journal_add_part(struct journal *j, struct blob *blob, uint64_t offset,
                      const struct slice *slices, size_t count);
/*
 * What is added between the two lies in one frame, whatever it takes (all together at most
 * FRAME_BODY_MAX): after a crash all of it is there or nothing. Inside another group it
 * is part of that one.
 */
void journal_begin_group(struct journal *j);
void journal_end_group(struct journal *j);
/* Sends what was added since the last time on its way. Cheap; call it at the end of every turn. */
void journal_kick(struct journal *j);
/* Position after the last record added; on_durable of at least this means it is on disk. */
uint64_t journal_end(const struct journal *j);
uint64_t journal_durable(const struct journal *j);
bool journal_is_idle(const struct journal *j);
/* Bytes added, parts included, and not yet durable: the engine stops taking publishes above its limit. */
uint64_t journal_pending_bytes(const struct journal *j);

/* The disk has no room to grow: refuse publishes with ERR_NO_SPACE, settle on (volume.h,
 * shard_is_full). */
bool journal_is_full(const struct journal *j);

/* Payload bytes that this process wrote lately and that are durable, as a slice over the file's mapping.
 * len must be that of a payload. ERR_OUT_OF_RANGE when trimmed, not durable yet, or not its own. For
 * everything else: shard_load. */
MUST_CHECK enum err journal_view(struct journal *j, uint64_t position, uint32_t len,
                                 struct slice *out);

/* Nothing below position is needed any more (a committed checkpoint stands for it): whole files are
 * removed. */
void journal_trim(struct journal *j, uint64_t position);
/* Oldest position still held. */
uint64_t journal_start(const struct journal *j);

#endif
