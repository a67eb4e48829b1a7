/*
 * amqp_rig.h - the door over the real engine on a simulated disk, and clients whose bytes are
 * handed to it: for tests.
 *
 * Nothing happens by itself: say() gives bytes to a connection, rig_settle() lets engine, disk
 * and door work until nothing is left to do, heard() takes what the client received. Time is
 * moved by amqp_rig_later(). Included by x_test.c only.
 */
#ifndef DOORS_AMQP_AMQP_RIG_H
#define DOORS_AMQP_AMQP_RIG_H

#include "doors/amqp/amqp_int.h"
#include "doors/amqp/frame.h"
#include "engine/engine_rig.h"

#include <string.h>

enum { AMQP_RIG_CALLS_MAX = 65536 };

struct amqp_rig {
    struct rig        engine;
    struct loop      *loop;
    struct gate       gate;
    struct amqp_door *door;
    struct call      *calls[AMQP_RIG_CALLS_MAX]; /* submitted and not given to the engine yet */
    size_t            call_count;
    int64_t           now_ms;
};

/* One client; what it sends and receives. */
struct client {
    struct amqp_rig  *rig;
    struct amqp_conn *conn;
    struct buf        in;  /* not used up by the connection yet */
    struct buf        out; /* received and not heard yet */
    bool              is_paused, is_closed, is_aborted;
    size_t            queued; /* what the link claims */
};

static inline struct client *client_of(void *to)
{
    return to;
}

static void client_send(void *to, struct slice s)
{
    buf_bytes(&client_of(to)->out, s.bytes);
    slice_drop(&s);
}

static void client_send_copy(void *to, struct bytes b)
{
    buf_bytes(&client_of(to)->out, b);
}

static size_t client_queued(void *to)
{
    return client_of(to)->queued;
}

static void client_want(void *to, size_t n)
{
    (void)to;
    (void)n;
}

static void client_pause(void *to)
{
    client_of(to)->is_paused = true;
}

static void client_resume(void *to)
{
    client_of(to)->is_paused = false;
}

static void client_close(void *to)
{
    client_of(to)->is_closed = true;
}

static void client_abort(void *to)
{
    client_of(to)->is_aborted = true;
}

static const struct amqp_link client_link = {
    .send = client_send,
    .send_copy = client_send_copy,
    .queued = client_queued,
    .want = client_want,
    .pause = client_pause,
    .resume = client_resume,
    .close = client_close,
    .abort = client_abort,
};

/* ---- the rig ---- */

static void amqp_rig_submit(struct gate *g, struct call *c)
{
    struct amqp_rig *r = CONTAINER(g, struct amqp_rig, gate);

    assert_true(r->call_count < AMQP_RIG_CALLS_MAX);
    r->calls[r->call_count++] = c;
}

static bool amqp_rig_is_full(struct gate *g)
{
    return shard_is_full(CONTAINER(g, struct amqp_rig, gate)->engine.shard);
}

static inline void amqp_rig_open(struct amqp_rig *r)
{
    struct door_env env = {
        .gate = &r->gate, .version = "test", .cluster_id = "cluster", .seed = 1
    };

    memset(r, 0, sizeof *r);
    rig_open(&r->engine);
    assert_int_equal(loop_new(&r->loop), ERR_OK);
    r->gate.submit = amqp_rig_submit;
    r->gate.is_full = amqp_rig_is_full;
    env.loop = r->loop;
    r->door = amqp_door_new(&env);
    r->now_ms = loop_now_ms(r->loop);
}

static inline void client_pump(struct client *c)
{
    size_t used = 1;

    while (used > 0 && c->in.len > 0 && !c->is_paused && !c->is_closed && c->conn) {
        struct slice in = { NULL, buf_view(&c->in) };

        used = amqp_conn_received(c->conn, in);
        assert_true(used <= c->in.len);
        memmove(c->in.at, c->in.at + used, c->in.len - used);
        c->in.len -= used;
    }
}

