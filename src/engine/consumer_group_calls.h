/*
 * consumer_group_calls.h - arguments and results of the calls on groups of the consumer protocol
 * (KIP-848), whose members are assigned to by the server. See call.h for the rules of all calls.
 *
 * A group is either of the classic protocol (group_calls.h) or of this one; offsets, listing and
 * deleting are the same for both. What the machine does: consumer_group.c.
 */
#ifndef ENGINE_CONSUMER_GROUP_CALLS_H
#define ENGINE_CONSUMER_GROUP_CALLS_H

#include "engine/group_calls.h"

enum {
    MEMBER_EPOCH_JOIN = 0,
    MEMBER_EPOCH_LEAVE = -1,
    MEMBER_EPOCH_AWAY = -2, /* a static member that will be back */
};

/* Partitions of one topic. */
struct topic_parts {
    struct uuid  uuid;
    struct bytes name; /* out only */
    size_t       count;
    int32_t     *partitions;
};

/*
 * ERR_BAD_ARGUMENT (what must be said was not), ERR_NO_GROUP (there is none to go on with, or one of another
 * protocol that cannot be converted), ERR_UNKNOWN_MEMBER, ERR_FENCED_MEMBER, ERR_UNRELEASED_INSTANCE,
 * ERR_FENCED_INSTANCE, ERR_NO_ASSIGNOR, ERR_BAD_PATTERN, ERR_LIMIT, ERR_TOO_BIG, ERR_BAD_NAME.
 */
struct consumer_heartbeat_call {
    struct call         call;
    struct bytes        ns, group;
    struct bytes        member_id;    /* in: empty: make one. out */
    struct bytes        instance_id;  /* in; null: dynamic */
    struct bytes        rack;         /* in; null here and below: as before */
    struct bytes        client_id, client_host; /* in; shown */
    struct bytes        assignor;     /* in */
    struct bytes        pattern;      /* in; empty: none any more */
    int32_t             rebalance_ms; /* in; -1: as before */
    int32_t             epoch;        /* in, out */
    bool                has_names;    /* in; else as before */
    size_t              name_count;   /* in; topics by name */
    struct bytes       *names;
    bool                has_owned;    /* in; else as before */
    size_t              owned_count;  /* in: what the member has right now */
    struct topic_parts *owned;
    int32_t             heartbeat_ms; /* out: when the next one is expected */
    bool                has_assignment; /* out: it changed, or was asked for */
    size_t              assigned_count; /* out */
    struct topic_parts *assigned;
};

struct consumer_description {
    struct bytes        member_id;
    struct bytes        instance_id, rack; /* null: none */
    struct bytes        client_id, client_host;
    struct bytes        pattern; /* null: none */
    int32_t             epoch;
    bool                is_classic; /* it speaks the classic protocol */
    size_t              name_count;
    struct bytes       *names;
    size_t              assigned_count;
    struct topic_parts *assigned;
    size_t              target_count;
    struct topic_parts *target;
};
struct consumer_group_description {
    struct bytes                 group; /* in */
    enum err                     err;   /* out; ERR_NO_GROUP, ERR_UNKNOWN_TYPE: of the other protocol */
    enum group_state             state;
    int32_t                      epoch, target_epoch;
    struct bytes                 assignor;
    size_t                       member_count;
    struct consumer_description *members;
};
struct consumer_describe_call {
    struct call                        call; /* ERR_OK; look at the items */
    struct bytes                       ns;
    size_t                             item_count;
    struct consumer_group_description *items;
};

#endif
