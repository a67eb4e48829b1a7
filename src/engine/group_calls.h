/*
 * group_calls.h - arguments and results of the calls on Kafka consumer groups and their offsets.
 * See call.h for the rules.
 *
 * A group is a name, its members (classic protocol: what group.c describes) and the offsets
 * committed under it. Members live in memory and expire by their session timeout, not with a
 * connection; offsets are journalled. A group exists as long as it has a member or an offset, and a
 * while longer.
 */
#ifndef ENGINE_GROUP_CALLS_H
#define ENGINE_GROUP_CALLS_H

#include "engine/topic_calls.h"

enum {
    GROUP_NAME_BYTES_MAX = 32767,
    GROUP_SESSION_MS_MIN = 6000,
    GROUP_SESSION_MS_MAX = 30 * 60 * 1000,
    GROUP_MEMBERS_MAX = 10000,            /* and as many that have an id and are yet to join */
    GROUP_PROTOCOLS_MAX = 64,             /* of one member */
    GROUP_MEMBER_BYTES_MAX = 1 << 20,     /* of a member's protocols, and of its assignment */
    GROUP_METADATA_BYTES_MAX = 4096,      /* of the text committed with an offset */
    GROUP_INITIAL_DELAY_MS = 50,          /* an empty group waits so long for more members */
    GROUP_IDLE_MS = 10 * 60 * 1000,       /* one without members and offsets is shown so long */
    GROUPS_IDLE_MAX = 100000,             /* with more groups than that it goes at once */
};

#define GROUP_PROTOCOL_CONSUMER "consumer" /* the protocol type of those who read topics */

enum group_type { GROUP_CLASSIC, GROUP_CONSUMER, GROUP_TYPE_COUNT };

/* The states of group.c. */
enum group_state {
    GROUP_EMPTY,
    GROUP_PREPARING,
    GROUP_COMPLETING,
    GROUP_STABLE,
    GROUP_ASSIGNING,   /* these two of the consumer protocol only: a new target is due, */
    GROUP_RECONCILING, /* members have yet to come to it */
    GROUP_STATE_COUNT
};

struct group_protocol {
    struct bytes name;
    struct bytes metadata; /* opaque */
};

struct group_member_view {
    struct bytes member_id;
    struct bytes instance_id; /* null: dynamic */
    struct bytes metadata;    /* of the protocol chosen */
};

/*
 * Parks until the rebalance is complete. ERR_NEED_MEMBER_ID (member_id is filled in),
 * ERR_UNKNOWN_MEMBER, ERR_MIXED_PROTOCOLS, ERR_BAD_SESSION_TIMEOUT, ERR_FENCED_INSTANCE,
 * ERR_BAD_NAME (empty group name), ERR_LIMIT, ERR_TOO_BIG.
 */
struct group_join_call {
    struct call                call;
    struct bytes               ns, group;
    struct bytes               client_id;      /* in; what new member ids begin with */
    struct bytes               client_host;    /* in; shown */
    struct bytes               member_id;      /* in: empty when new. out */
    struct bytes               instance_id;    /* in; null: a dynamic member */
    bool                       needs_known_id; /* in; newcomers come twice (KIP-394) */
    bool                       can_skip_assignment; /* in; a returning static leader (KIP-814) */
    int32_t                    session_ms, rebalance_ms; /* in */
    struct bytes               protocol_type;  /* in, out */
    size_t                     protocol_count; /* in */
    struct group_protocol     *protocols;      /* in; the member's favourite first */
    int32_t                    generation;     /* out */
    struct bytes               protocol;       /* out */
    struct bytes               leader;         /* out */
    bool                       skip_assignment; /* out */
    size_t                     member_count;   /* out; only for the leader */
    struct group_member_view  *members;        /* out */
};

struct group_assignment {
    struct bytes member_id;
    struct bytes assignment; /* opaque */
};

/* Parks until the leader has sent the assignments. ERR_UNKNOWN_MEMBER, ERR_ILLEGAL_GENERATION,
 * ERR_REBALANCING, ERR_MIXED_PROTOCOLS, ERR_FENCED_INSTANCE, ERR_BAD_NAME, ERR_TOO_BIG. */
struct group_sync_call {
    struct call              call;
    struct bytes             ns, group, member_id, instance_id;
    int32_t                  generation;
    struct bytes             protocol_type, protocol; /* in: compared unless null. out */
    size_t                   assignment_count;        /* in; the leader's */
    struct group_assignment *assignments;             /* in */
    struct bytes             assignment;              /* out */
};

