/*
 * produce.c - as many records as go: one thread and one client of librdkafka for each producer.
 *
 * Records go to the partitions in turns, as keyed ones would. The clock runs from the first record,
 * after every producer has connected, to the last acknowledgement. Latency is from rd_kafka_produce
 * to the acknowledgement and so mostly that of librdkafka's own queue.
 */
#include "driver.h"

#include <pthread.h>
#include <stdio.h>

enum {
    PRODUCERS_MAX = 64,
    SENDS_PER_POLL = 100,
    QUEUE_KBYTES = 65536, /* of all producers together */
};

struct producer {
    const struct options *o;
    rd_kafka_t           *rk;
    rd_kafka_topic_t     *topic;
    pthread_t             thread;
    int32_t               first; /* partition to begin with: not all with the same */
    const uint8_t        *record;
    double                until;
    struct quantile       latency;
    uint64_t              done, failed;
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct producer *p = opaque;

    (void)rk;
    if (m->err) {
        if (p->failed++ == 0)
            fprintf(stderr, "kafka_driver: %s\n", rd_kafka_err2str(m->err));
        return;
    }
    p->done++;
    if (p->done % SENDS_PER_POLL == 0) /* a sample will do, and costs the client less */
        quantile_add(&p->latency, (double)rd_kafka_message_latency(m) / 1e3);
}

static void connect_producer(struct producer *p, const struct options *o)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    p->o = o;
    driver_set_number(conf, "queue.buffering.max.kbytes", QUEUE_KBYTES / o->producers);
    driver_set_number(conf, "queue.buffering.max.messages", o->queue / o->producers);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, p);
    p->rk = driver_producer(o, conf, &p->topic);
    driver_send(p->rk, p->topic, p->first, p->record, 1,
                NULL); /* connects to the leader, gets the producer id */
    if (rd_kafka_flush(p->rk, DRIVER_ACKED_MS) != RD_KAFKA_RESP_ERR_NO_ERROR || p->done != 1)
        driver_die("the first record was not acknowledged");
    p->done = 0;
}

static void *run(void *ctx)
{
    struct producer *p = ctx;
    int32_t          partitions = (int32_t)p->o->partitions;
    int32_t          next = p->first;

    while (bench_seconds() < p->until) {
        for (int i = 0; i < SENDS_PER_POLL; i++) {
            driver_send(p->rk, p->topic, next, p->record, (size_t)p->o->bytes, NULL);
            next = next + 1 < partitions ? next + 1 : 0;
        }
        rd_kafka_poll(p->rk, 0);
    }
    rd_kafka_flush(p->rk, DRIVER_ACKED_MS);
    return NULL;
}

static void close_producer(struct producer *p)
{
    rd_kafka_topic_destroy(p->topic);
    rd_kafka_destroy(p->rk);
    free(p->latency.ms);
}

static void add_up(struct producer *sum, const struct producer *p)
{
    sum->done += p->done;
    sum->failed += p->failed;
    for (size_t i = 0; i < p->latency.count; i++)
        quantile_add(&sum->latency, (double)p->latency.ms[i]);
}

static void print(struct producer *sum, double seconds, double cpu_s)
{
    double bytes = (double)sum->done * sum->o->bytes;

    quantile_sort(&sum->latency);
    printf("{\"records\": %llu, \"failed\": %llu, \"bytes\": %.0f, \"seconds\": %.3f, "
           "\"records_per_s\": %.0f, "
           "\"mb_per_s\": %.2f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"client_cpu_s\": %.3f}\n",
           (unsigned long long)sum->done, (unsigned long long)sum->failed, bytes, seconds,
           (double)sum->done / seconds, bytes / 1e6 / seconds, quantile_get(&sum->latency, 0.5),
           quantile_get(&sum->latency, 0.99), cpu_s);
}

int produce(const struct options *o)
{
    static struct producer all[PRODUCERS_MAX];
    struct producer        sum = { .o = o };
    size_t                 count = (size_t)o->producers;
    uint8_t               *record = driver_record((size_t)o->bytes);
    double                 begin, cpu_s;

    if (count < 1 || count > PRODUCERS_MAX)
        driver_die("1 to %d producers", PRODUCERS_MAX);
    for (size_t i = 0; i < count; i++) {
        all[i].record = record;
        all[i].first = (int32_t)(o->partitions * (double)i / o->producers);
        connect_producer(&all[i], o);
    }
    begin = bench_seconds();
    cpu_s = driver_cpu_seconds();
    for (size_t i = 0; i < count; i++) {
        all[i].until = begin + o->seconds;
        if (pthread_create(&all[i].thread, NULL, run, &all[i]) != 0)
            driver_die("no thread");
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(all[i].thread, NULL);
        add_up(&sum, &all[i]);
    }
    print(&sum, bench_seconds() - begin, driver_cpu_seconds() - cpu_s);
    for (size_t i = 0; i < count; i++)
        close_producer(&all[i]);
    free(record);
    free(sum.latency.ms);
    return sum.failed ? 1 : 0;
}
