/*
 * outlet.h - what a connection has still to send: a queue of slices, gathered into few system calls.
 *
 *   O1  Slices leave in order; each block is held until its bytes were given to the kernel.
 *   O2  Small copies made one after the other lie side by side in the pool's block and become one slice.
 *
 * Thread: the loop's.
 */
#ifndef NET_OUTLET_H
#define NET_OUTLET_H

#include "base/block.h"
#include "net/pool.h"

#include <sys/uio.h>

enum {
    OUTLET_COPY_MAX = 16 * 1024, /* larger copies get a block of their own */
    OUTLET_GATHER_MAX = 128,     /* slices per system call */
};

struct outlet {
    struct slice *ring;
    uint32_t      cap; /* a power of two, or 0 */
    uint32_t      first;
    uint32_t      count;
    size_t        bytes;
};

void outlet_fini(struct outlet *o);
/* The slice's hold passes. */
void outlet_add(struct outlet *o, struct slice s);
void outlet_copy(struct outlet *o, struct pool *pool, struct bytes b);
/* Fills at most OUTLET_GATHER_MAX entries with what comes next; returns how many. */
int outlet_gather(const struct outlet *o, struct iovec *iov);
/* Takes out what comes next, at most max bytes of one slice, with a hold for the caller; the outlet must not be
 * empty. */
struct slice outlet_take(struct outlet *o, size_t max);
/* n bytes have left. */
void outlet_sent(struct outlet *o, size_t n);

#endif
