/*
 * methods.h - the classes and methods of AMQP 0-9-1 as RabbitMQ speaks it, once, as one table.
 *
 * Everything about a method is its row: the two numbers on the wire, the types of its arguments,
 * and who handles it when a client sends it. Decoding, encoding and dispatch walk the rows;
 * nothing else lists methods.
 *
 * Argument types, one letter each: o octet, h short (16 bits), l long (32), L longlong (64), b bit
 * (neighbours share an octet), s short string (at most 255 bytes of UTF-8), S long string, T
 * field table (given without its length).
 *
 * Thread: pure, any.
 */
#ifndef DOORS_AMQP_METHODS_H
#define DOORS_AMQP_METHODS_H

#include "base/buf.h"
#include "base/err.h"

/* name, class, method, arguments, handler on channel 0, handler on other channels; with RabbitMQ's
 * extensions. */
#define METHOD_LIST(X)                                                                             \
    X(CONNECTION_START, 10, 10, "ooTSS", NULL, NULL)                                               \
    X(CONNECTION_START_OK, 10, 11, "TsSs", handshake_on_start_ok, NULL)                            \
    X(CONNECTION_SECURE, 10, 20, "S", NULL, NULL)                                                  \
    X(CONNECTION_SECURE_OK, 10, 21, "S", NULL, NULL)                                               \
    X(CONNECTION_TUNE, 10, 30, "hlh", NULL, NULL)                                                  \
    X(CONNECTION_TUNE_OK, 10, 31, "hlh", handshake_on_tune_ok, NULL)                               \
    X(CONNECTION_OPEN, 10, 40, "ssb", handshake_on_open, NULL)                                     \
    X(CONNECTION_OPEN_OK, 10, 41, "s", NULL, NULL)                                                 \
    X(CONNECTION_CLOSE, 10, 50, "hshh", amqp_conn_on_close, NULL)                                  \
    X(CONNECTION_CLOSE_OK, 10, 51, "", amqp_conn_on_close_ok, NULL)                                \
    X(CONNECTION_BLOCKED, 10, 60, "s", NULL, NULL)                                                 \
    X(CONNECTION_UNBLOCKED, 10, 61, "", NULL, NULL)                                                \
    X(CONNECTION_UPDATE_SECRET, 10, 70, "Ss", amqp_conn_on_update_secret, NULL)                    \
    X(CONNECTION_UPDATE_SECRET_OK, 10, 71, "", NULL, NULL)                                         \
    X(CHANNEL_OPEN, 20, 10, "s", NULL, channel_on_open)                                            \
    X(CHANNEL_OPEN_OK, 20, 11, "S", NULL, NULL)                                                    \
    X(CHANNEL_FLOW, 20, 20, "b", NULL, channel_on_flow)                                            \
    X(CHANNEL_FLOW_OK, 20, 21, "b", NULL, NULL)                                                    \
    X(CHANNEL_CLOSE, 20, 40, "hshh", NULL, channel_on_close)                                       \
    X(CHANNEL_CLOSE_OK, 20, 41, "", NULL, channel_on_close_ok)                                     \
    X(ACCESS_REQUEST, 30, 10, "sbbbbb", NULL, channel_on_access_request)                           \
    X(ACCESS_REQUEST_OK, 30, 11, "h", NULL, NULL)                                                  \
    X(EXCHANGE_DECLARE, 40, 10, "hssbbbbbT", NULL, declare_on_exchange_declare)                    \
    X(EXCHANGE_DECLARE_OK, 40, 11, "", NULL, NULL)                                                 \
    X(EXCHANGE_DELETE, 40, 20, "hsbb", NULL, declare_on_exchange_delete)                           \
    X(EXCHANGE_DELETE_OK, 40, 21, "", NULL, NULL)                                                  \
    X(EXCHANGE_BIND, 40, 30, "hsssbT", NULL, bind_on_exchange_bind)                                \
    X(EXCHANGE_BIND_OK, 40, 31, "", NULL, NULL)                                                    \
    X(EXCHANGE_UNBIND, 40, 40, "hsssbT", NULL, bind_on_exchange_unbind)                            \
    X(EXCHANGE_UNBIND_OK, 40, 51, "", NULL, NULL)                                                  \
    X(QUEUE_DECLARE, 50, 10, "hsbbbbbT", NULL, declare_on_queue_declare)                           \
    X(QUEUE_DECLARE_OK, 50, 11, "sll", NULL, NULL)                                                 \
    X(QUEUE_BIND, 50, 20, "hsssbT", NULL, bind_on_queue_bind)                                      \
    X(QUEUE_BIND_OK, 50, 21, "", NULL, NULL)                                                       \
    X(QUEUE_PURGE, 50, 30, "hsb", NULL, declare_on_queue_purge)                                    \
    X(QUEUE_PURGE_OK, 50, 31, "l", NULL, NULL)                                                     \
    X(QUEUE_DELETE, 50, 40, "hsbbb", NULL, declare_on_queue_delete)                                \
    X(QUEUE_DELETE_OK, 50, 41, "l", NULL, NULL)                                                    \
    X(QUEUE_UNBIND, 50, 50, "hsssT", NULL, bind_on_queue_unbind)                                   \
    X(QUEUE_UNBIND_OK, 50, 51, "", NULL, NULL)                                                     \
    X(BASIC_QOS, 60, 10, "lhb", NULL, consume_on_qos)                                              \
    X(BASIC_QOS_OK, 60, 11, "", NULL, NULL)                                                        \
    X(BASIC_CONSUME, 60, 20, "hssbbbbT", NULL, consume_on_consume)                                 \
    X(BASIC_CONSUME_OK, 60, 21, "s", NULL, NULL)                                                   \
    X(BASIC_CANCEL, 60, 30, "sb", NULL, consume_on_cancel)                                         \
    X(BASIC_CANCEL_OK, 60, 31, "s", NULL, consume_on_cancel_ok)                                    \
    X(BASIC_PUBLISH, 60, 40, "hssbb", NULL, publish_on_publish)                                    \
    X(BASIC_RETURN, 60, 50, "hsss", NULL, NULL)                                                    \
    X(BASIC_DELIVER, 60, 60, "sLbss", NULL, NULL)                                                  \
    X(BASIC_GET, 60, 70, "hsb", NULL, consume_on_get)                                              \
    X(BASIC_GET_OK, 60, 71, "Lbssl", NULL, NULL)                                                   \
    X(BASIC_GET_EMPTY, 60, 72, "s", NULL, NULL)                                                    \
    X(BASIC_ACK, 60, 80, "Lb", NULL, settle_on_ack)                                                \
    X(BASIC_REJECT, 60, 90, "Lb", NULL, settle_on_reject)                                          \
    X(BASIC_RECOVER_ASYNC, 60, 100, "b", NULL, settle_on_recover_async)                            \
    X(BASIC_RECOVER, 60, 110, "b", NULL, settle_on_recover)                                        \
    X(BASIC_RECOVER_OK, 60, 111, "", NULL, NULL)                                                   \
    X(BASIC_NACK, 60, 120, "Lbb", NULL, settle_on_nack)                                            \
    X(CONFIRM_SELECT, 85, 10, "b", NULL, publish_on_confirm_select)                                \
    X(CONFIRM_SELECT_OK, 85, 11, "", NULL, NULL)                                                   \
    X(TX_SELECT, 90, 10, "", NULL, tx_on_select)                                                   \
    X(TX_SELECT_OK, 90, 11, "", NULL, NULL)                                                        \
    X(TX_COMMIT, 90, 20, "", NULL, tx_on_commit)                                                   \
    X(TX_COMMIT_OK, 90, 21, "", NULL, NULL)                                                        \
    X(TX_ROLLBACK, 90, 30, "", NULL, tx_on_rollback)                                               \
    X(TX_ROLLBACK_OK, 90, 31, "", NULL, NULL)

