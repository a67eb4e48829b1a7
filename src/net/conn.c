/*
 * conn.c - one connection: a socket watched with uv_poll, an intake, an outlet, a task at the end of the turn.
 *
 *              conn_close             all sent             EOF, CONN_LINGER_MS
 *   OPEN ---------------------> FLUSHING --------> LINGERING ---------------------> GONE --task--> closed()
 *    ^\____________________________\___________________\____ conn_abort, error ____/
 *    |                              ^
 *    | opened()                     | the peer does it wrong: it is told why
 *   SHAKING (TLS) ------------------'-- EOF, CONN_SHAKE_MS --> GONE
 *
 *   C1  Only the task sends, reports the end and changes what is polled for, so a turn costs one sendmsg per
 *       connection however many answers were queued.
 *   C2  When GONE the socket is not polled any more; the buffers live on until the task, because the door may
 *       be reading them.
 *   C3  In FLUSHING and LINGERING input is read and discarded: unread input would make the kernel answer our
 *       last bytes with a reset, and the peer would not see why it was hung up on.
 *   C4  With TLS (link is set) what the door sends waits in `out` until the link seals it, a little ahead of the
 *       socket; what is received is opened at once, all of it, whether the door is paused or not.
 *
 * uv_poll and not uv_tcp, because a socket may change hands (net/sniffer.h), and because receiving and sending
 * directly needs no request objects.
 *
 * Thread: the loop's.
 */
#include "net/conn_int.h"
#include "base/diag.h"
#include "base/mem.h"
#include "net/intake.h"
#include "net/outlet.h"
#include "net/tls_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
    KEEPALIVE_IDLE_S = 60,
    KEEPALIVE_INTERVAL_S = 15,
    KEEPALIVE_PROBES = 4,
    DISCARD_BYTES = 16 * 1024,
    SEALED_RECEIVE_BYTES = 32 * 1024,
    SEALED_UNTAKEN_MAX = 4 * TLS_SEALED_BYTES, /* more is only what TLS itself answers to a peer that takes nothing */
};

enum conn_state { SHAKING, OPEN, FLUSHING, LINGERING, GONE };

struct conn {
    struct loop           *loop;
    uv_poll_t              poll;
    int                    fd;
    int                    events; /* polled for */
    enum conn_state        state;
    bool                   is_paused;
    bool                   is_again;   /* deliver what is buffered once more (N3) */
    bool                   is_blocked; /* the socket takes no more */
    bool                   was_high;
    bool                   has_said_end; /* by TLS */
    bool                   peer_ended;
    bool                   peer_hung_up; /* seen while paused; its last bytes are still to be read */
    const struct conn_ops *ops;
    void                  *ctx;
    void                  *self; /* NULL: refused, or still to be opened */
    struct listener       *listener;
    struct tls_link       *link; /* NULL: plain */
    struct conn_shaking   *shaking;
    struct list            in_shaking;
    struct intake          in;
    struct outlet          out;
    struct loop_task       task;
    struct loop_member     member;
    struct timer           patience;
};

static void leave_shaking(struct conn *c)
{
    if (list_empty(&c->in_shaking))
        return;
    list_remove(&c->in_shaking);
    c->shaking->count--;
}

/* C2. */
static void end(struct conn *c)
{
    if (c->state == GONE)
        return;
    leave_shaking(c);
    c->state = GONE;
    uv_poll_stop(&c->poll);
    timer_stop(loop_timers(c->loop), &c->patience);
    loop_leave(&c->member);
    loop_later(c->loop, &c->task);
}

static void wait_for_peer(struct conn *c, int64_t ms)
{
    timer_start(loop_timers(c->loop), &c->patience, loop_now_ms(c->loop) + ms);
}

static void on_patience_lost(struct timer *t, int64_t now_ms)
{
    (void)now_ms;
    end(CONTAINER(t, struct conn, patience));
}

/* ---- sending ---- */

static void linger(struct conn *c)
{
    if (c->peer_ended) {
        end(c);
        return;
    }
    c->state = LINGERING;
    shutdown(c->fd, SHUT_WR);
    wait_for_peer(c, CONN_LINGER_MS);
}

static size_t sealed_bytes(const struct conn *c)
{
    return c->link ? tls_link_sealed(c->link)->bytes : 0;
}

