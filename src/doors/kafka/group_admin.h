/*
 * group_admin.h - what the answers about groups of both protocols have in common.
 * Thread: any.
 */
#ifndef DOORS_KAFKA_GROUP_ADMIN_H
#define DOORS_KAFKA_GROUP_ADMIN_H

#include "engine/group_calls.h"

enum {
    OPERATIONS_NOT_ASKED = INT32_MIN,
    OPERATIONS_GROUP = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11, /* read, delete, describe, its configs */
};

const char *kafka_group_state_name(enum group_state state);

#endif
