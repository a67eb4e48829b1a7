/*
 * http2_conn.c - HTTP/2 connections: a conn below, an nghttp2 session above, and the listener they come from.
 *
 *   socket --sniffer--> "PRI"?  --yes--> h2_conn: received -> nghttp2_session_mem_recv -> callbacks in http2.c
 *                               --no---> http_server_adopt     pump: nghttp2_session_mem_send -> conn_send
 *
 *   P1  The session sends only from the pump, a task at the end of the turn; so callbacks never nest and one
 *       turn's frames leave together. While the socket has more than CONN_HIGH_WATER to send the pump rests;
 *       nghttp2 then keeps what is due, and its own limits (streams, PING and SETTINGS answers) bound that.
 *   P2  When the session wants neither to read nor to write it is over (GOAWAY and no stream left, or a broken
 *       peer), and the connection closes politely.
 *
 * Thread: the loop's.
 */
#include "base/mem.h"
#include "net/acceptor.h"
#include "net/http2_int.h"
#include "net/sniffer.h"

#include <stdlib.h>
#include <unistd.h>

enum { CONTINUATIONS_MAX = H2_HEADER_BYTES_MAX / 16384 + 1 };

/* ---- the session ---- */

static void *take(size_t n, void *user)
{
    (void)user;
    return mem_resize(NULL, n);
}

static void give(void *p, void *user)
{
    (void)user;
    free(p);
}

static void *take_zeroed(size_t n, size_t size, void *user)
{
    size_t total;

    (void)user;
    return __builtin_mul_overflow(n, size, &total) ? NULL : mem_new(total);
}

static void *resize(void *p, size_t n, void *user)
{
    (void)user;
    return mem_resize(p, n);
}

static nghttp2_session *session_new(struct h2_conn *h)
{
    static const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEADER_BYTES_MAX },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
    };
    /* nghttp2 does not survive a lack of memory wherever it may meet one: in a callback, say. */
    nghttp2_mem                memory = { NULL, take, give, take_zeroed, resize };
    nghttp2_session_callbacks *callbacks = h2_callbacks_new();
    nghttp2_session           *session;
    nghttp2_option            *option;

    if (nghttp2_option_new(&option) != 0)
        mem_exhausted("nghttp2");
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
    if (nghttp2_session_server_new3(&session, callbacks, h, option, &memory) != 0 ||
        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, COUNT(settings)) != 0 ||
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                              H2_CONNECTION_WINDOW) != 0)
        mem_exhausted("nghttp2");
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

static void close_when_over(struct h2_conn *h)
{
    bool is_alive = nghttp2_session_want_read(h->session) || nghttp2_session_want_write(h->session);

    if (h->is_over || (is_alive && !h->is_broken))
        return;
    h->is_over = true;
    conn_close(h->conn);
    h2_streams_end(h);
}

/* P1. */
static void on_pump(struct loop_task *t)
{
    struct h2_conn *h = CONTAINER(t, struct h2_conn, pump);
    const uint8_t  *at;
    ssize_t         n = 0;

    while (!h->is_over && conn_queued(h->conn) <= CONN_HIGH_WATER) {
        n = nghttp2_session_mem_send(h->session, &at);
        if (n <= 0)
            break;
        conn_send_copy(h->conn, bytes_of(at, (size_t)n));
    }
    if (n < 0) {
        h->is_over = true;
        conn_abort(h->conn);
        return;
    }
    h2_streams_relieve(h);
    close_when_over(h);
}

void h2_conn_kick(struct h2_conn *h)
{
    loop_later(h->listener->loop, &h->pump);
}

/* ---- the connection's callbacks ---- */

static void *on_opened(struct conn *c, void *ctx)
{
    struct h2_listener *ln = ctx;
    struct h2_conn     *h = mem_new(sizeof *h);

    h->listener = ln;
    h->conn = c;
    h->id = ln->next_id++;
    h->pump.run = on_pump;
    list_init(&h->streams);
    list_init(&h->relieved);
    list_push(&ln->conns, &h->in_listener);
    h->session = session_new(h);
    h2_conn_kick(h);
    return h;
}

