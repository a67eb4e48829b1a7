/*
 * door.h - what every door gets from the node and gives back to it.
 *
 * One door object per loop, protocol and port: x_door_open(env) -> struct door with its listener; close it on the
 * loop's thread. Thread: the loop's.
 */
#ifndef NET_DOOR_H
#define NET_DOOR_H

#include "net/conn.h"

struct gate;
struct limits;
struct rights;
struct tls;
struct token_keys;
struct token_rules;

struct door_env {
    struct loop *loop;
    struct gate *gate;              /* engine/call.h */
    const char  *host;              /* to listen on */
    uint16_t     port;
    struct tls  *tls;               /* net/tls.h; NULL: plain */
    const char  *advertised_host;   /* NULL: the address the client reached */
    uint16_t     advertised_port;   /* 0: the port the client reached */
    unsigned     kafka_nodes;       /* how many brokers the Kafka door is said to be; 0: one */
    const char  *data;              /* the data directory, to be shown */
    const char  *cluster_id;        /* stable for the data directory, 22 characters base64url */
    const char  *default_project;   /* Pub/Sub project that is the default namespace: "default" */
    const char  *version;
    bool         needs_login;       /* Kafka: nothing is answered before */
    int64_t      login_ms;          /* Kafka: how long a login is good; 0: as long as the connection */
    struct limits *limits;          /* Kafka: how much of it (engine/limits.h); NULL: no limits */
    struct rights *rights;          /* Kafka: what users may do (engine/rights.h); NULL: everything */
    const char  *super_users;       /* Kafka: principals who may do everything, with semicolons between; or NULL */
    bool         everyone_if_no_acls; /* Kafka: what no ACL concerns is everybody's */
    const struct token_keys *const *token_keys; /* Kafka: who signs OAUTHBEARER's just now (doors/token.h); or NULL */
    const struct token_rules *token_rules; /* with token_keys */
    void (*random)(void *at, size_t len); /* unpredictable; salts and nonces */
    uint64_t     seed;              /* random; of the ids a door makes up. The simulator gives the same one again */
};

struct door_server {
    /* Stops listening, ends connections politely, frees itself when all are gone. */
    void (*close)(struct door_server *s);
};

#endif
