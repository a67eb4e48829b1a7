/*
 * tls_link.h - TLS of one connection, between the bytes of its socket and those of its door. No input or output.
 *
 *     socket --tls_link_feed--> | tls_link_shake, tls_link_open | --> door
 *     socket <-----sealed------ |        tls_link_seal          | <-- outlet
 *
 *   TL1 What was fed is used up before more is fed: whoever feeds goes on with open until it answers TLS_WANTS.
 *   TL2 After TLS_FAILED the alert that says why lies in `sealed`; nothing may be opened or sealed any more.
 *   TL3 A peer may ask for new keys TLS_KEY_UPDATES_MAX times: each costs us work, and bytes of an answer.
 *   TL4 An idle connection holds no buffers of records.
 *
 * Thread: the loop's.
 */
#ifndef NET_TLS_LINK_H
#define NET_TLS_LINK_H

#include "base/bytes.h"
#include "net/outlet.h"

struct tls;
struct tls_link;

enum {
    TLS_RECORD_BYTES = 16 * 1024,
    TLS_SEALED_BYTES = 64 * 1024, /* sealed ahead of the socket */
    TLS_KEY_UPDATES_MAX = 1024,
    TLS_NAME_BYTES_MAX = 512, /* of the subject of a client's certificate */
};

enum tls_answer {
    TLS_DONE,   /* shaken hands; opened some bytes */
    TLS_WANTS,  /* all that was fed is used up */
    TLS_ENDED,  /* the peer has said that nothing more comes */
    TLS_FAILED, /* TL2 */
};

/* What is sealed is cut from pool. */
struct tls_link *tls_link_new(struct tls *t, struct pool *pool);
void tls_link_free(struct tls_link *k);
/* Borrows until it is used up (TL1). */
void tls_link_feed(struct tls_link *k, struct bytes sealed);
enum tls_answer tls_link_shake(struct tls_link *k);
/* Bytes for the door into room; *n says how many with TLS_DONE. */
enum tls_answer tls_link_open(struct tls_link *k, uint8_t *room, size_t size, size_t *n);
/* Moves from plain into what is sealed until that has TLS_SEALED_BYTES. False: it failed. */
bool tls_link_seal(struct tls_link *k, struct outlet *plain);
/* Says that nothing more comes from us. At most once, after all was sealed. */
void tls_link_end(struct tls_link *k);
/* What the socket is to send. */
struct outlet *tls_link_sealed(struct tls_link *k);
/* The subject of the client's verified certificate (RFC 2253: CN=orders,O=...); null without one. */
struct bytes tls_link_name(const struct tls_link *k);
/* After TLS_FAILED: why, in OpenSSL's words. */
const char *tls_link_why(const struct tls_link *k);

#endif