/* What is to leave next; NULL: it could not be sealed. */
static struct outlet *next_out(struct conn *c)
{
    if (!c->link)
        return &c->out;
    return tls_link_seal(c->link, &c->out) ? tls_link_sealed(c->link) : NULL;
}

/* Returns false when the socket takes no more or has failed. */
static bool send_some(struct conn *c)
{
    struct iovec   iov[OUTLET_GATHER_MAX];
    struct msghdr  msg = { .msg_iov = iov };
    struct outlet *out = next_out(c);
    size_t         total = 0;
    ssize_t        n;

    if (!out) {
        end(c);
        return false;
    }
    msg.msg_iovlen = (size_t)outlet_gather(out, iov);
    for (size_t i = 0; i < msg.msg_iovlen; i++)
        total += iov[i].iov_len;
    n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
        return true;
    if (n < 0 && errno != EAGAIN) {
        end(c);
        return false;
    }
    if (n > 0)
        outlet_sent(out, (size_t)n);
    if (n > 0 && c->state == FLUSHING)
        wait_for_peer(c, CONN_STALL_MS);
    return (size_t)n == total;
}

/* The last record, without which the peer could not tell that this is all. */
static void say_end(struct conn *c)
{
    c->has_said_end = true;
    tls_link_end(c->link);
    while (c->state != GONE && sealed_bytes(c) > 0 && !c->is_blocked)
        c->is_blocked = !send_some(c);
}

static void flush(struct conn *c)
{
    c->is_blocked = false;
    while (c->state != GONE && conn_queued(c) > 0 && !c->is_blocked)
        c->is_blocked = !send_some(c);
    if (c->state == FLUSHING && c->out.bytes == 0 && c->link && !c->has_said_end)
        say_end(c);
    if (c->state == FLUSHING && conn_queued(c) == 0)
        linger(c);
    if (c->state == OPEN && c->was_high && conn_queued(c) < CONN_LOW_WATER) {
        c->was_high = false;
        if (c->ops->writable)
            c->ops->writable(c->self);
    }
}

/* ---- receiving ---- */

static void open_door(struct conn *c)
{
    c->state = OPEN;
    c->self = c->ops->opened(c, c->ctx);
    if (!c->self)
        end(c);
}

static bool takes_input(const struct conn *c)
{
    if (c->state == SHAKING)
        return true;
    return c->state == OPEN && !c->is_paused && !c->peer_ended &&
           sealed_bytes(c) <= SEALED_UNTAKEN_MAX;
}

static void deliver(struct conn *c)
{
    size_t used;

    do {
        c->in.want = 0;
        used = c->ops->received(c->self, intake_view(&c->in));
        intake_used(&c->in, used);
    } while (used > 0 && c->state == OPEN && !c->is_paused && c->in.want > 0 &&
             intake_pending(&c->in) >= c->in.want);
}

static void begin_close(struct conn *c)
{
    leave_shaking(c);
    c->state = FLUSHING;
    wait_for_peer(c, CONN_STALL_MS);
    loop_later(c->loop, &c->task);
}

static void on_peer_ended(struct conn *c)
{
    if (c->peer_ended)
        return;
    c->peer_ended = true;
    if (c->state == LINGERING || c->state == SHAKING)
        end(c);
    else if (c->state == OPEN && c->ops->ended)
        c->ops->ended(c->self);
    else
        conn_close(c);
    loop_later(c->loop, &c->task);
}

static void filled(struct conn *c, size_t n)
{
    intake_filled(&c->in, loop_receive_pool(c->loop), n);
    if (takes_input(c) && intake_pending(&c->in) >= c->in.want)
        deliver(c);
}

/* The peer gets the alert that says why. */
static void on_link_failed(struct conn *c)
{
    struct conn_address peer;

    conn_peer(c, &peer);
    diag(DIAG_INFO, "tls-failed peer=%s:%u why=\"%s\"", peer.host, peer.port, tls_link_why(c->link));
    outlet_fini(&c->out);
    begin_close(c);
}

static void shake(struct conn *c)
{
    switch (tls_link_shake(c->link)) {
    case TLS_DONE:
        leave_shaking(c);
        timer_stop(loop_timers(c->loop), &c->patience);
        open_door(c);
        break;
    case TLS_FAILED:
        on_link_failed(c);
        break;
    case TLS_ENDED:
        end(c);
        break;
    case TLS_WANTS:
        break;
    }
}

