/* conn_int.h - between conn.c and listener.c. */
#ifndef NET_CONN_INT_H
#define NET_CONN_INT_H

#include "net/conn.h"

/* The connections of a listener that shake hands. */
struct conn_shaking {
    struct list conns; /* the longest at it first */
    size_t      count;
};

/* Where a connection comes from; the listener is told when it has ended. */
struct conn_origin {
    struct listener     *listener; /* NULL: adopted */
    struct tls          *tls;      /* NULL: it speaks plainly */
    struct conn_shaking *shaking;  /* with tls: where it is until it has shaken hands */
};

/* As conn_adopt, which sees NULL also for a connection that is still to shake hands. */
struct conn *conn_begin(struct loop *l, int fd, const struct conn_ops *ops, void *ctx,
                        const struct conn_origin *origin);
void listener_conn_gone(struct listener *ln);
/* Ends the connection that has shaken hands for the longest time; there is one. */
void conn_end_shaking(struct conn_shaking *shaking);

#endif
