/*
 * http2.c - one HTTP/2 stream: its headers, its data in both directions, its trailers, its end.
 *
 * nghttp2 reads frames and calls on_*; it writes frames when the connection pumps it, asking want_data for how
 * much a stream has and on_send_data to put it behind a frame header, so payload slices travel to the socket
 * without being copied.
 *
 *   T1  The stream belongs to nghttp2's stream: on_stream_close, or the end of the connection, frees it.
 *   T2  The door is called from nghttp2's receiving callbacks; there, only submitting is allowed, never sending
 *       (G4).
 *   T3  is_ending is final: nothing is queued behind it.
 *
 * Thread: the loop's.
 */
#include "net/http2_int.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum { ANSWER_BUFFER_MAX = CONN_HIGH_WATER };

static struct h2_stream *stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

/* Memory is the only reason for which submitting a valid frame for an open stream can fail. */
static void check(int rc)
{
    if (rc == NGHTTP2_ERR_NOMEM)
        mem_exhausted("nghttp2");
}

/* ---- life ---- */

static void stream_free(struct h2_stream *s)
{
    list_remove(&s->in_conn);
    list_remove(&s->in_relieved);
    s->conn->header_bytes -= s->header_bytes;
    outlet_fini(&s->out);
    arena_fini(&s->arena);
    free(s->fields);
    free(s);
}

static void stream_end(struct h2_stream *s)
{
    const struct h2_listener *ln = s->conn->listener;

    if (s->is_announced)
        ln->ops->closed(ln->ctx, s);
    stream_free(s);
}

void h2_streams_end(struct h2_conn *h)
{
    while (!list_empty(&h->streams))
        stream_end(CONTAINER(h->streams.next, struct h2_stream, in_conn));
}

void h2_streams_relieve(struct h2_conn *h)
{
    struct list *node;

    while ((node = list_pop(&h->relieved)) != NULL && h->listener->ops->writable)
        h->listener->ops->writable(h->listener->ctx, CONTAINER(node, struct h2_stream, in_relieved));
}

/* ---- receiving ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2_conn   *h = user;
    struct h2_stream *s;

    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    s = mem_new(sizeof *s);
    s->conn = h;
    s->id = frame->hd.stream_id;
    arena_init(&s->arena);
    list_init(&s->in_relieved);
    list_push(&h->streams, &s->in_conn);
    nghttp2_session_set_stream_user_data(session, s->id, s);
    return 0;
}

static void add_header(struct h2_stream *s, struct bytes name, struct bytes value)
{
    if (s->field_count == s->field_cap) {
        s->field_cap = s->field_cap ? s->field_cap * 2 : 16;
        s->fields = mem_resize(s->fields, s->field_cap * sizeof *s->fields);
    }
    s->fields[s->field_count++] =
        (struct h2_header_field){ arena_bytes(&s->arena, name), arena_bytes(&s->arena, value) };
}

/* RFC 9113 6.5.2 counts 32 bytes for the overhead of a field; so do we, and so an empty one is not free. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct h2_conn   *h = user;
    struct h2_stream *s = stream_of(session, frame->hd.stream_id);
    size_t            cost = name_len + value_len + 32;

    (void)flags;
    if (!s || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0; /* request trailers mean nothing to us */
    if (cost > H2_HEADER_BYTES_MAX - h->header_bytes)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    s->header_bytes += cost;
    h->header_bytes += cost;
    add_header(s, bytes_of(name, name_len), bytes_of(value, value_len));
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *at,
                   size_t len, void *user)
{
    struct h2_conn   *h = user;
    struct h2_stream *s = stream_of(session, id);

    (void)flags;
    if (s && s->is_announced)
        h->listener->ops->data(h->listener->ctx, s, bytes_of(at, len));
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2_conn      *h = user;
    const struct h2_ops *ops = h->listener->ops;
    struct h2_stream    *s;

    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    s = stream_of(session, frame->hd.stream_id);
    if (!s)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        if (h->listener->is_closed) {
            h2_reset(s, NGHTTP2_REFUSED_STREAM);
            return 0;
        }
        s->is_announced = true;
        ops->headers(h->listener->ctx, s);
    }
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM && s->is_announced) {
        s->client_ended = true;
        ops->end(h->listener->ctx, s);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct h2_stream *s = stream_of(session, id);

    (void)code;
    (void)user;
    if (s)
        stream_end(s);
    return 0;
}

/* ---- sending ---- */