/* One round: the end of the loop's turn, a turn of the engine with all the disk's work, the answers. */
static inline void amqp_rig_round(struct amqp_rig *r)
{
    size_t n;

    amqp_door_flush(r->door);
    n = r->call_count;
    r->call_count = 0;
    engine_begin(r->engine.engine, r->engine.now_ms);
    for (size_t i = 0; i < n; i++)
        engine_submit(r->engine.engine, r->calls[i]);
    engine_end(r->engine.engine);
    rig_turn(&r->engine);
    mail_run(loop_mailbox(r->loop));
    while (loop_has_jobs(r->loop)) { /* real ones, so the loop's time goes on meanwhile, and ours with it */
        int64_t before_ms = loop_now_ms(r->loop);

        loop_turn(r->loop);
        r->now_ms += loop_now_ms(r->loop) - before_ms;
    }
    amqp_door_flush(r->door);
}

/* c may be NULL. */
static inline void amqp_rig_settle(struct amqp_rig *r, struct client *c)
{
    int idle = 0;

    while (idle < 3) {
        size_t before = c ? c->out.len + c->in.len : 0;

        if (c)
            client_pump(c);
        amqp_rig_round(r);
        idle = r->call_count == 0 && (!c || before == c->out.len + c->in.len) ? idle + 1 : 0;
    }
}

/* Moves the loop's time and fires what is due. */
static inline void amqp_rig_later(struct amqp_rig *r, int64_t ms)
{
    r->now_ms += ms;
    r->engine.now_ms += ms;
    timers_run(loop_timers(r->loop), r->now_ms);
}

/* The disk has so many bytes more than are in use. */
static inline void amqp_rig_set_space(struct amqp_rig *r, uint64_t bytes)
{
    disk_sim_set_space(r->engine.disk, disk_sim_used(r->engine.disk) + bytes);
    amqp_rig_settle(r, NULL);
}

static inline void amqp_rig_close(struct amqp_rig *r)
{
    amqp_rig_settle(r, NULL);
    assert_true(list_empty(&r->door->conns));
    amqp_door_free(r->door);
    rig_close(&r->engine);
    loop_free(r->loop);
}

/* ---- clients ---- */

static inline void client_open(struct client *c, struct amqp_rig *r)
{
    static const struct login_peer here = { .is_loopback = true };

    *c = (struct client){ .rig = r };
    c->conn = amqp_conn_open(r->door, &client_link, c, &here);
}

/* The socket closes. */
static inline void client_gone(struct client *c)
{
    amqp_conn_closed(c->conn);
    c->conn = NULL;
    amqp_rig_settle(c->rig, NULL);
    buf_fini(&c->in);
    buf_fini(&c->out);
}

static inline void say_bytes(struct client *c, const void *at, size_t n)
{
    buf_add(&c->in, at, n);
    client_pump(c);
}

static inline void say(struct client *c, uint16_t channel, enum method_id id,
                       const struct arg *args)
{
    method_frame(&c->in, channel, id, args);
    client_pump(c);
}

/* A method without arguments, or whose arguments are all nothing. */
static inline void say_bare(struct client *c, uint16_t channel, enum method_id id)
{
    struct arg none[METHOD_ARGS_MAX] = { { 0 } };

    say(c, channel, id, none);
}

static inline void say_content(struct client *c, uint16_t channel, struct bytes raw,
                               struct bytes body)
{
    size_t start = frame_begin(&c->in, FRAME_HEADER, channel);

    buf_u16(&c->in, CLASS_BASIC);
    buf_u16(&c->in, 0);
    buf_u64(&c->in, body.len);
    buf_bytes(&c->in, raw);
    frame_end(&c->in, start);
    if (body.len > 0) {
        start = frame_begin(&c->in, FRAME_BODY, channel);
        buf_bytes(&c->in, body);
        frame_end(&c->in, start);
    }
    client_pump(c);
}

static const char *const PERSISTENT = "\x10\x00\x02";

