/*
 * rehearsal.h - a whole recovery of a data directory, with the broker's own code, that changes
 * nothing: the files are read through a disk that keeps all changes in memory
 * (store/disk_overlay.h), the catalogue is a copy in a temporary directory.
 *
 * Thread: the main one.
 */
#ifndef NODE_REHEARSAL_H
#define NODE_REHEARSAL_H

#include "base/err.h"

struct engine;
struct rehearsal;

/* Called with the engine as it would stand after a start. */
typedef void rehearsal_fn(void *ctx, struct engine *e, struct rehearsal *r);

/* Turns the engine until nothing is left to do. */
void rehearsal_turn(struct rehearsal *r);

/* ERR_BUSY: a broker runs on it; ERR_FOREIGN: it is no data directory; else why it would not
 * start. Details are said as diag lines. */
MUST_CHECK enum err rehearse(const char *data, rehearsal_fn *fn, void *ctx);

#endif