/* C4. */
static void open_fed(struct conn *c)
{
    struct pool    *pool = loop_receive_pool(c->loop);
    enum tls_answer answer = TLS_DONE;
    size_t          room;
    size_t          n;

    if (c->state == SHAKING)
        shake(c);
    while (c->state == OPEN && answer == TLS_DONE) {
        uint8_t *at = intake_room(&c->in, pool, &room);

        answer = tls_link_open(c->link, at, room, &n);
        if (answer == TLS_DONE)
            filled(c, n);
    }
    if (answer == TLS_FAILED)
        on_link_failed(c);
    else if (answer == TLS_ENDED)
        on_peer_ended(c);
}

/* Receives at most room bytes: into the intake, or through the link. As recv. */
static ssize_t receive_some(struct conn *c, size_t budget, size_t *room)
{
    uint8_t  sealed[SEALED_RECEIVE_BYTES];
    uint8_t *at = sealed;
    ssize_t  n;

    *room = sizeof sealed;
    if (!c->link)
        at = intake_room(&c->in, loop_receive_pool(c->loop), room);
    *room = *room < budget ? *room : budget;
    n = recv(c->fd, at, *room, MSG_DONTWAIT);
    if (n > 0 && c->link) {
        tls_link_feed(c->link, bytes_of(at, (size_t)n));
        open_fed(c);
    } else if (n > 0) {
        filled(c, (size_t)n);
    }
    return n;
}

/* A short count means the socket is empty: no need for another call to be told so. */
static void receive(struct conn *c)
{
    size_t  budget = CONN_TURN_BYTES;
    size_t  room;
    ssize_t n;

    do {
        n = receive_some(c, budget, &room);
        if (n <= 0)
            break;
        budget -= (size_t)n;
    } while ((size_t)n == room && budget > 0 && takes_input(c));
    if (n == 0)
        on_peer_ended(c);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        end(c);
    intake_rest(&c->in);
}

/* C3. */
static void discard(struct conn *c)
{
    uint8_t scratch[DISCARD_BYTES];
    ssize_t n = recv(c->fd, scratch, sizeof scratch, MSG_DONTWAIT);

    if (n == 0)
        on_peer_ended(c);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        end(c);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct conn *c = h->data;

    if (status < 0) {
        end(c);
        return;
    }
    if (events & UV_DISCONNECT)
        c->peer_hung_up = true;
    if (events & UV_WRITABLE)
        flush(c);
    if (events & UV_READABLE && takes_input(c))
        receive(c);
    else if (events & UV_READABLE && (c->state == FLUSHING || c->state == LINGERING))
        discard(c);
    loop_later(c->loop, &c->task);
}

/* ---- the end of the turn ---- */

/* A paused connection is watched for a reset, which it would otherwise not notice. */
static void watch(struct conn *c)
{
    bool reads = takes_input(c) || (c->state != OPEN && !c->peer_ended);
    int  events = c->is_blocked ? UV_WRITABLE : 0;

    if (reads)
        events |= UV_READABLE;
    else if (!c->peer_ended && !c->peer_hung_up)
        events |= UV_DISCONNECT;
    if (events == c->events)
        return;
    c->events = events;
    if (events)
        uv_poll_start(&c->poll, events, on_poll);
    else
        uv_poll_stop(&c->poll);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct conn *c = h->data;

    close(c->fd);
    free(c);
}

static void finish(struct conn *c)
{
    if (c->self)
        c->ops->closed(c->self);
    loop_cancel(&c->task);
    intake_fini(&c->in);
    outlet_fini(&c->out);
    tls_link_free(c->link);
    if (c->listener)
        listener_conn_gone(c->listener);
    uv_close((uv_handle_t *)&c->poll, on_handle_closed);
}

/* C1. */
static void on_turn_end(struct loop_task *t)
{
    struct conn *c = CONTAINER(t, struct conn, task);

    if (c->state == GONE) {
        finish(c);
        return;
    }
    if (c->is_again && c->state == OPEN && !c->is_paused && intake_pending(&c->in) > 0)
        deliver(c);
    c->is_again = false;
    if (!c->is_blocked)
        flush(c);
    if (c->state != GONE)
        watch(c);
}

static void on_loop_stop(struct loop_member *m)
{
    struct conn *c = CONTAINER(m, struct conn, member);

    if (!c->is_blocked)
        flush(c);
    end(c);
}

/* ---- the life of a connection ---- */

