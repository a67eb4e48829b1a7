/*
 * catalogue_copy.h - a copy of a data directory's catalogue in a temporary directory: SQLite writes
 * to what it opens, and whoever only looks must not.
 *
 * Thread: the main one.
 */
#ifndef NODE_CATALOGUE_COPY_H
#define NODE_CATALOGUE_COPY_H

#include "base/err.h"

struct catalogue_copy {
    char root[64];  /* laid out as a data directory; "" when there is none */
    char path[128]; /* of the database */
};

/* data: a data directory, or the file itself. One that is not there is not copied. ERR_IO, with a
 * diag line. */
MUST_CHECK enum err catalogue_copy_make(struct catalogue_copy *c, const char *data);
void catalogue_copy_remove(struct catalogue_copy *c);

#endif
