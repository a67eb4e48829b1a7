/*
 * rig.h - the real thing under the benchmark: the node's worker (engine thread, commit thread,
 * keeper and all) on a file volume, and one client thread with a mailbox in the place of a loop.
 *
 * Calls go the way a door's go: rig_submit gathers, rig_flush hands all over at once
 * (node/courier.c), answers arrive in the client's mailbox and run in rig_wait.
 *
 * Thread: the client's, which is the process' first.
 */
#ifndef BENCH_STORE_RIG_H
#define BENCH_STORE_RIG_H

#include "engine/batch.h"
#include "engine/exchange_calls.h"
#include "node/clock.h"
#include "node/worker.h"

#include <stdint.h>

struct rig {
    struct volume  *volume;
    struct worker  *worker;
    struct recovery recovery;
    struct clock    clock;
    struct mailbox  home;
    pthread_mutex_t lock;
    pthread_cond_t  cond;
    bool            is_woken;
    struct mail    *first;
    struct mail    *last;
    bool            is_answered; /* rig_call's */
    double          open_seconds;
    uint64_t        replayed_bytes; /* by rig_open */
};

/* Opens dir/data: recovers what is there. */
void rig_open(struct rig *r, const char *dir);
/* The same where segments are hollow (disk_calls.h): nobody reads them to see whether they are sound. */
void rig_open_hollow(struct rig *r, const char *dir);
/* The orderly end. */
void rig_close(struct rig *r);

void rig_submit(struct rig *r, struct call *c);
void rig_flush(struct rig *r);
/* Sleeps until mail came and runs it. */
void rig_wait(struct rig *r);
/* Submits and waits until it is answered; the answer. */
enum err rig_call(struct rig *r, struct call *c);
/* A call for rig_call on the caller's storage. */
void rig_init(struct rig *r, void *call, size_t size, enum call_kind kind);

/* ---- what every part needs ---- */
void rig_make_topic(struct rig *r, const char *name, uint32_t partitions);
void rig_make_queue(struct rig *r, const char *name, int64_t delay_ms);

static inline struct bytes bytes_of_str(const char *text)
{
    return bytes_of(text, strlen(text));
}

/* A sealed batch of `count` records with values of `bytes` bytes each, in *out. */
void rig_batch(struct buf *out, uint32_t count, size_t bytes);

#endif
