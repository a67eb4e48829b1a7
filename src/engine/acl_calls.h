/*
 * acl_calls.h - arguments and results of the calls on ACLs. See call.h for the rules of all.
 *
 * An ACL is kept like a user (user_calls.h); what they amount to is asked for at rights.h, without a call. Filters are
 * ACLs, too, with the numbers that stand for any and with null for any text.
 */
#ifndef ENGINE_ACL_CALLS_H
#define ENGINE_ACL_CALLS_H

#include "engine/call.h"
#include "engine/rights.h"

enum {
    ACL_NAME_BYTES_MAX = 1024,
    ACL_PRINCIPAL_BYTES_MAX = 512,
    ACL_HOST_BYTES_MAX = 64,
    ACL_COUNT_MAX = 200000,
};

struct acl_item {
    struct acl acl; /* in */
    enum err   err; /* out: ERR_BAD_ARGUMENT, ERR_BAD_NAME, ERR_LIMIT. One that is there already is none */
};

struct acls_create_call {
    struct call      call;
    size_t           count;
    struct acl_item *items;
};

struct acl_filter {
    struct acl  acl; /* in */
    enum err    err; /* out: ERR_BAD_ARGUMENT */
    size_t      count;
    struct acl *found; /* out, in order; in the call's arena */
};

/* What matches any of the filters; one of them that is wrong hinders no other. */
struct acls_call {
    struct call        call;
    size_t             count;
    struct acl_filter *filters;
    bool               deletes; /* else they are only told */
};

#endif
