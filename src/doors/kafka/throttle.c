/* throttle.c - see throttle.h. */
#include "doors/kafka/throttle.h"
#include "doors/kafka/kafka_conn.h"
#include "doors/kafka/kafka_door.h"
#include "doors/kafka/refusal.h"
#include "engine/limits.h"
#include "engine/rights.h"

enum { PRODUCE = 0, FETCH = 1, REQUESTS_WAIT_MS_MAX = 1000, CONNECTION_WAIT_MS_MAX = 1000 };

static struct limits *limits_of(const struct kafka_conn *c)
{
    return kafka_conn_env(c)->limits;
}

static bool has(const struct kafka_conn *c, enum limit limit)
{
    return limits_of(c) && limits_has(limits_of(c), limit);
}

static int64_t now_ms(const struct kafka_conn *c)
{
    return loop_now_ms(kafka_conn_env(c)->loop);
}

static struct limits_asker asker_of(const struct kafka_request *r)
{
    static const char   type[] = "User:";
    struct bytes        principal = kafka_conn_asker(r->conn)->principal;
    struct limits_asker who = { .client_id = bytes_is_null(r->client_id) ? bytes_str("") : r->client_id };

    who.user = bytes_of(principal.at + sizeof type - 1, principal.len - (sizeof type - 1));
    return who;
}

static int64_t count(struct kafka_request *r, enum limit limit, double amount)
{
    struct limits_asker who = asker_of(r);

    return has(r->conn, limit) ? limits_count(limits_of(r->conn), &who, limit, amount, now_ms(r->conn)) : 0;
}

/* ---- this thread's time ---- */

void throttle_begin(struct kafka_conn *c)
{
    if (has(c, LIMIT_REQUESTS))
        kafka_conn_door(c)->busy_since_ns = loop_clock_ns();
}

void throttle_pause(struct kafka_request *r)
{
    struct kafka_door *d = kafka_conn_door(r->conn);
    uint64_t           ns;

    if (!has(r->conn, LIMIT_REQUESTS) || d->busy_since_ns == 0)
        return;
    ns = loop_clock_ns();
    r->work_ns += ns - d->busy_since_ns;
    d->busy_since_ns = ns;
}

static int64_t count_work(struct kafka_request *r)
{
    int64_t wait_ms;

    throttle_pause(r);
    wait_ms = count(r, LIMIT_REQUESTS, (double)r->work_ns / 1e7); /* per cent of a second */
    return wait_ms < REQUESTS_WAIT_MS_MAX ? wait_ms : REQUESTS_WAIT_MS_MAX;
}

/* ---- answers ---- */

static bool is_free(const struct kafka_api *api)
{
    return api->key == KAFKA_API_VERSIONS || api->key == KAFKA_SASL_HANDSHAKE || api->key == KAFKA_SASL_AUTHENTICATE;
}

int32_t throttle_answer(struct kafka_request *r, size_t record_bytes)
{
    int64_t wait_ms = r->mutations_wait_ms;
    int64_t work_ms;
    int64_t bytes_ms = 0;

    if (!limits_of(r->conn) || is_free(r->api))
        return 0;
    if (r->api->key == PRODUCE)
        bytes_ms = count(r, LIMIT_PRODUCE, (double)r->frame.bytes.len);
    else if (r->api->key == FETCH)
        bytes_ms = count(r, LIMIT_CONSUME, (double)record_bytes);
    work_ms = count_work(r);
    wait_ms = bytes_ms > wait_ms ? bytes_ms : wait_ms;
    wait_ms = work_ms > wait_ms ? work_ms : wait_ms;
    return wait_ms < INT32_MAX ? (int32_t)wait_ms : INT32_MAX;
}

const void *throttle_tell(struct kafka_request *r, const void *response, int32_t wait_ms)
{
    const struct wire_layout *layout = r->api->response;
    const struct wire_field  *f = wire_find(layout, "throttle_time_ms");
    uint8_t                  *told;

    if (!f)
        return response;
    told = arena_new(&r->arena, layout->size);
    memcpy(told, response, layout->size);
    memcpy(told + f->offset, &wait_ms, sizeof wait_ms);
    return told;
}

/* ---- mutations, connections ---- */

bool throttle_takes_mutations(struct kafka_request *r, uint32_t partitions, int16_t strict_since)
{
    struct limits_asker who = asker_of(r);
    int64_t             wait_ms;
    bool                is_allowed;

    if (!has(r->conn, LIMIT_MUTATIONS))
        return true;
    is_allowed = limits_take(limits_of(r->conn), &who, partitions, r->version.number >= strict_since,
                             now_ms(r->conn), &wait_ms);
    if (wait_ms > r->mutations_wait_ms)
        r->mutations_wait_ms = wait_ms;
    return is_allowed;
}

int64_t throttle_connection(struct kafka_conn *c)
{
    int64_t wait_ms = 0;

    if (has(c, LIMIT_CONNECTIONS))
        wait_ms = limits_connect(limits_of(c), bytes_str(kafka_conn_client_host(c) + 1), now_ms(c));
    return wait_ms < CONNECTION_WAIT_MS_MAX ? wait_ms : CONNECTION_WAIT_MS_MAX;
}