/* Errors as sync without ERR_MIXED_PROTOCOLS. ERR_REBALANCING: join again; the heartbeat
 * counted. */
struct group_heartbeat_call {
    struct call  call;
    struct bytes ns, group, member_id, instance_id;
    int32_t      generation;
};

struct group_leave_item {
    struct bytes member_id;   /* in; empty: by instance id */
    struct bytes instance_id; /* in; null: none */
    enum err     err;         /* out; ERR_UNKNOWN_MEMBER, ERR_FENCED_INSTANCE */
};
struct group_leave_call {
    struct call              call; /* ERR_BAD_NAME; else ERR_OK, look at the items */
    struct bytes             ns, group;
    size_t                   item_count;
    struct group_leave_item *items;
};

struct offset_item {
    struct bytes name; /* in; null: by uuid. out when asked for all or by uuid */
    struct uuid  uuid; /* in. out when it was asked by name and the topic exists */
    uint32_t     partition;    /* in */
    int64_t      offset;       /* in for commit; out for get: -1 when nothing was committed */
    int32_t      leader_epoch; /* likewise; -1: none */
    struct bytes metadata;     /* likewise; null: none */
    enum err     err;          /* out; ERR_NO_TOPIC, ERR_NO_PARTITION, ERR_TOO_BIG (metadata) */
};

/*
 * Generation -1, no member id: a commit from outside the group, allowed while it has no members.
 * ERR_UNKNOWN_MEMBER, ERR_ILLEGAL_GENERATION, ERR_REBALANCING, ERR_FENCED_INSTANCE, ERR_NO_GROUP
 * (generation given, no such group), ERR_STALE_MEMBER.
 */
struct offsets_commit_call {
    struct call         call;
    struct bytes        ns, group, member_id, instance_id;
    int32_t             generation; /* or member epoch */
    bool                tells_epoch; /* its client knows what a member epoch is */
    size_t              item_count;
    struct offset_item *items;
};

/*
 * Forgets offsets. What was not committed is no error. ERR_NO_GROUP, ERR_NOT_EMPTY (a group with
 * members that are no consumers: nobody knows what they read), ERR_BAD_NAME.
 */
struct offsets_delete_item {
    struct bytes name;      /* in */
    uint32_t     partition; /* in */
    enum err     err;       /* out; ERR_NO_TOPIC, ERR_IN_USE (a member subscribes to the topic) */
};
struct offsets_delete_call {
    struct call                 call;
    struct bytes                ns, group;
    size_t                      item_count;
    struct offsets_delete_item *items;
};

/* Nothing committed is not an error. With all set, every offset of the group comes back. A member that says who it is
 * must be one: ERR_UNKNOWN_MEMBER, ERR_STALE_MEMBER, ERR_ILLEGAL_GENERATION. */
struct offsets_get_call {
    struct call         call;
    struct bytes        ns, group;
    struct bytes        member_id;   /* in; null: nobody in particular */
    int32_t             member_epoch; /* in; -1 with that */
    bool                all;        /* in */
    bool                stable_only; /* in; ERR_UNSTABLE_OFFSET where a transaction may change it */
    size_t              item_count; /* in, out when all */
    struct offset_item *items;
};

struct group_member_description {
    struct bytes member_id;
    struct bytes instance_id;            /* null: dynamic */
    struct bytes client_id, client_host; /* of its latest join */
    struct bytes metadata, assignment;   /* GROUP_STABLE only; else empty */
};
struct group_description {
    struct bytes                     group; /* in for describe, out for list */
    enum err                         err;   /* out; ERR_NO_GROUP, ERR_UNKNOWN_TYPE: of the consumer protocol */
    enum group_type                  type;
    enum group_state                 state;
    struct bytes                     protocol_type; /* empty: only offsets, no members so far */
    struct bytes                     protocol;      /* GROUP_STABLE only; else empty */
    size_t                           member_count;
    struct group_member_description *members; /* NULL for list */
};
struct group_describe_call {
    struct call               call; /* ERR_OK; look at the items */
    struct bytes              ns;
    size_t                    item_count;
    struct group_description *items;
};
/* Every group of the namespace, in no order. */
struct group_list_call {
    struct call               call;
    struct bytes              ns;
    size_t                    item_count; /* out */
    struct group_description *items;      /* out */
};

struct group_delete_item {
    struct bytes group; /* in */
    enum err     err;   /* out; ERR_NO_GROUP, ERR_NOT_EMPTY */
};
struct group_delete_call {
    struct call               call; /* ERR_OK; look at the items */
    struct bytes              ns;
    size_t                    item_count;
    struct group_delete_item *items;
};

#endif
