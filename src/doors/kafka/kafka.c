/* kafka.c - the door: its listener and its end; see kafka.h. */
#include "doors/kafka/kafka.h"
#include "base/mem.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/kafka_door.h"

#include <stdlib.h>

void kafka_door_conn_gone(struct kafka_door *d)
{
    if (d->is_closing && list_empty(&d->conns))
        free(d);
}

static void door_close(struct door_server *s)
{
    struct kafka_door *d = (struct kafka_door *)s;

    listener_close(d->listener);
    d->is_closing = true;
    kafka_conns_close(d);
    kafka_door_conn_gone(d);
}

enum err kafka_door_open(struct door_server **out, const struct door_env *env)
{
    struct kafka_door *d = mem_new(sizeof *d);
    enum err           err;

    d->env = *env;
    d->server.close = door_close;
    list_init(&d->conns);
    err = listener_open(&d->listener, env->loop, env->host, env->port, &kafka_conn_ops, d);
    if (err) {
        free(d);
        return err;
    }
    if (env->tls)
        listener_seal(d->listener, env->tls);
    *out = &d->server;
    return ERR_OK;
}
