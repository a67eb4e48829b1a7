/*
 * http.c - one HTTP/1.1 request: collecting it, asking the door, answering. See http_int.h for its states.
 *
 * libmicrohttpd calls http_on_uri when the request line is there, then http_on_call first with nothing (the
 * headers are complete), then with pieces of the body, then with nothing again (the body is complete). A
 * request that is not answered inside the last call is suspended; when it is resumed, that call is repeated and
 * passes on the answer.
 *
 * Thread: the loop's.
 */
#include "net/http_int.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

static const char TOO_LARGE_TEXT[] = "The request body is larger than this server accepts.\n";

/* An absolute URI, as sent to proxies, counts as its path. */
static void split_uri(struct http_request *r)
{
    char *path = r->uri;
    char *query;

    if (path[0] != '/' && strstr(path, "://")) {
        path = strstr(path, "://") + 3;
        path += strcspn(path, "/?");
    }
    query = strchr(path, '?');
    r->path = bytes_of(path, query ? (size_t)(query - path) : strlen(path));
    r->query = query ? bytes_str(query + 1) : (struct bytes){ 0 };
}

void *http_on_uri(void *server, const char *uri, struct MHD_Connection *library)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(library, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_request *r = mem_new(sizeof *r);

    r->server = server;
    r->conn = info->socket_context;
    r->conn->request = r;
    r->library = library;
    r->uri = mem_copy(uri, strlen(uri) + 1);
    split_uri(r);
    buf_init(&r->body);
    list_init(&r->in_waiting);
    return r;
}

static void set_answer(struct http_request *r, unsigned status, struct bytes body)
{
    r->state = HTTP_ANSWERED;
    r->status = status;
    r->response = MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.at,
                                                  MHD_RESPMEM_MUST_COPY);
    if (!r->response)
        mem_exhausted("libmicrohttpd");
}