static void set_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
        { IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S },
        { IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
    };

    /* None of them matters enough to refuse a socket without it (a socketpair in a test). */
    for (size_t i = 0; i < COUNT(options); i++)
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

static void begin_shaking(struct conn *c, const struct conn_origin *origin)
{
    c->state = SHAKING;
    c->link = tls_link_new(origin->tls, loop_send_pool(c->loop));
    c->shaking = origin->shaking;
    c->shaking->count++;
    list_push(&c->shaking->conns, &c->in_shaking);
    wait_for_peer(c, CONN_SHAKE_MS);
}

void conn_end_shaking(struct conn_shaking *shaking)
{
    end(CONTAINER(shaking->conns.next, struct conn, in_shaking));
}

struct conn *conn_begin(struct loop *l, int fd, const struct conn_ops *ops, void *ctx,
                        const struct conn_origin *origin)
{
    struct conn *c = mem_new(sizeof *c);

    set_options(fd);
    c->loop = l;
    c->fd = fd;
    c->ops = ops;
    c->ctx = ctx;
    c->state = OPEN;
    c->listener = origin->listener;
    list_init(&c->in_shaking);
    c->task.run = on_turn_end;
    c->member.stop = on_loop_stop;
    c->patience.fire = on_patience_lost;
    uv_poll_init(loop_uv(l), &c->poll, fd);
    c->poll.data = c;
    loop_join(l, &c->member);
    loop_later(l, &c->task);
    if (origin->tls)
        begin_shaking(c, origin);
    else
        open_door(c);
    if (loop_is_stopping(l))
        end(c);
    return c->self ? c : NULL;
}

struct conn *conn_adopt(struct loop *l, int fd, const struct conn_ops *ops, void *ctx)
{
    static const struct conn_origin none;

    return conn_begin(l, fd, ops, ctx, &none);
}

void conn_send(struct conn *c, struct slice s)
{
    if (c->state != OPEN) {
        slice_drop(&s);
        return;
    }
    outlet_add(&c->out, s);
    c->was_high |= c->out.bytes > CONN_HIGH_WATER;
    loop_later(c->loop, &c->task);
}

void conn_send_copy(struct conn *c, struct bytes b)
{
    if (c->state != OPEN)
        return;
    outlet_copy(&c->out, loop_send_pool(c->loop), b);
    c->was_high |= c->out.bytes > CONN_HIGH_WATER;
    loop_later(c->loop, &c->task);
}

size_t conn_queued(const struct conn *c)
{
    return c->out.bytes + sealed_bytes(c);
}

void conn_want(struct conn *c, size_t n)
{
    c->in.want = n;
}

void conn_pause(struct conn *c)
{
    c->is_paused = true;
    loop_later(c->loop, &c->task);
}

void conn_resume(struct conn *c)
{
    c->is_again |= c->is_paused;
    c->is_paused = false;
    loop_later(c->loop, &c->task);
}

void conn_close(struct conn *c)
{
    if (c->state == OPEN)
        begin_close(c);
}

void conn_abort(struct conn *c)
{
    end(c);
}

static void to_address(const struct sockaddr_storage *sa, struct conn_address *out)
{
    *out = (struct conn_address){ 0 };
    if (sa->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

        inet_ntop(AF_INET6, &in6->sin6_addr, out->host, sizeof out->host);
        out->port = ntohs(in6->sin6_port);
    } else if (sa->ss_family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)sa;

        inet_ntop(AF_INET, &in4->sin_addr, out->host, sizeof out->host);
        out->port = ntohs(in4->sin_port);
    }
}

struct bytes conn_certificate(const struct conn *c)
{
    return c->link ? tls_link_name(c->link) : bytes_of(NULL, 0);
}

bool conn_is_sealed(const struct conn *c)
{
    return c->link != NULL;
}

void conn_local(const struct conn *c, struct conn_address *out)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t               len = sizeof sa;

    getsockname(c->fd, (struct sockaddr *)&sa, &len);
    to_address(&sa, out);
}

void conn_peer(const struct conn *c, struct conn_address *out)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t               len = sizeof sa;

    getpeername(c->fd, (struct sockaddr *)&sa, &len);
    to_address(&sa, out);
}

bool conn_is_local(const struct conn *c)
{
    struct conn_address peer;

    conn_peer(c, &peer);
    return strncmp(peer.host, "127.", 4) == 0 || strcmp(peer.host, "::1") == 0 ||
           strncmp(peer.host, "::ffff:127.", 11) == 0;
}