/* nghttp2 asks how much comes next; the bytes themselves are sent by on_send_data. */
static ssize_t want_data(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct h2_stream *s = source->ptr;
    size_t            n = s->out.bytes < room ? s->out.bytes : room;

    (void)buf;
    (void)user;
    if (n == 0 && !s->is_ending)
        return NGHTTP2_ERR_DEFERRED;
    *flags = NGHTTP2_DATA_FLAG_NO_COPY;
    if (n == s->out.bytes && s->is_ending) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (s->trailer_count > 0) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            check(nghttp2_submit_trailer(session, id, s->trailers, s->trailer_count));
        }
    }
    return (ssize_t)n;
}

static void note_relief(struct h2_stream *s)
{
    if (!s->was_high || s->out.bytes >= H2_LOW_WATER || s->is_ending)
        return;
    s->was_high = false;
    if (list_empty(&s->in_relieved))
        list_push(&s->conn->relieved, &s->in_relieved);
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t len, nghttp2_data_source *source, void *user)
{
    enum { FRAME_HEAD_BYTES = 9 };
    struct h2_conn   *h = user;
    struct h2_stream *s = source->ptr;

    (void)session;
    (void)frame;
    if (conn_queued(h->conn) > ANSWER_BUFFER_MAX)
        return NGHTTP2_ERR_WOULDBLOCK;
    conn_send_copy(h->conn, bytes_of(head, FRAME_HEAD_BYTES));
    while (len > 0) {
        struct slice piece = outlet_take(&s->out, len);

        len -= piece.bytes.len;
        conn_send(h->conn, piece);
    }
    note_relief(s);
    return 0;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2_stream *s;

    (void)user;
    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
        !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    s = stream_of(session, frame->hd.stream_id);
    if (s && !s->client_ended)
        check(nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR));
    return 0;
}

nghttp2_session_callbacks *h2_callbacks_new(void)
{
    nghttp2_session_callbacks *cb;

    check(nghttp2_session_callbacks_new(&cb));
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
    return cb;
}

/* ---- for the door ---- */

struct bytes h2_header(const struct h2_stream *s, const char *name)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (bytes_eq_str(s->fields[i].name, name))
            return s->fields[i].value;
    return (struct bytes){ 0 };
}

void h2_set_user(struct h2_stream *s, void *user)
{
    s->user = user;
}

void *h2_user(const struct h2_stream *s)
{
    return s->user;
}

uint64_t h2_connection_id(const struct h2_stream *s)
{
    return s->conn->id;
}

static void to_nv(nghttp2_nv *nv, const struct h2_field *fields, size_t count)
{
    assert(count <= H2_FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        nv[i] = (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)fields[i].name,
                              .namelen = strlen(fields[i].name),
                              .value = (uint8_t *)(uintptr_t)fields[i].value.at,
                              .valuelen = fields[i].value.len };
    }
}

void h2_respond(struct h2_stream *s, const struct h2_field *fields, size_t count, bool is_last)
{
    nghttp2_data_provider provider = { .source.ptr = s, .read_callback = want_data };
    nghttp2_nv            nv[H2_FIELDS_MAX];

    assert(!s->is_answered);
    s->is_answered = true;
    s->is_ending = is_last;
    to_nv(nv, fields, count);
    check(nghttp2_submit_response(s->conn->session, s->id, nv, count, is_last ? NULL : &provider));
    h2_conn_kick(s->conn);
}

void h2_send(struct h2_stream *s, struct slice data)
{
    assert(s->is_answered && !s->is_ending);
    outlet_add(&s->out, data);
    s->was_high |= s->out.bytes > H2_HIGH_WATER;
    nghttp2_session_resume_data(s->conn->session, s->id);
    h2_conn_kick(s->conn);
}

size_t h2_queued(const struct h2_stream *s)
{
    return s->out.bytes;
}

/* The trailers are submitted when the data is through, so they are kept until then. */
void h2_trailers(struct h2_stream *s, const struct h2_field *fields, size_t count)
{
    assert(s->is_answered && !s->is_ending);
    s->is_ending = true;
    s->trailers = arena_array(&s->arena, count, sizeof *s->trailers);
    s->trailer_count = count;
    to_nv(s->trailers, fields, count);
    for (size_t i = 0; i < count; i++) {
        nghttp2_nv *nv = &s->trailers[i];

        nv->name = (uint8_t *)(uintptr_t)arena_bytes(&s->arena, bytes_of(nv->name, nv->namelen)).at;
        nv->value = (uint8_t *)(uintptr_t)arena_bytes(&s->arena, bytes_of(nv->value, nv->valuelen)).at;
    }
    nghttp2_session_resume_data(s->conn->session, s->id);
    h2_conn_kick(s->conn);
}

void h2_reset(struct h2_stream *s, uint32_t code)
{
    check(nghttp2_submit_rst_stream(s->conn->session, NGHTTP2_FLAG_NONE, s->id, code));
    h2_conn_kick(s->conn);
}
