/*
 * listener.c - an acceptor whose sockets become connections; at most CONN_COUNT_MAX at a time.
 *
 * A listener lives until it is closed and the last of its connections has ended. Of a sealed one at most
 * CONN_SHAKING_MAX connections shake hands at a time: whoever begins handshakes and leaves them there can neither use
 * up the places of the others nor keep them out. Thread: the loop's.
 */
#include "base/mem.h"
#include "net/acceptor.h"
#include "net/conn_int.h"

#include <stdlib.h>

struct listener {
    struct loop           *loop;
    struct acceptor       *acceptor; /* NULL: closed */
    const struct conn_ops *ops;
    void                  *ctx;
    size_t                 conn_count;
    struct tls            *tls; /* NULL: plain */
    struct conn_shaking    shaking;
};

static void on_accepted(void *ctx, int fd)
{
    struct listener   *ln = ctx;
    struct conn_origin origin = { ln, ln->tls, &ln->shaking };

    ln->conn_count++;
    if (ln->conn_count == CONN_COUNT_MAX)
        acceptor_pause(ln->acceptor);
    if (ln->shaking.count >= CONN_SHAKING_MAX)
        conn_end_shaking(&ln->shaking);
    conn_begin(ln->loop, fd, ln->ops, ln->ctx, &origin);
}

void listener_conn_gone(struct listener *ln)
{
    ln->conn_count--;
    if (ln->acceptor)
        acceptor_resume(ln->acceptor);
    else if (ln->conn_count == 0)
        free(ln);
}

static struct listener *listener_new(struct loop *l, const struct conn_ops *ops, void *ctx)
{
    struct listener *ln = mem_new(sizeof *ln);

    *ln = (struct listener){ .loop = l, .ops = ops, .ctx = ctx };
    list_init(&ln->shaking.conns);
    return ln;
}

static enum err begin(struct listener **out, struct listener *ln, enum err err)
{
    if (err)
        free(ln);
    else
        *out = ln;
    return err;
}

enum err listener_open(struct listener **out, struct loop *l, const char *host, uint16_t port,
                       const struct conn_ops *ops, void *ctx)
{
    struct listener *ln = listener_new(l, ops, ctx);

    return begin(out, ln, acceptor_open(&ln->acceptor, l, host, port, on_accepted, ln));
}

enum err listener_open_path(struct listener **out, struct loop *l, const char *path,
                            const struct conn_ops *ops, void *ctx)
{
    struct listener *ln = listener_new(l, ops, ctx);

    return begin(out, ln, acceptor_open_path(&ln->acceptor, l, path, on_accepted, ln));
}

void listener_seal(struct listener *ln, struct tls *t)
{
    ln->tls = t;
}

uint16_t listener_port(const struct listener *ln)
{
    return acceptor_port(ln->acceptor);
}

void listener_close(struct listener *ln)
{
    acceptor_close(ln->acceptor);
    ln->acceptor = NULL;
    if (ln->conn_count == 0)
        free(ln);
}
