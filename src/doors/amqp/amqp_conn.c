/*
 * amqp_conn.c - one client connection: from the protocol header to the last close-ok.
 *
 *   WANT_HELLO --header--> STARTING --start-ok--> TUNING --tune-ok--> OPENING --open--> RUNNING
 *       |                     |                     |                   |                |
 *       |                     | login refused,      | error             | error          | close, error,
 *       |                     | not to be told      |                   |                | shutdown
 *       |                     |                     |                   |              ENDING
 *       |                     |                     |                   |                | session closed
 *       |                     v                     v                   v                v
 *       |                  REFUSED               ENDED <---------- last words said ------'
 *       |                     | 3 s                 | close-ok, timer
 *       `---------------------+---------------------+--> SHUT       from each, socket closed: GONE
 *
 *   N1  The session is closed in the engine exactly once, however the connection ends, and before
 *       the last words: exclusive queues are gone when the client reads close-ok.
 *   N2  After an error of ours everything but close and close-ok is ignored, and the socket stays
 *       open for the client to read why. When the bytes themselves have lost their sense
 *       (is_deaf) nothing is parsed any more.
 *   N3  The object goes when the socket is closed, the session too, and no call is out.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"

#include "doors/amqp/frame.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SNIPPET_BYTES = 16 };

/* ---- states ---- */

#define TO(state) (1u << AMQP_##state)
static const unsigned moves[AMQP_STATE_COUNT] = {
    [AMQP_WANT_HELLO] = TO(STARTING) | TO(SHUT) | TO(GONE),
    [AMQP_STARTING] = TO(TUNING) | TO(REFUSED) | TO(ENDED) | TO(SHUT) | TO(GONE),
    [AMQP_TUNING] = TO(OPENING) | TO(REFUSED) | TO(ENDED) | TO(SHUT) | TO(GONE),
    [AMQP_OPENING] = TO(RUNNING) | TO(REFUSED) | TO(ENDED) | TO(SHUT) | TO(GONE),
    [AMQP_RUNNING] = TO(ENDING) | TO(SHUT) | TO(GONE),
    [AMQP_REFUSED] = TO(SHUT) | TO(GONE),
    [AMQP_ENDING] = TO(ENDED) | TO(SHUT) | TO(GONE),
    [AMQP_ENDED] = TO(SHUT) | TO(GONE),
    [AMQP_SHUT] = TO(GONE),
    [AMQP_GONE] = 0,
};

void amqp_conn_set_state(struct amqp_conn *c, enum amqp_state to)
{
    assert(moves[c->state] & 1u << to);
    c->state = to;
}

static void shut(struct amqp_conn *c)
{
    if (c->state == AMQP_SHUT || c->state == AMQP_GONE)
        return;
    amqp_conn_set_state(c, AMQP_SHUT);
    c->link->close(c->to);
}

void amqp_conn_wait(struct amqp_conn *c, int64_t ms)
{
    timer_start(loop_timers(c->door->loop), &c->patience, loop_now_ms(c->door->loop) + ms);
}

/* The handshake, the refused client's time, or the wait for close-ok is over. */
static void on_patience_lost(struct timer *t, int64_t now_ms)
{
    (void)now_ms;
    shut(CONTAINER(t, struct amqp_conn, patience));
}

/* ---- sending ---- */

void amqp_conn_touch(struct amqp_conn *c)
{
    if (list_empty(&c->in_dirty)) {
        list_push(&c->door->dirty, &c->in_dirty);
        loop_later(c->door->loop, &c->door->turn);
    }
}

static void send_frame(struct amqp_conn *c, struct bytes frame)
{
    if (c->state == AMQP_SHUT || c->state == AMQP_GONE)
        return;
    c->said = true;
    c->link->send_copy(c->to, frame);
}

void amqp_conn_send(struct amqp_conn *c, uint16_t channel, enum method_id id,
                    const struct arg *args)
{
    struct buf *frame = &c->door->frame;

    buf_clear(frame);
    method_frame(frame, channel, id, args);
    send_frame(c, buf_view(frame));
}

