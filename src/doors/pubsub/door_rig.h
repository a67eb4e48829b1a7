/*
 * door_rig.h - the whole door under test: real sockets and HTTP/2, the real engine on a simulated volume, one thread.
 *
 * The client is nghttp2's. A talk is one gRPC call; site_until turns both ends and the engine until a condition
 * holds. The engine's time moves only by rig_advance.
 */
#ifndef DOORS_PUBSUB_DOOR_RIG_H
#define DOORS_PUBSUB_DOOR_RIG_H

#include "doors/pubsub/door_int.h"
#include "doors/pubsub/grpc.h"
#include "doors/pubsub/pubsub.h"
#include "doors/pubsub/schema.h"
#include "engine/engine_rig.h"
#include "net/test_peer.h"

#include <nghttp2/nghttp2.h>

struct site {
    struct gate         gate; /* first */
    struct rig          rig;
    struct loop        *loop;
    struct mail         nudge; /* keeps a turn of the loop from waiting */
    struct door_server *door;
    int                 fd;
    nghttp2_session    *client;
    bool                is_reading; /* the client takes what comes */
    size_t              calls[CALL_KIND_COUNT]; /* that the engine was given */
};

struct talk {
    struct site *site;
    int32_t      id;
    size_t       header_blocks;
    char         http_status[4];
    char         status[4]; /* "" until it came */
    char         text[600];
    struct buf   body;
    struct buf   upload;
    size_t       uploaded;
    bool         is_open; /* more may be uploaded */
    bool         is_closed;
};

/* ---- the broker's side ---- */

static void site_submit(struct gate *g, struct call *c)
{
    struct site *s = (struct site *)g;

    s->calls[c->kind]++;
    engine_begin(s->rig.engine, s->rig.now_ms);
    engine_submit(s->rig.engine, c);
    engine_end(s->rig.engine);
}

static void site_on_nudge(struct mail *m)
{
    m->next = NULL;
}

/* ---- the client's side ---- */

static int site_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                          const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    struct talk *x = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    struct bytes     key = bytes_of(name, name_len);
    const char      *at = (const char *)value;

    (void)flags;
    (void)user;
    if (bytes_eq_str(key, ":status"))
        snprintf(x->http_status, sizeof x->http_status, "%.*s", (int)value_len, at);
    if (bytes_eq_str(key, "grpc-status"))
        snprintf(x->status, sizeof x->status, "%.*s", (int)value_len, at);
    if (bytes_eq_str(key, "grpc-message"))
        snprintf(x->text, sizeof x->text, "%.*s", (int)value_len, at);
    return 0;
}

static int site_on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *at, size_t len, void *user)
{
    struct talk *x = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    (void)user;
    buf_add(&x->body, at, len);
    return 0;
}

static int site_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct talk *x = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)user;
    if (frame->hd.type == NGHTTP2_HEADERS && x)
        x->header_blocks++;
    return 0;
}

static int site_on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct talk *x = nghttp2_session_get_stream_user_data(session, id);

    (void)code;
    (void)user;
    if (x)
        x->is_closed = true;
    return 0;
}

