/*
 * amqp.h - the AMQP 0-9-1 door: RabbitMQ's protocol on port 5672.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_AMQP_AMQP_H
#define DOORS_AMQP_AMQP_H

#include "base/err.h"
#include "net/door.h"

/* Listens on env's host and port. Errors as listener_open. */
MUST_CHECK enum err amqp_door_open(struct door_server **out, const struct door_env *env);

#endif
