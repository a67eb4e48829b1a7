/* request.c - see request.h. */
#include "doors/kafka/request.h"
#include "doors/kafka/authorize.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/throttle.h"

#include <assert.h>
#include <stdlib.h>

struct request_call {
    struct request_call *next;
    struct call          call; /* larger, in fact: the first member of the call of its kind */
};

struct kafka_head kafka_head(const uint8_t *at)
{
    return (struct kafka_head){ (int16_t)get_u16(at), (int16_t)get_u16(at + 2),
                                (int32_t)get_u32(at + 4) };
}

/* The rest of the request header. In flexible versions too the client id has a 2-byte length;
 * only tags follow it. */
static void read_header(struct kafka_request *r, struct rd *in)
{
    int16_t len = (int16_t)rd_u16(in);

    if (len >= 0)
        r->client_id = rd_bytes(in, (size_t)len);
    else if (len != -1)
        rd_fail(in);
    if (r->version.is_flexible)
        wire_skip_tags(in);
}

static bool read_body(struct kafka_request *r, struct rd *in)
{
    r->body = arena_new(&r->arena, r->api->request->size ? r->api->request->size : 1);
    return wire_decode(r->api->request, r->version, in, &r->arena, r->body);
}

static struct kafka_request *request_new(struct kafka_conn *c, const struct kafka_api *api,
                                         struct slice frame)
{
    struct kafka_request *r = mem_new(sizeof *r);

    r->conn = c;
    r->api = api;
    r->frame = slice_hold(frame);
    arena_init(&r->arena);
    wire_out_init(&r->answer);
    list_init(&r->in_conn);
    return r;
}

struct kafka_request *kafka_request_of_token(struct kafka_conn *c, struct slice token)
{
    struct kafka_request             *r = request_new(c, kafka_api_find(KAFKA_SASL_AUTHENTICATE), token);
    struct sasl_authenticate_request *body = arena_new(&r->arena, sizeof *body);

    body->auth_bytes = token.bytes;
    r->body = body;
    return r;
}

bool kafka_request_read(struct kafka_request **out, struct kafka_conn *c,
                        const struct kafka_api *api, struct slice frame)
{
    struct kafka_request *r = request_new(c, api, frame);
    struct kafka_head     head = kafka_head(frame.bytes.at);
    struct rd             in = rd_of(frame.bytes);

    r->correlation_id = head.correlation_id;
    *out = r;
    if (!kafka_api_takes(api, head.api_version))
        return true; /* only ApiVersions comes so far: answered in version 0 */
    r->version = kafka_api_version(api, head.api_version);
    rd_bytes(&in, KAFKA_HEAD_BYTES);
    read_header(r, &in);
    if (read_body(r, &in))
        return true;
    kafka_request_free(r);
    return false;
}

void kafka_request_free(struct kafka_request *r)
{
    assert(r->calls_out == 0);
    if (r->on_free)
        r->on_free(r);
    for (struct request_call *k = r->calls; k; k = k->next)
        call_fini(&k->call);
    wire_out_fini(&r->answer);
    slice_drop(&r->frame);
    arena_fini(&r->arena);
    free(r);
}

static void on_done(struct call *c)
{
    struct kafka_request *r = c->ctx;

    if (--r->calls_out > 0)
        return;
    throttle_begin(r->conn);
    r->on_calls_done(r);
}

void *kafka_call(struct kafka_request *r, size_t size, enum call_kind kind)
{
    struct request_call *k = arena_new(&r->arena, offsetof(struct request_call, call) + size);

    call_init(&k->call, kind, kafka_conn_home(r->conn), on_done, r);
    k->call.session = kafka_conn_session(r->conn);
    k->next = r->calls;
    r->calls = k;
    return &k->call;
}

void kafka_submit(struct kafka_request *r, void *call)
{
    r->calls_out++;
    throttle_pause(r);
    gate_submit(kafka_conn_gate(r->conn), call);
}

/* ApiVersions answers with the oldest header in every version: its reader does not know yet what
 * we speak. */
static bool has_tags(const struct kafka_request *r)
{
    return r->version.is_flexible && r->api->key != KAFKA_API_VERSIONS;
}

static void encode(struct kafka_request *r, const void *response)
{
    struct wire_out *out = &r->answer;

    wire_out_fini(out);
    wire_out_init(out);
    buf_u32(&out->bytes, 0);
    buf_u32(&out->bytes, (uint32_t)r->correlation_id);
    if (has_tags(r))
        buf_u8(&out->bytes, 0);
    wire_encode(r->api->response, r->version, response, out);
}

static void finish(struct kafka_request *r)
{
    assert(!r->is_answered);
    r->is_answered = true;
    kafka_conn_on_answer(r->conn);
}

void kafka_answer(struct kafka_request *r, const void *response)
{
    struct wire_out *out = &r->answer;
    size_t           total;
    int32_t          wait_ms;

    assert(!r->is_answered);
    response = kafka_authorize_answer(r, response);
    encode(r, response);
    wait_ms = throttle_answer(r, out->cut_bytes);
    if (wait_ms > 0) {
        encode(r, throttle_tell(r, response, wait_ms));
        kafka_conn_mute(r->conn, wait_ms);
    }
    total = out->bytes.len + out->cut_bytes - sizeof(uint32_t);
    r->hangs_up = total > INT32_MAX; /* no frame can hold it */
    put_u32(out->bytes.at, (uint32_t)total);
    finish(r);
}

void kafka_answer_nothing(struct kafka_request *r)
{
    int32_t wait_ms = throttle_answer(r, 0);

    if (wait_ms > 0)
        kafka_conn_mute(r->conn, wait_ms);
    finish(r);
}

void kafka_hang_up(struct kafka_request *r)
{
    r->hangs_up = true;
    finish(r);
}
