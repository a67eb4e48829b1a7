/*
 * share_calls.h - arguments and results of the calls on share groups (KIP-932). See call.h for the rules of all.
 *
 * Two things have the name session here: call.session is a connection; a share session is what a member and the broker
 * agree on, request by request, about the partitions it fetches from.
 */
#ifndef ENGINE_SHARE_CALLS_H
#define ENGINE_SHARE_CALLS_H

#include "engine/group_calls.h"
#include "engine/queue_calls.h"

enum {
    SHARE_MEMBERS_MAX = 1000, /* of a group */
    SHARE_SESSIONS_MAX = 2000, /* of a group */
    SHARE_TOPICS_MAX = 10000, /* of a member's subscription */
    SHARE_PARTS_MAX = 20000, /* of a session */
    SHARE_MESSAGES_MAX = 10000, /* of a fetch, but for the rest of a batch */
};

enum { SHARE_LEAVES = -1, SHARE_JOINS = 0 };

/* A topic's partitions, where all of a group's are listed. */
struct share_topic {
    struct uuid  uuid;
    struct bytes name;
    size_t       count;
    uint32_t    *partitions;
};

/*
 * ERR_UNKNOWN_MEMBER; ERR_ILLEGAL_GENERATION: the epoch is not the member's; ERR_LIMIT: the group is full;
 * ERR_NO_GROUP: it is a group of another kind; ERR_BAD_NAME, ERR_BAD_ARGUMENT.
 */
struct share_heartbeat_call {
    struct call         call;
    struct bytes        ns, group, member_id;
    struct bytes        client_id, client_host;
    struct bytes        rack;       /* in; null: as before */
    int32_t             epoch;      /* in: SHARE_JOINS, SHARE_LEAVES or what the last answer said; out */
    bool                subscribes; /* in; topics are said */
    size_t              topic_count;
    struct bytes       *topics;
    int32_t             heartbeat_ms; /* out */
    bool                has_target;   /* out; what is the member's is said */
    size_t              target_count;
    struct share_topic *target;
};

enum share_ack_type { SHARE_GAP, SHARE_ACCEPT, SHARE_RELEASE, SHARE_REJECT, SHARE_RENEW, SHARE_ACK_TYPE_END };

struct share_ack {
    int64_t       first, last;
    size_t        type_count; /* 1: of all; else of each offset */
    const int8_t *types;
};

struct share_part {
    struct uuid uuid;
    uint32_t    partition;
};

/* A partition that a request names. */
struct share_item {
    struct share_part       part;
    size_t                  ack_count;
    const struct share_ack *acks;
};

/* What is said of one. */
struct share_answer {
    struct share_part part;
    bool              is_acked; /* some acknowledgements were carried out, or refused */
    enum err          err, ack_err;
    size_t            first_ref, ref_count; /* in refs */
};

/*
 * Both CALL_SHARE_FETCH, which parks, and CALL_SHARE_ACKNOWLEDGE, which fetches nothing.
 *
 * Of the whole: ERR_UNKNOWN_MEMBER: no such share session; ERR_ILLEGAL_GENERATION: not its epoch; ERR_LIMIT: too many
 * sessions; ERR_BAD_ARGUMENT. Of a partition: ERR_NO_TOPIC, ERR_NO_PARTITION, ERR_NO_QUEUE (nobody subscribed).
 * Of its acknowledgements also: ERR_BAD_ARGUMENT; ERR_NO_LEASE: some record is not locked for the member, and none was
 * acknowledged.
 */
struct share_fetch_call {
    struct call          call;
    struct bytes         ns, group, member_id;
    uint32_t             place;  /* in; a member has a session of its own at each: which of Kafka's brokers we are */
    int32_t              epoch;  /* in; of the session: 0 begins one, -1 ends it */
    bool                 renews; /* in; SHARE_RENEW is allowed, and nothing is fetched */
    int64_t              wait_ms;
    uint32_t             bytes_max;
    uint32_t             messages_max;
    bool                 whole_batches; /* in; messages_max is exceeded for the rest of a batch */
    size_t               item_count;
    struct share_item   *items;
    size_t               forgotten_count;
    struct share_part   *forgotten; /* in; not fetched from any more */
    int64_t              lock_ms;   /* out */
    size_t               answer_count;
    struct share_answer *answers;   /* out; each partition that has something, or something to say */
    size_t               ref_count;
    struct message_ref  *refs;
};

/* ---- from outside ---- */

struct share_member_view {
    struct bytes        id, client_id, client_host, rack;
    int32_t             epoch;
    size_t              topic_count;
    struct bytes       *topics;
    size_t              target_count;
    struct share_topic *target;
};

struct share_group_view {
    struct bytes              group;
    enum err                  err; /* ERR_NO_GROUP */
    int32_t                   epoch;
    size_t                    member_count;
    struct share_member_view *members;
};

struct share_describe_call {
    struct call              call;
    struct bytes             ns;
    bool                     all;        /* in; every group of the namespace, without its members */
    size_t                   item_count; /* in; out when all */
    struct share_group_view *items;
};

struct share_offset {
    struct bytes topic;     /* in; out when all */
    struct uuid  uuid;      /* out; zero: there is none */
    uint32_t     partition;
    int64_t      start;     /* in for alter; out: -1: the group does not read it */
    int64_t      lag;       /* out; -1: likewise */
    enum err     err;       /* out; ERR_NO_TOPIC, ERR_NO_PARTITION */
};

/* Where a group is. ERR_NO_GROUP, ERR_BAD_NAME. */
struct share_offsets_call {
    struct call          call;
    struct bytes         ns, group;
    bool                 all;
    size_t               item_count;
    struct share_offset *items;
};
/* CALL_SHARE_OFFSETS_GET; CALL_SHARE_OFFSETS_SET: also ERR_NOT_EMPTY, while there are members. */

struct share_forget_item {
    struct bytes topic;
    struct uuid  uuid; /* out */
    enum err     err;  /* out; ERR_NO_TOPIC; a topic that is not read is forgotten as well */
};
/* A group reads topics no more. ERR_NO_GROUP, ERR_NOT_EMPTY, ERR_BAD_NAME. */
struct share_forget_call {
    struct call               call;
    struct bytes              ns, group;
    size_t                    item_count;
    struct share_forget_item *items;
};

#endif
