/*
 * checkpoint.h - the engine's state as a list of changes, kept so that recovery need not read the
 * whole journal.
 *
 *     IDLE --journal has grown enough--> GATHERED (position = journal_end)
 *          --journal durable up to it--> COMMITTING --done--> IDLE
 *
 *   K1  A checkpoint stands for the state exactly at its position: it is gathered between two
 *       turns.
 *   K2  It is committed only when the journal is durable up to its position, so it never leads the
 *       journal.
 *   K3  The journal is trimmed only below what the last committed checkpoint and the stored
 *       batches of all logs still need.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_CHECKPOINT_H
#define ENGINE_CHECKPOINT_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct checkpoint;
struct engine;
struct shard;

enum { CHECKPOINT_EVERY_BYTES = 256 * 1024 * 1024 };

/* Opens the catalogue and applies the last checkpoint; *position is where replay begins. */
MUST_CHECK enum err checkpoint_open(struct checkpoint **out, struct engine *e, struct shard *shard, uint64_t *position);
/* After replay of so many bytes: they count towards the next checkpoint. */
void checkpoint_on_recovered(struct checkpoint *c, uint64_t replayed_bytes);
/* At the end of a turn: gathers when it is time. */
void checkpoint_on_turn(struct checkpoint *c);
void checkpoint_on_durable(struct checkpoint *c);
/* With final, a last checkpoint is written first: the journal must be idle. Waits for the disk. NULL is allowed. */
void checkpoint_close(struct checkpoint *c, bool final);

#endif
