/* http2_int.h - between http2.c (streams) and http2_conn.c (connections and the listener). */
#ifndef NET_HTTP2_INT_H
#define NET_HTTP2_INT_H

#include "base/list.h"
#include "base/mem.h"
#include "net/http2.h"
#include "net/outlet.h"

#include <nghttp2/nghttp2.h>

struct h2_listener {
    struct loop         *loop;
    struct acceptor     *acceptor; /* NULL: none, or closed */
    struct sniffer      *sniffer;  /* NULL: everything is HTTP/2 */
    struct http_server  *http1;
    const struct h2_ops *ops;
    void                *ctx;
    struct list          conns;
    size_t               count; /* connections and sockets being sniffed */
    uint64_t             next_id;
    bool                 is_closed; /* the owner let go */
};

struct h2_conn {
    struct h2_listener *listener;
    struct list         in_listener;
    struct conn        *conn;
    nghttp2_session    *session;
    struct loop_task    pump;
    struct list         streams;
    struct list         relieved; /* streams to be told that they are writable */
    size_t              header_bytes;
    uint64_t            id;
    bool                is_broken; /* the peer does not speak HTTP/2 or floods us */
    bool                is_over;   /* conn_close was called, the streams have ended */
};

struct h2_header_field {
    struct bytes name;
    struct bytes value;
};

struct h2_stream {
    struct h2_conn         *conn;
    struct list             in_conn;
    struct list             in_relieved;
    int32_t                 id;
    void                   *user;
    struct arena            arena; /* the headers, the trailers */
    struct h2_header_field *fields;
    size_t                  field_count;
    size_t                  field_cap;
    size_t                  header_bytes;
    struct outlet           out;
    nghttp2_nv             *trailers;
    size_t                  trailer_count;
    bool                    is_announced; /* headers() was called, so closed() is due */
    bool                    is_answered;
    bool                    is_ending; /* nothing but out and the trailers comes any more */
    bool                    was_high;
    bool                    client_ended;
};

/* Callbacks of nghttp2, set up for a session whose user data is a struct h2_conn. */
nghttp2_session_callbacks *h2_callbacks_new(void);
/* Ends all streams: closed() for those announced. */
void h2_streams_end(struct h2_conn *h);
/* Calls writable() where it is due. */
void h2_streams_relieve(struct h2_conn *h);
/* Has the session send at the end of the turn. */
void h2_conn_kick(struct h2_conn *h);
/* As if accepted. */
void h2_listener_adopt(struct h2_listener *ln, int fd);

#endif
