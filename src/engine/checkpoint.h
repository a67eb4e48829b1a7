/*
 * checkpoint.h - the engine's state as rows (row.h), kept so that recovery need not read the whole
 * journal.
 *
 *     IDLE --journal or changes have grown enough--> GATHERING (position = journal_end)
 *          --all rows are written--> GATHERED
 *          --journal durable up to it--> COMMITTING --done--> IDLE
 *
 *   K1  A checkpoint stands for the state exactly at its position: the rows that changed since the
 *       one before are written over the next turns, some in each, and those that
 *       change meanwhile are written before they do (row.h R1).
 *   K2  It is committed only when the journal is durable up to its position, so it never leads the
 *       journal.
 *   K3  The journal is trimmed only below the position of a committed checkpoint, and below every
 *       batch that some log had in the journal at that moment. What was settled or moved since then
 *       does not count: after a crash it may not have been.
 *   K4  While the disk is full there is one as often as every CHECKPOINT_FULL_MS if anything has
 *       changed, however little: what consumers settle gives its space back only behind one.
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

/* Defaults of engine_options.checkpoint. */
enum {
    CHECKPOINT_EVERY_ROWS = 250 * 1000,
    CHECKPOINT_TURN_ROWS = 2000,
    CHECKPOINT_FULL_MS = 1000,
};

/* Opens the catalogue and applies the last checkpoint; *position is where replay begins. */
MUST_CHECK enum err checkpoint_open(struct checkpoint **out, struct engine *e, struct shard *shard, uint64_t *position);
/* After replay of so many bytes: they count towards the next checkpoint. */
void checkpoint_on_recovered(struct checkpoint *c, uint64_t replayed_bytes);
/* At the end of a turn: gathers when it is time. */
void checkpoint_on_turn(struct checkpoint *c);
/* The journal could be trimmed: one should come soon. */
void checkpoint_want(struct checkpoint *c);
/* None is under way. */
bool checkpoint_is_idle(const struct checkpoint *c);
/* There is more to gather: the next turn should come at once. */
bool checkpoint_wants_turn(const struct checkpoint *c);
void checkpoint_on_durable(struct checkpoint *c);
/* With final, a last checkpoint is written first: the journal must be idle. Waits for the disk. NULL is allowed. */
void checkpoint_close(struct checkpoint *c, bool final);

#endif
