/*
 * errors.h - RabbitMQ's reply codes, and how a failure is told to the client.
 *
 * A soft error closes the channel (channel.close), a hard one the connection; on channel 0
 * everything is hard. The text is `NAME - explanation`, at most 255 bytes, with the numbers of
 * the method that failed.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_AMQP_ERRORS_H
#define DOORS_AMQP_ERRORS_H

#include "doors/amqp/methods.h"

/* code, name, hard */
#define REPLY_LIST(X)                                                                              \
    X(200, SUCCESS, false)                                                                         \
    X(311, CONTENT_TOO_LARGE, false)                                                               \
    X(312, NO_ROUTE, false)                                                                        \
    X(313, NO_CONSUMERS, false)                                                                    \
    X(320, CONNECTION_FORCED, true)                                                                \
    X(402, INVALID_PATH, true)                                                                     \
    X(403, ACCESS_REFUSED, false)                                                                  \
    X(404, NOT_FOUND, false)                                                                       \
    X(405, RESOURCE_LOCKED, false)                                                                 \
    X(406, PRECONDITION_FAILED, false)                                                             \
    X(501, FRAME_ERROR, true)                                                                      \
    X(502, SYNTAX_ERROR, true)                                                                     \
    X(503, COMMAND_INVALID, true)                                                                  \
    X(504, CHANNEL_ERROR, true)                                                                    \
    X(505, UNEXPECTED_FRAME, true)                                                                 \
    X(506, RESOURCE_ERROR, true)                                                                   \
    X(530, NOT_ALLOWED, true)                                                                      \
    X(540, NOT_IMPLEMENTED, true)                                                                  \
    X(541, INTERNAL_ERROR, true)

enum reply {
#define X(code, name, is_hard) REPLY_##name,
    REPLY_LIST(X)
#undef X
        REPLY_COUNT
};

uint16_t reply_code(enum reply r);
bool reply_is_hard(enum reply r);

/* What each engine error is in this protocol. */
enum reply reply_of(enum err err);

/* `NAME - explanation`; what a short string cannot hold becomes "...". */
void reply_text(struct buf *out, enum reply r, const char *explanation);

/* queue 'q' in vhost '/' */
void resource_text(struct buf *out, const char *kind, struct bytes name, struct bytes vhost);

#endif