static void answer_too_large(struct http_request *r)
{
    set_answer(r, MHD_HTTP_CONTENT_TOO_LARGE, bytes_str(TOO_LARGE_TEXT));
    MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
    MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static uint64_t announced_length(const struct http_request *r)
{
    struct bytes text = http_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t     n = 0;

    for (size_t i = 0; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++) {
        if (n > UINT64_MAX / 10 - 1)
            return UINT64_MAX;
        n = n * 10 + (text.at[i] - '0');
    }
    return n;
}

/*
 * The headers are there. What is too large is refused now if the client waits for a 100 or if there is too much
 * to read over; otherwise it is read to its end first, because a client that is busy sending does not see an
 * answer but a reset.
 */
static enum MHD_Result on_headers(struct http_request *r)
{
    uint64_t length = announced_length(r);

    if (length <= r->server->limits.body_bytes_max)
        return MHD_YES;
    r->state = HTTP_TOO_BIG;
    if (length > HTTP_DISCARD_MAX || !bytes_is_null(http_header(r, MHD_HTTP_HEADER_EXPECT))) {
        answer_too_large(r);
        return MHD_queue_response(r->library, r->status, r->response);
    }
    return MHD_YES;
}

static enum MHD_Result on_upload(struct http_request *r, const char *at, size_t *len)
{
    size_t n = *len;

    *len = 0;
    if (r->state == HTTP_READING && n > r->server->limits.body_bytes_max - r->body.len)
        r->state = HTTP_TOO_BIG;
    if (r->state == HTTP_READING) {
        buf_add(&r->body, at, n);
        return MHD_YES;
    }
    buf_fini(&r->body);
    r->discarded += n;
    return r->discarded <= HTTP_DISCARD_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_complete(struct http_request *r)
{
    if (r->state == HTTP_TOO_BIG)
        answer_too_large(r);
    if (r->state == HTTP_READING) {
        r->state = HTTP_ASKED;
        r->server->ops->request(r->server->ctx, r);
    }
    if (r->state == HTTP_ASKED) {
        r->is_suspended = true;
        MHD_suspend_connection(r->library);
        http_server_wait(r);
        return MHD_YES;
    }
    return MHD_queue_response(r->library, r->status, r->response);
}

enum MHD_Result http_on_call(void *server, struct MHD_Connection *library, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_len, void **request)
{
    struct http_request *r = *request;

    (void)server;
    (void)library;
    (void)url;
    (void)version;
    if (r->state == HTTP_LOST || (r->server->is_closing && r->state != HTTP_ANSWERED))
        return MHD_NO;
    if (!r->method.at) {
        r->method = bytes_str(method);
        return on_headers(r);
    }
    if (*upload_len > 0)
        return on_upload(r, upload, upload_len);
    return on_complete(r);
}

void http_on_completed(void *server, struct MHD_Connection *library, void **request,
                       enum MHD_RequestTerminationCode why)
{
    struct http_request *r = *request;

    (void)server;
    (void)library;
    (void)why;
    if (!r)
        return;
    assert(r->state != HTTP_ASKED); /* suspended ones are lost or answered first */
    *request = NULL;
    r->conn->request = NULL;
    if (r->server->is_closing)
        shutdown(r->conn->fd, SHUT_RD);
    if (r->response)
        MHD_destroy_response(r->response);
    buf_fini(&r->body);
    free(r->uri);
    free(r);
}

static void resume(struct http_request *r)
{
    if (!r->is_suspended)
        return;
    r->is_suspended = false;
    http_server_unwait(r);
    MHD_resume_connection(r->library);
    http_server_kick(r->server);
}

void http_request_lose(struct http_request *r)
{
    r->state = HTTP_LOST;
    r->server->ops->gone(r->server->ctx, r);
    resume(r);
}

/* ---- for the door ---- */

struct bytes http_method(const struct http_request *r)
{
    return r->method;
}

struct bytes http_path(const struct http_request *r)
{
    return r->path;
}

struct bytes http_query(const struct http_request *r)
{
    return r->query;
}

struct bytes http_header(const struct http_request *r, const char *name)
{
    const char *value = NULL;
    size_t      len = 0;

    if (MHD_lookup_connection_value_n(r->library, MHD_HEADER_KIND, name, strlen(name), &value,
                                      &len) != MHD_YES)
        return (struct bytes){ 0 };
    return value ? bytes_of(value, len) : bytes_str("");
}

struct header_walk {
    bool (*fn)(void *arg, struct bytes name, struct bytes value);
    void *arg;
};

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    struct header_walk *w = arg;
    struct bytes        v = value ? bytes_of(value, value_len) : bytes_str("");

    (void)kind;
    return w->fn(w->arg, bytes_of(name, name_len), v) ? MHD_YES : MHD_NO;
}

void http_each_header(const struct http_request *r,
                      bool (*fn)(void *arg, struct bytes name, struct bytes value), void *arg)
{
    struct header_walk w = { fn, arg };

    MHD_get_connection_values_n(r->library, MHD_HEADER_KIND, on_header, &w);
}

struct bytes http_body(const struct http_request *r)
{
    return buf_view(&r->body);
}

void http_set_user(struct http_request *r, void *user)
{
    r->user = user;
}

void *http_user(const struct http_request *r)
{
    return r->user;
}

/* The library takes strings; a value it refuses (line breaks) is left out rather than let it forge another
 * header. */
static void add_field(struct http_request *r, const struct http_field *f)
{
    char *value = mem_new(f->value.len + 1);

    if (f->value.len > 0)
        memcpy(value, f->value.at, f->value.len);
    MHD_add_response_header(r->response, f->name, value);
    free(value);
}

void http_respond(struct http_request *r, unsigned status, const struct http_field *fields,
                  size_t field_count, struct bytes body)
{
    assert(r->state == HTTP_ASKED);
    set_answer(r, status, body);
    for (size_t i = 0; i < field_count; i++)
        add_field(r, &fields[i]);
    resume(r);
}
