/*
 * model_group.h - consumer groups as far as their members can tell: the offsets committed under
 * them, who is in, and in which generation.
 *
 *   GM1  An offset that was committed is there until a later commit, the end of its topic or of
 *        the group, or a week without members. Each commit has a value of its own, so what is seen tells which one
 *        it was.
 *   GM2  A member's id is given once, ends with the process, and the generations it is told of go
 *        forward. Who has left, was replaced, or knows of a later generation cannot act in an older
 *        one.
 *   GM3  A group lives on as long as it has an offset, and its generations have numbers that are
 *        used once: one leader, one protocol, one assignment for each. Its incarnation is new after
 *        a restart, and whenever it may have been forgotten.
 *
 * Thread: the simulator's only one.
 */
#ifndef SIM_MODEL_GROUP_H
#define SIM_MODEL_GROUP_H

#include "engine/group_calls.h"
#include "model.h"

enum {
    GROUPS = 3,          /* "g0" and so on */
    GROUPS_ANCHORED = 2, /* that many of them begin with an offset of a topic that stays: GM3 */
    MEMBER_ID_BYTES = 64,
    ASSIGNMENT_BYTES = 128,
    STATIC_PREFIX = 'i', /* of instance ids, and so of the ids of static members */
};
#define GROUP_FORGET_MS (7 * 24 * 3600 * INT64_C(1000)) /* docs: a group without members */
#define ANCHOR_TOPIC "anchor"

/* ---- offsets ---- */

struct m_commit {
    uint64_t     number; /* of the call */
    int64_t      offset; /* -1: that it is forgotten */
    enum outcome outcome;
    struct m_txn *txn;   /* that commits it; NULL: none */
};

/* What was committed for one partition of one life of a topic. */
struct m_slot {
    struct m_slot   *next;
    unsigned         group;
    struct m_topic  *topic;
    uint32_t         partition;
    struct m_commit *at; /* in the order of their numbers */
    size_t           count, cap;
    uint64_t         seen; /* number of the last call that was shown it */
};

/* ---- members ---- */

/* An id that a client was given. */
struct m_member {
    struct m_member *next;
    char             id[MEMBER_ID_BYTES];
    unsigned         group;
    uint64_t         joined;        /* number of the call that brought the id */
    int32_t          generation;    /* the highest it was told of */
    int32_t          synced;        /* the last it has its assignment of */
    uint64_t         out;           /* number of the call that took it out; 0: none */
    uint64_t         threat;        /* of the last one that may have */
    int64_t          patience_ms;   /* so long the group waits for it at least */
    int64_t          sure_until_ms; /* it is in the group until then, if nobody takes it out */
};

struct m_generation {
    struct m_generation *next;
    unsigned             group;
    uint64_t             incarnation;
    int32_t              generation;
    char                 leader[MEMBER_ID_BYTES];
    char                 protocol[NAME_BYTES];
    uint64_t             assigned; /* number of the assignment that its members got; 0: none seen */
};

struct m_group {
    int64_t  touch_ms;    /* it had a member or a commit at this time or later */
    uint64_t forgotten;   /* number of the last call before which it may have been */
    int64_t  renewed_ms;  /* when its incarnation was new for that reason */
    uint64_t incarnation; /* GM3 */
    int32_t  generation;  /* the newest of it that anybody was told of */
};

struct m_groups {
    struct m_group       at[GROUPS];
    struct m_slot       *slots;
    struct m_member     *members;
    struct m_generation *generations;
    int64_t              last_offset;
    uint64_t             last_assignment;
};

const char *group_name(unsigned group);
void model_begin_groups(struct model *m);
void model_free_groups(struct model *m);
void model_groups_on_crash(struct model *m);
/* At the submission of any call that names it: it may have been forgotten meanwhile. */
void model_group_look(struct model *m, unsigned group);
/* As it is now; 0: its generations may have no numbers of their own. */
uint64_t model_incarnation(struct model *m, unsigned group);
/* It had a member, or got an offset, at that time. */
void model_group_touch(struct model *m, unsigned group, int64_t ms);

struct m_slot *model_slot(struct model *m, unsigned group, struct m_topic *topic, uint32_t partition);
struct m_topic *model_topic_named(struct model *m, struct bytes name);
/* The engine is about to see one item of a commit. NULL: it will refuse it, as want says. */
struct m_slot *model_commit(struct model *m, unsigned group, const struct offset_item *item,
                            uint64_t number, enum err *want);
/* It is about to see that the offset is to be forgotten, or all of the group are. */
void model_forget_slot(struct model *m, struct m_slot *s, uint64_t number);
void model_forget_group(struct model *m, unsigned group, uint64_t number);
void model_group_forgotten(struct model *m, unsigned group, uint64_t number, enum outcome outcome);
/* The same of an offset that was pending, for a call that is to commit its transaction. */
void model_commit_of_txn(struct m_slot *s, uint64_t number, int64_t offset, struct m_txn *t);
/* What became of the transaction. */
void model_decide_commits(struct m_slot *s, const struct m_txn *t, enum outcome outcome);
/* What is known of its offset cannot be so: the transaction has ended otherwise. */
bool model_commits_contradict(struct model *m, const struct m_slot *s, const struct m_txn *t);
void model_committed(struct m_slot *s, uint64_t number, enum outcome outcome);
/* What is known of the commit by that call: it happened; it did not, and nothing later can have hidden it. */
bool model_commit_is_there(const struct m_slot *s, uint64_t number);
bool model_commit_is_away(struct model *m, const struct m_slot *s, uint64_t number);
/* It is known from elsewhere. */
void model_commit_decide(struct m_slot *s, uint64_t number, bool is_there);
/* What a call of that number was shown; -1: nothing. */
void model_see_offset(struct model *m, struct m_slot *s, uint64_t number, int64_t offset);

struct m_member *model_member(struct model *m, const char *id);
/* GM2: who says so can be believed. */
bool model_may_act(struct model *m, const char *id, int32_t generation);
/* Somebody who must be in the group now; NULL: perhaps nobody. */
const struct m_member *model_sure_member(struct model *m, unsigned group);
/* A call of that number brought an id. An instance has one holder: a later one is in the place of
 * the earlier. */
struct m_member *model_meet_member(struct model *m, unsigned group, struct bytes id,
                                   uint64_t number);
/* A call of that number takes it out, or may; also all holders of an instance id (id without the
 * rest). */
void model_threaten(struct model *m, unsigned group, const char *id, uint64_t number);
void model_end_member(struct model *m, unsigned group, const char *id, uint64_t number);
/* It is in and has all that it needs, said the answer to a call of that number and time. */
void m_member_is_well(struct m_member *x, uint64_t number, int64_t ms);

/* An answer to a join, and to a sync, as the member was shown it. */
void model_see_generation(struct model *m, unsigned group, const struct group_join_call *j,
                          uint64_t incarnation);
void model_see_assignment(struct model *m, unsigned group, int32_t generation,
                          uint64_t incarnation, uint64_t assignment);

#endif
