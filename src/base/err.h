/*
 * err.h - every answer that is not "yes", once.
 *
 * One list for the whole program. Engine and store speak only these; each door translates them into its own
 * protocol's codes in one table guarded by a static assert on ERR_COUNT. Three kinds are never mixed
 * (docs/architecture.md, "Errors"): answers and world failures are values of this enum, bugs are asserts.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR_LIST(X)                                                                                \
    X(OK, "ok")                                                                                    \
    X(NO_TOPIC, "no such topic")                                                                   \
    X(NO_QUEUE, "no such queue")                                                                   \
    X(NO_EXCHANGE, "no such exchange")                                                             \
    X(NO_GROUP, "no such group")                                                                   \
    X(NO_USER, "no such user")                                                                     \
    X(NO_PARTITION, "no such partition")                                                           \
    X(NO_ROUTE, "no queue or topic was reached")                                                   \
    X(EXISTS, "it exists already")                                                                 \
    X(BAD_NAME, "the name is not allowed")                                                         \
    X(BAD_ARGUMENT, "an argument is out of range")                                                 \
    X(UNKNOWN_TYPE, "unknown exchange type")                                                       \
    X(IN_USE, "it has consumers or bindings")                                                      \
    X(NOT_EMPTY, "it still holds messages")                                                        \
    X(LOCKED, "another connection holds it exclusively")                                           \
    X(ACCESS, "the operation is not permitted")                                                    \
    X(TOO_BIG, "the message or request is too large")                                              \
    X(OUT_OF_RANGE, "the offset lies outside the log")                                             \
    X(NO_LEASE, "the lease has ended or never was")                                                \
    X(CANCELLED, "the caller went away")                                                           \
    X(CORRUPT, "a checksum does not match")                                                        \
    X(BAD_RECORD, "the record batch is malformed")                                                 \
    X(NO_KEY, "a compacted topic takes no record without a key")                                   \
    X(BAD_TIMESTAMP, "a timestamp lies outside of what the topic takes")                           \
    X(BAD_SEQUENCE, "a producer sequence number is out of order")                                  \
    X(FENCED_PRODUCER, "a newer producer epoch exists")                                            \
    X(UNKNOWN_PRODUCER, "the transactional id has another producer id")                            \
    X(TXN_STATE, "the transaction is not in a state for that")                                     \
    X(NOT_IN_TXN, "it was not made part of the transaction")                                       \
    X(NO_TXN, "no such transactional id")                                                          \
    X(BAD_TXN_TIMEOUT, "the transaction timeout is out of range")                                  \
    X(UNSTABLE_OFFSET, "a transaction may still change the offset")                                \
    X(FENCED_EPOCH, "the leader epoch is too old")                                                 \
    X(UNKNOWN_EPOCH, "the leader epoch is not known yet")                                          \
    X(UNKNOWN_MEMBER, "the group does not know this member")                                       \
    X(ILLEGAL_GENERATION, "the group has moved to another generation")                             \
    X(REBALANCING, "the group is rebalancing")                                                     \
    X(NEED_MEMBER_ID, "join again with the member id given")                                       \
    X(MIXED_PROTOCOLS, "the members share no protocol")                                            \
    X(BAD_SESSION_TIMEOUT, "the session timeout is out of range")                                  \
    X(FENCED_INSTANCE, "a newer member has the same instance id")                                  \
    X(UNRELEASED_INSTANCE, "another member has the instance id and has not left")                  \
    X(FENCED_MEMBER, "the member epoch is not the one the group knows")                            \
    X(STALE_MEMBER, "the member has moved to another epoch")                                       \
    X(NO_ASSIGNOR, "no such assignor")                                                             \
    X(BAD_PATTERN, "the regular expression is not valid")                                          \
    X(NO_SESSION, "no such fetch session")                                                         \
    X(SESSION_EPOCH, "it is not the turn of that epoch of the session")                            \
    X(SESSION_TOPICS, "the session names topics in another way")                                   \
    X(NO_SPACE, "the disk is full")                                                                \
    X(OVERLOADED, "a bounded queue is full")                                                       \
    X(LIMIT, "a limit is reached")                                                                 \
    X(DISK_FAILED, "the disk failed")                                                              \
    X(FENCED, "another owner has the shard; outcome unknown")                                      \
    X(BUSY, "another process has it")                                                              \
    X(NEWER_FORMAT, "written by a newer version")                                                  \
    X(OLDER_FORMAT, "written by an older version whose format is not read any more")               \
    X(FOREIGN, "not a Myna data directory")                                                        \
    X(IO, "the operating system refused")                                                          \
    X(SHUTDOWN, "the broker is stopping")

enum err {
#define X(name, text) ERR_##name,
    ERR_LIST(X)
#undef X
        ERR_COUNT
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* The plain sentence of an error; static storage, any thread. */
const char *err_text(enum err err);
/* Its name without the prefix ("NO_TOPIC"); static storage, any thread. */
const char *err_name(enum err err);

#endif
