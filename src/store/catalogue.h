/*
 * catalogue.h - checkpoints of a shard in a SQLite database, catalogue.db in the shard's directory.
 *
 * A checkpoint is a list of change records (kind, head) that leads to the state of the engine at a
 * position of the journal, and, for people with a sqlite3 shell, a table of what is defined. Each
 * one replaces the one before, in one transaction.
 *
 *   K1  A checkpoint never leads the journal: its position is durable when it is committed.
 *   K2  It is whole or it is not there: a CRC over all of it is checked before any of it is given.
 *   K3  A damaged database is set aside as catalogue.db.damaged, with a line on stderr, and counts
 *       as none. The journal then rebuilds the state if it still reaches back to position 0; when
 *       it was trimmed, journal_replay says ERR_CORRUPT.
 *
 *     catalogue_begin -> catalogue_add, catalogue_define... -> catalogue_commit -> done
 *
 * On a volume without directories the database lives in memory and is kept as the shard's blob.
 *
 * Thread: the shard's. The database is written by a thread of its own, done is called through the
 * shard's mailbox; on a volume without directories the call itself writes.
 */
#ifndef STORE_CATALOGUE_H
#define STORE_CATALOGUE_H

#include "base/bytes.h"
#include "base/err.h"
#include "store/journal.h"

struct catalogue;

typedef enum err catalogue_load_fn(void *ctx, uint8_t kind, struct bytes head);
/* err: why it is not there; the one before still is. */
typedef void catalogue_done_fn(void *ctx, enum err err, uint64_t position);

/* ERR_NEWER_FORMAT, ERR_ACCESS, ERR_NO_SPACE, ERR_IO. */
MUST_CHECK enum err catalogue_open(struct catalogue **out, struct shard *shard);
/* Waits for a commit under way; its mail must still be run, but calls nothing. Before
 * shard_release. */
void catalogue_close(struct catalogue *c);

/* Gives the records of the checkpoint in order; *position: what journal_replay takes, 0 when there
 * is none. fn's error ends it and is returned. */
MUST_CHECK enum err catalogue_load(struct catalogue *c, catalogue_load_fn *fn, void *ctx,
                                   uint64_t *position);

/* A commit is under way: do not begin. */
bool catalogue_is_busy(const struct catalogue *c);
/* The next three only gather in memory. */
void catalogue_begin(struct catalogue *c);
void catalogue_add(struct catalogue *c, uint8_t kind, struct bytes head);
/* A row of the table `definition`: what ("topic", "queue", ...), where, name, and a text that
 * describes it. */
void catalogue_define(struct catalogue *c, const char *what, struct bytes ns, struct bytes name,
                      const char *text);
/* K1: position is journal_durable(j) at most. */
void catalogue_commit(struct catalogue *c, const struct journal *j, uint64_t position,
                      catalogue_done_fn *done, void *ctx);

#endif
