/* client.c - see driver.h: librdkafka's objects, set up the same for every command. */
#include "driver.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>

enum { METADATA_MS = 30000, LEADERS_MS = 120000, SEND_WAIT_MS = 5 };

void driver_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("kafka_driver: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

double driver_cpu_seconds(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

uint8_t *driver_record(size_t bytes)
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

void driver_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char error[256];

    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK)
        driver_die("%s: %s", name, error);
}

void driver_set_number(rd_kafka_conf_t *conf, const char *name, double value)
{
    char text[32];

    snprintf(text, sizeof text, "%.0f", value);
    driver_set(conf, name, text);
}

rd_kafka_t *driver_client(const struct options *o, rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char        error[256];
    rd_kafka_t *rk;

    driver_set(conf, "bootstrap.servers", o->broker);
    rk = rd_kafka_new(type, conf, error, sizeof error);
    if (!rk)
        driver_die("%s", error);
    return rk;
}

/* The partitions that have a leader. */
static double partitions_ready(rd_kafka_t *rk, rd_kafka_topic_t *topic)
{
    const struct rd_kafka_metadata *found;
    double                          ready = 0;

    if (rd_kafka_metadata(rk, 0, topic, &found, METADATA_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    for (int i = 0; found->topic_cnt == 1 && i < found->topics[0].partition_cnt; i++)
        ready += found->topics[0].partitions[i].leader >= 0;
    rd_kafka_metadata_destroy(found);
    return ready;
}

rd_kafka_t *driver_producer(const struct options *o, rd_kafka_conf_t *conf,
                            rd_kafka_topic_t **topic)
{
    rd_kafka_t           *rk;
    double                begin = bench_seconds();
    const struct timespec between_looks = { 0, 100000000 };

    driver_set(conf, "acks", "all");
    driver_set_number(conf, "linger.ms", o->linger);
    driver_set_number(conf, "delivery.timeout.ms", DRIVER_ACKED_MS);
    if (o->inflight > 0)
        driver_set_number(conf, "max.in.flight", o->inflight);
    else
        driver_set(conf, "enable.idempotence", "true");
    if (o->batch > 0)
        driver_set_number(conf, "batch.num.messages", o->batch);
    rk = driver_client(o, RD_KAFKA_PRODUCER, conf);
    *topic = rd_kafka_topic_new(rk, o->topic, NULL);
    while (partitions_ready(rk, *topic) < o->partitions) {
        if (bench_seconds() - begin > LEADERS_MS / 1e3)
            driver_die("topic %s has not %.0f partitions with a leader", o->topic, o->partitions);
        nanosleep(&between_looks, NULL);
    }
    return rk;
}

void driver_send(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, const void *record,
                 size_t bytes, void *opaque)
{
    while (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)record, bytes,
                            NULL, 0, opaque) == -1) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            driver_die("produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(rk, SEND_WAIT_MS);
    }
}

/* ---- reader ---- */

void reader_open(struct reader *r, const struct options *o)
{
    rd_kafka_conf_t                 *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *from = rd_kafka_topic_partition_list_new((int)o->partitions);

    driver_set(conf, "group.id", "kafka_driver"); /* has to be set, is not joined */
    driver_set(conf, "enable.auto.commit", "false");
    driver_set(conf, "queued.min.messages", "100000");
    r->rk = driver_client(o, RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(r->rk);
    for (int32_t i = 0; i < (int32_t)o->partitions; i++)
        rd_kafka_topic_partition_list_add(from, o->topic, i)->offset = 0;
    rd_kafka_assign(r->rk, from);
    rd_kafka_topic_partition_list_destroy(from);
    r->queue = rd_kafka_queue_get_consumer(r->rk);
    r->count = 0;
}

/* Of itself rd_kafka_consume_batch_queue would wait until it has all it has room for. */
void reader_take(struct reader *r, int wait_ms)
{
    rd_kafka_message_t *first = rd_kafka_consume_queue(r->queue, wait_ms);
    ssize_t             n;

    r->count = 0;
    if (!first)
        return;
    r->messages[r->count++] = first;
    n = rd_kafka_consume_batch_queue(r->queue, 0, r->messages + 1, BATCH_MAX - 1);
    r->count += n > 0 ? (size_t)n : 0;
}

void reader_give_back(struct reader *r)
{
    for (size_t i = 0; i < r->count; i++)
        rd_kafka_message_destroy(r->messages[i]);
    r->count = 0;
}

void reader_close(struct reader *r)
{
    rd_kafka_queue_destroy(r->queue);
    rd_kafka_consumer_close(r->rk);
    rd_kafka_destroy(r->rk);
}
