/*
 * amqp_bench.c - drives an AMQP 0-9-1 broker by librabbitmq: amqp_bench HOST PORT QUEUE SECONDS
 * BYTES PAIRS WINDOW
 *
 * PAIRS publishers and as many consumers, each a thread with its own connection, on one durable
 * queue. A publisher sends persistent messages with at most WINDOW of them unconfirmed; a consumer
 * acknowledges in groups (multiple). Publishing stops after SECONDS; the run ends when every
 * message is confirmed and every acknowledgement is sent and answered for. Prints one JSON object;
 * latency is from publish to confirm.
 *
 * amqp_basic_publish makes three system calls a message, and client and broker share the cores: it
 * would measure the client. So the frames of a publish are laid out once and written in groups, as
 * clients with an output buffer do (amqplib, the Java and the Go client); the consumer counts
 * frames instead of building envelopes. All else is the library's, and every broker gets the same
 * bytes.
 */
#include "quantile.h"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CHANNEL = 1,
    ACK_EVERY = 100,
    PREFETCH = 1000,
    GROUP = 64, /* publishes in one write */
    IDLE_MS = 20,
    RING = 1 << 16,
    PAIRS_MAX = 64,
    BYTES_MAX = 100000, /* one body frame */
};

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

struct consumer {
    amqp_connection_state_t connection;
    uint64_t                tag, body_left; /* of the message that is coming in */
    uint64_t                done, acked;    /* tags */
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

static uint8_t *put(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return at + bytes;
}

static uint8_t *put_frame(uint8_t *at, uint8_t type, const void *payload, size_t len)
{
    at = put(put(put(at, type, 1), CHANNEL, 2), len, 4);
    memcpy(at, payload, len);
    return put(at + len, AMQP_FRAME_END, 1);
}

/* Method, header and body frame of one persistent message to the queue; returns their length. */
static size_t layout_message(const struct bench *b, uint8_t *out)
{
    uint8_t  payload[BYTES_MAX];
    size_t   key = strlen(b->queue);
    uint8_t *end = put(put(put(put(payload, AMQP_BASIC_PUBLISH_METHOD, 4), 0, 2), 0, 1), key, 1);
    uint8_t *at;

    memcpy(end, b->queue, key);
    end = put(end + key, 0, 1);
    at = put_frame(out, AMQP_FRAME_METHOD, payload, (size_t)(end - payload));
    end = put(put(put(put(payload, AMQP_BASIC_CLASS, 2), 0, 2), b->bytes, 8), AMQP_BASIC_DELIVERY_MODE_FLAG, 2);
    end = put(end, 2, 1);
    at = put_frame(at, AMQP_FRAME_HEADER, payload, (size_t)(end - payload));
    memset(payload, 'x', b->bytes);
    return (size_t)(put_frame(at, AMQP_FRAME_BODY, payload, b->bytes) - out);
}

static void write_all(amqp_connection_state_t connection, const uint8_t *at, size_t len)
{
    struct pollfd socket = { .fd = amqp_get_sockfd(connection), .events = POLLOUT };

    while (len > 0) {
        ssize_t n = write(socket.fd, at, len);

        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR) || poll(&socket, 1, 30000) == 0) {
            fail("publish");
        }
    }
}

/* As many as the window allows, at most GROUP. */
static void publish_some(struct publisher *p, const uint8_t *frames, size_t message_len)
{
    uint64_t room = p->bench->window - (p->sent - p->settled);
    uint64_t count = room < GROUP ? room : GROUP;
    double   now = bench_seconds();

    for (uint64_t i = 0; i < count; i++) {
        p->sent++;
        p->is_confirmed[p->sent % RING] = false;
        p->sent_at[p->sent % RING] = now;
    }
    write_all(p->connection, frames, count * message_len);
}

static void *run_publisher(void *arg)
{
    struct publisher *p = arg;
    struct bench     *b = p->bench;
    uint8_t          *frames = malloc((b->bytes + 512) * GROUP);
    size_t            message_len;
    double            start = bench_seconds();

    if (!frames)
        abort();
    message_len = layout_message(b, frames);
    for (size_t i = 1; i < GROUP; i++)
        memcpy(frames + i * message_len, frames, message_len);
    while (bench_seconds() - start < b->seconds) {
        publish_some(p, frames, message_len);
        read_confirms(p, p->sent - p->settled >= b->window);
    }
    while (p->settled < p->sent)
        read_confirms(p, true);
    atomic_fetch_add(&b->published, p->sent);
    atomic_fetch_sub(&b->publishers_left, 1);
    close_connection(p->connection);
    free(frames);
    return NULL;
}

static bool is_all_consumed(struct bench *b)
{
    return atomic_load(&b->publishers_left) == 0 && atomic_load(&b->consumed) == atomic_load(&b->published);
}

/* Takes one frame into account; true when it ends a message. */
static bool take_frame(struct consumer *k, const amqp_frame_t *frame)
{
    if (frame->frame_type == AMQP_FRAME_METHOD) {
        if (frame->payload.method.id != AMQP_BASIC_DELIVER_METHOD)
            fail("something else than a delivery");
        k->tag = ((const amqp_basic_deliver_t *)frame->payload.method.decoded)->delivery_tag;
        return false;
    }
    if (frame->frame_type == AMQP_FRAME_HEADER)
        k->body_left = frame->payload.properties.body_size;
    else
        k->body_left -= frame->payload.body_fragment.len;
    return k->body_left == 0;
}

static void ack_upto(struct consumer *k, uint64_t tag)
{
    if (tag > k->acked && amqp_basic_ack(k->connection, CHANNEL, tag, true) != AMQP_STATUS_OK)
        fail("ack");
    k->acked = tag;
}

/* One frame, or a pause: then what is not yet acknowledged is. */
static void consume_some(struct consumer *k, struct bench *b)
{
    struct timeval timeout = { .tv_usec = IDLE_MS * 1000 };
    amqp_frame_t   frame;
    int            status;

    amqp_maybe_release_buffers(k->connection);
    status = amqp_simple_wait_frame_noblock(k->connection, &frame, &timeout);
    if (status == AMQP_STATUS_TIMEOUT) {
        ack_upto(k, k->done);
    } else if (status != AMQP_STATUS_OK) {
        fail("consume");
    } else if (take_frame(k, &frame)) {
        k->done = k->tag;
        atomic_fetch_add(&b->consumed, 1);
        if (k->done - k->acked >= ACK_EVERY)
            ack_upto(k, k->done);
    }
}

static void *run_consumer(void *arg)
{
    struct bench   *b = arg;
    struct consumer k = { .connection = open_connection(b) };

    amqp_basic_qos(k.connection, CHANNEL, 0, PREFETCH, false);
    amqp_basic_consume(k.connection, CHANNEL, amqp_cstring_bytes(b->queue), amqp_empty_bytes, false, false, false,
                       amqp_empty_table);
    check(amqp_get_rpc_reply(k.connection), "consume");
    while (!is_all_consumed(b))
        consume_some(&k, b);
    ack_upto(&k, k.done);
    close_connection(k.connection);
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
    if (b.bytes < 1 || b.bytes > BYTES_MAX)
        fail("BYTES 1 to 100000");
    prepare_queue(&b);
    run_pairs(&b, pairs);
    return 0;
}
