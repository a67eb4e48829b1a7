/*
 * http_server.c - libmicrohttpd inside a loop: its sockets, its time-outs, the clients that go away, its end.
 *
 * The library keeps an epoll descriptor of its own, which the loop polls like any socket; MHD_run then does all
 * that is due without blocking. It runs only from the task at the end of a turn, so it is never entered twice
 * and an answer given inside a turn is on its way when the turn ends.
 *
 *   S1  A suspended connection is invisible to the library, so while a request waits for its answer we watch
 *       its socket for a hang-up ourselves. Most answers come within milliseconds: only what has waited for
 *       HTTP_WATCH_MS is watched.
 *   S2  The watch is stopped before the library gets its connection back, and closed before the library closes
 *       the socket.
 *   S3  The daemon is stopped only when none of its connections is suspended, and never from inside MHD_run.
 *
 *   serving --http_server_close--> closing --no connection left, HTTP_CLOSE_MS--> stopped, freed
 *       \__________________________________loop_stop__________________________--> stopped --close--> freed
 *
 * Thread: the loop's.
 */
#include "base/diag.h"
#include "base/mem.h"
#include "net/acceptor.h"
#include "net/http_int.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void http_server_kick(struct http_server *s)
{
    loop_later(s->loop, &s->run);
}

/* ---- watching those who wait (S1) ---- */

static void on_watch(uv_poll_t *h, int status, int events)
{
    struct http_conn *c = h->data;

    if ((status < 0 || events & UV_DISCONNECT) && c->request && c->request->state == HTTP_ASKED)
        http_request_lose(c->request);
}

static void watch(struct http_conn *c)
{
    if (!c->is_watch_open) {
        c->is_watch_open = uv_poll_init(loop_uv(c->server->loop), &c->watch, c->fd) == 0;
        c->watch.data = c;
    }
    if (c->is_watch_open)
        uv_poll_start(&c->watch, UV_DISCONNECT, on_watch);
}

static void arm_watch(struct http_server *s)
{
    struct http_request *oldest;

    if (list_empty(&s->waiting)) {
        timer_stop(loop_timers(s->loop), &s->watch);
        return;
    }
    oldest = CONTAINER(s->waiting.next, struct http_request, in_waiting);
    if (!timer_is_started(&s->watch))
        timer_start(loop_timers(s->loop), &s->watch, oldest->since_ms + HTTP_WATCH_MS);
}

static void on_watch_due(struct timer *t, int64_t now_ms)
{
    struct http_server *s = CONTAINER(t, struct http_server, watch);

    while (!list_empty(&s->waiting)) {
        struct http_request *r = CONTAINER(s->waiting.next, struct http_request, in_waiting);

        if (r->since_ms + HTTP_WATCH_MS > now_ms)
            break;
        list_remove(&r->in_waiting);
        watch(r->conn);
    }
    arm_watch(s);
}

void http_server_wait(struct http_request *r)
{
    r->since_ms = loop_now_ms(r->server->loop);
    list_push(&r->server->waiting, &r->in_waiting);
    arm_watch(r->server);
}

/* S2. */
void http_server_unwait(struct http_request *r)
{
    list_remove(&r->in_waiting);
    if (r->conn->is_watch_open)
        uv_poll_stop(&r->conn->watch);
}

/* ---- connections ---- */

static void on_watch_closed(uv_handle_t *h)
{
    free(h->data);
}

static void conn_opened(struct http_server *s, struct MHD_Connection *library, void **context)
{
    struct http_conn *c = mem_new(sizeof *c);

    c->server = s;
    c->fd = MHD_get_connection_info(library, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    list_push(&s->conns, &c->in_server);
    *context = c;
}

static void conn_closed(struct http_conn *c)
{
    struct http_server *s = c->server;

    list_remove(&c->in_server);
    s->conn_count--;
    if (s->acceptor && !s->is_closing)
        acceptor_resume(s->acceptor);
    if (c->is_watch_open)
        uv_close((uv_handle_t *)&c->watch, on_watch_closed);
    else
        free(c);
}

static void on_notify(void *server, struct MHD_Connection *library, void **context,
                      enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        conn_opened(server, library, context);
    else if (*context)
        conn_closed(*context);
}

void http_server_adopt(struct http_server *s, int fd)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t               len = sizeof sa;

    if (s->is_closing || s->is_stopped || s->conn_count >= s->limits.connections_max) {
        close(fd);
        return;
    }
    getpeername(fd, (struct sockaddr *)&sa, &len);
    s->conn_count++;
    if (s->conn_count >= s->limits.connections_max && s->acceptor)
        acceptor_pause(s->acceptor);
    if (MHD_add_connection(s->daemon, fd, (struct sockaddr *)&sa, len) != MHD_YES)
        s->conn_count--; /* the library has closed the socket */
    http_server_kick(s);
}

static void on_accepted(void *server, int fd)
{
    http_server_adopt(server, fd);
}

/* ---- the end ---- */

static void free_when_done(struct http_server *s)
{
    if (s->is_closed && s->is_stopped && !s->is_poll_open)
        free(s);
}

static void on_poll_closed(uv_handle_t *h)
{
    struct http_server *s = h->data;

    s->is_poll_open = false;
    free_when_done(s);
}

