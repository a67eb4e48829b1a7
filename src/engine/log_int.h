/* log_int.h - making and filling logs, and their rows: for topic.c, append.c and log*.c only. Thread: the shard's. */
#ifndef ENGINE_LOG_INT_H
#define ENGINE_LOG_INT_H

#include "engine/engine_int.h"

struct log *log_new(uint64_t id, struct topic *topic, uint32_t partition);
void log_free(struct engine *e, struct log *l);
/* Appends the entry of a stored batch; its base_offset must be log.end. */
void log_push(struct log *l, const struct log_entry *entry);

/* ---- log_row.c ---- */
/* Before an entry with this base_offset is pushed. */
void log_chunks_on_push(struct engine *e, struct log *l, uint64_t base_offset);
/* Before the entries wholly below offset are forgotten. */
void log_chunks_on_trim(struct engine *e, struct log *l, uint64_t offset);
void log_chunks_fini(struct engine *e, struct log *l);

#endif
