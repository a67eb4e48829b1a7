/*
 * sparse.h - which offsets of a stored batch still have a record. Compaction takes records out of a
 * batch, which keeps its range of offsets; a queue must not hand out what is not there.
 *
 * Only batches that came from a segment can be sparse, and only their bytes are looked at. What is
 * not well-formed counts as dense: its reader shall see it as it is.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_SPARSE_H
#define ENGINE_SPARSE_H

#include "engine/engine_int.h"

struct sparse {
    const struct log_entry *entry; /* of the batch looked at last */
    bool                    is_sparse, is_open;
    struct slice            batch; /* while it is open */
    struct batch_reader     reader;
    int32_t                 delta; /* of the record read last; INT32_MAX: there are no more */
};

void sparse_begin(struct sparse *s);
/* The first offset from `offset` on, which lies in the batch, that has a record; the end of the batch: none has.
 * Cheap for offsets that ascend. */
uint64_t sparse_next(struct sparse *s, struct engine *e, const struct log_at *at, uint64_t offset);
void sparse_end(struct sparse *s);

#endif
