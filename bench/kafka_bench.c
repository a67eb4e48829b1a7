/*
 * kafka_bench.c - drives a Kafka broker by librdkafka.
 *
 *   kafka_bench BROKER TOPIC produce SECONDS BYTES [RATE]   one idempotent producer, acks=all; RATE records/s paces it
 *   kafka_bench BROKER TOPIC fetch RECORDS                  one consumer from the beginning
 *
 * Produce without RATE batches as much as librdkafka likes (linger 5 ms); its latency is that of a full pipe. With RATE
 * nothing lingers, so latency is that of a single durable record. Prints one JSON object.
 */
#include "quantile.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct run {
    struct quantile latency;
    uint64_t        done, failed;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "kafka_bench: %s: %s\n", what, why);
    exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char error[256];

    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK)
        fail(name, error);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct run *run = opaque;

    (void)rk;
    if (m->err) {
        if (run->failed++ == 0)
            fprintf(stderr, "kafka_bench: %s\n", rd_kafka_err2str(m->err));
        return;
    }
    run->done++;
    quantile_add(&run->latency, (double)rd_kafka_message_latency(m) / 1e3);
}

static rd_kafka_t *new_client(rd_kafka_type_t type, const char *broker, rd_kafka_conf_t *conf)
{
    char        error[256];
    rd_kafka_t *rk;

    set(conf, "bootstrap.servers", broker);
    rk = rd_kafka_new(type, conf, error, sizeof error);
    if (!rk)
        fail("client", error);
    return rk;
}

static rd_kafka_t *new_producer(const char *broker, struct run *run, bool is_paced)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    set(conf, "enable.idempotence", "true");
    set(conf, "acks", "all");
    set(conf, "linger.ms", is_paced ? "0" : "5");
    set(conf, "queue.buffering.max.kbytes", "65536");
    set(conf, "batch.size", "1000000");
    set(conf, "batch.num.messages", "100000");
    set(conf, "delivery.timeout.ms", "60000");
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, run);
    return new_client(RD_KAFKA_PRODUCER, broker, conf);
}

static void send_one(rd_kafka_t *rk, rd_kafka_topic_t *topic, void *record, size_t bytes)
{
    while (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, record, bytes, NULL, 0, NULL) == -1) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(rk, 5);
    }
}

/* Noise, so that nothing on the way can compress it. */
static uint8_t *new_record(size_t bytes)
{
    uint8_t *record = malloc(bytes);
    uint32_t x = 2463534242u;

    if (!record)
        abort();
    for (size_t i = 0; i < bytes; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        record[i] = (uint8_t)x;
    }
    return record;
}

static void print_run(const struct run *run, double seconds, size_t bytes)
{
    double total = (double)run->done * (double)bytes;

    printf("{\"records\": %llu, \"failed\": %llu, \"seconds\": %.3f, \"records_per_s\": %.0f, \"mb_per_s\": %.2f, "
           "\"bytes\": %.0f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
           (unsigned long long)run->done, (unsigned long long)run->failed, seconds, (double)run->done / seconds,
           total / 1e6 / seconds, total, quantile_get(&run->latency, 0.5), quantile_get(&run->latency, 0.99));
}

static int produce(const char *broker, const char *name, double seconds, size_t bytes, double rate)
{
    struct run        run = { 0 };
    rd_kafka_t       *rk = new_producer(broker, &run, rate > 0);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    uint8_t          *record = new_record(bytes);
    uint64_t          sent = 1;
    double            start;

    send_one(rk, topic, record, bytes); /* connects, creates the topic, gets the producer id: not measured */
    rd_kafka_flush(rk, 30000);
    if (run.done != 1)
        fail("produce", "the first record was not acknowledged");
    memset(&run, 0, sizeof run);
    start = bench_seconds();
    while (bench_seconds() - start < seconds) {
        if (rate > 0 && (double)(sent - 1) / rate > bench_seconds() - start) {
            rd_kafka_poll(rk, 1);
            continue;
        }
        for (int i = 0; i < (rate > 0 ? 1 : 100); i++, sent++)
            send_one(rk, topic, record, bytes);
        rd_kafka_poll(rk, 0);
    }
    rd_kafka_flush(rk, 60000);
    quantile_sort(&run.latency);
    print_run(&run, bench_seconds() - start, bytes);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    free(record);
    free(run.latency.ms);
    return run.failed ? 1 : 0;
}

static rd_kafka_t *new_consumer(const char *broker)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    set(conf, "group.id", "kafka_bench");
    set(conf, "enable.auto.commit", "false");
    set(conf, "queued.min.messages", "100000");
    set(conf, "fetch.wait.max.ms", "100");
    return new_client(RD_KAFKA_CONSUMER, broker, conf);
}

static int fetch(const char *broker, const char *name, uint64_t records)
{
    struct run                       run = { 0 };
    rd_kafka_t                      *rk = new_consumer(broker);
    rd_kafka_topic_partition_list_t *from = rd_kafka_topic_partition_list_new(1);
    rd_kafka_queue_t                *queue;
    rd_kafka_message_t              *some[1000];
    size_t                           bytes = 0;
    double                           start = bench_seconds(), last = start;

    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_add(from, name, 0)->offset = 0;
    rd_kafka_assign(rk, from);
    queue = rd_kafka_queue_get_consumer(rk);
    while (run.done < records && bench_seconds() - last < 10) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 100, some, sizeof some / sizeof some[0]);

        for (ssize_t i = 0; i < n; i++) {
            if (!some[i]->err) {
                run.done++;
                bytes = some[i]->len;
                last = bench_seconds();
            }
            rd_kafka_message_destroy(some[i]);
        }
    }
    print_run(&run, bench_seconds() - start, bytes);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(from);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return run.done >= records ? 0 : 1; /* the topic holds one more: the first, not measured */
}

int main(int argc, char **argv)
{
    if (argc >= 6 && strcmp(argv[3], "produce") == 0)
        return produce(argv[1], argv[2], strtod(argv[4], NULL), strtoul(argv[5], NULL, 10),
                       argc > 6 ? strtod(argv[6], NULL) : 0);
    if (argc == 5 && strcmp(argv[3], "fetch") == 0)
        return fetch(argv[1], argv[2], strtoull(argv[4], NULL, 10));
    fprintf(stderr, "usage: kafka_bench BROKER TOPIC produce SECONDS BYTES [RATE] | fetch RECORDS\n");
    return 2;
}
