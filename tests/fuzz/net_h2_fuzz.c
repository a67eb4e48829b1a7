/*
 * net_h2_fuzz.c - arbitrary frames for the HTTP/2 server, behind a valid preface, through a real socket pair.
 *
 * The door answers every stream in one of several ways, chosen by the stream's number, so that answers of all
 * shapes meet resets, window updates and broken frames of the peer.
 */
#include "net/http2_int.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static const struct h2_field fields[] = { { ":status", { (const uint8_t *)"200", 3 } } };
static const struct h2_field trailers[] = { { "grpc-status", { (const uint8_t *)"0", 1 } } };

static void on_headers(void *ctx, struct h2_stream *s)
{
    static const uint8_t much[100000];

    (void)ctx;
    (void)h2_header(s, ":path");
    switch (s->id / 2 % 6) {
    case 0:
        h2_respond(s, fields, 1, true);
        break;
    case 1:
        h2_respond(s, fields, 1, false);
        h2_send(s, slice_copy(bytes_of(much, sizeof much)));
        break;
    case 2:
        h2_respond(s, fields, 1, false);
        h2_send(s, slice_copy(bytes_of(much, 10)));
        h2_trailers(s, trailers, 1);
        break;
    case 3:
        h2_reset(s, NGHTTP2_CANCEL);
        break;
    case 4:
        h2_respond(s, fields, 1, false);
        break;
    default:
        break;
    }
}

static void on_data(void *ctx, struct h2_stream *s, struct bytes data)
{
    (void)ctx;
    if (s->id / 2 % 6 == 4)
        h2_send(s, slice_copy(data));
}

static void on_end(void *ctx, struct h2_stream *s)
{
    (void)ctx;
    if (s->is_answered && !s->is_ending)
        h2_trailers(s, trailers, (size_t)(s->id / 2 % 2));
}

static void on_writable(void *ctx, struct h2_stream *s)
{
    (void)ctx;
    (void)h2_queued(s);
}

static void on_closed(void *ctx, struct h2_stream *s)
{
    (void)ctx;
    (void)s;
}

static const struct h2_ops ops = { on_headers, on_data, on_end, on_writable, on_closed };

static void drain(int fd)
{
    char junk[65536];

    while (recv(fd, junk, sizeof junk, MSG_DONTWAIT) > 0)
        continue;
}

static void feed(struct loop *l, int fd, const void *at, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0) {
            at = (const uint8_t *)at + n;
            len -= (size_t)n;
        }
        drain(fd);
        if (n < 0 && errno != EAGAIN)
            return;
        uv_run(loop_uv(l), UV_RUN_NOWAIT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    static const char          hello[] = NGHTTP2_CLIENT_MAGIC "\0\0\0\4\0\0\0\0\0";
    static struct loop        *loop;
    static struct h2_listener *listener;
    int                        pair[2];

    if (!loop && (loop_new(&loop) || h2_listener_open(&listener, loop, "127.0.0.1", 0, &ops, NULL, NULL)))
        abort();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        abort();
    h2_listener_adopt(listener, pair[0]);
    feed(loop, pair[1], hello, sizeof hello - 1);
    feed(loop, pair[1], at, len);
    drain(pair[1]);
    close(pair[1]);
    while (listener->count > 0)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    return 0;
}
