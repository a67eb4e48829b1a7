/* request.c - see request.h. */
#include "doors/sqs/request.h"
#include "doors/sqs/sqs_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define CONTENT_JSON "application/x-amz-json-1.0"
#define TARGET_PREFIX "AmazonSQS."

/* ---- reading and writing JSON ---- */

struct bytes request_text(const json_t *in, const char *name)
{
    const json_t *value = json_object_get(in, name);

    return bytes_of(json_string_value(value), json_string_length(value));
}

int64_t request_integer(const json_t *in, const char *name, int64_t absent)
{
    const json_t *value = json_object_get(in, name);

    return value ? (int64_t)json_integer_value(value) : absent;
}

json_t *request_json(struct bytes text)
{
    return text.len > 0 ? json_stringn_nocheck((const char *)text.at, text.len) : json_string("");
}

/* ---- life ---- */

static struct bytes base_url(struct request *r)
{
    struct bytes host = http_header(r->http, "host");
    struct buf   b;
    struct bytes url;

    if (r->door->advertised)
        host = bytes_str(r->door->advertised);
    else if (host.len == 0)
        host = bytes_str(r->door->listening);
    buf_init(&b);
    buf_str(&b, "http://");
    buf_bytes(&b, host);
    url = arena_bytes(&r->arena, buf_view(&b));
    buf_fini(&b);
    return url;
}

struct request *request_new(struct sqs_door *door, struct http_request *http)
{
    struct request *r = mem_new(sizeof *r);

    r->door = door;
    r->http = http;
    r->tag = ++door->last_tag;
    r->id = ids_next(&door->ids);
    arena_init(&r->arena);
    r->caller = caller_of(arena_bytes(&r->arena, http_header(http, "authorization")));
    r->base_url = base_url(r);
    r->keeps_status = bytes_eq_str(http_header(http, "x-amzn-query-mode"), "true");
    r->content_type = CONTENT_JSON;
    r->out = json_object();
    list_push(&door->requests, &r->in_door);
    http_set_user(http, r);
    return r;
}

static void request_free(struct request *r)
{
    struct sqs_door *door = r->door;

    list_remove(&r->in_door);
    if (r->found)
        call_free(r->found);
    settings_fini(&r->settings);
    json_decref(r->in);
    json_decref(r->out);
    arena_fini(&r->arena);
    free(r);
    sqs_door_check(door);
}

/* ---- calls ---- */

void *request_call(struct request *r, size_t size, enum call_kind kind, call_done_fn *done)
{
    struct call *c = call_new(size, kind, loop_mailbox(r->door->env.loop), done, r);

    c->session = r->door->session;
    c->tag = r->tag;
    return c;
}

void request_submit(struct request *r, void *call)
{
    gate_submit(r->door->env.gate, call);
}

/* Of a CALL_CANCEL: the request may be gone by now. */
static void on_cancelled(struct call *c)
{
    call_free(c);
}

void request_gone(struct request *r)
{
    r->http = NULL;
    if (r->can_wait) {
        r->can_wait = false;
        request_submit(r, request_call(r, sizeof(struct call), CALL_CANCEL, on_cancelled));
    }
}

/* ---- answers ---- */

static json_t *fault_json(const struct fault *f)
{
    bool        is_modelled = shape_is_modelled(f->shape);
    const char *prefix = is_modelled ? "com.amazonaws.sqs#" : "com.amazon.coral.service#";
    const char *name = shape_row(f->shape)->name;

    return json_pack("{s:s+, s:s}", "__type", prefix, name, "message", f->text);
}

/* Clients that do not ask for query mode get every 4xx as 400. */
static unsigned status_of(const struct request *r)
{
    unsigned status = shape_row(r->fault.shape)->status;

    return status >= 400 && status < 500 && !r->keeps_status ? 400 : status;
}