static ssize_t site_on_send(nghttp2_session *session, const uint8_t *at, size_t len, int flags, void *user)
{
    struct site *s = user;
    ssize_t      n = send(s->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    (void)session;
    (void)flags;
    return n >= 0 ? n : errno == EAGAIN ? NGHTTP2_ERR_WOULDBLOCK : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static void site_connect(struct site *s)
{
    struct pubsub_door        *d = CONTAINER(s->door, struct pubsub_door, server);
    nghttp2_session_callbacks *cb;

    s->fd = peer_connect(AF_INET, h2_listener_port(d->listener));
    nghttp2_session_callbacks_new(&cb);
    nghttp2_session_callbacks_set_on_header_callback(cb, site_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, site_on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, site_on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, site_on_close);
    nghttp2_session_callbacks_set_send_callback(cb, site_on_send);
    nghttp2_session_client_new(&s->client, cb, s);
    nghttp2_session_callbacks_del(cb);
    nghttp2_submit_settings(s->client, NGHTTP2_FLAG_NONE, NULL, 0);
    s->is_reading = true;
}

static void site_disconnect(struct site *s)
{
    nghttp2_session_del(s->client);
    close(s->fd);
}

static void site_open(struct site *s)
{
    struct door_env env = { .gate = &s->gate, .host = "localhost", .default_project = "default" };

    *s = (struct site){ .gate.submit = site_submit };
    rig_open(&s->rig);
    assert_int_equal(loop_new(&s->loop), ERR_OK);
    env.loop = s->loop;
    assert_int_equal(pubsub_door_open(&s->door, &env), ERR_OK);
    s->nudge.run = site_on_nudge;
    site_connect(s);
}

/* What there is goes both ways, a turn of the engine, a turn of the loop. */
static void site_step(struct site *s)
{
    uint8_t buf[65536];
    ssize_t n = 0;

    nghttp2_session_send(s->client);
    rig_turn(&s->rig);
    mail_post(loop_mailbox(s->loop), &s->nudge);
    loop_turn(s->loop);
    if (s->is_reading)
        n = recv(s->fd, buf, sizeof buf, MSG_DONTWAIT);
    if (n > 0)
        assert_int_equal(nghttp2_session_mem_recv(s->client, buf, (size_t)n), n);
}

static inline void site_until(struct site *s, const bool *flag)
{
    int64_t limit = peer_clock_ms() + PEER_LIMIT_MS;

    while (!*flag) {
        assert_true(peer_clock_ms() < limit);
        site_step(s);
    }
}

/* Until the engine has been given as many calls of this kind. */
static inline void site_until_calls(struct site *s, enum call_kind kind, size_t count)
{
    int64_t limit = peer_clock_ms() + PEER_LIMIT_MS;

    while (s->calls[kind] < count) {
        assert_true(peer_clock_ms() < limit);
        site_step(s);
    }
    rig_turn(&s->rig);
}

static inline void site_steps(struct site *s, int n)
{
    while (n-- > 0)
        site_step(s);
}

static inline void site_close_door(struct site *s)
{
    s->door->close(s->door);
    s->door = NULL;
}

static void site_close(struct site *s)
{
    site_disconnect(s);
    if (s->door)
        s->door->close(s->door);
    loop_stop(s->loop);
    loop_run(s->loop);
    rig_close(&s->rig);
    while (mail_run(loop_mailbox(s->loop)) > 0)
        ;
    loop_free(s->loop);
}

/* ---- talks ---- */

static ssize_t site_on_upload(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room, uint32_t *flags,
                              nghttp2_data_source *source, void *user)
{
    struct talk *x = source->ptr;
    size_t           left = x->upload.len - x->uploaded;
    size_t           n = left < room ? left : room;

    (void)session;
    (void)id;
    (void)user;
    if (n == 0 && x->is_open)
        return NGHTTP2_ERR_DEFERRED;
    if (n > 0)
        memcpy(buf, x->upload.at + x->uploaded, n);
    x->uploaded += n;
    if (n == left && !x->is_open)
        *flags = NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static nghttp2_nv site_nv(const char *name, const char *value)
{
    return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
                         .namelen = strlen(name),
                         .value = (uint8_t *)(uintptr_t)value,
                         .valuelen = strlen(value) };
}

/* What is in upload already is sent; header "name", "value" or NULL. */
static void talk_begin(struct talk *x, struct site *s, const char *path, const char *header, const char *value)
{
    nghttp2_nv nv[] = { site_nv(":method", "POST"), site_nv(":scheme", "http"),
                        site_nv(":authority", "h"), site_nv(":path", path),
                        site_nv("content-type", "application/grpc"),
                        site_nv(header ? header : "x", header ? value : "y") };
    nghttp2_data_provider provider = { .source.ptr = x, .read_callback = site_on_upload };

    x->site = s;
    x->id = nghttp2_submit_request(s->client, NULL, nv, COUNT(nv), &provider, x);
    assert_true(x->id > 0);
}

static void talk_add(struct talk *x, const ProtobufCMessage *m)
{
    uint8_t prefix[GRPC_PREFIX_BYTES];

    grpc_prefix(prefix, protobuf_c_message_get_packed_size(m));
    buf_add(&x->upload, prefix, sizeof prefix);
    ps_encode(&x->upload, m);
    if (x->id > 0)
        nghttp2_session_resume_data(x->site->client, x->id);
}

static inline void talk_half_close(struct talk *x)
{
    x->is_open = false;
    nghttp2_session_resume_data(x->site->client, x->id);
}

static inline void talk_cancel(struct talk *x)
{
    nghttp2_submit_rst_stream(x->site->client, NGHTTP2_FLAG_NONE, x->id, NGHTTP2_CANCEL);
}

static void talk_fini(struct talk *x)
{
    if (x->site && !x->is_closed)
        nghttp2_session_set_stream_user_data(x->site->client, x->id, NULL);
    buf_fini(&x->body);
    buf_fini(&x->upload);
}

/* The number of whole response messages so far. */
static inline size_t talk_count(const struct talk *x)
{
    struct rd r = rd_of(buf_view(&x->body));
    size_t    n = 0;

    while (rd_left(&r) > 0) {
        rd_u8(&r);
        rd_bytes(&r, rd_u32(&r));
        n += r.failed ? 0 : 1;
    }
    return n;
}

/* The response message of this number, in the arena. */
static void *talk_message(const struct talk *x, struct arena *a, size_t number,
                              const ProtobufCMessageDescriptor *type)
{
    struct rd         r = rd_of(buf_view(&x->body));
    ProtobufCMessage *m;
    struct bytes      bytes;

    do {
        rd_u8(&r);
        bytes = rd_bytes(&r, rd_u32(&r));
    } while (number-- > 0);
    assert_false(r.failed);
    assert_int_equal(ps_decode(a, type, bytes, &m), PS_DECODED);
    return m;
}

/* A whole unary call. */
static void talk_unary(struct talk *x, struct site *s, const char *path, const ProtobufCMessage *request)
{
    *x = (struct talk){ 0 };
    talk_add(x, request);
    talk_begin(x, s, path, NULL, NULL);
    site_until(s, &x->is_closed);
}

#endif
