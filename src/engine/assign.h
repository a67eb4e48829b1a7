/*
 * assign.h - which member of a group gets which partitions: the rules that share them out on the
 * server (KIP-848).
 *
 *   AS1  An assignor is a pure function of its input: same members in the same order, same answer.
 *   AS2  uniform and range give each partition of a topic that has subscribers to exactly one of
 *        them.
 *
 * Thread: any.
 */
#ifndef ENGINE_ASSIGN_H
#define ENGINE_ASSIGN_H

#include "engine/parts.h"

struct assign_topic {
    size_t          count;
    const uint64_t *parts; /* ascending, in the order of the partitions */
};
struct assign_member {
    struct bytes        id;
    struct bytes        instance_id; /* null: dynamic */
    size_t              topic_count;
    const uint32_t     *topics; /* that it reads: indexes into the input's, ascending */
    const struct parts *before; /* its target so far, no partition with two members; NULL: none */
    struct parts        after;  /* out; the caller's to end */
};
struct assign_input {
    size_t                     topic_count;
    const struct assign_topic *topics;
    size_t                     member_count;
    struct assign_member      *members;
};
typedef void assign_fn(struct assign_input *in);

/* As evenly as the subscriptions allow, moving as little as that allows. */
void assign_uniform(struct assign_input *in);
/* Of each topic a run of neighbours to each subscriber: static members first, in order of instance
 * ids, then the others in order of member ids. So partitions of the same number meet in one member. */
void assign_range(struct assign_input *in);
/* By its name on the wire; NULL: there is none. A null name is the default, uniform. */
assign_fn *assign_find(struct bytes name);

#endif
