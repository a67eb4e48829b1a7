/*
 * handshake.c - start, start-ok, tune, tune-ok, open: who the client is and what was agreed on.
 *
 * The server introduces itself as RabbitMQ 3.13, because clients choose what they may ask for by
 * product and version (kombu its prefetch semantics, for one), and this is the behaviour they
 * get. What it really is stands in `platform`.
 *
 * Thread: the loop's.
 */
#include "doors/amqp/amqp_int.h"

#include "doors/amqp/frame.h"
#include "doors/amqp/login.h"
#include "doors/password.h"
#include "engine/table.h"

#define SPOKEN_PRODUCT "RabbitMQ"
#define SPOKEN_VERSION "3.13.7"
#define VHOST_DEFAULT "/"

/* ---- start ---- */

static void add_name(struct buf *out, const char *name)
{
    size_t len = strlen(name);

    buf_u8(out, (uint8_t)len);
    buf_add(out, name, len);
}

static void add_text(struct buf *out, const char *name, const char *text)
{
    add_name(out, name);
    buf_u8(out, 'S');
    buf_u32(out, (uint32_t)strlen(text));
    buf_str(out, text);
}

static void add_capabilities(struct buf *out)
{
    static const char *const names[] = {
        "publisher_confirms",           "exchange_exchange_bindings", "basic.nack",
        "consumer_cancel_notify",       "connection.blocked",         "consumer_priorities",
        "authentication_failure_close", "per_consumer_qos",           "direct_reply_to",
    };
    size_t start;

    add_name(out, "capabilities");
    buf_u8(out, 'F');
    buf_u32(out, 0);
    start = out->len;
    for (size_t i = 0; i < COUNT(names); i++) {
        add_name(out, names[i]);
        buf_u8(out, 't');
        buf_u8(out, 1);
    }
    put_u32(out->at + start - 4, (uint32_t)(out->len - start));
}

void handshake_send_start(struct amqp_conn *c)
{
    struct buf properties = { 0 };
    struct buf platform = { 0 };

    buf_printf(&platform, "Myna %s", c->door->version);
    buf_u8(&platform, 0);
    add_capabilities(&properties);
    add_text(&properties, "cluster_name", c->door->cluster_name);
    add_text(&properties, "copyright", "The Myna authors");
    add_text(&properties, "information", "Licensed under the Apache License 2.0");
    add_text(&properties, "platform", (const char *)platform.at);
    add_text(&properties, "product", SPOKEN_PRODUCT);
    add_text(&properties, "version", SPOKEN_VERSION);
    amqp_conn_send(c, 0, METHOD_CONNECTION_START,
                   (struct arg[]){ ARG_N(0), ARG_N(9), ARG_B(buf_view(&properties)),
                                   ARG_B(bytes_str(login_mechanisms(&c->peer))), ARG_B(bytes_str("en_US")) });
    buf_fini(&properties);
    buf_fini(&platform);
}

/* ---- start-ok ---- */

static bool has_capability(struct bytes capabilities, const char *name)
{
    struct table_value v;

    return table_find(capabilities, name, &v) && v.type == 't' && v.integer != 0;
}

static void read_capabilities(struct amqp_conn *c, struct bytes client_properties)
{
    struct table_value v;

    if (!table_find(client_properties, "capabilities", &v) || v.type != 'F')
        return;
    c->wants_failure_close = has_capability(v.bytes, "authentication_failure_close");
    c->wants_cancel_notify = has_capability(v.bytes, "consumer_cancel_notify");
    c->wants_blocked = has_capability(v.bytes, "connection.blocked");
}

static void send_tune(struct amqp_conn *c)
{
    amqp_conn_set_state(c, AMQP_TUNING);
    amqp_conn_send(
        c, 0, METHOD_CONNECTION_TUNE,
        (struct arg[]){ ARG_N(AMQP_CHANNEL_MAX), ARG_N(AMQP_FRAME_MAX), ARG_N(AMQP_HEARTBEAT_S) });
}

static void refuse_login(struct amqp_conn *c, struct bytes mechanism)
{
    amqp_conn_fail(c, REPLY_ACCESS_REFUSED, METHOD_NONE,
                   "Login was refused using authentication mechanism %.*s. For details see the "
                   "broker logfile.",
                   (int)mechanism.len, (const char *)mechanism.at);
}

/* A user is looked up; meanwhile nothing else of the connection is heard. */
struct look_up {
    struct users_get_call get; /* first */
    struct login          login;
    struct bytes          mechanism;
    struct loop_job       job;
    bool                  is_good;
};

static void let_in(struct amqp_conn *c, const struct user_view *user)
{
    c->user = bytes_of(mem_copy(user->name.at, user->name.len), user->name.len);
    c->is_impersonator = user_has_tag(user, "impersonator");
    send_tune(c);
}

static const struct user_view *found(const struct look_up *l)
{
    return !l->get.call.err && l->get.count > 0 ? l->get.users : NULL;
}

/* A password takes a millisecond, so it is looked at elsewhere. */
static void check_login(struct loop_job *j)
{
    struct look_up         *l = CONTAINER(j, struct look_up, job);
    const struct amqp_conn *c = l->get.call.ctx;

    l->is_good = login_is_good(&l->login, &c->peer, found(l));
}

static void on_checked(struct loop_job *j)
{
    struct look_up   *l = CONTAINER(j, struct look_up, job);
    struct amqp_conn *c = l->get.call.ctx;

    amqp_conn_touch(c);
    amqp_conn_release(c, HOLD_LOGIN);
    if (c->state == AMQP_STARTING && l->is_good)
        let_in(c, found(l));
    else if (c->state == AMQP_STARTING)
        refuse_login(c, l->mechanism);
    call_free(l);
    amqp_conn_answered(c);
}