/* A negative count: what came is not HTTP/2 at all, which the session still says, or a flood by somebody who
 * does not read. */
static size_t on_received(void *self, struct slice in)
{
    struct h2_conn *h = self;
    ssize_t         n;

    if (h->is_over || h->is_broken)
        return in.bytes.len;
    n = nghttp2_session_mem_recv(h->session, in.bytes.at, in.bytes.len);
    if (n == NGHTTP2_ERR_FLOODED) {
        h->is_over = true;
        conn_abort(h->conn);
    } else if (n < 0) {
        h->is_broken = true;
        nghttp2_session_terminate_session(h->session, NGHTTP2_PROTOCOL_ERROR);
    }
    h2_conn_kick(h);
    return in.bytes.len;
}

static void on_writable(void *self)
{
    h2_conn_kick(self);
}

static void listener_left(struct h2_listener *ln)
{
    ln->count--;
    if (ln->acceptor && !ln->is_closed)
        acceptor_resume(ln->acceptor);
    if (ln->is_closed && ln->count == 0)
        free(ln);
}

static void on_closed(void *self)
{
    struct h2_conn *h = self;

    h->is_over = true;
    h2_streams_end(h);
    loop_cancel(&h->pump);
    nghttp2_session_del(h->session);
    list_remove(&h->in_listener);
    listener_left(h->listener);
    free(h);
}

static const struct conn_ops conn_ops = { on_opened, on_received, on_writable, on_closed, NULL };

/* ---- the listener ---- */

static void on_sniffed(void *ctx, int fd, bool is_http2)
{
    struct h2_listener *ln = ctx;

    if (fd >= 0 && is_http2) {
        conn_adopt(ln->loop, fd, &conn_ops, ln);
        return;
    }
    if (fd >= 0)
        http_server_adopt(ln->http1, fd);
    listener_left(ln);
}

void h2_listener_adopt(struct h2_listener *ln, int fd)
{
    ln->count++;
    if (ln->count >= CONN_COUNT_MAX && ln->acceptor)
        acceptor_pause(ln->acceptor);
    if (ln->sniffer)
        sniffer_add(ln->sniffer, fd);
    else
        conn_adopt(ln->loop, fd, &conn_ops, ln);
}

static void on_accepted(void *ctx, int fd)
{
    h2_listener_adopt(ctx, fd);
}

enum err h2_listener_open(struct h2_listener **out, struct loop *l, const char *host, uint16_t port,
                          const struct h2_ops *ops, void *ctx, struct http_server *http1)
{
    struct h2_listener *ln = mem_new(sizeof *ln);
    enum err            err;

    *ln = (struct h2_listener){ .loop = l, .ops = ops, .ctx = ctx, .http1 = http1, .next_id = 1 };
    list_init(&ln->conns);
    err = acceptor_open(&ln->acceptor, l, host, port, on_accepted, ln);
    if (err) {
        free(ln);
        return err;
    }
    if (http1)
        ln->sniffer = sniffer_new(l, on_sniffed, ln);
    *out = ln;
    return ERR_OK;
}

uint16_t h2_listener_port(const struct h2_listener *ln)
{
    return acceptor_port(ln->acceptor);
}

static void say_goaway(struct h2_conn *h)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(h->session);
    int     rc = nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);

    if (rc == NGHTTP2_ERR_NOMEM)
        mem_exhausted("nghttp2");
    h2_conn_kick(h);
}

void h2_listener_close(struct h2_listener *ln)
{
    acceptor_close(ln->acceptor);
    ln->acceptor = NULL;
    for (struct list *node = ln->conns.next; node != &ln->conns; node = node->next)
        say_goaway(CONTAINER(node, struct h2_conn, in_listener));
    /* Sockets that have not said anything yet. */
    if (ln->sniffer)
        ln->count -= sniffer_free(ln->sniffer);
    ln->sniffer = NULL;
    ln->is_closed = true;
    if (ln->count == 0)
        free(ln);
}
