/* conn_int.h - between conn.c and listener.c. */
#ifndef NET_CONN_INT_H
#define NET_CONN_INT_H

#include "net/conn.h"

/* As conn_adopt; ln (may be NULL) is told by listener_conn_gone when the connection has ended. */
struct conn *conn_begin(struct loop *l, int fd, const struct conn_ops *ops, void *ctx,
                        struct listener *ln);
void listener_conn_gone(struct listener *ln);

#endif
