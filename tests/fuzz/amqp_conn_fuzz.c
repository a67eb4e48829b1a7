/*
 * amqp_conn_fuzz.c - a whole AMQP connection against bytes of any kind, without an engine: every
 * call is answered at once, or a little later, with results and errors that the input chooses.
 *
 * The first octet: bit 0 starts with a finished handshake, the rest says into what pieces the
 * bytes are cut. It must survive; and when the socket is gone and all calls are answered, nothing
 * may be left (LeakSanitizer).
 */
#include "doors/amqp/amqp_int.h"
#include "doors/amqp/frame.h"
#include "doors/password.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { CALLS_MAX = 4096, CONSUMERS_MAX = 64, OUT_BYTES_MAX = 1 << 20 };

struct fake_consumer {
    uint64_t id;
    void (*deliver)(struct delivery *d);
    void *ctx;
};

struct fake {
    struct gate          gate;
    struct loop         *loop;
    struct call         *calls[CALLS_MAX];
    size_t               call_count;
    struct fake_consumer consumers[CONSUMERS_MAX];
    size_t               consumer_count;
    uint64_t             last_consumer;
    uint32_t             dice;
    size_t               sent;
    bool                 is_paused, is_closed;
};

static struct fake fake;

static uint32_t roll(uint32_t sides)
{
    fake.dice = fake.dice * 1103515245 + 12345;
    return (fake.dice >> 16) % sides;
}

/* ---- the link ---- */

static void on_send(void *to, struct slice s)
{
    (void)to;
    fake.sent += s.bytes.len;
    slice_drop(&s);
}

static void on_send_copy(void *to, struct bytes b)
{
    (void)to;
    fake.sent += b.len;
}

static size_t on_queued(void *to)
{
    (void)to;
    return roll(64) == 0 ? CONN_HIGH_WATER : 0;
}

static void on_want(void *to, size_t n)
{
    (void)to;
    if (n > AMQP_FRAME_MAX + FRAME_OVERHEAD)
        abort();
}

static void on_pause(void *to)
{
    (void)to;
    fake.is_paused = true;
}

static void on_resume(void *to)
{
    (void)to;
    fake.is_paused = false;
}

static void on_end(void *to)
{
    (void)to;
    fake.is_closed = true;
}

static const struct amqp_link link = {
    .send = on_send,
    .send_copy = on_send_copy,
    .queued = on_queued,
    .want = on_want,
    .pause = on_pause,
    .resume = on_resume,
    .close = on_end,
    .abort = on_end,
};

/* ---- the engine that is none ---- */

static void on_submit(struct gate *g, struct call *c)
{
    (void)g;
    if (fake.call_count == CALLS_MAX)
        abort(); /* pieces are small and calls are answered after each */
    fake.calls[fake.call_count++] = c;
}

static struct slice some_batch(void)
{
    struct buf          out = { 0 };
    struct batch_writer w;
    struct slice        s;

    batch_begin(&w, &out);
    batch_add(&w, 5, bytes_str("key"), bytes_str("value"), NULL, 0);
    batch_end(&w);
    s = slice_copy(buf_view(&out));
    buf_fini(&out);
    return s;
}

static struct message_ref some_message(void)
{
    struct message_ref m = { .base_offset = 7, .offset = 7, .attempts = 1 + roll(2), .bytes = 100 };

    if (roll(8) != 0)
        m.batch = some_batch();
    return m;
}

static void deliver(const struct fake_consumer *k, enum delivery_kind kind, size_t count)
{
    struct delivery *d = mem_new(sizeof *d + count * sizeof *d->messages);

    d->ctx = k->ctx;
    d->kind = kind;
    d->message_count = count;
    for (size_t i = 0; i < count; i++)
        d->messages[i] = some_message();
    k->deliver(d);
}

static void forget(uint64_t id)
{
    for (size_t i = 0; i < fake.consumer_count; i++)
        if (fake.consumers[i].id == id) {
            fake.consumers[i] = fake.consumers[--fake.consumer_count];
            return;
        }
}

static void subscribe(struct subscribe_call *c)
{
    if (fake.consumer_count == CONSUMERS_MAX)
        c->call.err = ERR_LIMIT;
    if (c->call.err)
        return;
    c->consumer = ++fake.last_consumer;
    fake.consumers[fake.consumer_count++] =
        (struct fake_consumer){ c->consumer, c->deliver, c->ctx };
}

static void lease(struct lease_call *c)
{
    if (c->call.err || roll(3) == 0)
        return;
    c->message_count = 1;
    c->messages = arena_struct(&c->call.arena, struct message_ref);
    c->messages[0] = some_message();
}

static void declare(struct queue_declare_call *c)
{
    static const uint8_t native[] = { 1, 0 };

    c->existed = roll(2);
    c->view.owner = roll(3) == 0 ? c->call.session : 0;
    if (roll(2))
        c->view.native[DOOR_AMQP] = bytes_of(native, sizeof native);
}

static void declare_exchange(struct exchange_declare_call *c)
{
    c->existed = roll(2);
    c->view.type = bytes_str("direct");
    c->view.is_durable = roll(2);
}

/* guest, whose password counts. */
static void find_user(struct users_get_call *c)
{
    static struct password_keys keys;
    struct credential           what = { .salt = bytes_str("salt") };

    if (keys.len == 0)
        password_keys(CREDENTIAL_RABBIT_SHA_256, bytes_str("guest"), &what, &keys);
    what.stored = bytes_of(keys.stored, keys.len);
    c->count = 1;
    c->users = arena_new(&c->call.arena, sizeof *c->users);
    c->users->name = bytes_str("guest");
    c->users->credentials[CREDENTIAL_RABBIT_SHA_256] = what;
}

