/*
 * kafka_conn.c - one client's connection.
 *
 * Requests are read ahead: each is handed to its handler as soon as its frame is complete, so that
 * many can share one commit of the journal. Answers wait in the list of requests until all earlier
 * ones have left.
 *
 *   frame: length i32 | api key i16, version i16, correlation id i32, client id, tags | body
 *
 *   KC1  Answers leave in the order of the requests, so a parked Fetch holds up what came after it
 *        (clients know that and use a connection of its own for the group coordinator).
 *   KC2  Nothing is buffered for a frame before its first twelve bytes name an API and version we
 *        take and a length up to REQUEST_BYTES_MAX. Anything else ends the connection when the
 *        answers before it have left, as in Kafka; only ApiVersions of an unknown version is
 *        answered.
 *   KC3  At most REQUESTS_MAX requests and about REQUESTS_BYTES_MAX bytes of them are under way,
 *        and nothing more is read while the client leaves CONN_HIGH_WATER of answers untaken.
 *   KC4  The object outlives its conn until the engine has closed its session and every request is
 *        back.
 *
 *   OPEN --bad frame, acks=0 error, door closes--> ENDING --all answered--> conn_close
 *        --closed()--> GONE --session closed, all requests back--> freed
 *
 * Thread: the loop's.
 */
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/authorize.h"
#include "doors/kafka/kafka_door.h"
#include "doors/kafka/request.h"
#include "doors/kafka/sasl.h"
#include "doors/kafka/throttle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LENGTH_BYTES = 4,
    REQUEST_BYTES_MAX = 100 * 1024 * 1024, /* Kafka's socket.request.max.bytes */
    REQUESTS_MAX = 1024,
    REQUESTS_BYTES_MAX = 64 * 1024 * 1024,
};

struct kafka_conn {
    struct conn        *conn; /* NULL: gone */
    struct kafka_door  *door;
    struct kafka_node  *node; /* of the door; the one that was reached */
    struct list         in_door;
    struct list         requests; /* kafka_request.in_conn, in the order they came */
    size_t              request_count;
    size_t              request_bytes;
    bool                is_paused;
    bool                is_unwelcome; /* ends when it is listened to again */
    struct timer        mute;         /* started while nothing is read (throttle.h TH2) */
    bool                is_ending; /* takes no more requests */
    bool                is_session_closed;
    struct conn_address local;
    char                client_host[sizeof(((struct conn_address *)0)->host) + 1];
    struct call         session; /* CALL_SESSION_CLOSE */
    struct sasl        *sasl;
};

struct mailbox *kafka_conn_home(const struct kafka_conn *c)
{
    return loop_mailbox(c->door->env.loop);
}

struct gate *kafka_conn_gate(const struct kafka_conn *c)
{
    return c->door->env.gate;
}

uint64_t kafka_conn_session(const struct kafka_conn *c)
{
    return c->session.session;
}

const struct door_env *kafka_conn_env(const struct kafka_conn *c)
{
    return &c->door->env;
}

struct kafka_door *kafka_conn_door(const struct kafka_conn *c)
{
    return c->door;
}

struct sasl *kafka_conn_sasl(const struct kafka_conn *c)
{
    return c->sasl;
}

const struct rights_asker *kafka_conn_asker(const struct kafka_conn *c)
{
    return sasl_asker(c->sasl);
}

bool kafka_conn_is_gone(const struct kafka_conn *c)
{
    return c->conn == NULL;
}

int64_t kafka_conn_wall_ms(const struct kafka_conn *c)
{
    return loop_wall_ms(c->door->env.loop);
}

const char *kafka_conn_client_host(const struct kafka_conn *c)
{
    return c->client_host;
}

const char *kafka_conn_host(const struct kafka_conn *c)
{
    const char *configured = c->door->env.advertised_host;

    return configured ? configured : c->local.host;
}

int32_t kafka_conn_node(const struct kafka_conn *c)
{
    return c->node->id;
}

unsigned kafka_conn_node_count(const struct kafka_conn *c)
{
    return c->door->node_count;
}

uint16_t kafka_conn_port(const struct kafka_conn *c, int32_t node)
{
    uint16_t configured = c->door->env.advertised_port;

    if (configured)
        return (uint16_t)(configured + node - 1);
    return node == c->node->id ? c->local.port : listener_port(c->door->nodes[node - 1].listener);
}

/* ---- answers ---- */

