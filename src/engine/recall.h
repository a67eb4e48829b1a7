/*
 * recall.h - batches of the journal that are not in memory, loaded.
 *
 * What this process wrote lately is read through the journal's mapping (log_view): it is in the
 * system's memory. Everything else in the journal is cold, as an extent is: what an earlier claim
 * wrote, and what lies more than `hot_bytes` behind the durable end. The reader thread copies some
 * batches of one log that follow one another into a load (load.h) and checks them.
 *
 *   cold --recall_want--> on its way --its mail--> loaded --budget--> cold
 *                              `----unreadable, or not what was written----> damaged: a line on stderr, once
 *
 *   C1  The engine thread reads no batch of the journal that is not hot, and nobody does so through
 *       a mapping: a sector that cannot be read is an error of the read, and costs the batches in
 *       it, nobody else.
 *   C2  What was loaded passed its own checksum.
 *   C3  A damaged batch stays in its log, where reads meet LOG_BAD, and is not read again.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_RECALL_H
#define ENGINE_RECALL_H

#include "engine/log_int.h"

bool recall_is_hot(const struct engine *e, const struct log_entry *entry);
/* LOG_FOUND with *at, LOG_COLD or LOG_BAD, of an entry that is not hot. */
enum log_answer recall_find(const struct log *l, const struct log_entry *entry, struct log_at *at);
/* The load that the cold entry is or will be in, with those that follow it. */
struct reading *recall_want(struct engine *e, struct log *l, const struct log_entry *entry);
/* The same, when it is neither loaded nor on its way nor damaged. Returns the offset behind what is. */
uint64_t recall_ahead(struct engine *e, struct log *l, const struct log_entry *entry);
/* The load goes. */
void recall_drop(struct engine *e, struct load *load);
/* The log has the batch no more. */
void recall_forget(struct log *l, const struct log_entry *entry);
/* Its start moved: loads that lie wholly below it are of no use any more. */
void recall_on_trim(struct engine *e, struct log *l);
/* The log goes. */
void recall_fini(struct log *l);
/* How many of its batches are known to be damaged. */
size_t recall_damaged_count(const struct log *l);

#endif
