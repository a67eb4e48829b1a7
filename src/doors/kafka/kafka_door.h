/*
 * kafka_door.h - between kafka.c and kafka_conn.c.
 * Thread: the loop's.
 */
#ifndef DOORS_KAFKA_KAFKA_DOOR_H
#define DOORS_KAFKA_KAFKA_DOOR_H

#include "base/list.h"
#include "net/door.h"

enum { KAFKA_SECRET_BYTES = 32, KAFKA_NODES_MAX = 16 };

/* One of the brokers that the door is said to be (nodes.h). */
struct kafka_node {
    struct kafka_door *door;
    int32_t            id; /* from 1 */
    struct listener   *listener;
};

struct kafka_door {
    struct door_server server; /* first */
    struct door_env    env;
    unsigned           node_count;
    struct kafka_node  nodes[KAFKA_NODES_MAX];
    struct list        conns; /* kafka_conn.in_door */
    bool               is_closing;
    uint64_t           busy_since_ns; /* throttle.c */
    bool               has_secret;
    uint8_t            secret[KAFKA_SECRET_BYTES]; /* of SCRAM's made-up salts (scram.h), drawn at the first login */
};

/* A connection has come to its end: a closing door goes with the last one. */
void kafka_door_conn_gone(struct kafka_door *d);
/* Ends every connection politely. */
void kafka_conns_close(struct kafka_door *d);

#endif
