/* sqs.c - see sqs.h, sqs_int.h. */
#include "doors/sqs/sqs.h"
#include "doors/sqs/request.h"
#include "doors/sqs/sqs_int.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- pages that are not actions ---- */

static void respond_text(struct http_request *http, unsigned status, const char *type,
                         const char *text)
{
    const struct http_field field = { "Content-Type", bytes_str(type) };

    http_respond(http, status, &field, 1, bytes_str(text));
}

static void respond_about(struct sqs_door *d, struct http_request *http)
{
    static const char format[] =
        "{\"name\":\"myna\",\"version\":\"%s\",\"door\":\"sqs\",\"protocol\":\"AWS JSON 1.0\","
        "\"try\":\"aws sqs list-queues --endpoint-url http://%s\"}\n";
    char text[512];

    snprintf(text, sizeof text, format, d->version, d->advertised ? d->advertised : d->listening);
    respond_text(http, 200, "application/json", text);
}

/* A request of the query syntax, or of something else altogether: refused in XML, which is what
 * such a client reads. */
static void respond_query(struct http_request *http)
{
    static const char text[] =
        "<?xml version=\"1.0\"?>"
        "<ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error>"
        "<Type>Sender</Type><Code>AWS.SimpleQueueService.UnsupportedOperation</Code>"
        "<Message>The query syntax is not available; use a client that speaks AWS JSON 1.0."
        "</Message><Detail/></Error></ErrorResponse>";

    respond_text(http, 400, "text/xml", text);
}

static void on_pinged(struct call *c)
{
    struct request *r = c->ctx;

    if (c->err == ERR_OK)
        json_object_set_new(r->out, "status", json_string("ok"));
    else
        fault_err(&r->fault, c->err);
    call_free(c);
    request_finish(r);
}

/* Cancels nothing, which a healthy engine always answers. */
static void respond_health(struct sqs_door *d, struct http_request *http)
{
    struct request *r = request_new(d, http);

    r->content_type = "application/json";
    request_submit(r, request_call(r, sizeof(struct call), CALL_CANCEL, on_pinged));
}

/* ---- requests ---- */

/* Clients of the JSON syntax name an action in a header, or at least say what the body is. */
static bool is_json(struct http_request *http)
{
    return !bytes_is_null(http_header(http, "x-amz-target")) ||
           bytes_starts(http_header(http, "content-type"), "application/x-amz-json");
}

static bool is_get(struct http_request *http)
{
    return bytes_eq_str(http_method(http), "GET") || bytes_eq_str(http_method(http), "HEAD");
}

static void on_request(void *ctx, struct http_request *http)
{
    struct sqs_door *d = ctx;
    bool             is_post = bytes_eq_str(http_method(http), "POST");

    if (is_post && is_json(http))
        request_begin(d, http);
    else if (is_get(http) && bytes_is_null(http_query(http)) && bytes_eq_str(http_path(http), "/"))
        respond_about(d, http);
    else if (is_get(http) && bytes_eq_str(http_path(http), "/health"))
        respond_health(d, http);
    else if (is_post || (is_get(http) && !bytes_is_null(http_query(http))))
        respond_query(http);
    else
        respond_text(http, 404, "text/xml", "<UnknownOperationException/>");
}

static void on_gone(void *ctx, struct http_request *http)
{
    struct request *r = http_user(http);

    (void)ctx;
    if (r)
        request_gone(r);
}

/* ---- the door ---- */

static void door_free(struct sqs_door *d)
{
    call_fini(&d->close_call);
    purges_fini(&d->purges);
    free(d->advertised);
    free(d->listening);
    free(d->version);
    free(d);
}

void sqs_door_check(struct sqs_door *d)
{
    if (d->is_closing && d->session_ended && list_empty(&d->requests))
        door_free(d);
}

static void on_session_closed(struct call *c)
{
    struct sqs_door *d = c->ctx;

    d->session_ended = true;
    sqs_door_check(d);
}

/* Polls that wait are answered by the end of the session; clients see the connection end. */
static void door_close(struct door_server *s)
{
    struct sqs_door *d = CONTAINER(s, struct sqs_door, server);

    d->is_closing = true;
    http_server_close(d->http);
    gate_submit(d->env.gate, &d->close_call);
}

/* "host:port" on the heap. */
static char *address(const char *host, uint16_t port)
{
    size_t n = strlen(host) + 8;
    char  *text = mem_new(n);

    snprintf(text, n, "%s:%u", host, port);
    return text;
}

enum err sqs_door_open(struct door_server **out, const struct door_env *env)
{
    static const struct http_ops    ops = { on_request, on_gone };
    static const struct http_limits limits = { REQUEST_BYTES_MAX, IDLE_SECONDS_MAX,
                                               CONNECTIONS_MAX };
    struct sqs_door                *d = mem_new(sizeof *d);
    uint16_t                        port;
    enum err                        err;

    d->server.close = door_close;
    d->env = *env;
    list_init(&d->requests);
    purges_init(&d->purges);
    ids_init(&d->ids, env->seed);
    d->session = gate_session(env->gate);
    call_init(&d->close_call, CALL_SESSION_CLOSE, loop_mailbox(env->loop), on_session_closed, d);
    d->close_call.session = d->session;
    err = http_server_open(&d->http, env->loop, env->host, env->port, &limits, &ops, d);
    if (err != ERR_OK) {
        door_free(d);
        return err;
    }
    port = http_server_port(d->http);
    d->listening = address(env->host, port);
    d->version = mem_copy(env->version, strlen(env->version) + 1);
    if (env->advertised_host)
        d->advertised =
            address(env->advertised_host, env->advertised_port ? env->advertised_port : port);
    *out = &d->server;
    return ERR_OK;
}
