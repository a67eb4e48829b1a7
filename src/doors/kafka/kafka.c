/* kafka.c - the door: its listener and its end; see kafka.h. */
#include "doors/kafka/kafka.h"
#include "base/mem.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/kafka_door.h"

#include <assert.h>
#include <stdlib.h>

void kafka_door_conn_gone(struct kafka_door *d)
{
    if (d->is_closing && list_empty(&d->conns))
        free(d);
}

static void stop_listening(struct kafka_door *d)
{
    for (unsigned i = 0; i < d->node_count; i++) {
        if (d->nodes[i].listener)
            listener_close(d->nodes[i].listener);
    }
}

static void door_close(struct door_server *s)
{
    struct kafka_door *d = (struct kafka_door *)s;

    stop_listening(d);
    d->is_closing = true;
    kafka_conns_close(d);
    kafka_door_conn_gone(d);
}

/* Each node on the port after the one before it. */
static enum err listen_as(struct kafka_door *d, unsigned i)
{
    struct kafka_node *node = &d->nodes[i];
    uint16_t           port = d->env.port == 0 ? 0 : (uint16_t)(d->env.port + i);
    enum err           err;

    node->door = d;
    node->id = (int32_t)i + 1;
    err = listener_open(&node->listener, d->env.loop, d->env.host, port, &kafka_conn_ops, node);
    if (!err && d->env.tls)
        listener_seal(node->listener, d->env.tls);
    return err;
}

enum err kafka_door_open(struct door_server **out, const struct door_env *env)
{
    struct kafka_door *d = mem_new(sizeof *d);
    enum err           err = ERR_OK;

    d->env = *env;
    d->server.close = door_close;
    d->node_count = env->kafka_nodes > 0 ? env->kafka_nodes : 1;
    assert(d->node_count <= KAFKA_NODES_MAX);
    list_init(&d->conns);
    for (unsigned i = 0; i < d->node_count && !err; i++)
        err = listen_as(d, i);
    if (err) {
        stop_listening(d);
        free(d);
        return err;
    }
    *out = &d->server;
    return ERR_OK;
}
