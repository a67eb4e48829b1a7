/*
 * compactor.h - key compaction of logs in the background (compact.h says what becomes of a batch).
 *
 * A log of a compacted topic has a part that is clean, up to where the last pass came, a part that
 * is dirty, and a newest part that is left alone: at least its last batch or extent, what is
 * younger than segment_ms with less than segment_bytes behind it, what is younger than
 * min_compaction_lag_ms, what is not on disk, and what is not below the first open transaction.
 *
 *     offsets   start ......... clean ............ closed ............ end
 *                       clean          dirty              newest
 *
 * A pass is due when more than dirty_ratio of what is closed is dirty, when something in it is older
 * than max_compaction_lag_ms, or when tombstones have come of age. One pass runs at a time, for one
 * large log or several small ones. It is a chain of moves (move.h): first such that only read and
 * note keys, then such that filter.
 *
 *   judge --due--> in line --start--> NOTING move, move... --> FILTERING move, move... --> LOG_COMPACTED
 *     ^                                                                                       |
 *     `------------------------------- its timer, an append ---------------------------------'
 *
 *   Z1  Each move leaves a log that reads right: what goes has a later record of its key, which
 *       stays, in the log. So a pass may end anywhere, by a crash, a full disk or a damaged batch.
 *   Z2  LOG_COMPACTED comes last: what was noted and not filtered to the end is noted again.
 *   Z3  Memory: options.compact_keys_bytes for keys, while a pass runs. Keys beyond that are for the next one.
 *   Z4  A turn looks at a bounded number of logs, at JUDGE_PARTS_MAX parts of each, and gathers one
 *       move.
 *   Z5  A pass stops at what cannot be read: a tombstone behind it may be all that hides a record in
 *       it.
 *
 * Changes (docs/journal.md):
 *   LOG_COMPACTED  log, clean, horizon: when the next of its tombstones may go (0: it has none)
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_COMPACTOR_H
#define ENGINE_COMPACTOR_H

#include "base/list.h"
#include "base/timers.h"

struct engine;
struct log;
struct pass;
struct topic;

/* What is known of a log of a compacted topic beside log.clean and log.horizon_ms; rebuilt when it
 * is lost. */
struct cleaning {
    struct log  *log;
    uint64_t     closed;      /* what lies below it is not the newest part */
    uint64_t     dirty_bytes; /* from log.clean to there */
    uint64_t     clean_bytes; /* from counted_from, which was log.start, to log.clean */
    uint64_t     counted_from;
    struct timer timer;       /* to judge it again */
    struct list  in_line;     /* compactor.line while a pass is due */
};

struct compactor {
    struct list  line;
    struct pass *pass;  /* under way */
    bool         is_moving; /* one of its moves is on its way */
    struct timer timer;     /* its next move; without a pass: the next one */
    int64_t      judged_ms; /* how many logs were judged in this millisecond */
    int          judged;
};

void compactor_init(struct engine *e);
void compactor_fini(struct engine *e);
/* Its policy may be another one. */
void compactor_on_policy(struct engine *e, struct topic *t);
void compactor_on_recovered(struct engine *e);
/* The log got a batch. Cheap. */
void compactor_on_append(struct engine *e, struct log *l);
/* The log goes. */
void compactor_forget(struct engine *e, struct log *l);

#endif
