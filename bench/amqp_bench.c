/*
 * amqp_bench.c - drives an AMQP 0-9-1 broker by librabbitmq: amqp_bench HOST PORT QUEUE SECONDS BYTES PAIRS WINDOW
 *
 * PAIRS publishers and as many consumers, each a thread with its own connection, on one durable queue. A publisher sends
 * persistent messages with at most WINDOW of them unconfirmed; a consumer acknowledges in groups (multiple). Publishing
 * stops after SECONDS; the run ends when every message is confirmed and every acknowledgement is sent and answered for.
 * Prints one JSON object; latency is from publish to confirm.
 */
#include "quantile.h"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { CHANNEL = 1, ACK_EVERY = 100, RING = 1 << 16, PAIRS_MAX = 64, IDLE_MS = 20 };

struct bench {
    const char    *host, *queue;
    int            port;
    double         seconds;
    size_t         bytes;
    uint64_t       window;
    atomic_ullong  published, consumed;
    atomic_int     publishers_left;
};

struct publisher {
    struct bench           *bench;
    amqp_connection_state_t connection;
    struct quantile         latency;
    uint64_t                sent, settled; /* every tag up to settled is confirmed */
    bool                    is_confirmed[RING];
    double                  sent_at[RING];
};

static void fail(const char *what)
{
    fprintf(stderr, "amqp_bench: %s\n", what);
    exit(1);
}

static void check(amqp_rpc_reply_t reply, const char *what)
{
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        fail(what);
}

static amqp_connection_state_t open_connection(const struct bench *b)
{
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t          *socket = amqp_tcp_socket_new(connection);

    if (!socket || amqp_socket_open(socket, b->host, b->port) != AMQP_STATUS_OK)
        fail("cannot connect");
    check(amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "login");
    amqp_channel_open(connection, CHANNEL);
    check(amqp_get_rpc_reply(connection), "channel");
    return connection;
}

static void close_connection(amqp_connection_state_t connection)
{
    check(amqp_channel_close(connection, CHANNEL, AMQP_REPLY_SUCCESS), "channel close");
    check(amqp_connection_close(connection, AMQP_REPLY_SUCCESS), "close");
    amqp_destroy_connection(connection);
}

static void confirm(struct publisher *p, uint64_t tag, bool multiple)
{
    double now = bench_seconds();

    for (uint64_t t = multiple ? p->settled + 1 : tag; t <= tag; t++)
        if (!p->is_confirmed[t % RING]) {
            p->is_confirmed[t % RING] = true;
            quantile_add(&p->latency, (now - p->sent_at[t % RING]) * 1e3);
        }
    while (p->settled < p->sent && p->is_confirmed[(p->settled + 1) % RING])
        p->settled++;
}

/* Reads confirms: what is there, or at least one when may_wait. */
static void read_confirms(struct publisher *p, bool may_wait)
{
    struct timeval timeout = { .tv_sec = may_wait ? 30 : 0 };
    amqp_frame_t   frame;
    int            status;

    amqp_maybe_release_buffers(p->connection);
    while ((status = amqp_simple_wait_frame_noblock(p->connection, &frame, &timeout)) == AMQP_STATUS_OK) {
        const amqp_basic_ack_t *ack = frame.payload.method.decoded;

        if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
            fail("something else than a confirm");
        confirm(p, ack->delivery_tag, ack->multiple);
        timeout.tv_sec = 0;
    }
    if (status != AMQP_STATUS_TIMEOUT || (may_wait && timeout.tv_sec != 0))
        fail("no confirm came");
}

static void publish_one(struct publisher *p, amqp_bytes_t body)
{
    static const amqp_basic_properties_t persistent = { ._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2 };

    p->sent++;
    p->is_confirmed[p->sent % RING] = false;
    p->sent_at[p->sent % RING] = bench_seconds();
    if (amqp_basic_publish(p->connection, CHANNEL, amqp_empty_bytes, amqp_cstring_bytes(p->bench->queue), false, false,
                           &persistent, body) != AMQP_STATUS_OK)
        fail("publish");
}

static void *run_publisher(void *arg)
{
    struct publisher *p = arg;
    struct bench     *b = p->bench;
    amqp_bytes_t      body = amqp_bytes_malloc(b->bytes);
    double            start = bench_seconds();

    memset(body.bytes, 'x', b->bytes);
    while (bench_seconds() - start < b->seconds) {
        for (uint64_t i = 0; i < b->window / 4 + 1 && p->sent - p->settled < b->window; i++)
            publish_one(p, body);
        read_confirms(p, p->sent - p->settled >= b->window);
    }
    while (p->settled < p->sent)
        read_confirms(p, true);
    atomic_fetch_add(&b->published, p->sent);
    atomic_fetch_sub(&b->publishers_left, 1);
    close_connection(p->connection);
    amqp_bytes_free(body);
    return NULL;
}

static bool is_all_consumed(struct bench *b)
{
    return atomic_load(&b->publishers_left) == 0 && atomic_load(&b->consumed) == atomic_load(&b->published);
}

