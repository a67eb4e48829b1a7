/* http2_test.c - the HTTP/2 server, spoken to by an nghttp2 client over a loopback socket. */
#include "net/http2.h"
#include "base/buf.h"
#include "base/mem.h"
#include "net/test_peer.h"

#include <nghttp2/nghttp2.h>

enum { SEEN_MAX = 64 };

/* What the server does with a stream. */
enum plan { PLAN_ECHO, PLAN_TRAILERS_ONLY, PLAN_HEADERS_AT_ONCE, PLAN_BIG, PLAN_RESET, PLAN_EARLY_END, PLAN_HOLD };

struct served {
    struct h2_stream *stream;
    struct buf        body;
    bool              is_ended;
    bool              is_closed;
};

struct site {
    struct loop        *loop;
    struct h2_listener *listener;
    struct http_server *http1;
    uv_timer_t          tick;
    enum plan           plan;
    struct served       served[SEEN_MAX];
    size_t              count;
    size_t              closed_count;
    size_t              writable_count;
    size_t              http1_count;
    bool                in_call;
    bool                is_closed;
};

static const struct h2_field ok_fields[] = { { ":status", { (const uint8_t *)"200", 3 } },
                                             { "content-type", { (const uint8_t *)"application/grpc", 16 } } };
static const struct h2_field trailer_fields[] = { { "grpc-status", { (const uint8_t *)"0", 1 } },
                                                  { "grpc-message", { (const uint8_t *)"", 0 } } };

enum { BIG_BYTES = 5 * 1024 * 1024 };

static struct slice big_slice(void)
{
    struct block *b = block_new(BIG_BYTES);

    for (size_t i = 0; i < BIG_BYTES; i++)
        b->at[i] = (uint8_t)(i * 7 + i / 251);
    return slice_of(b, b->at, BIG_BYTES);
}

static void on_headers(void *ctx, struct h2_stream *s)
{
    struct site   *site = ctx;
    struct served *v = &site->served[site->count++];

    assert_true(site->count < SEEN_MAX);
    v->stream = s;
    buf_init(&v->body);
    h2_set_user(s, v);
    assert_true(bytes_eq_str(h2_header(s, ":method"), "POST"));
    assert_true(bytes_is_null(h2_header(s, "absent")));
    site->in_call = true;
    if (site->plan == PLAN_TRAILERS_ONLY)
        h2_respond(s, ok_fields, 2, true);
    if (site->plan == PLAN_HEADERS_AT_ONCE || site->plan == PLAN_BIG || site->plan == PLAN_EARLY_END)
        h2_respond(s, ok_fields, 2, false);
    if (site->plan == PLAN_EARLY_END)
        h2_trailers(s, trailer_fields, 2);
    if (site->plan == PLAN_BIG)
        h2_send(s, big_slice());
    if (site->plan == PLAN_RESET)
        h2_reset(s, NGHTTP2_ENHANCE_YOUR_CALM);
    site->in_call = false;
}

static void on_data(void *ctx, struct h2_stream *s, struct bytes data)
{
    struct served *v = h2_user(s);

    (void)ctx;
    assert_false(v->is_ended);
    buf_bytes(&v->body, data);
}

static void on_end(void *ctx, struct h2_stream *s)
{
    struct site   *site = ctx;
    struct served *v = h2_user(s);

    assert_false(v->is_ended);
    v->is_ended = true;
    if (site->plan == PLAN_ECHO) {
        h2_respond(s, ok_fields, 2, false);
        h2_send(s, slice_copy(buf_view(&v->body)));
    }
    if (site->plan == PLAN_ECHO || site->plan == PLAN_BIG)
        h2_trailers(s, trailer_fields, 2);
}

static void on_writable(void *ctx, struct h2_stream *s)
{
    struct site *site = ctx;

    assert_false(site->in_call);
    assert_true(h2_queued(s) < H2_LOW_WATER);
    site->writable_count++;
}

