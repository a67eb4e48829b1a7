/*
 * errors.c - see errors.h.
 *
 * Codes that clients retry (ABORTED, INTERNAL, UNAVAILABLE, RESOURCE_EXHAUSTED, UNKNOWN) stand only where a retry can
 * help; the impossible ones are INTERNAL so that they are noticed. FENCED and DISK_FAILED mean "outcome unknown",
 * which is what UNAVAILABLE tells a publisher.
 */
#include "doors/pubsub/errors.h"

#define NOT_FOUND_TEXT "Resource not found"
#define EXISTS_TEXT "Resource already exists in the project"
#define TRY_AGAIN_TEXT "The service was unable to fulfill your request. Please try again. [code=8a75]"

/* text NULL: the engine's own sentence. */
static const struct {
    enum grpc_code code;
    bool           names_resource;
    const char    *text;
} answers[] = {
    [ERR_OK] = { GRPC_OK, false, NULL },
    [ERR_NO_TOPIC] = { GRPC_NOT_FOUND, true, NOT_FOUND_TEXT },
    [ERR_NO_QUEUE] = { GRPC_NOT_FOUND, true, NOT_FOUND_TEXT },
    [ERR_NO_EXCHANGE] = { GRPC_INTERNAL, false, NULL },
    [ERR_NO_GROUP] = { GRPC_INTERNAL, false, NULL },
    [ERR_NO_USER] = { GRPC_INTERNAL, false, NULL },
    [ERR_NO_PARTITION] = { GRPC_INTERNAL, false, NULL },
    [ERR_NO_ROUTE] = { GRPC_INTERNAL, false, NULL },
    [ERR_EXISTS] = { GRPC_ALREADY_EXISTS, true, EXISTS_TEXT },
    [ERR_BAD_NAME] = { GRPC_INVALID_ARGUMENT, false, NULL },
    [ERR_BAD_ARGUMENT] = { GRPC_INVALID_ARGUMENT, false, NULL },
    [ERR_UNKNOWN_TYPE] = { GRPC_INTERNAL, false, NULL },
    [ERR_IN_USE] = { GRPC_FAILED_PRECONDITION, false, NULL },
    [ERR_NOT_EMPTY] = { GRPC_FAILED_PRECONDITION, false, NULL },
    /* An exclusive AMQP queue is private to its connection: here it does not exist. */
    [ERR_LOCKED] = { GRPC_NOT_FOUND, true, NOT_FOUND_TEXT },
    [ERR_ACCESS] = { GRPC_PERMISSION_DENIED, false, NULL },
    [ERR_TOO_BIG] = { GRPC_INVALID_ARGUMENT, false, NULL },
    [ERR_OUT_OF_RANGE] = { GRPC_OUT_OF_RANGE, false, NULL },
    [ERR_NO_LEASE] = { GRPC_INVALID_ARGUMENT, false, NULL },
    [ERR_CANCELLED] = { GRPC_CANCELLED, false, NULL },
    [ERR_CORRUPT] = { GRPC_DATA_LOSS, false, NULL },
    [ERR_BAD_RECORD] = { GRPC_INTERNAL, false, NULL },
    [ERR_NO_KEY] = { GRPC_INVALID_ARGUMENT, false, NULL },
    [ERR_BAD_TIMESTAMP] = { GRPC_INVALID_ARGUMENT, false, NULL },
    [ERR_BAD_SEQUENCE] = { GRPC_INTERNAL, false, NULL },
    [ERR_FENCED_PRODUCER] = { GRPC_INTERNAL, false, NULL },
    [ERR_UNKNOWN_PRODUCER] = { GRPC_INTERNAL, false, NULL },
    [ERR_TXN_STATE] = { GRPC_INTERNAL, false, NULL },
    [ERR_NOT_IN_TXN] = { GRPC_INTERNAL, false, NULL },
    [ERR_NO_TXN] = { GRPC_INTERNAL, false, NULL },
    [ERR_BAD_TXN_TIMEOUT] = { GRPC_INTERNAL, false, NULL },
    [ERR_UNSTABLE_OFFSET] = { GRPC_INTERNAL, false, NULL },
    [ERR_FENCED_EPOCH] = { GRPC_INTERNAL, false, NULL },
    [ERR_UNKNOWN_EPOCH] = { GRPC_INTERNAL, false, NULL },
    [ERR_UNKNOWN_MEMBER] = { GRPC_INTERNAL, false, NULL },
    [ERR_ILLEGAL_GENERATION] = { GRPC_INTERNAL, false, NULL },
    [ERR_REBALANCING] = { GRPC_INTERNAL, false, NULL },
    [ERR_NEED_MEMBER_ID] = { GRPC_INTERNAL, false, NULL },
    [ERR_MIXED_PROTOCOLS] = { GRPC_INTERNAL, false, NULL },
    [ERR_BAD_SESSION_TIMEOUT] = { GRPC_INTERNAL, false, NULL },
    [ERR_FENCED_INSTANCE] = { GRPC_INTERNAL, false, NULL },
    [ERR_UNRELEASED_INSTANCE] = { GRPC_INTERNAL, false, NULL },
    [ERR_FENCED_MEMBER] = { GRPC_INTERNAL, false, NULL },
    [ERR_STALE_MEMBER] = { GRPC_INTERNAL, false, NULL },
    [ERR_NO_ASSIGNOR] = { GRPC_INTERNAL, false, NULL },
    [ERR_BAD_PATTERN] = { GRPC_INTERNAL, false, NULL },
    [ERR_NO_SESSION] = { GRPC_INTERNAL, false, NULL },
    [ERR_SESSION_EPOCH] = { GRPC_INTERNAL, false, NULL },
    [ERR_SESSION_TOPICS] = { GRPC_INTERNAL, false, NULL },
    [ERR_NO_SPACE] = { GRPC_RESOURCE_EXHAUSTED, false, NULL },
    [ERR_OVERLOADED] = { GRPC_RESOURCE_EXHAUSTED, false, NULL },
    [ERR_LIMIT] = { GRPC_RESOURCE_EXHAUSTED, false, NULL },
    [ERR_DISK_FAILED] = { GRPC_UNAVAILABLE, false, NULL },
    [ERR_FENCED] = { GRPC_UNAVAILABLE, false, NULL },
    [ERR_BUSY] = { GRPC_UNAVAILABLE, false, NULL },
    [ERR_NEWER_FORMAT] = { GRPC_INTERNAL, false, NULL },
    [ERR_OLDER_FORMAT] = { GRPC_INTERNAL, false, NULL },
    [ERR_FOREIGN] = { GRPC_INTERNAL, false, NULL },
    [ERR_IO] = { GRPC_INTERNAL, false, NULL },
    [ERR_SHUTDOWN] = { GRPC_UNAVAILABLE, false, TRY_AGAIN_TEXT },
};
_Static_assert(COUNT(answers) == ERR_COUNT, "a new engine error needs a gRPC answer");

enum grpc_code ps_error(enum err err, struct bytes resource, struct buf *text)
{
    buf_str(text, answers[err].text ? answers[err].text : err_text(err));
    if (answers[err].names_resource) {
        buf_str(text, " (resource=");
        buf_bytes(text, resource);
        buf_str(text, ").");
    }
    return answers[err].code;
}
