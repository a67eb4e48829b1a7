/*
 * login.h - SASL mechanisms and the one user there is: guest, password guest, from this machine
 * only (RabbitMQ's default).
 *
 * Thread: pure, any.
 */
#ifndef DOORS_AMQP_LOGIN_H
#define DOORS_AMQP_LOGIN_H

#include "base/bytes.h"

/* In the order offered. */
#define LOGIN_MECHANISMS "PLAIN AMQPLAIN ANONYMOUS"
#define LOGIN_USER "guest"

enum login_result {
    LOGIN_OK,
    LOGIN_REFUSED,
    LOGIN_MALFORMED,
    LOGIN_UNKNOWN_MECHANISM,
};
enum login_result login_check(struct bytes mechanism, struct bytes response, bool is_loopback);

#endif
