/* log_int.h - making and filling logs: for topic.c and append.c only. Thread: the shard's. */
#ifndef ENGINE_LOG_INT_H
#define ENGINE_LOG_INT_H

#include "engine/engine_int.h"

struct log *log_new(uint64_t id, struct topic *topic, uint32_t partition);
void log_free(struct log *l);
/* Appends the entry of a stored batch; its base_offset must be log.end. */
void log_push(struct log *l, const struct log_entry *entry);

#endif