/* ---- heartbeats ---- */

static void on_say(struct timer *t, int64_t now_ms)
{
    static const uint8_t beat[FRAME_OVERHEAD] = { FRAME_HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END };
    struct amqp_conn    *c = CONTAINER(t, struct amqp_conn, say);

    if (!c->said)
        send_frame(c, bytes_of(beat, sizeof beat));
    c->said = false;
    timer_start(loop_timers(c->door->loop), t, now_ms + (int64_t)c->heartbeat_s * 500);
}

/* Two intervals without a byte end it. While we do not read, nobody can be heard. */
static void on_hear(struct timer *t, int64_t now_ms)
{
    struct amqp_conn *c = CONTAINER(t, struct amqp_conn, hear);

    c->silent_ticks = c->heard || c->holds != 0 ? 0 : c->silent_ticks + 1;
    c->heard = false;
    if (c->silent_ticks >= 2 && c->to) {
        c->link->abort(c->to);
        return;
    }
    timer_start(loop_timers(c->door->loop), t, now_ms + (int64_t)c->heartbeat_s * 1000);
}

void amqp_conn_start_heartbeats(struct amqp_conn *c)
{
    int64_t now_ms = loop_now_ms(c->door->loop);

    if (c->heartbeat_s == 0)
        return;
    timer_start(loop_timers(c->door->loop), &c->say, now_ms + (int64_t)c->heartbeat_s * 500);
    timer_start(loop_timers(c->door->loop), &c->hear, now_ms + (int64_t)c->heartbeat_s * 1000);
}

/* ---- birth and death ---- */

struct amqp_conn *amqp_conn_open(struct amqp_door *d, const struct amqp_link *link, void *to,
                                 const struct login_peer *peer)
{
    struct amqp_conn *c = mem_new(sizeof *c);

    c->door = d;
    c->link = link;
    c->to = to;
    c->frame_max = FRAME_LOGIN_BYTES;
    c->peer = *peer;
    c->patience.fire = on_patience_lost;
    c->hear.fire = on_hear;
    c->say.fire = on_say;
    list_init(&c->in_dirty);
    list_init(&c->credits);
    list_init(&c->told);
    list_init(&c->zombies);
    list_push(&d->conns, &c->in_door);
    amqp_conn_wait(c, AMQP_HANDSHAKE_MS);
    return c;
}

static void free_channels(struct amqp_conn *c)
{
    struct channel *ch;
    struct list    *node;
    size_t          at = 0;

    while ((ch = idmap_next(&c->channels, &at)) != NULL)
        channel_free(ch);
    idmap_fini(&c->channels);
    while ((node = list_pop(&c->zombies)) != NULL)
        channel_free(CONTAINER(node, struct channel, in_zombies));
}

/* N3. */
static void free_when_over(struct amqp_conn *c)
{
    struct amqp_door *d = c->door;

    if (c->state != AMQP_GONE || c->calls > 0 || (c->session != 0 && !c->session_closed))
        return;
    free_channels(c);
    list_remove(&c->in_dirty);
    list_remove(&c->in_door);
    buf_fini(&c->last_words);
    free(c->settles);
    free((void *)(uintptr_t)c->user.at);
    free(c);
    if (d->is_closing)
        loop_later(d->loop, &d->turn);
}

void amqp_conn_submit(struct amqp_conn *c, struct call *call)
{
    c->calls++;
    gate_submit(c->door->gate, call);
}

void amqp_conn_answered(struct amqp_conn *c)
{
    assert(c->calls > 0);
    c->calls--;
    free_when_over(c);
}

static void stop_timers(struct amqp_conn *c)
{
    struct timers *ts = loop_timers(c->door->loop);

    timer_stop(ts, &c->patience);
    timer_stop(ts, &c->hear);
    timer_stop(ts, &c->say);
}