static void respond(struct request *r, const json_t *body)
{
    enum shape        shape = r->fault.shape;
    char              id[UUID_TEXT_BYTES], code[128];
    char             *text = json_dumps(body, JSON_COMPACT);
    struct http_field fields[3];

    uuid_format(&r->id, id);
    snprintf(code, sizeof code, "%s;%s", shape_row(shape)->code,
             shape_is_sender(shape) ? "Sender" : "Receiver");
    fields[0] = (struct http_field){ "Content-Type", bytes_str(r->content_type) };
    fields[1] = (struct http_field){ "x-amzn-RequestId", bytes_str(id) };
    fields[2] = (struct http_field){ "x-amzn-query-error", bytes_str(code) };
    http_respond(r->http, status_of(r), fields, shape == SHAPE_NONE ? 2 : 3,
                 bytes_str(text ? text : "{}"));
    free(text);
}

void request_finish(struct request *r)
{
    json_t *body;

    if (r->http) {
        http_set_user(r->http, NULL);
        body = r->fault.shape == SHAPE_NONE ? json_incref(r->out) : fault_json(&r->fault);
        respond(r, body);
        json_decref(body);
    }
    request_free(r);
}

/* ---- from the wire to the handler ---- */

static bool find_action(struct request *r)
{
    struct bytes target = http_header(r->http, "x-amz-target");
    struct bytes name = target;

    if (bytes_starts(target, TARGET_PREFIX)) {
        name =
            bytes_of(target.at + sizeof TARGET_PREFIX - 1, target.len - (sizeof TARGET_PREFIX - 1));
        r->action = action_find(name);
    }
    if (!r->action)
        fault_set(&r->fault, SHAPE_UNKNOWN_OPERATION,
                  "The action %.*s is not valid for this endpoint.",
                  (int)(name.len < 256 ? name.len : 256), (const char *)name.at);
    return r->action != NULL;
}

static bool parse_body(struct request *r)
{
    struct bytes body = http_body(r->http);
    json_error_t error;

    r->in = body.len > 0 ? json_loadb((const char *)body.at, body.len, JSON_ALLOW_NUL, &error)
                         : json_object();
    if (!r->in)
        return fault_set(&r->fault, SHAPE_SERIALIZATION, "The request is not JSON: %s", error.text);
    if (!json_is_object(r->in))
        return fault_set(&r->fault, SHAPE_SERIALIZATION, "The request must be a JSON object.");
    return members_check(r->action->members, r->in, &r->fault);
}

/* Somebody's exclusive queue is invisible here. */
static void on_found(struct call *c)
{
    struct request        *r = c->ctx;
    struct queue_get_call *get = (struct queue_get_call *)c;

    r->found = get;
    if (c->err == ERR_OK && get->count == 1 && get->views[0].owner == 0) {
        r->view = &get->views[0];
        settings_load(&r->settings, &r->arena, r->view);
        r->action->handle(r);
        return;
    }
    fault_err(&r->fault, c->err == ERR_OK ? ERR_NO_QUEUE : c->err);
    request_finish(r);
}

static void find_queue(struct request *r)
{
    struct bytes           url = request_text(r->in, "QueueUrl");
    struct queue_get_call *get;

    if (!queue_url_parse(&r->arena, url, r->caller.account, &r->queue)) {
        fault_set(&r->fault, SHAPE_INVALID_ADDRESS,
                  "The address %.*s is not valid for this endpoint.",
                  (int)(url.len < 1024 ? url.len : 1024), (const char *)url.at);
        request_finish(r);
        return;
    }
    r->ns = namespace_of(r->queue.account);
    get = request_call(r, sizeof *get, CALL_QUEUE_GET, on_found);
    get->call.relaxed = r->action->need == QUEUE_HINT;
    get->ns = r->ns;
    get->name = r->queue.name;
    request_submit(r, get);
}

void request_begin(struct sqs_door *door, struct http_request *http)
{
    struct request *r = request_new(door, http);

    if (!find_action(r) || !parse_body(r))
        request_finish(r);
    else if (r->action->need == QUEUE_NONE)
        r->action->handle(r);
    else
        find_queue(r);
}
