/*
 * share.h - share groups (KIP-932), towards the modules of queues. The essay is in share.c.
 *
 * A share group reads a topic as a queue does: one queue over the topic, a lane for each partition, leases for what
 * Kafka calls acquisition locks. Such a queue has a struct share_queue.
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_SHARE_H
#define ENGINE_SHARE_H

#include "base/list.h"
#include "engine/ledger.h"

struct engine;
struct queue;
struct session;
struct share_group;
struct topic;

struct share_queue {
    struct share_group *group;
    struct queue       *queue;
    struct list         in_group; /* share_group.queues */
    struct list         waiters;  /* share_wait.in_queue: parked fetches, first come first */
    bool                is_pressed; /* some of them wait for what is being loaded, not for something to be ready */
    uint32_t           *locks;    /* of each lane: messages in members' hands */
    uint32_t            lock_count;
    struct share_spent {          /* handed out too often, or rejected, and to be buried (share_bury.c) */
        uint64_t offset;
        uint32_t lane;
    }     *spent;
    size_t spent_count, spent_cap;
};

/* ---- share.c ---- */
/* A queue came about whose Kafka part is the name of its group. False: that makes no sense. */
bool share_attach(struct engine *e, struct queue *q);
void share_detach(struct queue *q);
void share_on_session_close(struct session *s);
void share_fini(struct engine *e);

/* ---- share_lease.c ---- */
void share_on_lease(struct queue *q, void *holder, uint32_t lane);
void share_on_lease_end(struct queue *q, void *holder, uint32_t lane);
/* When a message that comes back is ready again; 0: at once. */
int64_t share_ready_ms(struct queue *q, const struct held *h);
/* h was released. */
void share_on_release(struct queue *q, struct held *h);
/* At the end of a turn in which something became ready. */
void share_dispatch(struct queue *q);

/* ---- share_bury.c ---- */
/* Whether it was handed out as often as it may; h may be NULL. */
bool share_is_spent(struct queue *q, const struct held *h);
/* h, which is ready, is nobody's any more: it goes at the end of the turn. */
void share_bury(struct queue *q, struct held *h);
/* Buries what can be; false: some of it is on its way from the disk. */
bool share_bury_all(struct queue *q);

#endif
