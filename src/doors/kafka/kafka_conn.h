/*
 * kafka_conn.h - one client's connection: frames in, answers out in their order. See kafka_conn.c.
 * Thread: the loop's.
 */
#ifndef DOORS_KAFKA_KAFKA_CONN_H
#define DOORS_KAFKA_KAFKA_CONN_H

#include "net/door.h"

struct gate;
struct kafka_conn;
struct kafka_door;
struct mailbox;
struct rights_asker;
struct sasl;

extern const struct conn_ops kafka_conn_ops; /* ctx: struct kafka_node */

/* A request of this connection was answered. Sends what is due; may free the request. */
void kafka_conn_on_answer(struct kafka_conn *c);
/* Nothing is read for so long. */
void kafka_conn_mute(struct kafka_conn *c, int64_t ms);
/* Takes no more requests; hangs up when those it has are answered. */
void kafka_conn_stop(struct kafka_conn *c);
/* The client has gone; its last answers reach nobody. */
bool kafka_conn_is_gone(const struct kafka_conn *c);
struct sasl *kafka_conn_sasl(const struct kafka_conn *c);
/* Who asks, for engine/rights.h; changes with a login. */
const struct rights_asker *kafka_conn_asker(const struct kafka_conn *c);
struct kafka_door *kafka_conn_door(const struct kafka_conn *c);
struct mailbox *kafka_conn_home(const struct kafka_conn *c);
struct gate *kafka_conn_gate(const struct kafka_conn *c);
uint64_t kafka_conn_session(const struct kafka_conn *c);
const struct door_env *kafka_conn_env(const struct kafka_conn *c);
/* Wall clock, milliseconds. */
int64_t kafka_conn_wall_ms(const struct kafka_conn *c);
/* Where the client is, as Kafka's tools show it: "/127.0.0.1". */
const char *kafka_conn_client_host(const struct kafka_conn *c);
/* What this client is told to connect to: as configured, else what it has connected to. */
const char *kafka_conn_host(const struct kafka_conn *c);
uint16_t kafka_conn_port(const struct kafka_conn *c, int32_t node);
/* The node it has connected to, and how many there are (nodes.h). */
int32_t kafka_conn_node(const struct kafka_conn *c);
unsigned kafka_conn_node_count(const struct kafka_conn *c);

#endif
