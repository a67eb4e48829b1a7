/*
 * share_int.h - what the files of share groups have in common. Only they may include it.
 *
 *   share.c          the essay; groups as objects, which of them survive, and their queues
 *   share_member.c   heartbeats: who is in a group, and which partitions are whose
 *   share_assign.c   the rule that shares them out
 *   share_session.c  share sessions: which partitions a member fetches from, and in what order its requests come
 *   share_fetch.c    fetches, parked or not
 *   share_settle.c   acknowledgements
 *   share_lease.c    who holds what, and what comes back
 *   share_bury.c     what was given up: the dead letter topic
 *   share_admin.c    groups as seen and changed from outside
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_SHARE_INT_H
#define ENGINE_SHARE_INT_H

#include "engine/assign.h"
#include "engine/group_int.h"
#include "engine/group_policy.h"
#include "engine/queue_int.h"
#include "engine/share.h"
#include "engine/share_calls.h"

struct share_group {
    struct row      row;
    struct engine  *engine;
    struct name_key key;
    bool            is_real; /* it was made by a heartbeat and not deleted; else it is there for its queues only */
    int32_t         epoch;
    uint64_t        seen;    /* engine.topic_changes when the target was made */
    size_t          member_count;
    struct list     members; /* share_member.in_group, by their ids */
    struct map      by_id;   /* member id -> struct share_member */
    struct list     queues;  /* share_queue.in_group */
    struct map      holders; /* place and member id -> struct share_holder */
};

struct share_member {
    struct share_group *group;
    struct list         in_group;
    struct bytes        id, client_id, client_host, rack; /* owned; rack may be null */
    int32_t             epoch, previous_epoch;
    size_t              topic_count;
    struct bytes       *topics; /* owned, and their bytes; ascending, each once */
    struct parts        target;
    bool                is_told; /* of its target */
    struct timer        session;
};

/* Whoever fetches: the locks of a member, and its session while it has one. It need not be a member (any more). */
struct share_holder {
    struct share_group *group;
    struct bytes        key;    /* owned: place u32, id */
    struct bytes        id;     /* of the member; in key */
    struct list         leases; /* held.in_holder, in the order they were given */
    size_t              lease_count;
    bool                is_pinned;
    bool                has_session;
    int32_t             epoch;   /* of its next request */
    struct list         in_session; /* session.shares: of the connection that began it */
    size_t              part_count, part_cap;
    struct share_part  *parts;
};

/* ---- share.c ---- */
struct share_group *share_group_find(struct engine *e, struct bytes ns, struct bytes name);
/* Journals its epoch; makes a real one of it. */
void share_group_set(struct engine *e, struct bytes ns, struct bytes name, int32_t epoch);
void share_group_delete(struct share_group *g);
/* Nobody needs the object any more, if so. */
void share_group_drop(struct share_group *g);
struct queue *share_queue_of(const struct share_group *g, const struct topic *t);
/* The group begins to read the topic, if it does not yet, where its policy says. */
void share_queue_make(struct share_group *g, struct topic *t);
const struct group_policy *share_policy(const struct share_group *g);

/* ---- share_member.c ---- */
void share_member_free(struct share_member *m);
/* Its target, by topic, in memory of the call. */
struct share_topic *share_show_target(const struct share_member *m, struct call *c, size_t *count);

/* ---- share_assign.c ---- */
void assign_simple(struct assign_input *in);

/* ---- share_session.c ---- */
struct share_holder *share_holder_find(const struct share_group *g, uint32_t place, struct bytes id);
/* Ends all that the member has, wherever. */
void share_holders_end(struct share_group *g, struct bytes id);
/* With nothing left to keep it for, it goes. */
void share_holder_drop(struct share_holder *h);
void share_holder_free(struct share_holder *h);
/* Its session, if it has one, and its locks are no more. */
void share_holder_end(struct share_holder *h);
/* Begins a session, goes on with it, or lets it go on to its end. *out is not NULL when it is ERR_OK. */
MUST_CHECK enum err share_session_step(struct share_group *g, struct share_fetch_call *a, struct share_holder **out);

/* ---- share_settle.c ---- */
/* How far acknowledgements were carried out: zeros at first. */
struct share_place {
    bool     is_checked;
    size_t   ack;
    uint64_t offset; /* of it; 0: its first */
};
/* Carries out the acknowledgements of a partition, all or, with an error, none. False: what comes next must be loaded
 * first (q->load); then again. */
bool share_settle(struct share_holder *h, struct queue *q, const struct share_item *item, bool renews,
                  struct share_place *place, enum err *err);

/* ---- share_bury.c ---- */
/* h, leased or blocked, is given up. LOG_COLD: not yet. */
enum log_answer share_give_up(struct queue_writer *w, struct queue *q, struct held *h, bool is_rejected);

/* ---- share_fetch.c ---- */
/* Its queue changed: waiters of it look again. */
void share_wake(struct queue *q);
void share_turn_away(struct queue *q);

#endif
