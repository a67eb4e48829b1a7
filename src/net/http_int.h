/* http_int.h - between http.c (requests) and http_server.c (connections, the daemon). */
#ifndef NET_HTTP_INT_H
#define NET_HTTP_INT_H

#include "base/buf.h"
#include "base/list.h"
#include "net/http.h"

#include <microhttpd.h>
#include <uv.h>

/* One connection that the library serves. */
struct http_conn {
    struct http_server  *server;
    struct list          in_server;
    struct http_request *request; /* NULL: idle, between requests */
    int                  fd;      /* the library's */
    bool                 is_watch_open;
    uv_poll_t            watch;
};

/*
 * READING --body complete--> ASKED --http_respond--> ANSWERED (freed when it is sent)
 *    | over the limit          | --client gone--> LOST (freed when the library has been told)
 *    +--> TOO_BIG --end--> ANSWERED
 */
enum http_state { HTTP_READING, HTTP_TOO_BIG, HTTP_ASKED, HTTP_ANSWERED, HTTP_LOST };

struct http_request {
    struct http_server    *server;
    struct http_conn      *conn;
    struct MHD_Connection *library; /* the library's object */
    struct MHD_Response   *response;
    enum http_state        state;
    bool                   is_suspended;
    unsigned               status;
    char                  *uri;
    struct bytes           method;
    struct bytes           path;
    struct bytes           query;
    struct buf             body;
    uint64_t               discarded;
    void                  *user;
    struct list            in_waiting;
    int64_t                since_ms;
};

struct http_server {
    struct loop           *loop;
    struct acceptor       *acceptor; /* NULL: none, or closed */
    struct MHD_Daemon     *daemon;
    const struct http_ops *ops;
    void                  *ctx;
    struct http_limits     limits;
    uv_poll_t              poll; /* the library's epoll descriptor */
    struct loop_task       run;
    struct loop_member     member;
    struct timer           timeout;  /* of the library */
    struct timer           watch;    /* when the longest waiting request deserves to be watched */
    struct timer           patience; /* when closing */
    struct list            conns;
    size_t                 conn_count;
    struct list            waiting; /* asked, suspended, not watched yet; oldest first */
    bool                   is_closing;
    bool                   is_closed;  /* the owner let go */
    bool                   is_stopped; /* the daemon is gone */
    bool                   is_poll_open;
};

/* Lets the library work at the end of this turn. */
void http_server_kick(struct http_server *s);
/* The request waits for its answer / does so no more. */
void http_server_wait(struct http_request *r);
void http_server_unwait(struct http_request *r);
/* The client went away, or the server closes: tells the door and the library. */
void http_request_lose(struct http_request *r);

/* The library's callbacks. */
void *http_on_uri(void *server, const char *uri, struct MHD_Connection *library);
enum MHD_Result http_on_call(void *server, struct MHD_Connection *library, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_len, void **request);
void http_on_completed(void *server, struct MHD_Connection *library, void **request,
                       enum MHD_RequestTerminationCode why);

#endif
