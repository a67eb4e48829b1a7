/*
 * catalogue.h - checkpoints of a shard in a SQLite database, catalogue.db in the shard's directory.
 *
 * The state at a position of the journal as rows: (key, kind, head), a change record under the name
 * of what it stands for. A checkpoint is one transaction of the rows that are new, other or gone
 * since the one before; in order of their keys the rows lead to the state. For people with a
 * sqlite3 shell there is a table of what is defined.
 *
 *   K1  A checkpoint never leads the journal: its position is durable when it is committed.
 *   K2  It is whole or it is not there: every row has a CRC, and the number of rows, the sum of
 *       their CRCs and the position have one, too. All of it is checked before any of it is given:
 *       a row that was lost, doubled or changed is found.
 *   K3  A damaged database is set aside as catalogue.db.damaged, with a line on stderr, and counts
 *       as none. The journal then rebuilds the state if it still reaches back to position 0; when
 *       it was trimmed, journal_replay says ERR_CORRUPT.
 *   K4  After a checkpoint that failed the next one is full: it replaces all rows.
 *
 *     catalogue_begin -> catalogue_remove, catalogue_put, catalogue_define... -> catalogue_commit
 *     -> done
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

/* Gives the rows in order of their keys; *position: what journal_replay takes, 0 when there is no
 * checkpoint. fn's error ends it and is returned. */
MUST_CHECK enum err catalogue_load(struct catalogue *c, catalogue_load_fn *fn, void *ctx,
                                   uint64_t *position);

/* How many rows that is; for fn. */
uint64_t catalogue_row_count(const struct catalogue *c);

/* A commit is under way: do not begin. */
bool catalogue_is_busy(const struct catalogue *c);
/* For the checkpoint that is begun next, before all else: as catalogue_remove. At any time. */
void catalogue_remove_next(struct catalogue *c, struct bytes key);
/* The next four only gather in memory; they are done in the order of the calls. is_full: there are
 * no rows at first (K4), and nothing to be removed. */
void catalogue_begin(struct catalogue *c, bool is_full);
void catalogue_put(struct catalogue *c, struct bytes key, uint8_t kind, struct bytes head);
/* The row with this key and every row whose key begins with it; none is fine, too. */
void catalogue_remove(struct catalogue *c, struct bytes key);
/* What the row of this key is, in the table `definition`: what ("topic", "queue", ...), where, its
 * name, and a text that describes it. Removed with the row. */
void catalogue_define(struct catalogue *c, struct bytes key, const char *what, struct bytes ns,
                      struct bytes name, const char *text);
/* K1: position is journal_durable(j) at most. */
void catalogue_commit(struct catalogue *c, const struct journal *j, uint64_t position,
                      catalogue_done_fn *done, void *ctx);

/* For tools: what a database file holds, without a shard. One call per row, in order; is_whole: its
 * CRC is right. */
struct catalogue_summary {
    uint64_t position, epoch; /* of the checkpoint; 0: there is none */
    uint64_t rows;
    bool     is_whole; /* K2 */
};
typedef void catalogue_row_fn(void *ctx, struct bytes key, uint8_t kind, struct bytes head,
                              bool is_whole);
/* path: a copy; SQLite may write to it. ERR_NEWER_FORMAT; ERR_CORRUPT: not even a database. */
MUST_CHECK enum err catalogue_inspect(const char *path, catalogue_row_fn *fn, void *ctx,
                                      struct catalogue_summary *out);

#endif