static void ack_upto(amqp_connection_state_t connection, uint64_t tag)
{
    if (amqp_basic_ack(connection, CHANNEL, tag, true) != AMQP_STATUS_OK)
        fail("ack");
}

static void *run_consumer(void *arg)
{
    struct bench           *b = arg;
    amqp_connection_state_t connection = open_connection(b);
    uint64_t                last = 0, acked = 0;

    amqp_basic_qos(connection, CHANNEL, 0, 1000, false);
    amqp_basic_consume(connection, CHANNEL, amqp_cstring_bytes(b->queue), amqp_empty_bytes, false, false, false,
                       amqp_empty_table);
    check(amqp_get_rpc_reply(connection), "consume");
    while (!is_all_consumed(b)) {
        struct timeval   timeout = { .tv_usec = IDLE_MS * 1000 };
        amqp_envelope_t  envelope;
        amqp_rpc_reply_t reply;

        amqp_maybe_release_buffers(connection);
        reply = amqp_consume_message(connection, &envelope, &timeout, 0);
        if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
            last = envelope.delivery_tag;
            amqp_destroy_envelope(&envelope);
            atomic_fetch_add(&b->consumed, 1);
        } else if (reply.library_error != AMQP_STATUS_TIMEOUT) {
            fail("consume");
        }
        if (last - acked >= ACK_EVERY || (last > acked && reply.reply_type != AMQP_RESPONSE_NORMAL)) {
            ack_upto(connection, last);
            acked = last;
        }
    }
    if (last > acked)
        ack_upto(connection, last);
    close_connection(connection);
    return NULL;
}

/* A fresh queue; what a run before left is gone. */
static void prepare_queue(const struct bench *b)
{
    amqp_connection_state_t connection = open_connection(b);

    amqp_queue_delete(connection, CHANNEL, amqp_cstring_bytes(b->queue), false, false);
    check(amqp_get_rpc_reply(connection), "queue delete");
    amqp_queue_declare(connection, CHANNEL, amqp_cstring_bytes(b->queue), false, true, false, false, amqp_empty_table);
    check(amqp_get_rpc_reply(connection), "queue declare");
    close_connection(connection);
}

static struct publisher *new_publisher(struct bench *b)
{
    struct publisher *p = calloc(1, sizeof *p);

    if (!p)
        abort();
    p->bench = b;
    p->connection = open_connection(b);
    amqp_confirm_select(p->connection, CHANNEL);
    check(amqp_get_rpc_reply(p->connection), "confirm.select");
    return p;
}

static void print_run(const struct bench *b, const struct quantile *latency, double seconds)
{
    double count = (double)atomic_load(&b->consumed);

    printf("{\"messages\": %.0f, \"seconds\": %.3f, \"messages_per_s\": %.0f, \"mb_per_s\": %.2f, \"bytes\": %.0f, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
           count, seconds, count / seconds, count * (double)b->bytes / 1e6 / seconds, count * (double)b->bytes,
           quantile_get(latency, 0.5), quantile_get(latency, 0.99));
}

static void run_pairs(struct bench *b, int pairs)
{
    struct publisher *publishers[PAIRS_MAX];
    pthread_t         threads[2 * PAIRS_MAX];
    struct quantile   latency = { 0 };
    double            start;

    atomic_store(&b->publishers_left, pairs);
    for (int i = 0; i < pairs; i++)
        publishers[i] = new_publisher(b);
    start = bench_seconds();
    for (int i = 0; i < pairs; i++) {
        pthread_create(&threads[2 * i], NULL, run_consumer, b);
        pthread_create(&threads[2 * i + 1], NULL, run_publisher, publishers[i]);
    }
    for (int i = 0; i < 2 * pairs; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < pairs; i++) {
        for (size_t k = 0; k < publishers[i]->latency.count; k++)
            quantile_add(&latency, (double)publishers[i]->latency.ms[k]);
        free(publishers[i]->latency.ms);
        free(publishers[i]);
    }
    quantile_sort(&latency);
    print_run(b, &latency, bench_seconds() - start);
    free(latency.ms);
}

int main(int argc, char **argv)
{
    struct bench b = { 0 };
    int          pairs;

    if (argc != 8) {
        fprintf(stderr, "usage: amqp_bench HOST PORT QUEUE SECONDS BYTES PAIRS WINDOW\n");
        return 2;
    }
    b.host = argv[1];
    b.port = (int)strtol(argv[2], NULL, 10);
    b.queue = argv[3];
    b.seconds = strtod(argv[4], NULL);
    b.bytes = strtoul(argv[5], NULL, 10);
    pairs = (int)strtol(argv[6], NULL, 10);
    b.window = strtoull(argv[7], NULL, 10);
    if (pairs < 1 || pairs > PAIRS_MAX || b.window < 1 || b.window >= RING / 2)
        fail("PAIRS 1 to 64, WINDOW 1 to 32767");
    prepare_queue(&b);
    run_pairs(&b, pairs);
    return 0;
}