static enum err some_err(const struct call *c)
{
    if (c->kind == CALL_SESSION_CLOSE || c->kind == CALL_UNSUBSCRIBE || c->kind == CALL_CREDIT ||
        c->kind == CALL_USERS_GET ||
        roll(3) != 0)
        return ERR_OK;
    return (enum err)roll(ERR_COUNT);
}

static void answer(struct call *c)
{
    c->err = some_err(c);
    if (c->kind == CALL_SUBSCRIBE)
        subscribe(CONTAINER(c, struct subscribe_call, call));
    else if (c->kind == CALL_UNSUBSCRIBE)
        forget(CONTAINER(c, struct unsubscribe_call, call)->consumer);
    else if (c->kind == CALL_USERS_GET)
        find_user(CONTAINER(c, struct users_get_call, call));
    else if (c->kind == CALL_LEASE)
        lease(CONTAINER(c, struct lease_call, call));
    else if (c->kind == CALL_QUEUE_DECLARE)
        declare(CONTAINER(c, struct queue_declare_call, call));
    else if (c->kind == CALL_EXCHANGE_DECLARE)
        declare_exchange(CONTAINER(c, struct exchange_declare_call, call));
    else if (c->kind == CALL_PUBLISH)
        slice_drop(&CONTAINER(c, struct publish_call, call)->batch);
    else if (c->kind == CALL_SESSION_CLOSE)
        fake.consumer_count = 0;
    if (c->kind == CALL_PUBLISH)
        CONTAINER(c, struct publish_call, call)->routed = roll(2);
    c->done(c);
    while (loop_has_jobs(fake.loop)) /* a password is looked at */
        loop_turn(fake.loop);
}

/* In order, up to a number the input chooses; then what consumers get. */
static void work(size_t most)
{
    for (size_t n = 0; fake.call_count > 0 && n < most; n++) {
        struct call *c = fake.calls[0];

        fake.call_count--;
        memmove(fake.calls, fake.calls + 1, fake.call_count * sizeof(struct call *));
        answer(c);
    }
    if (fake.consumer_count > 0 && roll(2)) {
        struct fake_consumer k = fake.consumers[roll((uint32_t)fake.consumer_count)];
        bool                 is_end = roll(16) == 0;

        if (is_end)
            forget(k.id);
        deliver(&k, is_end ? DELIVERY_ENDED : DELIVERY_MESSAGES, is_end ? 0 : 1 + roll(3));
    }
}

/* ---- the client ---- */

static void handshake(struct buf *in)
{
    buf_add(in, "AMQP\0\0\x09\x01", 8);
    method_frame(in, 0, METHOD_CONNECTION_START_OK,
                 (struct arg[]){ { 0 },
                                 ARG_B(bytes_str("PLAIN")),
                                 ARG_B(bytes_of("\0guest\0guest", 12)),
                                 ARG_B(bytes_str("en_US")) });
    method_frame(in, 0, METHOD_CONNECTION_TUNE_OK,
                 (struct arg[]){ ARG_N(10), ARG_N(8192), ARG_N(0) });
    method_frame(in, 0, METHOD_CONNECTION_OPEN,
                 (struct arg[]){ ARG_B(bytes_str("/")), { 0 }, { 0 } });
    method_frame(in, 1, METHOD_CHANNEL_OPEN, (struct arg[]){ { 0 } });
}

static void feed(struct amqp_door *d, struct amqp_conn *c, struct bytes in, size_t piece)
{
    size_t used = 0;
    size_t shown = 0;
    int    idle = 0;

    while (!fake.is_closed && idle < 50 && fake.sent < OUT_BYTES_MAX) {
        size_t n = 0;

        shown = shown + piece < in.len ? shown + piece : in.len;
        if (!fake.is_paused && used < shown)
            n = amqp_conn_received(c, (struct slice){ NULL, bytes_of(in.at + used, shown - used) });
        if (n > shown - used)
            abort();
        used += n;
        work(1 + roll(8));
        if (fake.is_paused && roll(4) == 0)
            amqp_conn_writable(c);
        amqp_door_flush(d);
        idle = n > 0 || shown < in.len ? 0 : idle + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    static const struct login_peer here = { .is_loopback = true };
    static struct loop *loop;
    struct door_env     env = { .gate = &fake.gate, .version = "fuzz", .seed = 1 };
    struct buf          in = { 0 };
    struct amqp_door   *d;
    struct amqp_conn   *c;

    if (len == 0 || len > 1 << 16 || (!loop && loop_new(&loop) != ERR_OK))
        return 0;
    fake = (struct fake){ .gate = { .submit = on_submit }, .dice = at[0], .loop = loop };
    env.loop = loop;
    d = amqp_door_new(&env);
    c = amqp_conn_open(d, &link, &fake, &here);
    if (at[0] & 1)
        handshake(&in);
    buf_add(&in, at + 1, len - 1);
    feed(d, c, buf_view(&in), 1 + (size_t)at[0] * 8);
    amqp_conn_closed(c);
    while (fake.call_count > 0)
        work(SIZE_MAX);
    amqp_door_flush(d);
    if (!list_empty(&d->conns))
        abort();
    amqp_door_free(d);
    buf_fini(&in);
    return 0;
}