static void say_last_words(struct amqp_conn *c)
{
    struct bytes words = buf_view(&c->last_words);
    bool         is_answer = words.len > 0 && get_u16(words.at + FRAME_HEAD_BYTES + 2) ==
                                          methods[METHOD_CONNECTION_CLOSE_OK].method_id;
    int64_t ms = (int64_t)c->heartbeat_s * 1000;

    send_frame(c, words);
    amqp_conn_set_state(c, AMQP_ENDED);
    if (is_answer || c->is_deaf || c->door->is_closing)
        shut(c);
    else
        amqp_conn_wait(c, ms > 0 && ms < AMQP_CLOSE_MS ? ms : AMQP_CLOSE_MS);
}

static void on_session_closed(struct call *call)
{
    struct amqp_conn *c = call->ctx;

    amqp_conn_touch(c);
    c->session_closed = true;
    call_free(call);
    if (c->state == AMQP_ENDING)
        say_last_words(c);
    amqp_conn_answered(c);
}

static void submit_session_close(struct amqp_conn *c)
{
    struct call *call = call_new(sizeof *call, CALL_SESSION_CLOSE, loop_mailbox(c->door->loop),
                                 on_session_closed, c);

    settle_flush(c);
    call->session = c->session;
    amqp_conn_submit(c, call);
}

/* N1. */
void amqp_conn_close_session(struct amqp_conn *c)
{
    amqp_conn_set_state(c, AMQP_ENDING);
    amqp_conn_release(c, HOLD_CHANNEL | HOLD_OUTPUT | HOLD_PUBLISHES | HOLD_CLOSE);
    submit_session_close(c);
}

void amqp_conn_closed(void *self)
{
    struct amqp_conn *c = self;
    bool has_session = c->session != 0 && c->state != AMQP_ENDING && !c->session_closed;

    amqp_conn_touch(c);
    amqp_conn_set_state(c, AMQP_GONE);
    c->to = NULL;
    stop_timers(c);
    if (has_session)
        submit_session_close(c);
    free_when_over(c);
}

/* ---- errors ---- */

static void write_close(struct amqp_conn *c, enum reply reply, enum method_id at,
                        const char *explanation)
{
    struct buf text = { 0 };

    reply_text(&text, reply, explanation);
    buf_clear(&c->last_words);
    method_frame(&c->last_words, 0, METHOD_CONNECTION_CLOSE,
                 (struct arg[]){ ARG_N(reply_code(reply)), ARG_B(buf_view(&text)),
                                 ARG_N(methods[at].class_id), ARG_N(methods[at].method_id) });
    buf_fini(&text);
}

/* Before it is logged in, a client that did not say it understands is not told, and has to wait (RabbitMQ's rule). */
static void end_handshake(struct amqp_conn *c)
{
    if (c->state == AMQP_STARTING && !c->wants_failure_close) {
        amqp_conn_set_state(c, AMQP_REFUSED);
        c->is_deaf = true;
        amqp_conn_wait(c, AMQP_REFUSED_MS);
        return;
    }
    say_last_words(c);
    if (c->state == AMQP_ENDED)
        amqp_conn_wait(c, AMQP_REFUSED_MS);
}

void amqp_conn_end(struct amqp_conn *c, enum reply reply, enum method_id at,
                   const char *explanation)
{
    switch (c->state) {
    case AMQP_WANT_HELLO:
        shut(c);
        break;
    case AMQP_STARTING:
    case AMQP_TUNING:
    case AMQP_OPENING:
        write_close(c, reply, at, explanation);
        end_handshake(c);
        break;
    case AMQP_RUNNING:
        write_close(c, reply, at, explanation);
        amqp_conn_close_session(c);
        break;
    case AMQP_REFUSED:
    case AMQP_ENDED:
        if (c->door->is_closing)
            shut(c);
        break;
    case AMQP_ENDING:
    case AMQP_SHUT:
    case AMQP_GONE:
    case AMQP_STATE_COUNT:
        break;
    }
}

