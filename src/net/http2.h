/*
 * http2.h - an HTTP/2 server connection (prior knowledge, h2c) over nghttp2, on top of conn.h.
 *
 * One listener serves both: bytes that begin with the HTTP/2 preface become an h2 connection, anything else is
 * handed to an HTTP/1.1 server (http.h) when one is given. Flow control, PING, SETTINGS, HPACK and most limits
 * are nghttp2's; windows open again as data() returns.
 *
 *   G1  For a stream: headers, then data any number of times, then end; closed comes exactly once and last,
 *       whatever happens.
 *   G2  Headers are complete before headers() is called; data slices are valid during the call.
 *   G3  After closed() the stream is gone.
 *   G4  closed() and writable() never come from inside an h2_ call. What is sent in a turn leaves at its end.
 *
 * Thread: the loop's.
 */
#ifndef NET_HTTP2_H
#define NET_HTTP2_H

#include "base/block.h"
#include "net/conn.h"
#include "net/http.h"

struct h2_listener;
struct h2_stream;

enum {
    H2_HEADER_BYTES_MAX = 4 * 1024 * 1024, /* of one request, and of all requests of a connection together */
    H2_STREAMS_MAX = 1000,                 /* per connection */
    H2_FIELDS_MAX = 64,                    /* of one answer or trailer */
    H2_CONNECTION_WINDOW = 4 * 1024 * 1024,
    H2_STREAM_WINDOW = 1024 * 1024,
};

struct h2_ops {
    void (*headers)(void *ctx, struct h2_stream *s); /* request line and headers are readable */
    void (*data)(void *ctx, struct h2_stream *s, struct bytes data);
    void (*end)(void *ctx, struct h2_stream *s); /* the client has half-closed */
    /* h2_queued fell below H2_LOW_WATER after being above H2_HIGH_WATER. May be NULL. */
    void (*writable)(void *ctx, struct h2_stream *s);
    void (*closed)(void *ctx, struct h2_stream *s);
};
enum { H2_HIGH_WATER = 1024 * 1024, H2_LOW_WATER = 256 * 1024 };

/* Errors as listener_open. */
MUST_CHECK enum err h2_listener_open(struct h2_listener **out, struct loop *l, const char *host,
                                     uint16_t port, const struct h2_ops *ops, void *ctx,
                                     struct http_server *http1);
uint16_t h2_listener_port(const struct h2_listener *ln);
/* Stops listening; GOAWAY on every connection, each of which closes when its streams have ended: the door ends
 * its own. No headers() come from then on, so when the last open stream has had its closed(), ctx is not used
 * any more. After loop_stop too it is still to be closed. */
void h2_listener_close(struct h2_listener *ln);

/* name in lower case, ":path" etc. too; null when absent. */
struct bytes h2_header(const struct h2_stream *s, const char *name);
void h2_set_user(struct h2_stream *s, void *user);
void *h2_user(const struct h2_stream *s);
/* Identity of the connection, the same for all its streams. */
uint64_t h2_connection_id(const struct h2_stream *s);

struct h2_field {
    const char  *name; /* lower case */
    struct bytes value;
};
/* Sends response headers; with is_last they end the stream (trailers-only). */
void h2_respond(struct h2_stream *s, const struct h2_field *fields, size_t count, bool is_last);
/* Queues a DATA payload; the hold passes. */
void h2_send(struct h2_stream *s, struct slice data);
size_t h2_queued(const struct h2_stream *s);
/* Trailers, after all queued data; end the stream. Without fields the last data ends it. A client that has not
 * half-closed by then gets a reset with NO_ERROR behind it, as gRPC expects. */
void h2_trailers(struct h2_stream *s, const struct h2_field *fields, size_t count);
/* RST_STREAM with an HTTP/2 error code. */
void h2_reset(struct h2_stream *s, uint32_t code);

#endif