enum method_id {
    METHOD_NONE, /* also: unknown */
#define X(name, class_id, method, types, on_conn, on_channel) METHOD_##name,
    METHOD_LIST(X)
#undef X
        METHOD_COUNT
};

enum { CLASS_BASIC = 60, METHOD_HEAD_BYTES = 4 /* the two numbers */, METHOD_ARGS_MAX = 9 };

struct amqp_conn;
struct channel;

/* One argument: a number, or a string or table. */
struct arg {
    uint64_t     n;
    struct bytes b;
};
#define ARG_N(v) ((struct arg){ .n = (v) })
#define ARG_B(v) ((struct arg){ .b = (v) })

struct method {
    uint16_t    class_id;
    uint16_t    method_id;
    const char *types;
    void (*on_conn)(struct amqp_conn *c, const struct arg *args);
    void (*on_channel)(struct channel *ch, const struct arg *args);
};
extern const struct method methods[METHOD_COUNT];

/* METHOD_NONE when there is no such method. */
enum method_id method_find(uint16_t class_id, uint16_t method_id);

/* Decodes the arguments behind the two numbers; strings and tables borrow. Nothing may follow them.
 * Tables are well formed afterwards. */
enum args_result { ARGS_OK, ARGS_MALFORMED, ARGS_BAD_UTF8 };
MUST_CHECK enum args_result args_decode(enum method_id id, struct bytes payload,
                                        struct arg out[METHOD_ARGS_MAX]);

/* Appends a whole method frame. Short strings are cut at 255 bytes. */
void method_frame(struct buf *out, uint16_t channel, enum method_id id, const struct arg *args);

#endif