void amqp_conn_fail(struct amqp_conn *c, enum reply reply, enum method_id at, const char *format,
                    ...)
{
    char    text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    amqp_conn_end(c, reply, at, text);
}

/* Bytes as RabbitMQ shows them: <<1,2,3>>, or <<"text">> when all of them can be printed. */
static void add_snippet(struct buf *out, struct bytes b)
{
    bool is_text = b.len > 0;

    for (size_t i = 0; i < b.len; i++)
        is_text = is_text && b.at[i] >= 0x20 && b.at[i] < 0x7f;
    buf_str(out, is_text ? "<<\"" : "<<");
    for (size_t i = 0; i < b.len; i++)
        buf_printf(out, is_text ? "%c" : i == 0 ? "%u" : ",%u", b.at[i]);
    buf_str(out, is_text ? "\">>" : ">>");
}

/* type T, all octets = <<..>> and, with a reason, ": reason". */
static void fail_frame(struct amqp_conn *c, enum reply reply, const struct frame *f,
                       const char *reason)
{
    bool         is_short = f->payload.len <= SNIPPET_BYTES;
    struct bytes start = bytes_of(f->payload.at, is_short ? f->payload.len : SNIPPET_BYTES);
    struct buf   text = { 0 };

    buf_printf(&text, "type %u, %s octets = ", f->type, is_short ? "all" : "first 16");
    add_snippet(&text, start);
    if (reason)
        buf_printf(&text, ": %s", reason);
    buf_u8(&text, 0);
    amqp_conn_end(c, reply, METHOD_NONE, (const char *)text.at);
    buf_fini(&text);
}

bool amqp_conn_decode(struct amqp_conn *c, enum method_id id, struct bytes payload,
                      struct arg args[METHOD_ARGS_MAX])
{
    enum args_result result = id == METHOD_NONE ? ARGS_MALFORMED : args_decode(id, payload, args);
    struct buf       text = { 0 };

    if (result == ARGS_OK)
        return true;
    if (result == ARGS_BAD_UTF8) {
        amqp_conn_end(c, REPLY_FRAME_ERROR, METHOD_NONE, "Malformed UTF-8 in shortstr");
        return false;
    }
    buf_str(&text, "cannot decode ");
    add_snippet(&text, payload);
    buf_u8(&text, 0);
    amqp_conn_end(c, REPLY_FRAME_ERROR, id, (const char *)text.at);
    buf_fini(&text);
    return false;
}

void amqp_conn_unexpected(struct amqp_conn *c, enum method_id at)
{
    static const char *const names[AMQP_STATE_COUNT] = {
        [AMQP_STARTING] = "starting",
        [AMQP_TUNING] = "tuning",
        [AMQP_OPENING] = "opening",
        [AMQP_RUNNING] = "running",
    };

    if (names[c->state])
        amqp_conn_fail(c, REPLY_CHANNEL_ERROR, at, "unexpected method in connection state %s",
                       names[c->state]);
}

/* ---- not reading ---- */

void amqp_conn_hold(struct amqp_conn *c, enum amqp_hold why)
{
    if (c->holds == 0)
        c->link->pause(c->to);
    c->holds |= why;
}

void amqp_conn_release(struct amqp_conn *c, enum amqp_hold why)
{
    if ((c->holds & why) == 0)
        return;
    c->holds &= ~(unsigned)why;
    if (c->holds == 0 && c->to)
        c->link->resume(c->to);
}

void amqp_conn_writable(void *self)
{
    struct amqp_conn *c = self;

    amqp_conn_touch(c);
    amqp_conn_release(c, HOLD_OUTPUT);
}

/* ---- the end of a turn ---- */

void amqp_conn_flush(struct amqp_conn *c)
{
    struct list *node;

    if (c->state != AMQP_RUNNING)
        return;
    settle_flush(c);
    while ((node = list_pop(&c->told)) != NULL)
        publish_tell_confirms(CONTAINER(node, struct channel, in_told));
    if (c->link->queued(c->to) >= CONN_HIGH_WATER)
        return;
    while ((node = list_pop(&c->credits)) != NULL)
        consume_give_credit(CONTAINER(node, struct consumer, in_credits));
}

