/*
 * net_http_fuzz.c - arbitrary bytes for the HTTP/1.1 server, through a real socket pair. Requests with an odd
 * path are answered at once, the others a turn later or, when the client has gone by then, not at all.
 */
#include "net/http_int.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { BODY_MAX = 1000 };

static struct http_request *late;

static bool count_header(void *arg, struct bytes name, struct bytes value)
{
    *(size_t *)arg += name.len + value.len;
    return true;
}

static void answer(struct http_request *r)
{
    struct http_field echo = { "x-path", http_path(r) };
    size_t            total = 0;

    http_each_header(r, count_header, &total);
    if (http_body(r).len > BODY_MAX)
        abort();
    http_respond(r, 200, &echo, 1, http_body(r));
}

static void on_request(void *ctx, struct http_request *r)
{
    (void)ctx;
    if (http_path(r).len % 2)
        answer(r);
    else
        late = r;
}

static void on_gone(void *ctx, struct http_request *r)
{
    (void)ctx;
    if (r == late)
        late = NULL;
}

static const struct http_ops ops = { on_request, on_gone };

static void turn(struct loop *l, int fd)
{
    char junk[65536];

    while (recv(fd, junk, sizeof junk, MSG_DONTWAIT) > 0)
        continue;
    uv_run(loop_uv(l), UV_RUN_NOWAIT);
    if (late) {
        answer(late);
        late = NULL;
    }
}

static void feed(struct loop *l, int fd, const uint8_t *at, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN)
            return;
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
        turn(l, fd);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    static const struct http_limits limits = { BODY_MAX, 5, 100 };
    static struct loop             *loop;
    static struct http_server      *server;
    int                             pair[2];

    if (!loop && (loop_new(&loop) || http_server_open(&server, loop, NULL, 0, &limits, &ops, NULL)))
        abort();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        abort();
    http_server_adopt(server, pair[0]);
    feed(loop, pair[1], at, len);
    shutdown(pair[1], SHUT_WR);
    while (server->conn_count > 0)
        turn(loop, pair[1]);
    close(pair[1]);
    return 0;
}
