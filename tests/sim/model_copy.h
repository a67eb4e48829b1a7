/*
 * model_copy.h - what copiers make of a topic: exactly once. Each record of the source that is shown as
 * committed, and lies below the position that their group has committed, has one copy that is committed
 * in the target, in the order of the source; what lies above has none.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_MODEL_COPY_H
#define SIM_MODEL_COPY_H

#include "model_txn.h"

/* Topics with one partition each that lose nothing. Others write to them, too. */
#define COPY_SOURCE "cs"
#define COPY_TARGET "cd"
#define COPY_GROUP "copy"

enum { COPY_RECORDS_MAX = 12 };

/* What was shown at an offset of the source is to be copied. */
bool model_is_source(struct model *m, uint64_t id);
/* The records of the batch are copies of these. */
void model_note_copies(struct m_batch *b, const uint64_t *sources);
/* A week may have passed without a word; then copies are made again. */
void model_copy_look(struct model *m);
/* Its position was committed then, or the process began anew. */
void model_copy_touch(struct model *m, int64_t ms);
/* After both logs were seen to their ends: position is what the group has committed. */
void model_check_copies(struct model *m, uint64_t position);

#endif
