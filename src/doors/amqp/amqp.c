/*
 * amqp.c - the door itself: its listener, its connections, and what they share.
 *
 *   D1  A turn's news for the engine (settles, credit) and for clients (confirms) leaves in one
 *       go at the end of the turn: whatever runs on the loop touches its connection first, so
 *       that the flush comes before the sockets are written.
 *   D2  The door is freed when it was closed and the last connection is gone.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp.h"

#include "doors/amqp/amqp_int.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the link over a real connection ---- */

static void link_send(void *to, struct slice s)
{
    conn_send(to, s);
}

static void link_send_copy(void *to, struct bytes b)
{
    conn_send_copy(to, b);
}

static size_t link_queued(void *to)
{
    return conn_queued(to);
}

static void link_want(void *to, size_t n)
{
    conn_want(to, n);
}

static void link_pause(void *to)
{
    conn_pause(to);
}

static void link_resume(void *to)
{
    conn_resume(to);
}

static void link_close(void *to)
{
    conn_close(to);
}

static void link_abort(void *to)
{
    conn_abort(to);
}

static const struct amqp_link socket_link = {
    .send = link_send,
    .send_copy = link_send_copy,
    .queued = link_queued,
    .want = link_want,
    .pause = link_pause,
    .resume = link_resume,
    .close = link_close,
    .abort = link_abort,
};

/* ---- connections ---- */

static void *on_opened(struct conn *c, void *ctx)
{
    struct amqp_door *d = ctx;
    struct login_peer peer = { conn_is_local(c), conn_certificate(c) };

    return d->is_closing ? NULL : amqp_conn_open(d, &socket_link, c, &peer);
}

static const struct conn_ops ops = {
    .opened = on_opened,
    .received = amqp_conn_received,
    .writable = amqp_conn_writable,
    .closed = amqp_conn_closed,
};

/* ---- the door ---- */

void amqp_door_flush(struct amqp_door *d)
{
    struct list *node;

    while ((node = list_pop(&d->dirty)) != NULL)
        amqp_conn_flush(CONTAINER(node, struct amqp_conn, in_dirty));
    if (d->is_closing && list_empty(&d->conns))
        amqp_door_free(d);
}

static void on_turn_end(struct loop_task *t)
{
    amqp_door_flush(CONTAINER(t, struct amqp_door, turn));
}

struct amqp_door *amqp_door_new(const struct door_env *env)
{
    struct amqp_door *d = mem_new(sizeof *d);

    d->loop = env->loop;
    d->gate = env->gate;
    d->seed = env->seed;
    d->version = env->version ? env->version : "";
    snprintf(d->cluster_name, sizeof d->cluster_name, "myna@%.22s",
             env->cluster_id ? env->cluster_id : "");
    list_init(&d->conns);
    list_init(&d->dirty);
    list_init(&d->publishes);
    d->turn.run = on_turn_end;
    d->alarm.fire = alarm_on_look;
    return d;
}

void amqp_door_free(struct amqp_door *d)
{
    loop_cancel(&d->turn);
    timer_stop(loop_timers(d->loop), &d->alarm);
    publish_free_all(d);
    amqp_record_mint_fini(&d->mint);
    block_drop(d->out);
    buf_fini(&d->frame);
    amqp_record_reader_fini(&d->reader);
    free(d);
}

static void on_close(struct door_server *s)
{
    struct amqp_door *d = CONTAINER(s, struct amqp_door, server);
    struct list      *node = d->conns.next;

    d->is_closing = true;
    listener_close(d->listener);
    d->listener = NULL;
    while (node != &d->conns) {
        struct amqp_conn *c = CONTAINER(node, struct amqp_conn, in_door);

        node = node->next;
        amqp_conn_touch(c);
        amqp_conn_end(c, REPLY_CONNECTION_FORCED, METHOD_NONE,
                      "broker forced connection closure with reason 'shutdown'");
    }
    loop_later(d->loop, &d->turn);
}

enum err amqp_door_open(struct door_server **out, const struct door_env *env)
{
    struct amqp_door *d = amqp_door_new(env);
    enum err          err = listener_open(&d->listener, env->loop, env->host, env->port, &ops, d);

    if (err) {
        amqp_door_free(d);
        return err;
    }
    if (env->tls)
        listener_seal(d->listener, env->tls);
    d->server.close = on_close;
    *out = &d->server;
    return ERR_OK;
}