/* A slice without a block is in the request's arena, which will be gone when it leaves. */
static void send_slice(struct conn *conn, struct slice s)
{
    if (s.block)
        conn_send(conn, slice_hold(s));
    else
        conn_send_copy(conn, s.bytes);
}

static void send_answer(struct conn *conn, const struct wire_out *answer)
{
    struct bytes whole = buf_view(&answer->bytes);
    size_t       sent = 0;

    for (size_t i = 0; i < answer->cut_count; i++) {
        const struct wire_cut *cut = &answer->cuts[i];

        if (cut->at > sent)
            conn_send_copy(conn, bytes_of(whole.at + sent, cut->at - sent));
        sent = cut->at;
        send_slice(conn, cut->slice);
    }
    if (whole.len > sent)
        conn_send_copy(conn, bytes_of(whole.at + sent, whole.len - sent));
}

static void stop_reading(struct kafka_conn *c)
{
    c->is_ending = true;
    if (c->conn)
        conn_pause(c->conn);
}

/* The oldest request is answered: off it goes. */
static void finish_first(struct kafka_conn *c)
{
    struct kafka_request *r = CONTAINER(list_pop(&c->requests), struct kafka_request, in_conn);

    c->request_count--;
    c->request_bytes -= r->frame.bytes.len;
    if (r->hangs_up) {
        stop_reading(c);
        if (c->conn)
            conn_close(c->conn);
    } else if (c->conn) {
        send_answer(c->conn, &r->answer);
    }
    kafka_request_free(r);
}

static bool is_full(const struct kafka_conn *c)
{
    return c->request_count >= REQUESTS_MAX || c->request_bytes >= REQUESTS_BYTES_MAX ||
           conn_queued(c->conn) > CONN_HIGH_WATER;
}

/* KC3. */
static void update_flow(struct kafka_conn *c)
{
    bool wants_pause;

    if (!c->conn || c->is_ending)
        return;
    wants_pause = is_full(c) || sasl_is_busy(c->sasl) || timer_is_started(&c->mute);
    if (wants_pause && !c->is_paused)
        conn_pause(c->conn);
    if (!wants_pause && c->is_paused)
        conn_resume(c->conn);
    c->is_paused = wants_pause;
}

static void on_listen_again(struct timer *t, int64_t now_ms)
{
    struct kafka_conn *c = CONTAINER(t, struct kafka_conn, mute);

    (void)now_ms;
    if (c->is_unwelcome)
        kafka_conn_stop(c);
    else
        update_flow(c);
}

void kafka_conn_mute(struct kafka_conn *c, int64_t ms)
{
    int64_t due_ms = loop_now_ms(c->door->env.loop) + ms;

    if (!c->conn || (timer_is_started(&c->mute) && c->mute.due_ms >= due_ms))
        return;
    timer_start(loop_timers(c->door->env.loop), &c->mute, due_ms);
    update_flow(c);
}

/* KC4. */
static void free_when_done(struct kafka_conn *c)
{
    struct kafka_door *d = c->door;

    if (c->conn || !c->is_session_closed || !list_empty(&c->requests))
        return;
    list_remove(&c->in_door);
    call_fini(&c->session);
    sasl_free(c->sasl);
    free(c);
    kafka_door_conn_gone(d);
}

void kafka_conn_on_answer(struct kafka_conn *c)
{
    while (!list_empty(&c->requests) &&
           CONTAINER(c->requests.next, struct kafka_request, in_conn)->is_answered)
        finish_first(c);
    if (c->conn && c->is_ending && list_empty(&c->requests))
        conn_close(c->conn);
    update_flow(c);
    free_when_done(c);
}

/* ---- requests ---- */

/* When everything before this point is answered. */
void kafka_conn_stop(struct kafka_conn *c)
{
    stop_reading(c);
    if (c->conn && list_empty(&c->requests))
        conn_close(c->conn);
}

static void begin_request(struct kafka_conn *c, struct kafka_request *r)
{
    list_push(&c->requests, &r->in_conn);
    c->request_count++;
    c->request_bytes += r->frame.bytes.len;
    if (kafka_authorize(r))
        r->api->handle(r);
    update_flow(c);
}

/* KC2. NULL: not to be had, or not now. */
static const struct kafka_api *api_of_frame(const struct kafka_conn *c, const uint8_t *frame)
{
    struct kafka_head       head = kafka_head(frame);
    const struct kafka_api *api = kafka_api_find(head.api_key);

    if (!api || !sasl_allows(c->sasl, api->key))
        return NULL;
    return kafka_api_takes(api, head.api_version) || api->key == KAFKA_API_VERSIONS ? api : NULL;
}

