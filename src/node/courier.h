/*
 * courier.h - carries the calls of one loop to the worker: all that a turn submits goes over
 * together.
 *
 * A lock and perhaps a wake-up for every call would cost more than the call itself. The doors of a
 * loop share its courier; what they submit is handed over at the end of the loop's turn, in order.
 *
 * Thread: the loop's.
 */
#ifndef NODE_COURIER_H
#define NODE_COURIER_H

#include "net/loop.h"
#include "node/worker.h"

struct courier;

/* Both must outlive it. */
struct courier *courier_new(struct loop *l, struct worker *w);
void courier_free(struct courier *c); /* nothing is under way; NULL is allowed */
/* What the loop's doors submit to. */
struct gate *courier_gate(struct courier *c);

#endif
