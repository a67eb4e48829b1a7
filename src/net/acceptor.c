/* acceptor.c - see acceptor.h. */
#include "net/acceptor.h"
#include "base/diag.h"
#include "base/mem.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

enum { ANY_PORT_TRIES = 16 };

struct acceptor_socket {
    uv_poll_t        poll;
    struct acceptor *acceptor;
    int              fd;
};

struct acceptor {
    struct loop           *loop;
    struct loop_member     member;
    struct timer           rest;
    accepted_fn           *accepted;
    void                  *ctx;
    uint16_t               port;
    bool                   is_paused;
    bool                   is_stopped; /* the sockets are closed */
    bool                   is_closed;  /* the owner let go */
    unsigned               open_handles;
    unsigned               count;
    struct acceptor_socket sockets[ACCEPTOR_SOCKETS_MAX];
};

static enum err err_of_errno(int code)
{
    switch (code) {
    case EADDRINUSE:
        return ERR_BUSY;
    case EACCES:
    case EPERM:
        return ERR_ACCESS;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return ERR_BAD_ARGUMENT;
    default:
        return ERR_IO;
    }
}

static void free_when_done(struct acceptor *a)
{
    if (a->is_closed && a->open_handles == 0)
        free(a);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct acceptor_socket *s = h->data;

    close(s->fd);
    s->acceptor->open_handles--;
    free_when_done(s->acceptor);
}

static void stop(struct acceptor *a)
{
    if (a->is_stopped)
        return;
    a->is_stopped = true;
    timer_stop(loop_timers(a->loop), &a->rest);
    loop_leave(&a->member);
    for (unsigned i = 0; i < a->count; i++)
        uv_close((uv_handle_t *)&a->sockets[i].poll, on_handle_closed);
}

static void on_loop_stop(struct loop_member *m)
{
    stop(CONTAINER(m, struct acceptor, member));
}

/* A2. The listening sockets stay readable, so polling them would spin. */
static void rest(struct acceptor *a, int code)
{
    diag(DIAG_WARN, "cannot accept connections on port %u: %s", a->port, strerror(code));
    for (unsigned i = 0; i < a->count; i++)
        uv_poll_stop(&a->sockets[i].poll);
    timer_start(loop_timers(a->loop), &a->rest, loop_now_ms(a->loop) + ACCEPTOR_REST_MS);
}

static bool is_out_of_descriptors(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

static void on_connection(uv_poll_t *h, int status, int events)
{
    struct acceptor_socket *s = h->data;
    struct acceptor        *a = s->acceptor;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTOR_TURN_MAX && !a->is_paused && !a->is_stopped; i++) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            a->accepted(a->ctx, fd);
            continue;
        }
        if (errno == EAGAIN)
            return;
        if (is_out_of_descriptors(errno)) {
            rest(a, errno);
            return;
        }
        /* Otherwise this one client gave up before it was accepted: on to the next. */
    }
}

static void start(struct acceptor *a)
{
    if (a->is_paused || a->is_stopped)
        return;
    for (unsigned i = 0; i < a->count; i++)
        uv_poll_start(&a->sockets[i].poll, UV_READABLE, on_connection);
}

static void on_rested(struct timer *t, int64_t now_ms)
{
    (void)now_ms;
    start(CONTAINER(t, struct acceptor, rest));
}

static void set_port(struct sockaddr_storage *sa, uint16_t port)
{
    if (sa->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
    else if (sa->ss_family == AF_INET)
        ((struct sockaddr_in *)sa)->sin_port = htons(port);
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t               len = sizeof sa;

    getsockname(fd, (struct sockaddr *)&sa, &len);
    if (sa.ss_family == AF_UNIX)
        return 0;
    return ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port
                                          : ((struct sockaddr_in *)&sa)->sin_port);
}

/* A3: SO_REUSEADDR passes over connections in TIME_WAIT, not over another listener. Returns 0 or errno. */
static int listen_on(struct acceptor *a, const struct sockaddr_storage *sa, socklen_t len)
{
    struct acceptor_socket *s = &a->sockets[a->count];
    int                     on = 1;
    int                     code;

    s->fd = socket(sa->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return errno;
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (sa->ss_family == AF_UNIX)
        fchmod(s->fd, S_IRUSR | S_IWUSR); /* bind makes the file with these rights */
    if (sa->ss_family == AF_INET6)
        setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(s->fd, (const struct sockaddr *)sa, len) != 0 ||
        listen(s->fd, ACCEPTOR_BACKLOG) != 0) {
        code = errno;
        close(s->fd);
        return code;
    }
    a->count++;
    return 0;
}

struct address {
    struct sockaddr_storage sa;
    socklen_t               len;
    bool                    is_optional;
};

/* getaddrinfo's codes as errno: a name that is not there differs from a resolver that could not look. */
static int errno_of_resolver(int code)
{
    switch (code) {
    case 0:
        return 0;
    case EAI_SYSTEM:
        return errno;
    case EAI_MEMORY:
        return ENOMEM;
    case EAI_AGAIN:
        return EAGAIN;
    default:
        return EADDRNOTAVAIL;
    }
}