/* The whole frame is there. */
static void take_request(struct kafka_conn *c, const struct kafka_api *api, struct slice frame)
{
    struct kafka_request *r;

    throttle_begin(c);
    if (!api)
        begin_request(c, kafka_request_of_token(c, frame));
    else if (kafka_request_read(&r, c, api, frame))
        begin_request(c, r);
    else
        kafka_conn_stop(c);
}

/* Takes one frame off the front of in; returns what it used, 0 when it is not complete or not
 * wanted. */
static size_t take_frame(struct kafka_conn *c, struct block *block, struct bytes in)
{
    bool                    is_token = sasl_wants_token(c->sasl);
    const struct kafka_api *api = NULL;
    uint32_t                len;

    if (in.len < LENGTH_BYTES)
        return 0;
    len = get_u32(in.at);
    if ((len < KAFKA_HEAD_BYTES && !is_token) ||
        len > sasl_request_bytes_max(c->sasl, REQUEST_BYTES_MAX)) {
        kafka_conn_stop(c);
        return 0;
    }
    if (!is_token) {
        if (in.len < LENGTH_BYTES + KAFKA_HEAD_BYTES)
            return 0;
        api = api_of_frame(c, in.at + LENGTH_BYTES);
        if (!api) {
            kafka_conn_stop(c);
            return 0;
        }
    }
    if (in.len - LENGTH_BYTES < len) {
        conn_want(c->conn, LENGTH_BYTES + len);
        return 0;
    }
    take_request(c, api, slice_of(block, in.at + LENGTH_BYTES, len));
    return LENGTH_BYTES + len;
}

static size_t on_received(void *self, struct slice in)
{
    struct kafka_conn *c = self;
    size_t             total = 0;
    size_t             used;

    do {
        used = take_frame(c, in.block, bytes_of(in.bytes.at + total, in.bytes.len - total));
        total += used;
    } while (used > 0 && !c->is_paused && !c->is_ending);
    return total;
}

/* ---- the life of a connection ---- */

static void on_session_closed(struct call *call)
{
    struct kafka_conn *c = call->ctx;

    c->is_session_closed = true;
    free_when_done(c);
}

/* From this address come more than its quota allows: after a while it ends. */
static void refuse_too_many(struct kafka_conn *c)
{
    int64_t wait_ms = throttle_connection(c);

    c->is_unwelcome = wait_ms > 0;
    if (c->is_unwelcome)
        kafka_conn_mute(c, wait_ms);
}

static void *on_opened(struct conn *conn, void *ctx)
{
    struct kafka_node  *node = ctx;
    struct kafka_door  *d = node->door;
    struct kafka_conn  *c;
    struct conn_address peer;

    if (d->is_closing)
        return NULL;
    c = mem_new(sizeof *c);
    c->conn = conn;
    c->door = d;
    c->node = node;
    list_init(&c->requests);
    list_push(&d->conns, &c->in_door);
    conn_local(conn, &c->local);
    conn_peer(conn, &peer);
    snprintf(c->client_host, sizeof c->client_host, "/%s", peer.host);
    call_init(&c->session, CALL_SESSION_CLOSE, kafka_conn_home(c), on_session_closed, c);
    c->session.session = gate_session(d->env.gate);
    c->sasl = sasl_new(c, conn_is_local(conn), conn_certificate(conn));
    c->mute.fire = on_listen_again;
    refuse_too_many(c);
    return c;
}

static void on_closed(void *self)
{
    struct kafka_conn *c = self;

    c->conn = NULL;
    timer_stop(loop_timers(c->door->env.loop), &c->mute);
    sasl_abandon(c->sasl);
    gate_submit(kafka_conn_gate(c), &c->session);
}

static void on_writable(void *self)
{
    update_flow(self);
}

void kafka_conns_close(struct kafka_door *d)
{
    for (struct list *n = d->conns.next; n != &d->conns; n = n->next) {
        struct kafka_conn *c = CONTAINER(n, struct kafka_conn, in_door);

        c->is_ending = true;
        if (c->conn)
            conn_close(c->conn);
    }
}

const struct conn_ops kafka_conn_ops = {
    .opened = on_opened,
    .received = on_received,
    .writable = on_writable,
    .closed = on_closed,
};
