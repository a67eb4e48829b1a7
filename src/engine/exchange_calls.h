/*
 * exchange_calls.h - arguments and results of the calls on exchanges and bindings. See call.h for
 * the rules of all.
 *
 * Every namespace is born with RabbitMQ's exchanges: "" (default), amq.direct, amq.fanout,
 * amq.topic, amq.headers, amq.match, amq.rabbitmq.trace (internal). Tables (arguments, headers) are
 * AMQP field tables without the leading length, exactly as the client sent them (engine/table.h
 * reads them).
 */
#ifndef ENGINE_EXCHANGE_CALLS_H
#define ENGINE_EXCHANGE_CALLS_H

#include "engine/queue_calls.h"

struct exchange_view {
    struct bytes name;
    struct bytes type; /* route_type_name, or "x-delayed-message" */
    bool         is_durable, is_auto_delete, is_internal;
    struct bytes arguments;
};

struct exchange_declare_call {
    struct call          call; /* ERR_NO_EXCHANGE (passive), ERR_UNKNOWN_TYPE, ERR_ACCESS (default
                                * exchange), ERR_BAD_ARGUMENT (of those that say how it routes) */
    struct bytes         ns, name, type;
    bool                 is_passive, is_durable, is_auto_delete, is_internal;
    struct bytes         arguments;
    bool                 existed; /* out; nothing was changed: the door compares */
    struct exchange_view view;    /* out */
};

struct exchange_delete_call {
    struct call  call; /* ERR_NO_EXCHANGE, ERR_IN_USE, ERR_ACCESS (pre-declared) */
    struct bytes ns, name;
    bool         if_unused;
};

/* CALL_BIND and CALL_UNBIND. ERR_NO_EXCHANGE (source; with to_exchange also the destination),
 * ERR_NO_QUEUE, ERR_ACCESS (default exchange), ERR_LOCKED. Binding twice and unbinding what is not
 * bound are ERR_OK. */
struct bind_call {
    struct call  call;
    struct bytes ns, source, destination, key, arguments;
    bool         to_exchange;
    bool         source_missing; /* out; which of the two ERR_NO_EXCHANGE means */
};

/*
 * Routes one message and appends it to every topic reached, as one journal record. The default
 * exchange reaches the queue named by key, or else the topic of that name. Auto-deleted and durable
 * rules are RabbitMQ's. An exchange that leads nowhere hands over to its alternate-exchange. What
 * comes through an x-delayed-message exchange with a header x-delay is in its queues at once, and
 * ready so many milliseconds later. ERR_NO_EXCHANGE; ERR_ACCESS (internal exchange). Nothing reached
 * is ERR_OK with routed 0.
 *
 * While the disk is full it is ERR_NO_SPACE. With waits_for_space it is parked instead, and so is each
 * further one that waits, so that they keep their order; the door bounds how many. Not inside a
 * transaction.
 */
struct publish_call {
    struct call  call;
    bool         waits_for_space; /* in */
    struct bytes ns, exchange, key;
    struct bytes headers;    /* in; field table for headers exchanges; may be null */
    struct bytes message_id, correlation_id; /* in; for hash exchanges, as is timestamp */
    uint64_t     timestamp;
    struct slice batch;      /* in; one record; the hold passes to the engine as in append_item */
    uint32_t     key_count;  /* in; further routing keys (CC, BCC) */
    struct bytes *keys;      /* in */
    uint32_t     routed;     /* out; queues and topics reached */
};

#endif
