/*
 * rights.h - who may do what: Kafka's ACLs, indexed for the question that every request asks.
 *
 * An ACL allows or denies one operation on what a pattern names, to one principal, from one host or all. What denies
 * wins; what nothing allows is denied. The numbers are those of Kafka's protocol, on disk too.
 *
 *   RI1  A question costs one look-up for the name itself, one for "*", and one for each length that a prefix of that
 *        type has, for the asker and for "User:*": never more with more ACLs.
 *   RI2  An answer is the set of all operations that are allowed, so it serves both "may he" and "what may he".
 *   RI3  The engine's thread changes it, doors ask on their own threads: everything here is under one lock, which is
 *        never held across a call from here.
 *
 * A principal is "User:" and the name of a user as every door knows him (user_calls.h); who has not logged in is
 * User:ANONYMOUS.
 *
 * Because topics are also named by id, the names of all topics by their ids are kept here, too, where somebody asks.
 *
 * Thread: any.
 */
#ifndef ENGINE_RIGHTS_H
#define ENGINE_RIGHTS_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "engine/topic_calls.h"

enum acl_resource {
    ACL_RESOURCE_ANY = 1, /* in filters */
    ACL_TOPIC = 2,
    ACL_GROUP = 3,
    ACL_CLUSTER = 4,
    ACL_TRANSACTIONAL_ID = 5,
    ACL_DELEGATION_TOKEN = 6,
    ACL_USER = 7,
    ACL_RESOURCE_END,
};

enum acl_pattern {
    ACL_PATTERN_ANY = 1,   /* in filters: of whatever kind */
    ACL_PATTERN_MATCH = 2, /* in filters: that concerns this name */
    ACL_LITERAL = 3,       /* "*": every name */
    ACL_PREFIXED = 4,
    ACL_PATTERN_END,
};

enum acl_operation {
    ACL_OPERATION_ANY = 1, /* in filters */
    ACL_ALL = 2,
    ACL_READ = 3,
    ACL_WRITE = 4,
    ACL_CREATE = 5,
    ACL_DELETE = 6,
    ACL_ALTER = 7,
    ACL_DESCRIBE = 8,
    ACL_CLUSTER_ACTION = 9,
    ACL_DESCRIBE_CONFIGS = 10,
    ACL_ALTER_CONFIGS = 11,
    ACL_IDEMPOTENT_WRITE = 12,
    ACL_CREATE_TOKENS = 13,
    ACL_DESCRIBE_TOKENS = 14,
    ACL_TWO_PHASE_COMMIT = 15,
    ACL_OPERATION_END,
};

enum acl_permission {
    ACL_PERMISSION_ANY = 1, /* in filters */
    ACL_DENY = 2,
    ACL_ALLOW = 3,
    ACL_PERMISSION_END,
};

#define ACL_WILDCARD     "*"
#define ACL_CLUSTER_NAME "kafka-cluster"
#define ACL_EVERYONE     "User:*"
#define ACL_ANONYMOUS    "User:ANONYMOUS"

struct acl {
    uint8_t      resource, pattern, operation, permission;
    struct bytes name, principal, host;
};

struct rights;

struct rights *rights_new(bool names_topics);
void rights_free(struct rights *r);
/* One that is not there yet, or is; nothing of it is borrowed. */
void rights_add(struct rights *r, const struct acl *acl);
void rights_remove(struct rights *r, const struct acl *acl);

/* Who asks, and by which rules. */
struct rights_asker {
    struct bytes principal, host;
    bool         is_super;            /* may do everything */
    bool         everyone_if_no_acls; /* who asks about what no ACL concerns may do everything with it */
};
/* RI2: operation n is bit n. */
uint16_t rights_operations(struct rights *r, const struct rights_asker *asker, enum acl_resource resource,
                           struct bytes name);
/* Is there anything of this type, by whatever name, with which he may do it? */
bool rights_any(struct rights *r, const struct rights_asker *asker, enum acl_operation operation,
                enum acl_resource resource);

void rights_name_topic(struct rights *r, const struct uuid *id, struct bytes name);
void rights_forget_topic(struct rights *r, const struct uuid *id);
/* Adds its name to *out; false: there is no such topic. */
bool rights_topic_name(struct rights *r, const struct uuid *id, struct buf *out);

#endif
