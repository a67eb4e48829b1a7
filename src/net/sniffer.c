/* sniffer.c - see sniffer.h. */
#include "net/sniffer.h"
#include "base/bytes.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

static const char PREFACE[] = "PRI";
enum { PREFACE_BYTES = sizeof PREFACE - 1 };

struct sniffer {
    struct loop *loop;
    sniffed_fn  *sniffed;
    void        *ctx;
    struct list  all;
};

struct suspect {
    struct sniffer    *sniffer;
    struct list        in_sniffer;
    struct loop_member member;
    struct timer       patience;
    uv_poll_t          poll;
    int                fd;
};

static void on_handle_closed(uv_handle_t *h)
{
    free(h->data);
}

/* The handle lets go of the descriptor at once, so that its next owner can poll it. */
static void release(struct suspect *s)
{
    list_remove(&s->in_sniffer);
    loop_leave(&s->member);
    timer_stop(loop_timers(s->sniffer->loop), &s->patience);
    uv_close((uv_handle_t *)&s->poll, on_handle_closed);
}

static void give_up(struct suspect *s)
{
    struct sniffer *sn = s->sniffer;

    release(s);
    close(s->fd);
    sn->sniffed(sn->ctx, -1, false);
}

static void decide(struct suspect *s, bool is_http2)
{
    struct sniffer *sn = s->sniffer;
    int             low_water = 1;
    int             fd = s->fd;

    release(s);
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof low_water);
    sn->sniffed(sn->ctx, fd, is_http2);
}

static void on_readable(uv_poll_t *h, int status, int events)
{
    struct suspect *s = h->data;
    char            seen[PREFACE_BYTES];
    ssize_t         n = recv(s->fd, seen, sizeof seen, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR) && status == 0)
        return;
    if (n <= 0)
        give_up(s);
    else if (memcmp(seen, PREFACE, (size_t)n) != 0)
        decide(s, false);
    else if (n == PREFACE_BYTES)
        decide(s, true);
    else if (status < 0 || events & UV_DISCONNECT)
        give_up(s);
}

static void on_patience_lost(struct timer *t, int64_t now_ms)
{
    (void)now_ms;
    give_up(CONTAINER(t, struct suspect, patience));
}

static void on_loop_stop(struct loop_member *m)
{
    give_up(CONTAINER(m, struct suspect, member));
}

struct sniffer *sniffer_new(struct loop *l, sniffed_fn *sniffed, void *ctx)
{
    struct sniffer *sn = mem_new(sizeof *sn);

    *sn = (struct sniffer){ .loop = l, .sniffed = sniffed, .ctx = ctx };
    list_init(&sn->all);
    return sn;
}

/* With the low-water mark the socket is not readable before there is enough to decide: looking does not take
 * the bytes out, so with fewer the loop would spin. */
void sniffer_add(struct sniffer *sn, int fd)
{
    struct suspect *s = mem_new(sizeof *s);
    int             low_water = PREFACE_BYTES;

    s->sniffer = sn;
    s->fd = fd;
    s->member.stop = on_loop_stop;
    s->patience.fire = on_patience_lost;
    list_push(&sn->all, &s->in_sniffer);
    loop_join(sn->loop, &s->member);
    timer_start(loop_timers(sn->loop), &s->patience, loop_now_ms(sn->loop) + SNIFFER_WAIT_MS);
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof low_water);
    uv_poll_init(loop_uv(sn->loop), &s->poll, fd);
    s->poll.data = s;
    uv_poll_start(&s->poll, UV_READABLE | UV_DISCONNECT, on_readable);
}

size_t sniffer_free(struct sniffer *sn)
{
    size_t n = 0;

    for (; !list_empty(&sn->all); n++) {
        struct suspect *s = CONTAINER(sn->all.next, struct suspect, in_sniffer);

        release(s);
        close(s->fd);
    }
    free(sn);
    return n;
}
