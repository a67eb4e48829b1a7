/*
 * consumer_group.h - what the files of consumer_group.c share. Only they and group*.c may include it.
 *
 *   consumer_group.c          the essay; target, reconciliation, epochs, timers
 *   consumer_group_calls.c    heartbeats, who may commit, description
 *   consumer_group_topics.c   who reads which topics: names and patterns resolved
 *   consumer_group_state.c    the changes and rows
 *   consumer_group_classic.c  members of the classic protocol in such a group, both conversions
 *   consumer_protocol.c       the bytes in which classic members say what they read and have
 *
 * Thread: the shard's.
 */
#ifndef ENGINE_CONSUMER_GROUP_H
#define ENGINE_CONSUMER_GROUP_H

#include "engine/consumer_group_calls.h"
#include "engine/group_int.h"
#include "engine/parts.h"

enum member_phase { /* on disk */
    MEMBER_STABLE,
    MEMBER_UNREVOKED,  /* is to give up what is in `revoking`, and has not said that it did */
    MEMBER_UNRELEASED, /* has all of its target that is free; others have yet to give up the rest */
    MEMBER_PHASE_COUNT
};

/* What survives of a member. A change carries all of it. */
struct consumer_state {
    struct bytes           id;
    struct bytes           instance_id, rack, assignor, pattern; /* null: none */
    struct bytes           client_id, client_host;
    size_t                 name_count;
    struct bytes          *names; /* topics that it subscribes to */
    int32_t                rebalance_ms;
    int32_t                epoch, previous_epoch;
    enum member_phase      phase;
    bool                   is_classic;
    int32_t                session_ms;     /* classic */
    size_t                 protocol_count; /* classic */
    struct group_protocol *protocols;
    struct parts           target, assigned, revoking;
};

struct consumer_member {
    struct row             row;
    struct consumer_group *group;
    struct list            in_group;
    struct consumer_state  is;     /* bytes in memory, parts its own */
    struct arena           memory;
    struct timer           session;   /* heartbeats put it off */
    struct timer           rebalance; /* UNREVOKED: ends who does not give up in time */
    struct timer           rejoin;    /* classic: was told to join again */
    struct timer           sync;      /* classic: has joined and not asked for its part */
};

struct consumer_group {
    struct group *group;
    int32_t       epoch;        /* grows with every change of members, subscriptions, topics */
    int32_t       target_epoch; /* of the last assignment that was computed */
    uint64_t      topics_hash;  /* of what was subscribed to then */
    uint64_t      topics_seen;  /* engine.topic_changes then: whether topics have come, gone or grown since */
    struct list   members;      /* by consumer_member.in_group, in the order they came */
    struct map    by_id;
    struct idmap  owners;       /* partition -> the member that has it, or has yet to give it up */
};

/* A member as it is to be: begun from one that is, or from nothing; committed as a change. */
struct member_draft {
    struct consumer_state to;
    struct bytes          replaces; /* the id of the static member whose place it takes; null: none */
};

/* ---- consumer_group.c ---- */
struct consumer_group *consumer_group_new(struct group *g);
void consumer_group_free(struct consumer_group *c);
enum group_state consumer_group_state(const struct consumer_group *c);
struct consumer_member *consumer_member_find(const struct consumer_group *c, struct bytes id);
struct consumer_member *consumer_static_member(const struct consumer_group *c, struct bytes instance_id);
void draft_begin(struct member_draft *d, const struct consumer_member *m);
void draft_end(struct member_draft *d);
/* Under another id it takes the place of m, of which it was begun. */
void draft_take_place(struct member_draft *d, const struct consumer_member *m, struct bytes id);
/* The member's subscription is now the draft's: when that, or the topics, have changed, a new epoch with a new target
 * for all. Patterns must be valid. */
