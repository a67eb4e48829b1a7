/* sink.c - see sink.h. */
#include "sink.h"
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IOV_MAX_AT_ONCE = 1024, DRAIN_BYTES = 1 << 20 };

/* MSG_TRUNC: TCP throws the bytes away without copying them. The peer shall cost as little as it
 * can. */
static _Noreturn void drain(int listener)
{
    int fd = accept(listener, NULL, NULL);

    while (recv(fd, NULL, DRAIN_BYTES, MSG_TRUNC) > 0)
        ;
    _exit(0);
}

void sink_open(struct sink *s)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t          len = sizeof at;
    int                listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0)
        bench_die("listen: %s", strerror(errno));
    s->peer = bench_fork();
    if (s->peer == 0)
        drain(listener);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(s->fd, (struct sockaddr *)&at, sizeof at) != 0)
        bench_die("connect: %s", strerror(errno));
    close(listener);
}

void sink_send(struct sink *s, struct iovec *iov, size_t count)
{
    while (count > 0) {
        ssize_t n = writev(s->fd, iov, count < IOV_MAX_AT_ONCE ? (int)count : IOV_MAX_AT_ONCE);

        if (n < 0 && errno != EINTR)
            bench_die("send: %s", strerror(errno));
        while (n > 0 && (size_t)n >= iov->iov_len) {
            n -= (ssize_t)iov->iov_len;
            iov++;
            count--;
        }
        if (n > 0) {
            iov->iov_base = (uint8_t *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
}

void sink_close(struct sink *s)
{
    close(s->fd);
    waitpid(s->peer, NULL, 0);
}
