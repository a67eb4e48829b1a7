/*
 * http.h - an HTTP/1.1 server on a loop, over libmicrohttpd: keep-alive, chunked bodies, Expect: 100-continue,
 * limits.
 *
 * The handler is called once per request, when its body is complete, on the loop's thread. It answers now or
 * later with http_respond, exactly once, unless gone() came first.
 *
 *   H1  After gone() (the client went away before the answer) the request is invalid: do not respond. gone()
 *       never comes from inside an http_ call, and at most HTTP_WATCH_MS plus a turn after the client's FIN or
 *       reset.
 *   H2  Requests that are malformed or over a limit are answered here (400, 413, 414, 431) and never reach the
 *       handler.
 *
 * Thread: the loop's.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/bytes.h"
#include "base/err.h"
#include "net/loop.h"

struct http_server;
struct http_request;

enum {
    HTTP_HEAD_BYTES_MAX = 32 * 1024, /* request line and headers, about */
    /* Of a body over the limit, read all the same so that its sender sees the 413. */
    HTTP_DISCARD_MAX = 16 * 1024 * 1024,
    HTTP_WATCH_MS = 20,
    HTTP_CLOSE_MS = 2000,
};

struct http_ops {
    void (*request)(void *ctx, struct http_request *r);
    /* The connection ended while r waited for its answer. */
    void (*gone)(void *ctx, struct http_request *r);
};

struct http_limits {
    size_t   body_bytes_max;
    uint32_t idle_seconds_max; /* between requests, and for a stalled one; not while an answer is awaited */
    uint32_t connections_max;
};

/* Errors as listener_open. host NULL: no port of its own, only sockets that are handed over. */
MUST_CHECK enum err http_server_open(struct http_server **out, struct loop *l, const char *host,
                                     uint16_t port, const struct http_limits *limits,
                                     const struct http_ops *ops, void *ctx);
uint16_t http_server_port(const struct http_server *s);
/* Ends by itself and soon: gone() for those that wait, answers under way are still sent (HTTP_CLOSE_MS at
 * most). From then on no request() comes. After loop_stop too it is still to be closed. */
void http_server_close(struct http_server *s);
/* For ports shared with HTTP/2: hand over an accepted, non-blocking socket from which nothing was read yet. */
void http_server_adopt(struct http_server *s, int fd);

struct bytes http_method(const struct http_request *r);
struct bytes http_path(const struct http_request *r);  /* still percent-encoded, without the query */
struct bytes http_query(const struct http_request *r); /* still encoded, without '?'; null when there is none */
struct bytes http_header(const struct http_request *r, const char *name); /* any case; null when absent */
/* Every header once, in order. False ends the walk. */
void http_each_header(const struct http_request *r,
                      bool (*fn)(void *arg, struct bytes name, struct bytes value), void *arg);
struct bytes http_body(const struct http_request *r);
/* For the door's own use. */
void http_set_user(struct http_request *r, void *user);
void *http_user(const struct http_request *r);

struct http_field {
    const char  *name;
    struct bytes value;
};
/* Copies all. Content-Length, Date and Connection are added. */
void http_respond(struct http_request *r, unsigned status, const struct http_field *fields,
                  size_t field_count, struct bytes body);

#endif