static void on_closed(void *ctx, struct h2_stream *s)
{
    struct site   *site = ctx;
    struct served *v = h2_user(s);

    assert_false(site->in_call);
    assert_false(v->is_closed);
    v->is_closed = true;
    v->stream = NULL;
    buf_fini(&v->body);
    site->closed_count++;
}

static const struct h2_ops ops = { on_headers, on_data, on_end, on_writable, on_closed };

static void on_http1(void *ctx, struct http_request *r)
{
    struct site *site = ctx;

    site->http1_count++;
    http_respond(r, 200, NULL, 0, http_path(r));
}

static void on_http1_gone(void *ctx, struct http_request *r)
{
    (void)ctx;
    (void)r;
}

static const struct http_ops http1_ops = { on_http1, on_http1_gone };

static void open_site(struct site *s, enum plan plan)
{
    struct http_limits limits = { 1000, 5, 10 };

    *s = (struct site){ .plan = plan };
    assert_int_equal(loop_new(&s->loop), ERR_OK);
    assert_int_equal(http_server_open(&s->http1, s->loop, NULL, 0, &limits, &http1_ops, s), ERR_OK);
    assert_int_equal(h2_listener_open(&s->listener, s->loop, "localhost", 0, &ops, s, s->http1), ERR_OK);
    peer_tick_start(s->loop, &s->tick);
}

static void close_site(struct site *s)
{
    peer_tick_stop(&s->tick);
    loop_stop(s->loop);
    loop_run(s->loop);
    assert_int_equal(s->closed_count, s->count);
    if (!s->is_closed)
        h2_listener_close(s->listener);
    http_server_close(s->http1);
    loop_free(s->loop);
}

/* ---- the client ---- */

struct reply {
    int32_t    id;
    char       status[4];
    char       grpc_status[4];
    size_t     header_blocks;
    struct buf body;
    bool       has_ended;
    bool       is_closed;
    uint32_t   code;
};

struct client {
    struct site     *site;
    int              fd;
    nghttp2_session *session;
    struct reply     replies[SEEN_MAX];
    size_t           count;
    const uint8_t   *upload;
    size_t           upload_left;
    bool             upload_open; /* more may come: do not end the stream */
    bool             got_goaway;
    bool             is_hung_up;
};

static struct reply *reply_of(struct client *c, int32_t id)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->replies[i].id == id)
            return &c->replies[i];
    fail_msg("unknown stream %d", id);
    return NULL;
}

static int on_reply_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                           const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    struct reply *r = reply_of(user, frame->hd.stream_id);
    struct bytes  key = bytes_of(name, name_len);

    (void)session;
    (void)flags;
    if (bytes_eq_str(key, ":status"))
        snprintf(r->status, sizeof r->status, "%.*s", (int)value_len, (const char *)value);
    if (bytes_eq_str(key, "grpc-status"))
        snprintf(r->grpc_status, sizeof r->grpc_status, "%.*s", (int)value_len, (const char *)value);
    return 0;
}

static int on_reply_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *at, size_t len, void *user)
{
    (void)session;
    (void)flags;
    buf_add(&reply_of(user, id)->body, at, len);
    return 0;
}

static int on_reply_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct client *c = user;

    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        c->got_goaway = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS)
        reply_of(c, frame->hd.stream_id)->header_blocks++;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        reply_of(c, frame->hd.stream_id)->has_ended = true;
    return 0;
}

static int on_reply_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct reply *r = reply_of(user, id);

    (void)session;
    r->is_closed = true;
    r->code = code;
    return 0;
}

