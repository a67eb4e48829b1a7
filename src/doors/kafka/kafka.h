/*
 * kafka.h - the Kafka door: Apache Kafka's wire protocol over TCP (reference: protocol version
 * ranges of Kafka 4.2).
 *
 *     bytes --kafka_conn.c: frames--> request.c: body by table (schema.h) --> handler (apis.c)
 *       ^                                                                         | engine calls
 *       +---- in the order of the requests <---- wire.c: response by table <------+
 *
 * Thread: the loop's.
 */
#ifndef DOORS_KAFKA_KAFKA_H
#define DOORS_KAFKA_KAFKA_H

#include "base/err.h"

struct door_env;
struct door_server;

/* Listens. env's strings must outlive the door. Errors as listener_open. */
MUST_CHECK enum err kafka_door_open(struct door_server **out, const struct door_env *env);

#endif
