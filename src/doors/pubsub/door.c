/* door.c - the listeners of the Pub/Sub door and its life; see pubsub.h. */
#include "doors/pubsub/pubsub.h"

#include "doors/pubsub/door_int.h"
#include "doors/pubsub/rpc.h"

#include <stdlib.h>

enum { HTTP_BODY_BYTES_MAX = 64 * 1024, HTTP_IDLE_SECONDS_MAX = 60, HTTP_CONNECTIONS_MAX = 1000 };

/* ---- HTTP/2 ---- */

static void on_headers(void *ctx, struct h2_stream *s)
{
    rpc_open(ctx, s);
}

static void on_data(void *ctx, struct h2_stream *s, struct bytes data)
{
    (void)ctx;
    rpc_on_data(h2_user(s), data);
}

static void on_end(void *ctx, struct h2_stream *s)
{
    (void)ctx;
    rpc_on_end(h2_user(s));
}

static void on_writable(void *ctx, struct h2_stream *s)
{
    (void)ctx;
    rpc_on_writable(h2_user(s));
}

static void on_closed(void *ctx, struct h2_stream *s)
{
    (void)ctx;
    rpc_on_closed(h2_user(s));
}

static const struct h2_ops h2_ops = { on_headers, on_data, on_end, on_writable, on_closed };

/* ---- HTTP/1.1: the health check that the emulator answers ---- */

static void on_http_request(void *ctx, struct http_request *r)
{
    static const struct http_field text = { "Content-Type", { (const uint8_t *)"text/plain", 10 } };
    bool is_root = bytes_eq_str(http_path(r), "/");
    bool is_get = bytes_eq_str(http_method(r), "GET") || bytes_eq_str(http_method(r), "HEAD");

    (void)ctx;
    if (is_root && is_get)
        http_respond(r, 200, &text, 1, bytes_str("Ok"));
    else
        http_respond(r, is_root ? 405 : 404, &text, 1, bytes_str(is_root ? "Method Not Allowed" : "Not Found"));
}

static void on_http_gone(void *ctx, struct http_request *r)
{
    (void)ctx;
    (void)r;
}

static const struct http_ops http_ops = { on_http_request, on_http_gone };

/* ---- life ---- */

static void free_when_over(struct pubsub_door *d)
{
    if (d->is_closing && d->is_session_closed && list_empty(&d->rpcs))
        free(d);
}

void door_on_rpc_gone(struct pubsub_door *d)
{
    free_when_over(d);
}

static void on_session_closed(struct call *c)
{
    struct pubsub_door *d = c->ctx;

    call_free(c);
    d->is_session_closed = true;
    free_when_over(d);
}

/* Streams are told to come again; unary calls get their answers. */
static void end_streams(struct pubsub_door *d)
{
    struct list *at, *next;

    for (at = d->rpcs.next; at != &d->rpcs; at = next) {
        struct rpc *r = CONTAINER(at, struct rpc, in_door);

        next = at->next;
        if (r->method && r->method->kind == RPC_STREAMING)
            rpc_fail_err(r, ERR_SHUTDOWN);
    }
}

static void close_door(struct door_server *s)
{
    struct pubsub_door *d = CONTAINER(s, struct pubsub_door, server);
    struct call        *c = call_new(sizeof *c, CALL_SESSION_CLOSE, loop_mailbox(d->env.loop), on_session_closed, d);

    d->is_closing = true;
    end_streams(d);
    h2_listener_close(d->listener);
    http_server_close(d->http);
    c->session = d->session; /* Pulls that wait are answered CANCELLED */
    gate_submit(d->env.gate, c);
}

enum err pubsub_door_open(struct door_server **out, const struct door_env *env)
{
    static const struct http_limits limits = { HTTP_BODY_BYTES_MAX, HTTP_IDLE_SECONDS_MAX, HTTP_CONNECTIONS_MAX };
    struct pubsub_door             *d = mem_new(sizeof *d);
    enum err                        err;

    d->server.close = close_door;
    d->env = *env;
    list_init(&d->rpcs);
    err = http_server_open(&d->http, env->loop, NULL, 0, &limits, &http_ops, d);
    if (err != ERR_OK)
        goto fail;
    err = h2_listener_open(&d->listener, env->loop, env->host, env->port, &h2_ops, d, d->http);
    if (err != ERR_OK)
        goto fail;
    d->session = gate_session(env->gate);
    *out = &d->server;
    return ERR_OK;
fail:
    if (d->http)
        http_server_close(d->http);
    free(d);
    return err;
}