static inline void say_publish(struct client *c, uint16_t channel, const char *exchange,
                               const char *key, const char *body, bool mandatory)
{
    say(c, channel, METHOD_BASIC_PUBLISH,
        (struct arg[]){ ARG_N(0), ARG_B(bytes_str(exchange)), ARG_B(bytes_str(key)),
                        ARG_N(mandatory), ARG_N(0) });
    say_content(c, channel, bytes_of(PERSISTENT, 3), bytes_str(body));
}

/* What the client has next: a frame; the method's arguments when it is one. */
struct heard {
    struct frame   frame;
    enum method_id id;
    struct arg     args[METHOD_ARGS_MAX];
    uint8_t        bytes[131072 + 64]; /* what the rest borrows from */
};

static inline bool hear_any(struct client *c, struct heard *h)
{
    size_t size;

    memset(h, 0, sizeof *h - sizeof h->bytes);
    amqp_rig_settle(c->rig, c);
    if (c->out.len == 0)
        return false;
    assert_int_equal(frame_parse(buf_view(&c->out), 131072, &h->frame, &size), FRAME_OK);
    memcpy(h->bytes, c->out.at, size);
    memmove(c->out.at, c->out.at + size, c->out.len - size);
    c->out.len -= size;
    h->frame.payload.at = h->bytes + FRAME_HEAD_BYTES;
    if (h->frame.type == FRAME_METHOD) {
        h->id = method_find(get_u16(h->frame.payload.at), get_u16(h->frame.payload.at + 2));
        assert_int_equal(args_decode(h->id,
                                     bytes_of(h->frame.payload.at + 4, h->frame.payload.len - 4),
                                     h->args),
                         ARGS_OK);
    }
    return true;
}

static inline void hear(struct client *c, enum method_id id, struct heard *h)
{
    if (!hear_any(c, h))
        fail_msg("nothing heard instead of %u.%u", methods[id].class_id, methods[id].method_id);
    if (h->id != id)
        fail_msg("heard %u.%u (%.*s) instead of %u.%u", methods[h->id].class_id,
                 methods[h->id].method_id,
                 h->id == METHOD_CHANNEL_CLOSE || h->id == METHOD_CONNECTION_CLOSE
                     ? (int)h->args[1].b.len
                     : 0,
                 (const char *)h->args[1].b.at, methods[id].class_id, methods[id].method_id);
}

static inline void hear_nothing(struct client *c)
{
    struct heard *h = malloc(sizeof *h);

    if (hear_any(c, h))
        fail_msg("heard frame type %u, method %u.%u", h->frame.type, methods[h->id].class_id,
                 methods[h->id].method_id);
    free(h);
}

/* Header and body of a content, the body whole in one frame or absent; compares the body. */
static inline void hear_content(struct client *c, const char *body, struct heard *h)
{
    assert_true(hear_any(c, h));
    assert_int_equal(h->frame.type, FRAME_HEADER);
    assert_int_equal(get_u64(h->frame.payload.at + 4), strlen(body));
    if (body[0] == 0)
        return;
    assert_true(hear_any(c, h));
    assert_int_equal(h->frame.type, FRAME_BODY);
    assert_true(bytes_eq_str(h->frame.payload, body));
}

/* channel.close or connection.close with that code and text. */
static inline void hear_close(struct client *c, enum method_id id, unsigned code, const char *text)
{
    struct heard *h = malloc(sizeof *h);

    hear(c, id, h);
    if (h->args[0].n != code || !bytes_eq_str(h->args[1].b, text))
        fail_msg("heard %u %.*s instead of %u %s", (unsigned)h->args[0].n, (int)h->args[1].b.len,
                 (const char *)h->args[1].b.at, code, text);
    free(h);
}

