/* errors.c - see errors.h. */
#include "doors/sqs/errors.h"
#include "base/bytes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define QUERY "AWS.SimpleQueueService."

static const char text_deleted_recently[] =
    "You must wait 60 seconds after deleting a queue before you can create another with the same "
    "name.";
static const char text_batch_id[] =
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be "
    "at most 80 letters long.";
static const char text_characters[] =
    "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | "
    "#xE000 to #xFFFD | #x10000 to #x10FFFF";
static const char text_internal[] =
    "The request processing has failed because of an unknown error.";

/* Of the model, up to SHAPE_MODELLED_LAST; then those every service has. */
static const struct shape_row shapes[] = {
    [SHAPE_NONE] = { "", "", 200, "" },
    [SHAPE_QUEUE_DOES_NOT_EXIST] = { "QueueDoesNotExist", QUERY "NonExistentQueue", 400,
                                     "The specified queue does not exist." },
    [SHAPE_QUEUE_NAME_EXISTS] = { "QueueNameExists", "QueueAlreadyExists", 400, NULL },
    [SHAPE_QUEUE_DELETED_RECENTLY] = { "QueueDeletedRecently", QUERY "QueueDeletedRecently", 400,
                                       text_deleted_recently },
    [SHAPE_PURGE_IN_PROGRESS] = { "PurgeQueueInProgress", QUERY "PurgeQueueInProgress", 403, NULL },
    [SHAPE_TOO_MANY_ENTRIES] = { "TooManyEntriesInBatchRequest",
                                 QUERY "TooManyEntriesInBatchRequest", 400, NULL },
    [SHAPE_INVALID_ENTRY_ID] = { "InvalidBatchEntryId", QUERY "InvalidBatchEntryId", 400,
                                 text_batch_id },
    [SHAPE_BATCH_TOO_LONG] = { "BatchRequestTooLong", QUERY "BatchRequestTooLong", 400, NULL },
    [SHAPE_ENTRY_IDS_NOT_DISTINCT] = { "BatchEntryIdsNotDistinct", QUERY "BatchEntryIdsNotDistinct",
                                       400, NULL },
    [SHAPE_EMPTY_BATCH] = { "EmptyBatchRequest", QUERY "EmptyBatchRequest", 400, NULL },
    [SHAPE_UNSUPPORTED] = { "UnsupportedOperation", QUERY "UnsupportedOperation", 400, NULL },
    [SHAPE_NOT_INFLIGHT] = { "MessageNotInflight", QUERY "MessageNotInflight", 400,
                             "The message referred to isn't in flight." },
    [SHAPE_OVER_LIMIT] = { "OverLimit", "OverLimit", 403, NULL },
    [SHAPE_RESOURCE_NOT_FOUND] = { "ResourceNotFoundException", "ResourceNotFoundException", 404,
                                   NULL },
    [SHAPE_INVALID_HANDLE] = { "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 400, NULL },
    [SHAPE_INVALID_ATTRIBUTE_NAME] = { "InvalidAttributeName", "InvalidAttributeName", 400, NULL },
    [SHAPE_INVALID_ATTRIBUTE_VALUE] = { "InvalidAttributeValue", "InvalidAttributeValue", 400,
                                        NULL },
    [SHAPE_INVALID_CONTENTS] = { "InvalidMessageContents", "InvalidMessageContents", 400,
                                 text_characters },
    [SHAPE_INVALID_ADDRESS] = { "InvalidAddress", "InvalidAddress", 404, NULL },
    [SHAPE_THROTTLED] = { "RequestThrottled", "RequestThrottled", 403,
                          "The request was denied due to request throttling." },
    [SHAPE_INVALID_PARAMETER] = { "InvalidParameterValueException", "InvalidParameterValue", 400,
                                  NULL },
    [SHAPE_MISSING_PARAMETER] = { "MissingRequiredParameterException", "MissingParameter", 400,
                                  NULL },
    [SHAPE_ACCESS_DENIED] = { "AccessDeniedException", "AccessDenied", 403,
                              "Access to the resource is denied." },
    [SHAPE_SERIALIZATION] = { "SerializationException", "SerializationException", 400, NULL },
    [SHAPE_UNKNOWN_OPERATION] = { "UnknownOperationException", "InvalidAction", 400, NULL },
    [SHAPE_INTERNAL_FAILURE] = { "InternalFailure", "InternalFailure", 500, text_internal },
    [SHAPE_UNAVAILABLE] = { "ServiceUnavailable", "ServiceUnavailable", 503,
                            "The service cannot take the request now; try again." },
};
_Static_assert(COUNT(shapes) == SHAPE_COUNT, "a new shape needs a row");

/*
 * Most of these cannot come out of the calls this door makes; they have a row because the list is
 * closed. LOCKED is somebody's exclusive queue, which other doors do not see. Disk trouble is ours
 * (5xx), so that clients try again.
 */
static const enum shape of_err[] = {
    [ERR_OK] = SHAPE_INTERNAL_FAILURE,
    [ERR_NO_TOPIC] = SHAPE_QUEUE_DOES_NOT_EXIST,
    [ERR_NO_QUEUE] = SHAPE_QUEUE_DOES_NOT_EXIST,
    [ERR_NO_EXCHANGE] = SHAPE_INTERNAL_FAILURE,
    [ERR_NO_GROUP] = SHAPE_INTERNAL_FAILURE,
    [ERR_NO_USER] = SHAPE_INTERNAL_FAILURE,
    [ERR_NO_PARTITION] = SHAPE_INTERNAL_FAILURE,
    [ERR_NO_ROUTE] = SHAPE_INTERNAL_FAILURE,
    [ERR_EXISTS] = SHAPE_QUEUE_NAME_EXISTS,
    [ERR_BAD_NAME] = SHAPE_INVALID_PARAMETER,
    [ERR_BAD_ARGUMENT] = SHAPE_INVALID_PARAMETER,
    [ERR_UNKNOWN_TYPE] = SHAPE_INTERNAL_FAILURE,
    [ERR_IN_USE] = SHAPE_UNSUPPORTED,
    [ERR_NOT_EMPTY] = SHAPE_UNSUPPORTED,
    [ERR_LOCKED] = SHAPE_QUEUE_DOES_NOT_EXIST,
    [ERR_ACCESS] = SHAPE_ACCESS_DENIED,
    [ERR_TOO_BIG] = SHAPE_INVALID_PARAMETER,
    [ERR_OUT_OF_RANGE] = SHAPE_INTERNAL_FAILURE,
    [ERR_NO_LEASE] = SHAPE_NOT_INFLIGHT,
    [ERR_CANCELLED] = SHAPE_UNAVAILABLE,
    [ERR_CORRUPT] = SHAPE_INTERNAL_FAILURE,
    [ERR_BAD_RECORD] = SHAPE_INTERNAL_FAILURE,
    [ERR_NO_KEY] = SHAPE_INVALID_PARAMETER,
    [ERR_BAD_TIMESTAMP] = SHAPE_INVALID_PARAMETER,
    [ERR_BAD_SEQUENCE] = SHAPE_INTERNAL_FAILURE,
    [ERR_FENCED_PRODUCER] = SHAPE_INTERNAL_FAILURE,
    [ERR_UNKNOWN_PRODUCER] = SHAPE_INTERNAL_FAILURE,
    [ERR_TXN_STATE] = SHAPE_INTERNAL_FAILURE,
    [ERR_NOT_IN_TXN] = SHAPE_INTERNAL_FAILURE,
    [ERR_NO_TXN] = SHAPE_INTERNAL_FAILURE,
    [ERR_BAD_TXN_TIMEOUT] = SHAPE_INTERNAL_FAILURE,
    [ERR_UNSTABLE_OFFSET] = SHAPE_INTERNAL_FAILURE,
    [ERR_FENCED_EPOCH] = SHAPE_INTERNAL_FAILURE,
    [ERR_UNKNOWN_EPOCH] = SHAPE_INTERNAL_FAILURE,
    [ERR_UNKNOWN_MEMBER] = SHAPE_INTERNAL_FAILURE,
    [ERR_ILLEGAL_GENERATION] = SHAPE_INTERNAL_FAILURE,
    [ERR_REBALANCING] = SHAPE_INTERNAL_FAILURE,
    [ERR_NEED_MEMBER_ID] = SHAPE_INTERNAL_FAILURE,
    [ERR_MIXED_PROTOCOLS] = SHAPE_INTERNAL_FAILURE,
    [ERR_BAD_SESSION_TIMEOUT] = SHAPE_INTERNAL_FAILURE,
    [ERR_FENCED_INSTANCE] = SHAPE_INTERNAL_FAILURE,
    [ERR_UNRELEASED_INSTANCE] = SHAPE_INTERNAL_FAILURE,
    [ERR_FENCED_MEMBER] = SHAPE_INTERNAL_FAILURE,
    [ERR_STALE_MEMBER] = SHAPE_INTERNAL_FAILURE,
    [ERR_NO_ASSIGNOR] = SHAPE_INTERNAL_FAILURE,
    [ERR_BAD_PATTERN] = SHAPE_INTERNAL_FAILURE,
    [ERR_NO_SESSION] = SHAPE_INTERNAL_FAILURE,
    [ERR_SESSION_EPOCH] = SHAPE_INTERNAL_FAILURE,
    [ERR_SESSION_TOPICS] = SHAPE_INTERNAL_FAILURE,
    [ERR_NO_SPACE] = SHAPE_UNAVAILABLE,
    [ERR_OVERLOADED] = SHAPE_THROTTLED,
    [ERR_LIMIT] = SHAPE_OVER_LIMIT,
    [ERR_DISK_FAILED] = SHAPE_INTERNAL_FAILURE,
    [ERR_FENCED] = SHAPE_UNAVAILABLE,
    [ERR_BUSY] = SHAPE_UNAVAILABLE,
    [ERR_NEWER_FORMAT] = SHAPE_INTERNAL_FAILURE,
    [ERR_OLDER_FORMAT] = SHAPE_INTERNAL_FAILURE,
    [ERR_FOREIGN] = SHAPE_INTERNAL_FAILURE,
    [ERR_IO] = SHAPE_INTERNAL_FAILURE,
    [ERR_SHUTDOWN] = SHAPE_UNAVAILABLE,
};
_Static_assert(COUNT(of_err) == ERR_COUNT, "a new engine error needs an SQS answer");

const struct shape_row *shape_row(enum shape shape)
{
    assert(shape < SHAPE_COUNT);
    return &shapes[shape];
}

bool shape_is_modelled(enum shape shape)
{
    return shape <= SHAPE_MODELLED_LAST;
}

bool shape_is_sender(enum shape shape)
{
    return shape_row(shape)->status < 500;
}

/* A cut text must not end in the middle of a character: it goes into a JSON string. */
static void trim_utf8(char *text, size_t len)
{
    while (len > 0 && !bytes_is_utf8(bytes_of(text, len)))
        len--;
    text[len] = 0;
}

bool fault_set(struct fault *f, enum shape shape, const char *format, ...)
{
    va_list args;

    if (f->shape != SHAPE_NONE)
        return false;
    f->shape = shape;
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    if (strlen(f->text) == sizeof f->text - 1)
        trim_utf8(f->text, sizeof f->text - 1);
    return false;
}

bool fault_raise(struct fault *f, enum shape shape)
{
    return fault_set(f, shape, "%s", shape_row(shape)->text);
}

bool fault_err(struct fault *f, enum err err)
{
    const struct shape_row *row = shape_row(of_err[err]);

    return fault_set(f, of_err[err], "%s", row->text ? row->text : err_text(err));
}