void consumer_group_retarget(struct consumer_group *c, struct member_draft *d, bool has_changed);
/* One step from what the draft's member has to its target. owned NULL: it did not say. */
void draft_reconcile(struct consumer_group *c, struct member_draft *d, const struct parts *owned);
/* Journals the draft if it differs from the member, and returns that. */
struct consumer_member *draft_commit(struct consumer_group *c, struct member_draft *d);
void consumer_member_alive(struct consumer_member *m);
/* Members that are gone for good: a new epoch, or the classic protocol if nobody else speaks this one. c may be gone
 * afterwards. */
void consumer_group_fence(struct consumer_group *c, struct bytes id);
void consumer_group_on_recovered(struct consumer_group *c);
void consumer_member_init_timers(struct consumer_member *m);
/* The name of the one that is used. */
struct bytes consumer_group_assignor(const struct consumer_group *c);
/* The partitions of a set by topic, in memory of the arena; those of topics that are gone are left out. */
struct topic_parts *parts_by_topic(struct engine *e, struct arena *arena, const struct parts *p, size_t *count);

/* ---- consumer_group_calls.c ---- */
/* Of a commit, or of a read of offsets, by a member. */
MUST_CHECK enum err consumer_group_check_epoch(const struct consumer_group *c, struct bytes member_id, int32_t epoch,
                                               bool tells_epoch);

/* ---- consumer_group_topics.c ---- */
/* Who reads what: input for an assignor, in memory of its own. */
struct subscriptions {
    struct arena  arena;
    size_t        topic_count;
    struct topic **topics;  /* each once, in order of their first logs */
    size_t        member_count;
    struct subscriber {
        size_t    topic_count;
        uint32_t *topics; /* indexes, ascending */
    } *members; /* in the order of the states given */
    uint64_t      hash;
};
void subscriptions_init(struct subscriptions *s, struct engine *e, struct bytes ns,
                        const struct consumer_state *const *members, size_t count);
void subscriptions_fini(struct subscriptions *s);
bool consumer_reads_topic(const struct consumer_group *c, struct bytes topic);

/* ---- consumer_group_state.c ---- */
void group_put_state(struct group *g, bool is_consumer, int32_t epoch, int32_t target_epoch, uint64_t hash,
                     struct bytes protocol_type);
void consumer_member_put(struct consumer_group *c, const struct consumer_state *s);
void consumer_member_drop(struct consumer_group *c, struct bytes id);
void consumer_member_free(struct consumer_member *m);
bool consumer_state_eq(const struct consumer_state *a, const struct consumer_state *b);

/* ---- consumer_group_classic.c ---- */
/* True: the call was for a group of the consumer protocol, and has been answered. */
bool consumer_group_take_join(struct engine *e, struct group_join_call *j);
bool consumer_group_take_sync(struct engine *e, struct group_sync_call *s);
bool consumer_group_take_heartbeat(struct engine *e, struct group_heartbeat_call *h);
bool consumer_group_take_leave(struct engine *e, struct group_leave_call *l);
/* A group of the classic protocol becomes one of the other, with its members. NULL: it cannot. */
struct consumer_group *consumer_group_upgrade(struct group *g);
/* Only classic members are left: back to their protocol. */
bool consumer_group_may_downgrade(const struct consumer_group *c, struct bytes except);
void consumer_group_downgrade(struct consumer_group *c);

/* ---- consumer_protocol.c: see there ---- */
struct consumer_subscription {
    size_t              name_count;
    struct bytes       *names;
    size_t              owned_count;
    struct topic_parts *owned; /* by name */
    struct bytes        rack;
    int                 version;
};
/* False: malformed. */
bool consumer_subscription_read(struct bytes metadata, struct arena *arena, struct consumer_subscription *out);
bool consumer_assignment_read(struct bytes assignment, struct arena *arena, struct topic_parts **out, size_t *count);
struct bytes consumer_assignment_write(struct arena *arena, const struct topic_parts *parts, size_t count, int version);

#endif