/* Up to an open connection. */
static inline void client_login(struct client *c, struct amqp_rig *r)
{
    static const char capabilities[] = "\x0c"
                                       "capabilitiesF\0\0\0\x4d"
                                       "\x1c"
                                       "authentication_failure_closet\1"
                                       "\x16"
                                       "consumer_cancel_notifyt\1"
                                       "\x12"
                                       "connection.blockedt\1";
    struct heard     *h = malloc(sizeof *h);

    client_open(c, r);
    say_bytes(c, "AMQP\0\0\x09\x01", 8);
    hear(c, METHOD_CONNECTION_START, h);
    say(c, 0, METHOD_CONNECTION_START_OK,
        (struct arg[]){ ARG_B(bytes_of(capabilities, sizeof capabilities - 1)),
                        ARG_B(bytes_str("PLAIN")), ARG_B(bytes_of("\0guest\0guest", 12)),
                        ARG_B(bytes_str("en_US")) });
    hear(c, METHOD_CONNECTION_TUNE, h);
    say(c, 0, METHOD_CONNECTION_TUNE_OK, (struct arg[]){ ARG_N(100), ARG_N(131072), ARG_N(10) });
    say(c, 0, METHOD_CONNECTION_OPEN,
        (struct arg[]){ ARG_B(bytes_str("/")), ARG_B(bytes_str("")), ARG_N(0) });
    hear(c, METHOD_CONNECTION_OPEN_OK, h);
    free(h);
}

static inline void client_channel(struct client *c, uint16_t channel)
{
    struct heard *h = malloc(sizeof *h);

    say_bare(c, channel, METHOD_CHANNEL_OPEN);
    hear(c, METHOD_CHANNEL_OPEN_OK, h);
    free(h);
}

enum { DURABLE = 1, EXCLUSIVE = 2, AUTO_DELETE = 4, PASSIVE = 8, NOWAIT = 16 };

static inline void say_declare(struct client *c, uint16_t channel, const char *queue, unsigned how,
                               struct bytes table)
{
    say(c, channel, METHOD_QUEUE_DECLARE,
        (struct arg[]){ ARG_N(0), ARG_B(bytes_str(queue)), ARG_N((how & PASSIVE) != 0),
                        ARG_N((how & DURABLE) != 0), ARG_N((how & EXCLUSIVE) != 0),
                        ARG_N((how & AUTO_DELETE) != 0), ARG_N((how & NOWAIT) != 0),
                        ARG_B(table) });
}

static inline void client_declare(struct client *c, uint16_t channel, const char *queue,
                                  unsigned how)
{
    struct heard *h = malloc(sizeof *h);

    say_declare(c, channel, queue, how, bytes_of(NULL, 0));
    hear(c, METHOD_QUEUE_DECLARE_OK, h);
    free(h);
}

/* Flags: no_ack 1, exclusive 2, nowait 4. */
static inline void say_consume(struct client *c, uint16_t channel, const char *queue,
                               const char *tag, unsigned how)
{
    say(c, channel, METHOD_BASIC_CONSUME,
        (struct arg[]){ ARG_N(0), ARG_B(bytes_str(queue)), ARG_B(bytes_str(tag)), ARG_N(0),
                        ARG_N((how & 1) != 0), ARG_N((how & 2) != 0), ARG_N((how & 4) != 0),
                        ARG_B(bytes_of(NULL, 0)) });
}

static inline void client_consume(struct client *c, uint16_t channel, const char *queue,
                                  const char *tag)
{
    struct heard *h = malloc(sizeof *h);

    say_consume(c, channel, queue, tag, 0);
    hear(c, METHOD_BASIC_CONSUME_OK, h);
    free(h);
}

/* basic.deliver with that body; returns its delivery tag. */
static inline uint64_t hear_deliver(struct client *c, const char *body, bool redelivered)
{
    struct heard *h = malloc(sizeof *h);
    uint64_t      tag;

    hear(c, METHOD_BASIC_DELIVER, h);
    tag = h->args[1].n;
    assert_int_equal(h->args[2].n, redelivered);
    hear_content(c, body, h);
    free(h);
    return tag;
}

#endif
