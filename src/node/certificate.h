/*
 * certificate.h - the TLS of the node's doors: opened by its options, read again on SIGHUP and when a file changes.
 * Thread: the main one.
 */
#ifndef NODE_CERTIFICATE_H
#define NODE_CERTIFICATE_H

#include "base/err.h"

struct options;
struct tls;

enum { CERTIFICATE_LOOK_S = 5 }; /* how often a waiting node is to look whether a file has changed */

/* *out is NULL when the options ask for none. On failure one sentence was printed. */
MUST_CHECK enum err certificate_open(struct tls **out, const struct options *o);
/* NULL: nothing is done. Reads the files again; what they hold is in force for new connections if all of it is good. */
void certificate_reload(struct tls *t);
/* The same if one of them has changed. */
void certificate_refresh(struct tls *t);

#endif