/*
 * localhost does not depend on the resolver's files: both loopbacks, and a machine without IPv6 is fine. A name that
 * fails to resolve fails the whole: half of localhost would leave clients of the other half before a closed port.
 * Returns 0 or errno.
 */
static int resolve(const char *host, struct address *out, unsigned *count)
{
    bool            is_localhost = strcmp(host, "localhost") == 0;
    const char     *names[2] = { is_localhost ? "127.0.0.1" : host, is_localhost ? "::1" : NULL };
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };

    *count = 0;
    for (int i = 0; i < 2 && names[i]; i++) {
        struct addrinfo *found;
        int              code = errno_of_resolver(getaddrinfo(names[i], NULL, &hints, &found));

        if (code)
            return code;
        for (struct addrinfo *f = found; f && *count < ACCEPTOR_SOCKETS_MAX; f = f->ai_next) {
            out[*count] = (struct address){ .len = f->ai_addrlen, .is_optional = i > 0 };
            memcpy(&out[(*count)++].sa, f->ai_addr, f->ai_addrlen);
        }
        freeaddrinfo(found);
    }
    return 0;
}

static int listen_on_all(struct acceptor *a, struct address *addresses, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        int code;

        set_port(&addresses[i].sa, a->port);
        code = listen_on(a, &addresses[i].sa, addresses[i].len);
        if (code && (!addresses[i].is_optional || (code != EADDRNOTAVAIL && code != EAFNOSUPPORT)))
            return code;
        if (!code)
            a->port = bound_port(a->sockets[a->count - 1].fd);
    }
    return a->count > 0 ? 0 : EADDRNOTAVAIL;
}

static void close_sockets(struct acceptor *a)
{
    while (a->count > 0)
        close(a->sockets[--a->count].fd);
}

/* Any free port must be free on every address: try again when the one drawn for the first is taken on another. */
static int bind_port(struct acceptor *a, struct address *addresses, unsigned count, uint16_t port)
{
    int code = EADDRINUSE;

    for (int i = 0; i < (port ? 1 : ANY_PORT_TRIES) && code == EADDRINUSE; i++) {
        a->port = port;
        code = listen_on_all(a, addresses, count);
        if (code)
            close_sockets(a);
    }
    return code;
}

static void begin(struct acceptor *a)
{
    for (unsigned i = 0; i < a->count; i++) {
        struct acceptor_socket *s = &a->sockets[i];

        uv_poll_init(loop_uv(a->loop), &s->poll, s->fd);
        s->poll.data = s;
        s->acceptor = a;
        a->open_handles++;
    }
    a->member.stop = on_loop_stop;
    loop_join(a->loop, &a->member);
    a->rest.fire = on_rested;
    start(a);
}

enum err acceptor_open(struct acceptor **out, struct loop *l, const char *host, uint16_t port,
                       accepted_fn *accepted, void *ctx)
{
    struct address   addresses[ACCEPTOR_SOCKETS_MAX];
    unsigned         count;
    struct acceptor *a;
    int              code = resolve(host, addresses, &count);

    if (code)
        return err_of_errno(code);
    a = mem_new(sizeof *a);
    *a = (struct acceptor){ .loop = l, .accepted = accepted, .ctx = ctx };
    code = bind_port(a, addresses, count, port);
    if (code) {
        free(a);
        return err_of_errno(code);
    }
    begin(a);
    *out = a;
    return ERR_OK;
}

enum err acceptor_open_path(struct acceptor **out, struct loop *l, const char *path,
                            accepted_fn *accepted, void *ctx)
{
    struct address      address = { .len = sizeof(struct sockaddr_un) };
    struct sockaddr_un *un = (struct sockaddr_un *)&address.sa;
    struct acceptor    *a;
    int                 code;

    un->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof un->sun_path)
        return ERR_BAD_NAME;
    memcpy(un->sun_path, path, strlen(path));
    unlink(path);
    a = mem_new(sizeof *a);
    *a = (struct acceptor){ .loop = l, .accepted = accepted, .ctx = ctx };
    code = listen_on_all(a, &address, 1);
    if (code) {
        free(a);
        return err_of_errno(code);
    }
    begin(a);
    *out = a;
    return ERR_OK;
}

uint16_t acceptor_port(const struct acceptor *a)
{
    return a->port;
}

void acceptor_pause(struct acceptor *a)
{
    if (a->is_paused)
        return;
    a->is_paused = true;
    for (unsigned i = 0; i < a->count && !a->is_stopped; i++)
        uv_poll_stop(&a->sockets[i].poll);
}

void acceptor_resume(struct acceptor *a)
{
    if (!a->is_paused)
        return;
    a->is_paused = false;
    if (!timer_is_started(&a->rest))
        start(a);
}

void acceptor_close(struct acceptor *a)
{
    stop(a);
    a->is_closed = true;
    free_when_done(a);
}
