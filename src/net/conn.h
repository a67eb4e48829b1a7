/*
 * conn.h - TCP listeners and connections for doors that parse bytes themselves.
 *
 * Receiving. Bytes arrive in reference-counted blocks. received() is called with all that is buffered and
 * returns how much it has used up; the rest stays in front of what comes next. It may keep (hold) slices of
 * in.block as long as it likes. A door that needs a frame of n bytes in one piece returns what it used and
 * calls conn_want(n) before: the next received() comes when n bytes are there, contiguous.
 *
 * Sending. conn_send queues slices (holding their blocks); everything queued in a turn leaves in one writev at
 * its end. conn_queued tells what the socket has not taken; writable() is called when it falls below
 * CONN_LOW_WATER after having been above CONN_HIGH_WATER.
 *
 * TLS. A listener may be sealed (listener_seal): its connections shake hands first, and their doors see nothing of
 * it; opened() comes when that is done, and not at all for a peer that fails.
 *
 *   N1  opened is first, closed is last and comes exactly once, on the loop's thread, never from inside a conn_
 *       call.
 *   N2  After closed the conn is gone: the door drops its pointer there.
 *   N3  Nothing is delivered to received() while paused or after conn_close. After conn_resume what is buffered
 *       is delivered again before the turn ends.
 *   N4  conn_ calls other than conn_queued and the addresses only note what is to be done; it is done when the
 *       turn ends.
 *
 * Thread: the loop's.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/block.h"
#include "base/err.h"
#include "net/loop.h"

enum {
    CONN_HIGH_WATER = 1024 * 1024,
    CONN_LOW_WATER = 256 * 1024,
    CONN_TURN_BYTES = 256 * 1024, /* received from one connection before the others have their turn */
    CONN_LINGER_MS = 2000,
    CONN_STALL_MS = 10000, /* closing: the peer takes nothing of what is still to be sent */
    CONN_COUNT_MAX = 10000, /* per listener; more wait in the backlog */
    CONN_SHAKE_MS = 5000,   /* from the first byte to the end of the handshake of TLS */
    CONN_SHAKING_MAX = 512, /* per listener; the longest at it makes room for the next */
};

struct conn;
struct listener;
struct tls;

struct conn_ops {
    /* A new connection. Returns the door's object for it (self of the others); NULL refuses it. */
    void *(*opened)(struct conn *c, void *ctx);
    size_t (*received)(void *self, struct slice in);
    void (*writable)(void *self);
    void (*closed)(void *self);
    /* The peer has half-closed. May be NULL: the default is conn_close. */
    void (*ended)(void *self);
};

/* Listens on host (an address, "localhost" for both loopbacks) and port. ERR_BUSY: port in use; ERR_ACCESS;
 * ERR_IO. port 0: any; listener_port tells. */
MUST_CHECK enum err listener_open(struct listener **out, struct loop *l, const char *host,
                                  uint16_t port, const struct conn_ops *ops, void *ctx);
/* The same on a socket in the file system (acceptor_open_path). */
MUST_CHECK enum err listener_open_path(struct listener **out, struct loop *l, const char *path,
                                       const struct conn_ops *ops, void *ctx);
/* Connections accepted from now on speak TLS; t (net/tls.h) outlives them. */
void listener_seal(struct listener *ln, struct tls *t);
uint16_t listener_port(const struct listener *ln);
/* Stops listening; its connections live on. After loop_stop it listens no more, but is still to be closed. */
void listener_close(struct listener *ln);

/* A connection over a connected socket that is not from a listener; owns fd. NULL when opened() refuses it. */
struct conn *conn_adopt(struct loop *l, int fd, const struct conn_ops *ops, void *ctx);
/* The slice's hold passes to the conn. After conn_close nothing is sent. */
void conn_send(struct conn *c, struct slice s);
/* Copies. */
void conn_send_copy(struct conn *c, struct bytes b);
size_t conn_queued(const struct conn *c);
void conn_want(struct conn *c, size_t n);
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
/* Flush, then shut down politely: half-close, read and discard until the peer closes or CONN_LINGER_MS, then
 * close. */
void conn_close(struct conn *c);
/* Drop at once. */
void conn_abort(struct conn *c);

struct conn_address {
    char     host[64]; /* numeric */
    uint16_t port;
};
/* The subject of the certificate that the peer has shown and that was found good (RFC 2253); null: none. Lives as long
 * as the connection. */
struct bytes conn_certificate(const struct conn *c);
bool conn_is_sealed(const struct conn *c);
/* The peer is on this machine: it came by a loopback address. */
bool conn_is_local(const struct conn *c);
void conn_local(const struct conn *c, struct conn_address *out);
void conn_peer(const struct conn *c, struct conn_address *out);

#endif
