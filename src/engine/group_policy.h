/*
 * group_policy.h - what groups are told to do, for the modules of groups. See group_policy_calls.h.
 * Thread: the shard's.
 */
#ifndef ENGINE_GROUP_POLICY_H
#define ENGINE_GROUP_POLICY_H

#include "engine/group_policy_calls.h"

struct engine;

/* Of the group as it is told now; valid until the turn ends. */
const struct group_policy *group_policy_of(struct engine *e, struct bytes ns, struct bytes group);

#endif
