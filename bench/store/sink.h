/*
 * sink.h - the way out of a broker: a TCP connection over loopback to a process that takes all and
 * keeps nothing.
 *
 * Thread: the caller's. sink_open forks, so it comes before anything that makes threads.
 */
#ifndef BENCH_STORE_SINK_H
#define BENCH_STORE_SINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct sink {
    int   fd;
    pid_t peer;
};

void sink_open(struct sink *s);
/* All of it, by writev; iov is changed. */
void sink_send(struct sink *s, struct iovec *iov, size_t count);
void sink_close(struct sink *s);

#endif
