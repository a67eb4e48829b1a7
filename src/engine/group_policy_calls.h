/*
 * group_policy_calls.h - arguments and results of the calls on what groups are told to do: how long members may be
 * silent, where a share group begins, how often it tries. See call.h for the rules of all.
 *
 * A policy belongs to a name. It may be there before the group is and stays when the group goes, as in Kafka.
 */
#ifndef ENGINE_GROUP_POLICY_CALLS_H
#define ENGINE_GROUP_POLICY_CALLS_H

#include "engine/topic_calls.h"

enum { GROUP_POLICIES_MAX = 100000 };

/* Where a share group begins in a log that it has not read: OFFSET_LATEST, OFFSET_EARLIEST, or, from 0 on, with what
 * is at most so many milliseconds old. */
struct group_policy {
    int64_t      consumer_session_ms, consumer_heartbeat_ms;
    int64_t      share_session_ms, share_heartbeat_ms;
    int64_t      lock_ms;        /* how long a record is its member's */
    int64_t      locks_max;      /* records of one log in members' hands */
    int64_t      delivery_limit; /* after so many attempts it is given up */
    int64_t      start;
    int64_t      committed_only; /* 0 or 1 */
    int64_t      takes_renewals; /* 0 or 1; a member may lock a record for longer */
    int64_t      release_delay_ms, release_delay_max_ms; /* share_release.c */
    int64_t      copies_record; /* 0 or 1; into the dead letter topic goes the record, not only where it is */
    struct bytes dead_letter_topic; /* null or empty: none */
};
extern const struct group_policy group_policy_default;

struct group_policy_view {
    struct bytes        group;
    struct group_policy policy;
    struct bytes        native; /* the Kafka door's: what was set; null: nothing */
};

/* Of a group without one: the default. With all set: every group of the namespace that has one, by name. */
struct group_policy_get_call {
    struct call               call;
    struct bytes              ns;
    bool                      all;        /* in */
    size_t                    item_count; /* in, out when all */
    struct group_policy_view *items;      /* in: group; out */
};

/* native null: it is at its default again. ERR_IN_USE: native_before is not what it is; ERR_LIMIT; ERR_BAD_NAME. */
struct group_policy_set_call {
    struct call         call;
    struct bytes        ns, group;
    struct group_policy policy;
    struct bytes        native, native_before;
};

#endif