static ssize_t on_client_send(nghttp2_session *session, const uint8_t *at, size_t len, int flags, void *user)
{
    struct client *c = user;
    ssize_t        n = send(c->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    (void)session;
    (void)flags;
    return n >= 0 ? n : errno == EAGAIN ? NGHTTP2_ERR_WOULDBLOCK : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static ssize_t on_upload(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    struct client *c = user;
    size_t         n = c->upload_left < room ? c->upload_left : room;

    (void)session;
    (void)id;
    (void)source;
    if (n == 0 && c->upload_open)
        return NGHTTP2_ERR_DEFERRED;
    if (n > 0)
        memcpy(buf, c->upload, n);
    c->upload += n;
    c->upload_left -= n;
    if (c->upload_left == 0 && !c->upload_open)
        *flags = NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

/* window: of each stream, and the client opens none further unless it consumes. */
static void connect_with(struct client *c, struct site *s, uint32_t window)
{
    nghttp2_settings_entry     setting = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window };
    nghttp2_session_callbacks *cb;
    nghttp2_option            *option;

    *c = (struct client){ .site = s, .fd = peer_connect(AF_INET, h2_listener_port(s->listener)) };
    nghttp2_session_callbacks_new(&cb);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_reply_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_reply_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_reply_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_reply_close);
    nghttp2_session_callbacks_set_send_callback(cb, on_client_send);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_client_new2(&c->session, cb, c, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(cb);
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, &setting, 1);
    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, 1 << 30);
}

static void disconnect(struct client *c)
{
    for (size_t i = 0; i < c->count; i++)
        buf_fini(&c->replies[i].body);
    nghttp2_session_del(c->session);
    close(c->fd);
}

#define NV(n, v)                                                                                        \
    {                                                                                                   \
        .name = (uint8_t *)(uintptr_t)(n), .namelen = sizeof(n) - 1, .value = (uint8_t *)(uintptr_t)(v), \
        .valuelen = sizeof(v) - 1                                                                       \
    }

static struct reply *request(struct client *c)
{
    static const nghttp2_nv nv[] = { NV(":method", "POST"), NV(":scheme", "http"), NV(":authority", "h"),
                                     NV(":path", "/google.pubsub.v1.Publisher/Publish"), NV("te", "trailers") };
    nghttp2_data_provider   provider = { .read_callback = on_upload };
    struct reply           *r = &c->replies[c->count++];

    r->id = nghttp2_submit_request(c->session, NULL, nv, COUNT(nv), &provider, NULL);
    assert_true(r->id > 0);
    return r;
}

/* One exchange of whatever is there, then a turn of the loop. */
static void step(struct client *c)
{
    uint8_t buf[65536];
    ssize_t n;

    nghttp2_session_send(c->session);
    loop_turn(c->site->loop);
    n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);
    if (n > 0)
        assert_int_equal(nghttp2_session_mem_recv(c->session, buf, (size_t)n), n);
    if (n == 0)
        c->is_hung_up = true;
}

static void until(struct client *c, const bool *flag)
{
    int64_t limit = peer_clock_ms() + PEER_LIMIT_MS;

    while (!*flag) {
        assert_true(peer_clock_ms() < limit);
        step(c);
    }
}

static void turns(struct client *c, int n)
{
    while (n-- > 0)
        step(c);
}

/* ---- tests ---- */

static void a_request_is_answered_with_trailers(void **state)
{
    struct site   s;
    struct client c;

    (void)state;
    open_site(&s, PLAN_ECHO);
    connect_with(&c, &s, 65535);
    for (int i = 0; i < 3; i++) {
        struct reply *r;

        c.upload = (const uint8_t *)"hello";
        c.upload_left = 5;
        r = request(&c);
        until(&c, &r->is_closed);
        assert_string_equal(r->status, "200");
        assert_string_equal(r->grpc_status, "0");
        assert_int_equal(r->header_blocks, 2);
        assert_int_equal(r->code, NGHTTP2_NO_ERROR);
        assert_true(bytes_eq_str(buf_view(&r->body), "hello"));
    }
    assert_int_equal(s.count, 3);
    assert_int_equal(s.closed_count, 3);
    disconnect(&c);
    close_site(&s);
}

static void trailers_alone_end_the_stream(void **state)
{
    struct site   s;
    struct client c;
    struct reply *r;

    (void)state;
    open_site(&s, PLAN_TRAILERS_ONLY);
    connect_with(&c, &s, 65535);
    r = request(&c);
    until(&c, &r->is_closed);
    assert_int_equal(r->header_blocks, 1);
    assert_int_equal(r->body.len, 0);
    assert_true(r->has_ended);
    disconnect(&c);
    close_site(&s);
}

