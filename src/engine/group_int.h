/*
 * group_int.h - what the files of group.c share. Only they may include it.
 *
 *   group.c          the essay, the machine: rebalances, generations, assignments, expiry
 *   group_calls.c    the calls that drive it: join, sync, heartbeat, leave
 *   group_members.c  who is in a group, with which protocols, waiting for what
 *   group_admin.c    describe, list, delete
 *   group_offsets.c  committed offsets: the part that is journalled
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_GROUP_INT_H
#define ENGINE_GROUP_INT_H

#include "engine/engine_int.h"

struct consumer_group;

struct group {
    struct engine   *engine;
    struct name_key  key;
    enum group_state state;
    bool             is_initial;   /* PREPARING: coming from EMPTY, its delay runs */
    bool             has_grown;    /* PREPARING from EMPTY: a member came since the delay began */
    int64_t          delay_left_ms; /* how far the initial delay may still be extended */
    int32_t          generation;
    struct bytes     protocol_type; /* owned; of the last members; null before the first */
    struct bytes     protocol;      /* owned; null when there are no members, and before the first generation */
    struct member   *leader;        /* one of members, or NULL */
    struct list      members;       /* in the order they came, by member.in_group */
    struct list      pending;       /* were given an id and have not come back with it */
    size_t           member_count;
    size_t           pending_count;
    size_t           joining_count; /* members whose join is parked */
    struct map       by_id;         /* member id -> struct member, pending ones too */
    struct timer     join_timer;    /* PREPARING: ends the rebalance without those who are late */
    struct timer     sync_timer;    /* COMPLETING, STABLE: removes those who never sync */
    struct timer     expiry_timer;  /* offsets of a group without members go after a while */
    struct map       offsets;       /* topic name -> struct group_topic */
    struct consumer_group *consumer; /* of the consumer protocol, then all above but offsets is idle; NULL: classic */
    struct row       row;           /* its type and protocol type; unborn while nobody knows them */
};

struct member {
    struct group         *group;
    struct list           in_group; /* group.members or group.pending */
    struct bytes          id;          /* owned */
    struct bytes          instance_id; /* owned; null: dynamic */
    struct bytes          client_id, client_host; /* owned */
    bool                  is_pending;
    bool                  is_new;      /* has not got its first answer to a join */
    bool                  has_synced;  /* asked for the assignment of this generation */
    int32_t               session_ms;
    int32_t               rebalance_ms;
    size_t                protocol_count;
    struct group_protocol *protocols;  /* owned, with the bytes, in one allocation */
    struct bytes          assignment;  /* owned; null: none yet */
    struct list           join;        /* the parked join, at most one */
    struct list           sync;        /* the parked sync, at most one */
    struct timer          session;     /* heartbeats put it off */
};

/* ---- group.c ---- */
struct group *group_find(struct engine *e, struct bytes ns, struct bytes name);
struct group *group_new(struct engine *e, struct bytes ns, struct bytes name);
/* A group that may have lost its last member or offset: when it has, it goes after GROUP_IDLE_MS. The caller does not
 * use it afterwards. */
void group_release(struct group *g);
void group_free(struct group *g);
bool group_is_empty(const struct group *g);
/* Ids that were given and not come back with. */
void group_forget_pending(struct group *g);
/* Of both protocols. */
enum group_state group_state(const struct group *g);
/* Classic members go, whatever they wait for is refused; the group is empty. */
void group_drop_members(struct group *g, enum err err);
/* With members put in from outside: they are to join. */
void group_resume(struct group *g);
struct bytes group_make_member_id(struct engine *e, struct group_join_call *j);
/* ERR_UNKNOWN_MEMBER or ERR_FENCED_INSTANCE (KIP-345); *out is the member otherwise. */
MUST_CHECK enum err group_check_member(struct group *g, struct bytes member_id,
                                       struct bytes instance_id, struct member **out);

/* No heartbeat came in time. */
void member_on_session_end(struct member *m);

/* A newcomer has so long until its first join is answered. */
enum { GROUP_NEWCOMER_MS = 5 * 60 * 1000 };
void member_restart_session(struct member *m, int64_t length_ms);
/* Answers what m waits for, if it does, with an error. */
void member_refuse_join(struct member *m, enum err err);
void member_refuse_sync(struct member *m, enum err err);
/* Fills in j, a join of m, with the present generation. */
void member_fill_join(const struct member *m, struct group_join_call *j);
void member_answer_join(const struct member *m, struct group_join_call *j);
void member_answer_sync(struct member *m, struct group_sync_call *s);
/* Removes m and answers what it waits for. The caller rebalances. */
void member_remove(struct member *m, enum err err);
/* After any change of the membership. */
void group_rebalance(struct group *g);
/* The leader has spoken: everybody that waits gets its part. */
void group_assign(struct group *g, const struct group_sync_call *s);

/* ---- group_members.c ---- */
/* A new member, pending or joined to the end of the list. */
struct member *member_new(struct group *g, struct bytes id, struct bytes instance_id,
                          bool is_pending);
/* Out of the group, timers stopped; its calls must have been answered. Elects nobody. */
void member_free(struct member *m);
void member_rename(struct member *m, struct bytes id);
/* Timeouts and protocols of its latest join. */
void member_update(struct member *m, const struct group_join_call *j);
bool member_offers_same(const struct member *m, const struct group_join_call *j);
void member_set_assignment(struct member *m, struct bytes assignment);
struct member *group_static_member(struct group *g, struct bytes instance_id);
/* True when a member with these protocols can be in the group. */
bool group_supports(const struct group *g, const struct group_join_call *j);
/* The protocol that all list and most prefer; null when there is none. Borrowed from a member. */
struct bytes group_pick_protocol(const struct group *g);
int64_t group_rebalance_ms(const struct group *g);
/* What the member says about itself under a protocol; empty when it does not list it. */
struct bytes member_metadata(const struct member *m, struct bytes protocol);
/* The parked call, or NULL. */
struct group_join_call *member_join(const struct member *m);
struct group_sync_call *member_sync(const struct member *m);
void bytes_replace(struct bytes *owned, struct bytes b);

/* ---- group_offsets.c ---- */
/* The expiry timer's. */
void group_on_expiry(struct timer *t, int64_t now_ms);
/* A committed offset as changes have it. */
struct group_offset {
    struct bytes topic;
    uint32_t     partition;
    int64_t      offset;
    int32_t      leader_epoch;
    struct bytes metadata; /* null: none */
};
void group_offset_write(struct buf *head, const struct group_offset *o);
/* With the topic of the one before, which is still in *o, when that is left out. False: head has failed. */
bool group_offset_read(struct rd *head, struct group_offset *o);
/* Journals and applies those whose topics and partitions exist. */
void group_commit_items(struct engine *e, struct offsets_commit_call *o);
/* Whether this may become part of a transaction; the items get their errors. */
MUST_CHECK enum err group_check_txn_commit(struct engine *e, struct offsets_commit_call *o);
/* (Re)starts the clock after which the offsets of a group without members are forgotten. */
void group_touch(struct group *g);
void group_offsets_fini(struct group *g);
void group_forget_offset(struct group *g, struct bytes topic, uint32_t partition);
/* Ends a group without members, durably. */
void group_delete(struct group *g);

/* ---- txn_offsets.c ---- */
void txn_offsets_on_topic_deleted(struct engine *e, struct topic *t);
void txn_offsets_on_group_deleted(struct engine *e, struct bytes ns, struct bytes group);

#endif
