/*
 * worker.h - the thread that runs one shard's engine.
 *
 *     doors --> courier --> calls    --+
 *                                      +--> one turn: begin, completions, calls, end --> answers
 *                                      to the loops' mailboxes
 *     volume's commits --> completions-+
 *
 * While more is journalled than the disk keeps up with (engine_is_congested) calls stay in their
 * mailbox: answers stop, the doors' bounds on unanswered calls fill up, and they stop reading
 * their sockets. That is the back-pressure.
 *
 * Thread: worker_open, _start, _stop, _close on the node's; the engine on the worker's own.
 */
#ifndef NODE_WORKER_H
#define NODE_WORKER_H

#include "engine/engine.h"
#include "node/clock.h"
#include "node/recovery.h"
#include "store/volume.h"

struct worker;

struct worker_limits {
    uint64_t disk_free_min; /* shard_set_free_min */
    uint64_t memory;        /* engine_share_memory; 0: the defaults */
    uint64_t scrub_bytes_per_s; /* engine_options; 0: the default */
    struct rights *rights;      /* likewise */
    struct limits *limits;      /* likewise */
};

/* Claims the shard and recovers it, which `recovery` tells meanwhile (it must outlive the worker).
 * on_failed runs on the worker's thread when the disk failed. */
MUST_CHECK enum err worker_open(struct worker **out, struct volume *v, uint32_t shard,
                                const struct worker_limits *limits, const struct clock *clock,
                                struct recovery *recovery,
                                void (*on_failed)(enum err err, const char *what));
/* Any thread. Makes a call one of this worker's; then a chain of such calls (by mail.next) is submitted at once. */
void worker_address(struct worker *w, struct call *c);
void worker_submit(struct worker *w, struct mail *first, struct mail *last);
/* Any thread. shard_is_full. */
bool worker_is_full(const struct worker *w);
/* Of the journal, by worker_open. */
uint64_t worker_replayed_bytes(const struct worker *w);
void worker_start(struct worker *w);
/* Waits until all that was submitted is on disk and answered, then ends the thread. */
void worker_stop(struct worker *w);
/* Answers what is parked with ERR_SHUTDOWN, into its home's mailbox. */
void worker_close(struct worker *w);

#endif
