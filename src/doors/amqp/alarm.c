/*
 * alarm.c - tells publishers of a full disk. A connection that published while the disk was full,
 * and said that it understands connection.blocked, gets it once, and connection.unblocked when there
 * is room again. It is a notice: the publishes themselves were refused or wait (publish.c, P4), and
 * whatever else comes on the connection is heard, above all the acknowledgements that make room.
 * (RabbitMQ reads nothing more from such a connection, acknowledgements included.)
 *
 * Thread: the door's loop.
 */
#include "doors/amqp/amqp_int.h"

enum { LOOK_MS = 500 }; /* how often it is asked whether there is room again */

static void look_again(struct amqp_door *d, int64_t now_ms)
{
    timer_start(loop_timers(d->loop), &d->alarm, now_ms + LOOK_MS);
}

void alarm_raise(struct amqp_conn *c)
{
    if (!c->wants_blocked || c->is_blocked || c->state != AMQP_RUNNING)
        return;
    c->is_blocked = true;
    amqp_conn_send(c, 0, METHOD_CONNECTION_BLOCKED,
                   (struct arg[]){ ARG_B(bytes_str("low on disk")) });
    if (!timer_is_started(&c->door->alarm))
        look_again(c->door, loop_now_ms(c->door->loop));
}

static void end(struct amqp_conn *c)
{
    amqp_conn_touch(c);
    c->is_blocked = false;
    if (c->state == AMQP_RUNNING)
        amqp_conn_send(c, 0, METHOD_CONNECTION_UNBLOCKED, NULL);
}

void alarm_on_look(struct timer *t, int64_t now_ms)
{
    struct amqp_door *d = CONTAINER(t, struct amqp_door, alarm);

    if (gate_is_full(d->gate)) {
        look_again(d, now_ms);
        return;
    }
    for (struct list *l = d->conns.next; l != &d->conns; l = l->next)
        if (CONTAINER(l, struct amqp_conn, in_door)->is_blocked)
            end(CONTAINER(l, struct amqp_conn, in_door));
}
