/*
 * login.h - SASL mechanisms: whom a client claims to be, by what, and whether it is he.
 *
 *     start-ok --login_read--> user, password --the user looked up--> login_is_good
 *
 * PLAIN and AMQPLAIN bring a password, EXTERNAL is the subject of the client's certificate (offered only to those who
 * have shown one), ANONYMOUS is guest. guest comes in from this machine only (RabbitMQ's default).
 *
 * Thread: pure, any.
 */
#ifndef DOORS_AMQP_LOGIN_H
#define DOORS_AMQP_LOGIN_H

#include "engine/user_calls.h"

/* Who is at the other end of the socket. */
struct login_peer {
    bool         is_loopback;
    struct bytes certificate; /* its subject; null: none. Lives as long as the connection */
};

/* What a client claims. Borrows from response and peer. */
struct login {
    struct bytes user;
    struct bytes password;
    bool         needs_password;
};

enum login_result {
    LOGIN_OK,
    LOGIN_REFUSED,
    LOGIN_MALFORMED,
    LOGIN_UNKNOWN_MECHANISM,
};

/* In the order offered. */
const char *login_mechanisms(const struct login_peer *peer);
enum login_result login_read(struct bytes mechanism, struct bytes response,
                             const struct login_peer *peer, struct login *out);
/* user: what the engine knows of him; NULL: nothing. */
bool login_is_good(const struct login *login, const struct login_peer *peer,
                   const struct user_view *user);

#endif
