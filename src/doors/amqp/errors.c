/* errors.c - see errors.h. */
#include "doors/amqp/errors.h"

enum { REPLY_TEXT_MAX = 255 };

static const struct {
    uint16_t    code;
    const char *name;
    bool        is_hard;
} replies[REPLY_COUNT] = {
#define X(code, name, is_hard) [REPLY_##name] = { code, #name, is_hard },
    REPLY_LIST(X)
#undef X
};

uint16_t reply_code(enum reply r)
{
    return replies[r].code;
}

bool reply_is_hard(enum reply r)
{
    return replies[r].is_hard;
}

/* What a method did not expect; what it does expect it explains itself, in RabbitMQ's words. */
static const enum reply by_err[] = {
    [ERR_OK] = REPLY_SUCCESS,
    [ERR_NO_TOPIC] = REPLY_NOT_FOUND,
    [ERR_NO_QUEUE] = REPLY_NOT_FOUND,
    [ERR_NO_EXCHANGE] = REPLY_NOT_FOUND,
    [ERR_NO_GROUP] = REPLY_NOT_FOUND,
    [ERR_NO_USER] = REPLY_NOT_FOUND,
    [ERR_NO_PARTITION] = REPLY_NOT_FOUND,
    [ERR_NO_ROUTE] = REPLY_NO_ROUTE,
    [ERR_EXISTS] = REPLY_PRECONDITION_FAILED,
    [ERR_BAD_NAME] = REPLY_PRECONDITION_FAILED,
    [ERR_BAD_ARGUMENT] = REPLY_PRECONDITION_FAILED,
    [ERR_UNKNOWN_TYPE] = REPLY_PRECONDITION_FAILED,
    [ERR_IN_USE] = REPLY_PRECONDITION_FAILED,
    [ERR_NOT_EMPTY] = REPLY_PRECONDITION_FAILED,
    [ERR_LOCKED] = REPLY_RESOURCE_LOCKED,
    [ERR_ACCESS] = REPLY_ACCESS_REFUSED,
    [ERR_TOO_BIG] = REPLY_PRECONDITION_FAILED,
    [ERR_OUT_OF_RANGE] = REPLY_PRECONDITION_FAILED,
    [ERR_NO_LEASE] = REPLY_PRECONDITION_FAILED,
    [ERR_CANCELLED] = REPLY_INTERNAL_ERROR,
    [ERR_CORRUPT] = REPLY_INTERNAL_ERROR,
    [ERR_BAD_RECORD] = REPLY_INTERNAL_ERROR,
    [ERR_NO_KEY] = REPLY_PRECONDITION_FAILED,
    [ERR_BAD_TIMESTAMP] = REPLY_PRECONDITION_FAILED,
    [ERR_BAD_SEQUENCE] = REPLY_INTERNAL_ERROR,
    [ERR_FENCED_PRODUCER] = REPLY_INTERNAL_ERROR,
    [ERR_UNKNOWN_PRODUCER] = REPLY_INTERNAL_ERROR,
    [ERR_TXN_STATE] = REPLY_INTERNAL_ERROR,
    [ERR_NOT_IN_TXN] = REPLY_INTERNAL_ERROR,
    [ERR_NO_TXN] = REPLY_INTERNAL_ERROR,
    [ERR_BAD_TXN_TIMEOUT] = REPLY_INTERNAL_ERROR,
    [ERR_UNSTABLE_OFFSET] = REPLY_INTERNAL_ERROR,
    [ERR_FENCED_EPOCH] = REPLY_INTERNAL_ERROR,
    [ERR_UNKNOWN_EPOCH] = REPLY_INTERNAL_ERROR,
    [ERR_UNKNOWN_MEMBER] = REPLY_INTERNAL_ERROR,
    [ERR_ILLEGAL_GENERATION] = REPLY_INTERNAL_ERROR,
    [ERR_REBALANCING] = REPLY_INTERNAL_ERROR,
    [ERR_NEED_MEMBER_ID] = REPLY_INTERNAL_ERROR,
    [ERR_MIXED_PROTOCOLS] = REPLY_INTERNAL_ERROR,
    [ERR_BAD_SESSION_TIMEOUT] = REPLY_INTERNAL_ERROR,
    [ERR_FENCED_INSTANCE] = REPLY_INTERNAL_ERROR,
    [ERR_UNRELEASED_INSTANCE] = REPLY_INTERNAL_ERROR,
    [ERR_FENCED_MEMBER] = REPLY_INTERNAL_ERROR,
    [ERR_STALE_MEMBER] = REPLY_INTERNAL_ERROR,
    [ERR_NO_ASSIGNOR] = REPLY_INTERNAL_ERROR,
    [ERR_BAD_PATTERN] = REPLY_INTERNAL_ERROR,
    [ERR_NO_SESSION] = REPLY_INTERNAL_ERROR,
    [ERR_SESSION_EPOCH] = REPLY_INTERNAL_ERROR,
    [ERR_SESSION_TOPICS] = REPLY_INTERNAL_ERROR,
    [ERR_NO_SPACE] = REPLY_RESOURCE_ERROR,
    [ERR_OVERLOADED] = REPLY_RESOURCE_ERROR,
    [ERR_LIMIT] = REPLY_RESOURCE_ERROR,
    [ERR_DISK_FAILED] = REPLY_INTERNAL_ERROR,
    [ERR_FENCED] = REPLY_INTERNAL_ERROR,
    [ERR_BUSY] = REPLY_INTERNAL_ERROR,
    [ERR_NEWER_FORMAT] = REPLY_INTERNAL_ERROR,
    [ERR_OLDER_FORMAT] = REPLY_INTERNAL_ERROR,
    [ERR_FOREIGN] = REPLY_INTERNAL_ERROR,
    [ERR_IO] = REPLY_INTERNAL_ERROR,
    [ERR_SHUTDOWN] = REPLY_CONNECTION_FORCED,
};
_Static_assert(COUNT(by_err) == ERR_COUNT, "a new engine error needs an AMQP answer");

enum reply reply_of(enum err err)
{
    return by_err[err];
}

void reply_text(struct buf *out, enum reply r, const char *explanation)
{
    static const char cut[] = "...";

    buf_clear(out);
    buf_printf(out, "%s - %s", replies[r].name, explanation);
    if (out->len <= REPLY_TEXT_MAX)
        return;
    out->len = REPLY_TEXT_MAX - strlen(cut);
    while (out->len > 0 && (out->at[out->len] & 0xc0) == 0x80)
        out->len--; /* the cut would go through a character */
    buf_str(out, cut);
}

void resource_text(struct buf *out, const char *kind, struct bytes name, struct bytes vhost)
{
    buf_printf(out, "%s '", kind);
    buf_bytes(out, name);
    buf_str(out, "' in vhost '");
    buf_bytes(out, vhost);
    buf_u8(out, '\'');
}