/* ---- receiving ---- */

static void handle_method0(struct amqp_conn *c, const struct frame *f)
{
    struct arg     args[METHOD_ARGS_MAX];
    enum method_id id = method_find(get_u16(f->payload.at), get_u16(f->payload.at + 2));

    if (c->state >= AMQP_ENDING && id != METHOD_CONNECTION_CLOSE &&
        id != METHOD_CONNECTION_CLOSE_OK)
        return;
    if (!amqp_conn_decode(
            c, id, bytes_of(f->payload.at + METHOD_HEAD_BYTES, f->payload.len - METHOD_HEAD_BYTES),
            args))
        return;
    if (methods[id].on_conn)
        methods[id].on_conn(c, args);
    else
        amqp_conn_unexpected(c, id);
}

static void handle_channel0(struct amqp_conn *c, const struct frame *f)
{
    switch (f->type) {
    case FRAME_METHOD:
        if (f->payload.len < METHOD_HEAD_BYTES)
            fail_frame(c, REPLY_FRAME_ERROR, f, "unknown_frame");
        else
            handle_method0(c, f);
        break;
    case FRAME_HEARTBEAT:
        break;
    case FRAME_HEADER:
    case FRAME_BODY:
        fail_frame(c, REPLY_UNEXPECTED_FRAME, f, NULL);
        break;
    default:
        fail_frame(c, REPLY_FRAME_ERROR, f, "unknown_frame");
    }
}

/* What was published before the end is not cancelled by it, even when it waits for space on the disk. */
static bool closes_too_early(const struct amqp_conn *c, const struct frame *f)
{
    return c->state == AMQP_RUNNING && c->publishes_out > 0 && f->type == FRAME_METHOD &&
           f->payload.len >= METHOD_HEAD_BYTES &&
           method_find(get_u16(f->payload.at), get_u16(f->payload.at + 2)) ==
               METHOD_CONNECTION_CLOSE;
}

/* False: not now, the channel is held (A2), or the connection. */
static bool handle_frame(struct amqp_conn *c, const struct frame *f)
{
    struct channel *ch;

    if (f->channel == 0 && closes_too_early(c, f)) {
        amqp_conn_hold(c, HOLD_CLOSE);
        return false;
    }
    if (f->channel == 0) {
        handle_channel0(c, f);
        return true;
    }
    if (c->state >= AMQP_REFUSED)
        return true;
    if (c->state != AMQP_RUNNING || f->type == FRAME_HEARTBEAT) {
        fail_frame(c, REPLY_UNEXPECTED_FRAME, f, NULL);
        return true;
    }
    if ((f->type != FRAME_METHOD && f->type != FRAME_HEADER && f->type != FRAME_BODY) ||
        (f->type == FRAME_METHOD && f->payload.len < METHOD_HEAD_BYTES)) {
        fail_frame(c, REPLY_FRAME_ERROR, f, "unknown_frame");
        return true;
    }
    ch = channel_find(c, f->channel);
    if (ch && ch->held > 0) {
        c->held_by = ch;
        amqp_conn_hold(c, HOLD_CHANNEL);
        return false;
    }
    channel_on_frame(c, ch, f->type, f->channel, f->payload);
    return true;
}

/* The client's bytes have lost their sense (N2). */
static void go_deaf(struct amqp_conn *c, const struct frame *f, const char *reason)
{
    c->is_deaf = true;
    fail_frame(c, REPLY_FRAME_ERROR, f, reason);
}