static void headers_leave_without_data(void **state)
{
    struct site   s;
    struct client c;
    struct reply *r;

    (void)state;
    open_site(&s, PLAN_HEADERS_AT_ONCE);
    connect_with(&c, &s, 65535);
    c.upload_open = true;
    r = request(&c);
    while (r->header_blocks == 0)
        step(&c);
    assert_string_equal(r->status, "200");
    assert_false(r->has_ended);
    h2_send(s.served[0].stream, slice_copy(bytes_str("one")));
    while (r->body.len < 3)
        step(&c);
    h2_send(s.served[0].stream, slice_copy(bytes_str("two")));
    h2_trailers(s.served[0].stream, NULL, 0);
    until(&c, &r->is_closed);
    assert_true(bytes_eq_str(buf_view(&r->body), "onetwo"));
    assert_int_equal(r->header_blocks, 1);
    assert_true(r->has_ended);
    disconnect(&c);
    close_site(&s);
}

/* The client still has its side open; the reset behind the end tells it to stop. */
static void an_early_end_resets_without_error(void **state)
{
    struct site   s;
    struct client c;
    struct reply *r;

    (void)state;
    open_site(&s, PLAN_EARLY_END);
    connect_with(&c, &s, 65535);
    c.upload_open = true;
    r = request(&c);
    until(&c, &r->is_closed);
    assert_true(r->has_ended);
    assert_string_equal(r->grpc_status, "0");
    assert_int_equal(r->code, NGHTTP2_NO_ERROR);
    assert_int_equal(s.closed_count, 1);
    disconnect(&c);
    close_site(&s);
}

