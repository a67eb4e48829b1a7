/*
 * test_peer.h - the other end for tests of net: a plain socket in the test's own thread, and a loop that is
 * driven until a condition holds. Nothing sleeps: the loop turns whenever its sockets ask for it, and at least
 * every PEER_TICK_MS, because what the kernel hands to the plain socket wakes nobody.
 */
#ifndef NET_TEST_PEER_H
#define NET_TEST_PEER_H

#include "net/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum { PEER_TICK_MS = 5, PEER_LIMIT_MS = 20000 };

typedef bool peer_cond(void *arg);

static void peer_on_tick(uv_timer_t *t)
{
    (void)t;
}

static inline int64_t peer_clock_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline void peer_tick_start(struct loop *l, uv_timer_t *t)
{
    uv_timer_init(loop_uv(l), t);
    uv_timer_start(t, peer_on_tick, PEER_TICK_MS, PEER_TICK_MS);
    uv_unref((uv_handle_t *)t);
}

static inline void peer_tick_stop(uv_timer_t *t)
{
    uv_close((uv_handle_t *)t, NULL);
}

static inline void peer_drive(struct loop *l, peer_cond *cond, void *arg)
{
    int64_t limit = peer_clock_ms() + PEER_LIMIT_MS;

    while (!cond(arg)) {
        assert_true(peer_clock_ms() < limit);
        loop_turn(l);
    }
}

/* Some machines, mostly containers, have no ::1. */
static inline bool peer_has_ipv6(void)
{
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
    int                 fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool                has = fd >= 0 && bind(fd, (struct sockaddr *)&in6, sizeof in6) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

static inline int peer_connect(int family, uint16_t port)
{
    struct sockaddr_in  in4 = { .sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
                                .sin6_port = htons(port),
                                .sin6_addr = in6addr_loopback };
    int                 fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int                 rc = family == AF_INET ? connect(fd, (struct sockaddr *)&in4, sizeof in4)
                                               : connect(fd, (struct sockaddr *)&in6, sizeof in6);

    assert_int_equal(rc, 0);
    return fd;
}

/* Sends all, turning the loop whenever the socket is full. */
static inline void peer_send(struct loop *l, int fd, const void *at, size_t len)
{
    int64_t limit = peer_clock_ms() + PEER_LIMIT_MS;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

        assert_true(peer_clock_ms() < limit);
        if (n < 0) {
            assert_int_equal(errno, EAGAIN);
            loop_turn(l);
            continue;
        }
        at = (const char *)at + n;
        len -= (size_t)n;
    }
}

static inline void peer_send_str(struct loop *l, int fd, const char *text)
{
    peer_send(l, fd, text, strlen(text));
}

/* Receives until len bytes are there or the other end is closed; returns how many. */
static inline size_t peer_recv(struct loop *l, int fd, void *at, size_t len)
{
    int64_t limit = peer_clock_ms() + PEER_LIMIT_MS;
    size_t  have = 0;

    while (have < len) {
        ssize_t n = recv(fd, (char *)at + have, len - have, MSG_DONTWAIT);

        assert_true(peer_clock_ms() < limit);
        if (n == 0)
            break;
        if (n < 0) {
            assert_int_equal(errno, EAGAIN);
            loop_turn(l);
            continue;
        }
        have += (size_t)n;
    }
    return have;
}

#endif