/* Bytes used; 0: none, wait for more or for the release of a hold. */
static size_t want_frame(struct amqp_conn *c, struct bytes in)
{
    char         reason[80];
    struct frame f;
    size_t       size;

    switch (frame_parse(in, c->frame_max, &f, &size)) {
    case FRAME_OK:
        return handle_frame(c, &f) ? size : 0;
    case FRAME_MORE:
        c->link->want(c->to, size);
        return 0;
    case FRAME_TOO_LARGE:
        snprintf(reason, sizeof reason, "{frame_too_large,%zu,%u}", size,
                 c->frame_max - FRAME_OVERHEAD);
        go_deaf(c, &f, reason);
        return in.len;
    case FRAME_BAD_END:
        snprintf(reason, sizeof reason, "{invalid_frame_end_marker,%zu}", size);
        go_deaf(c, &f, reason);
        return in.len;
    }
    return in.len;
}

enum { HELLO_BYTES = 8 };

/* 0-9-1, or 0-9 as old clients ask for it. Anything else is answered with what we speak (AMQP 0-9-1, 4.2.2). */
static size_t want_hello(struct amqp_conn *c, struct bytes in)
{
    static const uint8_t ours[HELLO_BYTES] = { 'A', 'M', 'Q', 'P', 0, 0, 9, 1 };
    static const uint8_t old[HELLO_BYTES] = { 'A', 'M', 'Q', 'P', 1, 1, 0, 9 };

    if (in.len < HELLO_BYTES) {
        c->link->want(c->to, HELLO_BYTES);
        return 0;
    }
    if (memcmp(in.at, ours, HELLO_BYTES) == 0 || memcmp(in.at, old, HELLO_BYTES) == 0) {
        amqp_conn_set_state(c, AMQP_STARTING);
        handshake_send_start(c);
        return HELLO_BYTES;
    }
    c->link->send_copy(c->to, bytes_of(ours, sizeof ours));
    shut(c);
    return in.len;
}

/* Answers of which the client does not read the end: stop reading its requests. */
static void check_output(struct amqp_conn *c)
{
    if (c->state == AMQP_RUNNING && c->link->queued(c->to) >= CONN_HIGH_WATER)
        amqp_conn_hold(c, HOLD_OUTPUT);
}

size_t amqp_conn_received(void *self, struct slice in)
{
    struct amqp_conn *c = self;
    size_t            used = 0;

    amqp_conn_touch(c);
    c->heard = true;
    c->wall_ms = loop_wall_ms(c->door->loop);
    check_output(c);
    while (used < in.bytes.len && c->holds == 0) {
        struct bytes rest = bytes_of(in.bytes.at + used, in.bytes.len - used);
        size_t       n;

        if (c->is_deaf || c->state == AMQP_SHUT)
            return in.bytes.len;
        n = c->state == AMQP_WANT_HELLO ? want_hello(c, rest) : want_frame(c, rest);
        if (n == 0)
            break;
        used += n;
    }
    return used;
}

/* ---- methods ---- */

void amqp_conn_on_close(struct amqp_conn *c, const struct arg *args)
{
    (void)args;
    buf_clear(&c->last_words);
    method_frame(&c->last_words, 0, METHOD_CONNECTION_CLOSE_OK, NULL);
    if (c->state == AMQP_RUNNING) {
        amqp_conn_close_session(c);
    } else if (c->state == AMQP_ENDED) {
        send_frame(c, buf_view(&c->last_words));
        shut(c);
    } else if (c->state != AMQP_ENDING) {
        amqp_conn_set_state(c, AMQP_ENDED);
        send_frame(c, buf_view(&c->last_words));
        shut(c);
    }
}

void amqp_conn_on_close_ok(struct amqp_conn *c, const struct arg *args)
{
    (void)args;
    if (c->state == AMQP_ENDED)
        shut(c);
    else
        amqp_conn_unexpected(c, METHOD_CONNECTION_CLOSE_OK);
}

/* There are no secrets that expire yet. */
void amqp_conn_on_update_secret(struct amqp_conn *c, const struct arg *args)
{
    (void)args;
    if (c->state == AMQP_RUNNING)
        amqp_conn_send(c, 0, METHOD_CONNECTION_UPDATE_SECRET_OK, NULL);
    else
        amqp_conn_unexpected(c, METHOD_CONNECTION_UPDATE_SECRET);
}
