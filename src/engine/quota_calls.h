/*
 * quota_calls.h - arguments and results of the calls on quotas. See call.h for the rules of all, limits.h for what
 * quotas are.
 */
#ifndef ENGINE_QUOTA_CALLS_H
#define ENGINE_QUOTA_CALLS_H

#include "engine/call.h"
#include "engine/limits.h"

enum { QUOTA_NAME_BYTES_MAX = 1024, QUOTA_COUNT_MAX = 100000 };

struct quota_item {
    struct limit_entity entity; /* in */
    bool                sets[LIMIT_COUNT]; /* which change; the others stay */
    double              values[LIMIT_COUNT]; /* 0: no such limit any more */
    enum err            err; /* out: ERR_BAD_ARGUMENT, ERR_BAD_NAME, ERR_LIMIT */
};

struct quotas_set_call {
    struct call        call;
    size_t             count;
    struct quota_item *items;
};

struct quota_view {
    struct limit_entity entity;
    double              values[LIMIT_COUNT];
};

struct quotas_get_call {
    struct call        call;
    size_t             count; /* out: all there are */
    struct quota_view *quotas;
};

#endif
