/*
 * recode.h - a batch stored with another codec than it came with (Kafka's compression.type).
 * Thread: pure, any.
 */
#ifndef ENGINE_RECODE_H
#define ENGINE_RECODE_H

#include "base/block.h"
#include "engine/batch.h"

/*
 * Puts the same batch with this codec into a block of its own in place of *batch, whose hold is
 * dropped; *head follows. ERR_BAD_RECORD: it cannot be inflated; ERR_TOO_BIG: no batch is so large.
 * With an error nothing has changed.
 */
MUST_CHECK enum err recode_batch(struct slice *batch, struct batch_head *head, unsigned codec);

#endif
