/*
 * topic.c - create, touch and drop a topic: what stands around each measurement.
 *
 * Kafka's controller makes at most 10,000 records of one call, so a topic of 10,000 partitions is
 * made in steps.
 */
#include "driver.h"

#include <stdio.h>

enum { STEP = 5000, ADMIN_MS = 60000 };

static rd_kafka_event_t *wait_for(rd_kafka_queue_t *queue, const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ADMIN_MS);

    if (!event)
        driver_die("%s: no answer", what);
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        driver_die("%s: %s", what, rd_kafka_event_error_string(event));
    return event;
}

static void check(const rd_kafka_topic_result_t **results, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_topic_result_error(results[i]) != RD_KAFKA_RESP_ERR_NO_ERROR)
            driver_die("%s: %s", what, rd_kafka_topic_result_error_string(results[i]));
}

static void create_topic(rd_kafka_t *rk, rd_kafka_queue_t *queue, const struct options *o,
                         int count)
{
    char                 error[256];
    rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(o->topic, count, 1, error, sizeof error);
    rd_kafka_event_t    *event;
    size_t               n;
    const rd_kafka_topic_result_t **results;

    if (!t)
        driver_die("create: %s", error);
    rd_kafka_CreateTopics(rk, &t, 1, NULL, queue);
    event = wait_for(queue, "create");
    results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    check(results, n, "create");
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(t);
}

static void grow_topic(rd_kafka_t *rk, rd_kafka_queue_t *queue, const struct options *o,
                       size_t count)
{
    char                      error[256];
    rd_kafka_NewPartitions_t *p = rd_kafka_NewPartitions_new(o->topic, count, error, sizeof error);
    rd_kafka_event_t         *event;
    size_t                    n;
    const rd_kafka_topic_result_t **results;

    if (!p)
        driver_die("grow: %s", error);
    rd_kafka_CreatePartitions(rk, &p, 1, NULL, queue);
    event = wait_for(queue, "grow");
    results =
        rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &n);
    check(results, n, "grow");
    rd_kafka_event_destroy(event);
    rd_kafka_NewPartitions_destroy(p);
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

int create(const struct options *o)
{
    rd_kafka_t       *rk = driver_client(o, RD_KAFKA_PRODUCER, rd_kafka_conf_new());
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    double            made = least(o->partitions, STEP);

    create_topic(rk, queue, o, (int)made);
    while (made < o->partitions) {
        made = least(o->partitions, made + STEP);
        grow_topic(rk, queue, o, (size_t)made);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    puts("{}");
    return 0;
}

int drop(const struct options *o)
{
    rd_kafka_t                     *rk = driver_client(o, RD_KAFKA_PRODUCER, rd_kafka_conf_new());
    rd_kafka_queue_t               *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopic_t         *t = rd_kafka_DeleteTopic_new(o->topic);
    rd_kafka_event_t               *event;
    size_t                          n;
    const rd_kafka_topic_result_t **results;

    rd_kafka_DeleteTopics(rk, &t, 1, NULL, queue);
    event = wait_for(queue, "drop");
    results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
    check(results, n, "drop");
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteTopic_destroy(t);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    puts("{}");
    return 0;
}

static void on_touched(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (m->err)
        driver_die("touch: partition %d: %s", m->partition, rd_kafka_err2str(m->err));
}

int touch(const struct options *o)
{
    rd_kafka_conf_t  *conf = rd_kafka_conf_new();
    rd_kafka_topic_t *topic;
    rd_kafka_t       *rk;
    double            begin = bench_seconds();

    rd_kafka_conf_set_dr_msg_cb(conf, on_touched);
    rk = driver_producer(o, conf, &topic);
    for (int32_t i = 0; i < (int32_t)o->partitions; i++)
        driver_send(rk, topic, i, "1", 1, NULL);
    if (rd_kafka_flush(rk, DRIVER_ACKED_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        driver_die("touch: not all records were acknowledged");
    printf("{\"seconds\": %.3f}\n", bench_seconds() - begin);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    return 0;
}
