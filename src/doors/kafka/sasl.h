/*
 * sasl.h - who is at the other end of a connection: SaslHandshake, SaslAuthenticate, and what may be asked before.
 *
 *   SA1 A connection that must log in (door_env.needs_login) may ask for the versions and log in, nothing else, within
 *       SASL_LOGIN_MS, in requests of at most SASL_REQUEST_BYTES_MAX. Whoever does otherwise is hung up on.
 *   SA2 While a login is under way nothing else is taken up.
 *   SA3 A login that fails is answered after SASL_FAILED_MS, whatever was wrong with it, and ends the connection.
 *   SA4 A login may be for a time (KIP-368). When it is over, only another one by the same user and mechanism is taken;
 *       it may come earlier.
 *   SA5 guest comes in from this machine only.
 *
 *   NOBODY --handshake--> CHOSEN --token--> [CHALLENGED --token-->] KNOWN --handshake--> CHOSEN ...
 *                           \_________________\__________ --> FAILED --SASL_FAILED_MS--> hung up
 *
 * After a handshake of version 0 the tokens come without a request around them, each behind its length only.
 *
 * Thread: the loop's.
 */
#ifndef DOORS_KAFKA_SASL_H
#define DOORS_KAFKA_SASL_H

#include "base/bytes.h"
#include "net/loop.h"

struct kafka_conn;
struct kafka_request;
struct rights_asker;
struct sasl;

enum {
    SASL_REQUEST_BYTES_MAX = 64 * 1024,
    SASL_LOGIN_MS = 10000,
    SASL_FAILED_MS = 100,
};

/* certificate: the subject of the one that the client has shown, or null. Without a login it says who he is. */
struct sasl *sasl_new(struct kafka_conn *c, bool is_local, struct bytes certificate);
void sasl_free(struct sasl *s);
/* The client has gone: nothing waits any longer. */
void sasl_abandon(struct sasl *s);
/* SA1, SA4: may a request of this API be taken up now? */
bool sasl_allows(const struct sasl *s, int16_t api_key);
/* SA2. */
bool sasl_is_busy(const struct sasl *s);
/* What comes next is a token without a request around it. */
bool sasl_wants_token(const struct sasl *s);
/* The limit of a request just now: SASL_REQUEST_BYTES_MAX, or more. */
uint32_t sasl_request_bytes_max(const struct sasl *s, uint32_t more);
/* May look after users: an administrator, or somebody at this machine where nobody needs to log in. */
bool sasl_is_administrator(const struct sasl *s);
/* Who asks, for engine/rights.h. */
const struct rights_asker *sasl_asker(const struct sasl *s);

#endif