static void on_looked_up(struct call *call)
{
    struct look_up         *l = CONTAINER(call, struct look_up, get.call);
    const struct amqp_conn *c = call->ctx;

    l->job = (struct loop_job){ .run = check_login, .done = on_checked };
    loop_offload(c->door->loop, &l->job);
}

static void look_up(struct amqp_conn *c, const struct login *login, struct bytes mechanism)
{
    struct look_up *l =
        call_new(sizeof *l, CALL_USERS_GET, loop_mailbox(c->door->loop), on_looked_up, c);

    l->get.name = call_bytes(l, login->user);
    l->login = *login;
    l->login.user = l->get.name;
    l->login.password = call_bytes(l, login->password);
    l->mechanism = call_bytes(l, mechanism);
    amqp_conn_hold(c, HOLD_LOGIN);
    amqp_conn_submit(c, &l->get.call);
}

enum { START_OK_PROPERTIES, START_OK_MECHANISM, START_OK_RESPONSE };

void handshake_on_start_ok(struct amqp_conn *c, const struct arg *args)
{
    struct bytes mechanism = args[START_OK_MECHANISM].b;
    struct login login;

    if (c->state != AMQP_STARTING) {
        amqp_conn_unexpected(c, METHOD_CONNECTION_START_OK);
        return;
    }
    read_capabilities(c, args[START_OK_PROPERTIES].b);
    switch (login_read(mechanism, args[START_OK_RESPONSE].b, &c->peer, &login)) {
    case LOGIN_OK:
        look_up(c, &login, mechanism);
        break;
    case LOGIN_REFUSED:
        refuse_login(c, mechanism);
        break;
    case LOGIN_MALFORMED:
        amqp_conn_fail(c, REPLY_SYNTAX_ERROR, METHOD_CONNECTION_START_OK,
                       "%.*s response is malformed", (int)mechanism.len,
                       (const char *)mechanism.at);
        break;
    case LOGIN_UNKNOWN_MECHANISM:
        amqp_conn_fail(c, REPLY_COMMAND_INVALID, METHOD_CONNECTION_START_OK,
                       "unknown authentication mechanism '%.*s'", (int)mechanism.len,
                       (const char *)mechanism.at);
        break;
    }
}

/* ---- tune-ok ---- */

/* 0 asks for no limit, which we do not offer. */
static bool check_tuned(struct amqp_conn *c, const char *what, uint64_t asked, uint64_t least,
                        uint64_t most)
{
    bool is_low = asked != 0 && asked < least;

    if (!is_low && asked != 0 && asked <= most)
        return true;
    amqp_conn_fail(c, REPLY_NOT_ALLOWED, METHOD_CONNECTION_TUNE,
                   "negotiated %s = %llu%s is %s than the %s allowed value (%llu)", what,
                   (unsigned long long)asked, asked == 0 ? " (no limit)" : "",
                   is_low ? "lower" : "higher", is_low ? "minimum" : "maximum",
                   (unsigned long long)(is_low ? least : most));
    return false;
}

enum { TUNE_OK_CHANNEL_MAX, TUNE_OK_FRAME_MAX, TUNE_OK_HEARTBEAT };

void handshake_on_tune_ok(struct amqp_conn *c, const struct arg *args)
{
    if (c->state != AMQP_TUNING) {
        amqp_conn_unexpected(c, METHOD_CONNECTION_TUNE_OK);
        return;
    }
    if (!check_tuned(c, "frame_max", args[TUNE_OK_FRAME_MAX].n, FRAME_MIN_BYTES, AMQP_FRAME_MAX) ||
        !check_tuned(c, "channel_max", args[TUNE_OK_CHANNEL_MAX].n, 1, AMQP_CHANNEL_MAX))
        return;
    c->frame_max = (uint32_t)args[TUNE_OK_FRAME_MAX].n;
    c->channel_max = (uint32_t)args[TUNE_OK_CHANNEL_MAX].n;
    c->heartbeat_s = (uint32_t)args[TUNE_OK_HEARTBEAT].n;
    amqp_conn_set_state(c, AMQP_OPENING);
    amqp_conn_start_heartbeats(c);
}

/* ---- open ---- */

void handshake_on_open(struct amqp_conn *c, const struct arg *args)
{
    struct bytes vhost = args[0].b;

    if (c->state != AMQP_OPENING) {
        amqp_conn_unexpected(c, METHOD_CONNECTION_OPEN);
        return;
    }
    if (!bytes_eq_str(vhost, VHOST_DEFAULT)) {
        amqp_conn_fail(c, REPLY_NOT_ALLOWED, METHOD_CONNECTION_OPEN, "vhost %.*s not found",
                       (int)vhost.len, (const char *)vhost.at);
        return;
    }
    timer_stop(loop_timers(c->door->loop), &c->patience);
    c->session = gate_session(c->door->gate);
    amqp_conn_set_state(c, AMQP_RUNNING);
    amqp_conn_send(c, 0, METHOD_CONNECTION_OPEN_OK, (struct arg[]){ ARG_B(bytes_str("")) });
}

struct bytes amqp_vhost(const struct amqp_conn *c)
{
    (void)c;
    return bytes_str(VHOST_DEFAULT);
}

/* The vhost "/" is the namespace every other door calls the default one. */
struct bytes amqp_namespace(const struct amqp_conn *c)
{
    (void)c;
    return bytes_str(NAMESPACE_DEFAULT);
}