static void a_reset_reaches_the_client(void **state)
{
    struct site   s;
    struct client c;
    struct reply *r;

    (void)state;
    open_site(&s, PLAN_RESET);
    connect_with(&c, &s, 65535);
    r = request(&c);
    until(&c, &r->is_closed);
    assert_int_equal(r->code, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(s.closed_count, 1);
    disconnect(&c);
    close_site(&s);
}

/* A window of 1000 bytes lets 1000 bytes through, whatever is queued; the rest comes as the client consumes. */
static void a_small_window_is_honoured(void **state)
{
    struct slice  big = big_slice();
    struct site   s;
    struct client c;
    struct reply *r;
    size_t        consumed = 0;

    (void)state;
    open_site(&s, PLAN_BIG);
    connect_with(&c, &s, 1000);
    r = request(&c);
    while (r->body.len < 1000)
        step(&c);
    turns(&c, 5);
    assert_int_equal(r->body.len, 1000);
    assert_int_equal(h2_queued(s.served[0].stream), BIG_BYTES - 1000);
    assert_int_equal(s.writable_count, 0);
    nghttp2_submit_window_update(c.session, NGHTTP2_FLAG_NONE, r->id, 300000);
    while (!r->is_closed) {
        if (r->body.len > consumed) {
            nghttp2_session_consume(c.session, r->id, r->body.len - consumed);
            consumed = r->body.len;
        }
        step(&c);
    }
    assert_true(bytes_eq(buf_view(&r->body), big.bytes));
    assert_string_equal(r->grpc_status, "0");
    assert_int_equal(s.writable_count, 0); /* its end was queued: nobody waits for room */
    slice_drop(&big);
    disconnect(&c);
    close_site(&s);
}

static void writable_comes_when_the_queue_drains(void **state)
{
    struct site   s;
    struct client c;
    struct reply *r;

    (void)state;
    open_site(&s, PLAN_BIG);
    connect_with(&c, &s, 1 << 30);
    c.upload_open = true;
    r = request(&c);
    while (s.writable_count == 0)
        step(&c);
    c.upload_open = false;
    nghttp2_session_resume_data(c.session, r->id);
    until(&c, &r->is_closed);
    assert_int_equal(r->body.len, BIG_BYTES);
    assert_int_equal(s.writable_count, 1);
    disconnect(&c);
    close_site(&s);
}

static void a_large_body_arrives(void **state)
{
    enum { BYTES = 10 * 1024 * 1024 };
    uint8_t      *body = mem_new(BYTES);
    struct site   s;
    struct client c;
    struct reply *r;
    int64_t       begin;

    (void)state;
    for (size_t i = 0; i < BYTES; i++)
        body[i] = (uint8_t)(i ^ i >> 9);
    open_site(&s, PLAN_ECHO);
    connect_with(&c, &s, 1 << 30);
    c.upload = body;
    c.upload_left = BYTES;
    begin = peer_clock_ms();
    r = request(&c);
    until(&c, &r->is_closed);
    assert_true(bytes_eq(buf_view(&r->body), bytes_of(body, BYTES)));
    assert_true(peer_clock_ms() - begin < 5000);
    free(body);
    disconnect(&c);
    close_site(&s);
}

static void streams_of_one_connection_are_told_apart(void **state)
{
    struct site   s;
    struct client c;

    (void)state;
    open_site(&s, PLAN_TRAILERS_ONLY);
    connect_with(&c, &s, 65535);
    s.plan = PLAN_HOLD;
    for (int i = 0; i < 20; i++)
        request(&c);
    while (s.count < 20)
        step(&c);
    for (int i = 1; i < 20; i++)
        assert_int_equal(h2_connection_id(s.served[i].stream), h2_connection_id(s.served[0].stream));
    for (int i = 19; i >= 0; i--)
        h2_respond(s.served[i].stream, ok_fields, 2, true);
    for (int i = 0; i < 20; i++)
        until(&c, &c.replies[i].is_closed);
    assert_int_equal(s.closed_count, 20);
    disconnect(&c);
    close_site(&s);
}

static bool all_closed(void *arg)
{
    struct site *s = arg;

    return s->closed_count == s->count;
}

static void a_client_that_leaves_closes_its_streams(void **state)
{
    struct site   s;
    struct client c;

    (void)state;
    open_site(&s, PLAN_BIG);
    connect_with(&c, &s, 65535);
    request(&c);
    request(&c);
    while (s.count < 2)
        step(&c);
    disconnect(&c);
    peer_drive(s.loop, all_closed, &s);
    close_site(&s);
}

/* A reset of a stream whose data are on their way must not touch freed memory. */
static void a_client_may_reset_a_stream_that_sends(void **state)
{
    struct site   s;
    struct client c;
    struct reply *r;

    (void)state;
    open_site(&s, PLAN_BIG);
    connect_with(&c, &s, 1 << 30);
    c.upload_open = true;
    r = request(&c);
    while (r->body.len == 0)
        step(&c);
    nghttp2_submit_rst_stream(c.session, NGHTTP2_FLAG_NONE, r->id, NGHTTP2_CANCEL);
    until(&c, &s.served[0].is_closed);
    s.plan = PLAN_TRAILERS_ONLY;
    r = request(&c);
    until(&c, &r->is_closed);
    assert_string_equal(r->status, "200");
    disconnect(&c);
    close_site(&s);
}

static void closing_says_goaway_and_waits_for_streams(void **state)
{
    struct site   s;
    struct client c;
    struct reply *r;
    size_t        before;

    (void)state;
    open_site(&s, PLAN_HOLD);
    connect_with(&c, &s, 65535);
    r = request(&c);
    while (s.count == 0)
        step(&c);
    h2_listener_close(s.listener);
    s.is_closed = true;
    until(&c, &c.got_goaway);
    turns(&c, 5);
    assert_false(c.is_hung_up);
    before = s.count;
    h2_respond(s.served[0].stream, ok_fields, 2, true);
    until(&c, &r->is_closed);
    assert_string_equal(r->status, "200");
    until(&c, &c.is_hung_up);
    assert_int_equal(s.count, before);
    disconnect(&c);
    close_site(&s);
}

static void http1_is_handed_over(void **state)
{
    struct site s;
    char        got[1000];
    size_t      n = 0;
    int         fd;

    (void)state;
    open_site(&s, PLAN_ECHO);
    fd = peer_connect(AF_INET, h2_listener_port(s.listener));
    peer_send_str(s.loop, fd, "P"); /* could still be a preface */
    for (int i = 0; i < 3; i++)
        loop_turn(s.loop);
    assert_int_equal(s.http1_count, 0);
    peer_send_str(s.loop, fd, "UT /v1/projects HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    n = peer_recv(s.loop, fd, got, sizeof got - 1);
    got[n] = 0;
    assert_memory_equal(got, "HTTP/1.1 200", 12);
    assert_non_null(strstr(got, "\r\n\r\n/v1/projects"));
    assert_int_equal(s.http1_count, 1);
    close(fd);
    close_site(&s);
}

/* Looking at a byte does not take it out of the socket; the loop must not spin on it. */
static void an_undecided_client_costs_nothing(void **state)
{
    struct site s;
    int         fd, turns_done = 0;

    (void)state;
    open_site(&s, PLAN_ECHO);
    fd = peer_connect(AF_INET, h2_listener_port(s.listener));
    peer_send_str(s.loop, fd, "PR");
    for (int64_t end = peer_clock_ms() + 50; peer_clock_ms() < end; turns_done++)
        loop_turn(s.loop);
    assert_true(turns_done < 50);
    close(fd);
    close_site(&s);
}

static void nonsense_after_the_preface_is_hung_up_on(void **state)
{
    static const char *const nonsense[] = {
        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    struct site s;

    (void)state;
    open_site(&s, PLAN_ECHO);
    for (size_t i = 0; i < COUNT(nonsense); i++) {
        int  fd = peer_connect(AF_INET, h2_listener_port(s.listener));
        char got[1000];

        peer_send_str(s.loop, fd, nonsense[i]);
        assert_true(peer_recv(s.loop, fd, got, sizeof got) < sizeof got);
        close(fd);
    }
    assert_int_equal(s.count, 0);
    close_site(&s);
}

/* The peer asks for more and more PING answers and reads none of them. */
static void a_flood_of_pings_ends_the_connection(void **state)
{
    enum { PINGS = 1000, PING_BYTES = 17 };
    static uint8_t pings[PINGS * PING_BYTES];
    struct site    s;
    struct client  c;
    int64_t        limit = peer_clock_ms() + PEER_LIMIT_MS;
    size_t         at = 0;
    ssize_t        n;

    (void)state;
    for (size_t i = 0; i < PINGS; i++)
        memcpy(pings + i * PING_BYTES, "\0\0\10\6", 4);
    open_site(&s, PLAN_ECHO);
    connect_with(&c, &s, 65535);
    turns(&c, 5);
    while ((n = send(c.fd, pings + at, sizeof pings - at, MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0 || errno == EAGAIN) {
        assert_true(peer_clock_ms() < limit);
        at = n > 0 ? (at + (size_t)n) % sizeof pings : at;
        loop_turn(s.loop);
    }
    disconnect(&c);
    close_site(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered_with_trailers),
        cmocka_unit_test(trailers_alone_end_the_stream),
        cmocka_unit_test(headers_leave_without_data),
        cmocka_unit_test(an_early_end_resets_without_error),
        cmocka_unit_test(a_reset_reaches_the_client),
        cmocka_unit_test(a_small_window_is_honoured),
        cmocka_unit_test(writable_comes_when_the_queue_drains),
        cmocka_unit_test(a_large_body_arrives),
        cmocka_unit_test(streams_of_one_connection_are_told_apart),
        cmocka_unit_test(a_client_that_leaves_closes_its_streams),
        cmocka_unit_test(a_client_may_reset_a_stream_that_sends),
        cmocka_unit_test(closing_says_goaway_and_waits_for_streams),
        cmocka_unit_test(http1_is_handed_over),
        cmocka_unit_test(an_undecided_client_costs_nothing),
        cmocka_unit_test(nonsense_after_the_preface_is_hung_up_on),
        cmocka_unit_test(a_flood_of_pings_ends_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
