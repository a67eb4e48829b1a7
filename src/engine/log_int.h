/*
 * log_int.h - the inside of logs, for the modules that fill and move them. Thread: the shard's.
 */
#ifndef ENGINE_LOG_INT_H
#define ENGINE_LOG_INT_H

#include "engine/engine_int.h"
#include "engine/load.h"
#include "engine/room.h"

struct log *log_new(uint64_t id, struct topic *topic, uint32_t partition);
void log_free(struct engine *e, struct log *l);
/* All at the end of the log. */
void log_push(struct engine *e, struct log *l, const struct log_entry *entry);
/* Some that follow one another, in the log and in the journal. */
void log_push_run(struct engine *e, struct log *l, const struct log_entry *entries, uint32_t count);
void log_push_extent(struct engine *e, struct log *l, const struct extent *x);
/* The same from a row, which knows the log's end; those of each kind come in order. */
void log_load_entries(struct engine *e, struct log *l, const struct log_entry *entries,
                      uint32_t count);
void log_load_extent(struct engine *e, struct log *l, const struct extent *x);
/*
 * From now on [from, to) is what these extents, in order of offset, have of it; entries and extents
 * that were there are forgotten. False, and nothing is done: one of them lies across from or to, or
 * the extents are not within. The journal has it already. What was trimmed meanwhile stays so.
 */
MUST_CHECK bool log_replace(struct engine *e, struct log *l, uint64_t from, uint64_t to,
                            const struct extent *made, size_t count);
/* Nothing of it is still on its way to the disk. */
bool log_is_durable(const struct log *l);

/* The present ones, as arrays of log.entries.count and log.extents.count. */
struct log_entry *log_entries(const struct log *l);
struct extent *log_extents(const struct log *l);
/* Index of the first that ends behind offset; their count when there is none. */
uint32_t log_entry_index(const struct log *l, uint64_t offset);
uint32_t log_extent_index(const struct log *l, uint64_t offset);
/* The base of the first of either that ends behind offset; UINT64_MAX: there is none. */
uint64_t log_next_base(const struct log *l, uint64_t offset);

/* ---- log_row.c ---- */
/* Before an extent with this base is pushed. */
void log_chunks_on_push(struct engine *e, struct log *l, uint64_t base);
/* Before these entries are. */
void log_chunks_on_run(struct engine *e, struct log *l, const struct log_entry *entries,
                       uint32_t count);
/* Before what lies wholly below offset is forgotten. */
void log_chunks_on_trim(struct engine *e, struct log *l, uint64_t offset);
/* Before and after what lies in [from, to) becomes something else. */
void log_chunks_on_replace(struct engine *e, struct log *l, uint64_t from, uint64_t to);
void log_chunks_on_replaced(struct engine *e, struct log *l, uint64_t from, uint64_t to);
void log_chunks_fini(struct engine *e, struct log *l);

/* ---- extent.c: extents in changes ---- */
void extent_put(struct buf *head, const struct extent *x);
/* An extent, without its segment, whose number is given. False: it makes no sense. */
MUST_CHECK bool extent_get(struct rd *head, struct extent *out, uint64_t *segment);
struct extent_head extent_head_of(uint64_t log, const struct extent *x);
/* One without its segment. */
struct extent extent_of_head(const struct extent_head *head, uint32_t at);
/* Journals and applies: [from, to) of the log is what these extents have of it (log_replace). */
void extent_move(struct engine *e, struct log *l, uint64_t from, uint64_t to,
                 const struct extent *made, size_t count);

/* ---- append.c ---- */
/* What this entry says came in, one batch or several: queues and readers hear of it. */
void append_note(struct engine *e, struct log *l, const struct log_entry *entry, int64_t delay_ms);

/* ---- stage.c: appends of one turn ---- */
void stage_init(struct stage *s);
/* Takes over the batch's hold. Returns the offset of its first record. */
uint64_t stage_append(struct engine *e, struct log *l, struct slice batch,
                      const struct batch_head *head, int64_t delay_ms);
/* The call is answered ERR_OK when what is staged is journalled. */
void stage_answer(struct engine *e, struct call *c);
/* What is staged is journalled and applied, and what waits for that is answered. */
void stage_flush(struct engine *e);
/* What is staged is forgotten, as if it had never come: answered ERR_SHUTDOWN. */
void stage_abandon(struct engine *e);

#endif