/* Those that wait are lost, the idle are hung up on; those that are being answered end when that is done. */
static void begin_close(struct http_server *s)
{
    struct list *next;

    s->is_closing = true;
    for (struct list *node = s->conns.next; node != &s->conns; node = next) {
        struct http_conn *c = CONTAINER(node, struct http_conn, in_server);

        next = node->next;
        if (c->request && c->request->state == HTTP_ASKED)
            http_request_lose(c->request);
        else if (!c->request || c->request->state != HTTP_ANSWERED)
            shutdown(c->fd, SHUT_RD);
    }
}

/* S3: begin_close has resumed all, and MHD_run lets the library notice. */
static void stop(struct http_server *s)
{
    if (s->is_stopped)
        return;
    if (!s->is_closing)
        begin_close(s);
    s->is_stopped = true;
    loop_leave(&s->member);
    loop_cancel(&s->run);
    timer_stop(loop_timers(s->loop), &s->timeout);
    timer_stop(loop_timers(s->loop), &s->watch);
    timer_stop(loop_timers(s->loop), &s->patience);
    uv_close((uv_handle_t *)&s->poll, on_poll_closed);
    MHD_run(s->daemon);
    MHD_stop_daemon(s->daemon);
    assert(s->conn_count == 0);
}

static void on_loop_stop(struct loop_member *m)
{
    stop(CONTAINER(m, struct http_server, member));
}

static void on_patience_lost(struct timer *t, int64_t now_ms)
{
    struct http_server *s = CONTAINER(t, struct http_server, patience);

    (void)now_ms;
    stop(s);
    free_when_done(s);
}

/* ---- the daemon ---- */

/* The library wants to be run again at once, after a while, or only when a socket says so. */
static void arm_timeout(struct http_server *s)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    if (MHD_get_timeout(s->daemon, &wait_ms) != MHD_YES)
        timer_stop(loop_timers(s->loop), &s->timeout);
    else if (wait_ms == 0)
        http_server_kick(s);
    else
        timer_start(loop_timers(s->loop), &s->timeout, loop_now_ms(s->loop) + (int64_t)wait_ms);
}

static void on_run(struct loop_task *t)
{
    struct http_server *s = CONTAINER(t, struct http_server, run);

    if (s->is_closed && !s->is_closing)
        begin_close(s);
    MHD_run(s->daemon);
    if (s->is_closing && s->conn_count == 0) {
        stop(s);
        free_when_done(s);
        return;
    }
    arm_timeout(s);
}

static void on_timeout(struct timer *t, int64_t now_ms)
{
    (void)now_ms;
    http_server_kick(CONTAINER(t, struct http_server, timeout));
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    http_server_kick(h->data);
}

/* Paths and queries reach the door as they were sent. */
static size_t leave_escaped(void *cls, struct MHD_Connection *library, char *text)
{
    (void)cls;
    (void)library;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct http_server *s)
{
    unsigned flags =
        MHD_USE_EPOLL | MHD_USE_TURBO | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME;

    return MHD_start_daemon(flags, 0, NULL, NULL, http_on_call, s,
                            MHD_OPTION_NOTIFY_CONNECTION, on_notify, s,
                            MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, s,
                            MHD_OPTION_URI_LOG_CALLBACK, http_on_uri, s,
                            MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
                            MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_BYTES_MAX * 2,
                            MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)HTTP_HEAD_BYTES_MAX,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->limits.connections_max,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)s->limits.idle_seconds_max,
                            MHD_OPTION_END);
}

static void begin(struct http_server *s)
{
    int fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->listen_fd;

    uv_poll_init(loop_uv(s->loop), &s->poll, fd);
    s->poll.data = s;
    s->is_poll_open = true;
    uv_poll_start(&s->poll, UV_READABLE, on_poll);
    loop_join(s->loop, &s->member);
}

enum err http_server_open(struct http_server **out, struct loop *l, const char *host, uint16_t port,
                          const struct http_limits *limits, const struct http_ops *ops, void *ctx)
{
    struct http_server *s = mem_new(sizeof *s);
    enum err            err = ERR_OK;

    *s = (struct http_server){ .loop = l, .ops = ops, .ctx = ctx, .limits = *limits };
    list_init(&s->conns);
    list_init(&s->waiting);
    s->run.run = on_run;
    s->member.stop = on_loop_stop;
    s->timeout.fire = on_timeout;
    s->watch.fire = on_watch_due;
    s->patience.fire = on_patience_lost;
    if (host)
        err = acceptor_open(&s->acceptor, l, host, port, on_accepted, s);
    if (!err && !(s->daemon = start_daemon(s)))
        err = ERR_IO;
    if (err)
        goto fail;
    begin(s);
    *out = s;
    return ERR_OK;
fail:
    if (s->acceptor)
        acceptor_close(s->acceptor);
    free(s);
    return err;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->acceptor ? acceptor_port(s->acceptor) : 0;
}

void http_server_close(struct http_server *s)
{
    s->is_closed = true;
    if (s->acceptor)
        acceptor_close(s->acceptor);
    s->acceptor = NULL;
    if (s->is_stopped) {
        free_when_done(s);
        return;
    }
    timer_start(loop_timers(s->loop), &s->patience, loop_now_ms(s->loop) + HTTP_CLOSE_MS);
    http_server_kick(s);
}
