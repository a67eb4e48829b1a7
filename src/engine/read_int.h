/*
 * read_int.h - how logs are read and watched, for reads (read.c) and fetch sessions (fetch_session.c).
 * Thread: the shard's.
 */
#ifndef ENGINE_READ_INT_H
#define ENGINE_READ_INT_H

#include "engine/load.h"
#include "engine/log_int.h"

/* Those that wait for one log; there is one while there are some. */
struct log_watch {
    struct log *log;
    size_t      count;
    struct list readers;  /* read_wait.in_log; while they look again some are not in it */
    struct list sessions; /* fetch_part.in_log */
    struct list in_fresh; /* engine.fresh while the log has batches that are not yet on disk */
    uint64_t    woken_at; /* how much was on disk when readers last looked; log.durable may be asked for before */
};
struct log_watch *log_watch_enter(struct engine *e, struct log *l);
void log_watch_leave(struct log_watch *w);

/* One look at what there is. */
struct look {
    struct engine *e;
    struct call   *call;    /* whose arena is used */
    bool           committed_only;
    uint32_t       bytes_max;
    uint32_t       bytes; /* taken so far */
    size_t         loads;
    bool           has_error;
    bool           is_cold; /* some item would have more if it were loaded */
    bool           has_new_start; /* of a log, not on disk yet */
};
/* Fills in what item asks of l. w waits for what is cold. */
MUST_CHECK enum err look_at_log(struct look *k, struct read_item *item, struct log *l, struct load_wait *w);

/* ---- fetch_session.c ---- */
/* More of the log is on disk. */
void fetch_session_wake(struct engine *e, struct log_watch *w);
/* The log goes. */
void fetch_session_abandon(struct engine *e, struct log_watch *w);

#endif
