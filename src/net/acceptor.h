/*
 * acceptor.h - listening sockets: one per address of a host, all on one port.
 *
 *   A1  accepted() gets a non-blocking socket and owns it.
 *   A2  When the process runs out of descriptors, accepting rests for ACCEPTOR_REST_MS; clients wait in the
 *       backlog meanwhile.
 *   A3  A port has one owner: a second acceptor on it fails, in this process or another.
 *
 * Thread: the loop's.
 */
#ifndef NET_ACCEPTOR_H
#define NET_ACCEPTOR_H

#include "base/err.h"
#include "net/loop.h"

enum {
    ACCEPTOR_SOCKETS_MAX = 4,
    ACCEPTOR_REST_MS = 100,
    ACCEPTOR_TURN_MAX = 64, /* accepted before the connections have their turn */
    ACCEPTOR_BACKLOG = 1024,
};

struct acceptor;
typedef void accepted_fn(void *ctx, int fd);

/* host: a numeric address, "localhost" for 127.0.0.1 and ::1 (where there is one), or a name that resolves.
 * ERR_BUSY: port in use; ERR_ACCESS; ERR_BAD_ARGUMENT: no such host; ERR_IO: also a resolver that failed. */
MUST_CHECK enum err acceptor_open(struct acceptor **out, struct loop *l, const char *host,
                                  uint16_t port, accepted_fn *accepted, void *ctx);
/* A socket in the file system, for processes of this user only. A file of the name is replaced, and left there at the
 * end. ERR_BAD_NAME: the path is too long for a socket. */
MUST_CHECK enum err acceptor_open_path(struct acceptor **out, struct loop *l, const char *path,
                                       accepted_fn *accepted, void *ctx);
uint16_t acceptor_port(const struct acceptor *a);
/* Accepts nothing more until resumed. */
void acceptor_pause(struct acceptor *a);
void acceptor_resume(struct acceptor *a);
void acceptor_close(struct acceptor *a);

#endif
