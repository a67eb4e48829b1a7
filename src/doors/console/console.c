/*
 * console.c - see console.h. A page is a row of a table; one that needs the engine makes a call and
 * answers when that comes back.
 */
#include "doors/console/console.h"
#include "doors/console/metrics.h"
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_BYTES_MAX = 64 << 10, IDLE_SECONDS_MAX = 60, CONNECTIONS_MAX = 256 };

#define TYPE_JSON "application/json"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"

struct console {
    struct door_server      server;
    struct http_server     *http;
    struct loop            *loop;
    struct gate            *gate; /* NULL: there is no engine yet */
    char                   *version;
    struct console_source   source;
    struct list             asked; /* pages that wait for the engine */
    bool                    is_closing;
};

/* One page on its way. */
struct page {
    struct tally_call    call; /* first */
    struct console      *console;
    struct http_request *http; /* NULL: the client has gone */
    struct list          in_console;
};

struct route {
    const char *path;
    void (*answer)(struct console *c, struct http_request *http);
};

/* ---- answering ---- */

static void respond(struct http_request *http, unsigned status, const char *type,
                    struct bytes body)
{
    const struct http_field fields[] = { { "Content-Type", bytes_str(type) },
                                         { "Cache-Control", bytes_str("no-store") } };

    http_respond(http, status, fields, COUNT(fields), body);
}

static void respond_text(struct http_request *http, unsigned status, const char *text)
{
    respond(http, status, TYPE_JSON, bytes_str(text));
}

static void answer_live(struct console *c, struct http_request *http)
{
    (void)c;
    respond_text(http, 200, "{\"status\":\"live\"}\n");
}

static void answer_ready(struct console *c, struct http_request *http)
{
    char     text[64];
    unsigned percent = c->source.percent(c->source.ctx);

    if (c->gate) {
        respond_text(http, 200, "{\"status\":\"ready\"}\n");
        return;
    }
    snprintf(text, sizeof text, "{\"status\":\"recovering\",\"percent\":%u}\n",
             percent < 100 ? percent : 99);
    respond_text(http, 503, text);
}

/* ---- metrics ---- */

static void respond_metrics(const struct console *c, struct http_request *http,
                            const struct tally *t)
{
    struct process_figures figures;
    struct buf             b;

    buf_init(&b);
    metrics_put_node(&b, c->version, c->gate != NULL, c->gate && gate_is_full(c->gate));
    c->source.process(c->source.ctx, &figures);
    metrics_put_process(&b, &figures);
    if (t)
        metrics_put_engine(&b, t);
    respond(http, 200, TYPE_METRICS, buf_view(&b));
    buf_fini(&b);
}

static void check_closed(struct console *c)
{
    if (!c->is_closing || !list_empty(&c->asked))
        return;
    free(c->version);
    free(c);
}

static void on_tally(struct call *call)
{
    struct page    *p = (struct page *)call;
    struct console *c = p->console;

    if (p->http)
        respond_metrics(c, p->http, call->err ? NULL : &p->call.tally);
    list_remove(&p->in_console);
    call_free(p);
    check_closed(c);
}

static void answer_metrics(struct console *c, struct http_request *http)
{
    struct page *p;

    if (!c->gate) {
        respond_metrics(c, http, NULL);
        return;
    }
    p = call_new(sizeof *p, CALL_TALLY, loop_mailbox(c->loop), on_tally, c);
    p->console = c;
    p->http = http;
    list_push(&c->asked, &p->in_console);
    http_set_user(http, p);
    gate_submit(c->gate, p);
}

/* ---- requests ---- */

static const struct route routes[] = {
    { "/health/live", answer_live },
    { "/health/ready", answer_ready },
    { "/metrics", answer_metrics },
};

static const struct route *find(struct bytes path)
{
    for (size_t i = 0; i < COUNT(routes); i++)
        if (bytes_eq_str(path, routes[i].path))
            return &routes[i];
    return NULL;
}

static void on_request(void *ctx, struct http_request *http)
{
    const struct route *r = find(http_path(http));

    if (!r)
        respond_text(http, 404,
                     "{\"error\":\"Object Not Found\",\"reason\":\"there are /health/live, "
                     "/health/ready and /metrics\"}\n");
    else if (!bytes_eq_str(http_method(http), "GET") && !bytes_eq_str(http_method(http), "HEAD"))
        respond_text(http, 405, "{\"error\":\"Method Not Allowed\"}\n");
    else
        r->answer(ctx, http);
}

static void on_gone(void *ctx, struct http_request *http)
{
    struct page *p = http_user(http);

    (void)ctx;
    if (p)
        p->http = NULL;
}

/* ---- the door ---- */

static void console_close(struct door_server *s)
{
    struct console *c = CONTAINER(s, struct console, server);

    c->is_closing = true;
    http_server_close(c->http);
    check_closed(c);
}

enum err console_open(struct door_server **out, const struct door_env *env,
                      const struct console_source *source)
{
    static const struct http_ops    ops = { on_request, on_gone };
    static const struct http_limits limits = { BODY_BYTES_MAX, IDLE_SECONDS_MAX,
                                               CONNECTIONS_MAX };
    struct console *c = mem_new(sizeof *c);
    enum err        err;

    c->server.close = console_close;
    c->loop = env->loop;
    c->source = *source;
    list_init(&c->asked);
    err = http_server_open(&c->http, env->loop, env->host, env->port, &limits, &ops, c);
    if (err) {
        free(c);
        return err;
    }
    c->version = mem_copy(env->version, strlen(env->version) + 1);
    *out = &c->server;
    return ERR_OK;
}

void console_connect(struct door_server *s, struct gate *gate)
{
    CONTAINER(s, struct console, server)->gate = gate;
}
