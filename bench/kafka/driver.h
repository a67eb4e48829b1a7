/*
 * driver.h - kafka_driver, the part of the Kafka benchmark that is a client: librdkafka and nothing
 * else.
 *
 *   kafka_driver BROKER COMMAND topic=NAME [KEY=VALUE...]
 *
 * Every command prints one JSON object. What it costs the client itself is always in it
 * (client_cpu_s), so that a reader sees where the client and not the broker was what limited it.
 * One command = one file; this header holds what they share.
 */
#ifndef BENCH_KAFKA_DRIVER_H
#define BENCH_KAFKA_DRIVER_H

#include "../quantile.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BATCH_MAX = 1000,         /* messages taken from librdkafka at once */
    DRIVER_ACKED_MS = 150000, /* all that was sent is acknowledged by then */
};

struct options {
    const char *broker;
    const char *topic;
    double      partitions;
    double      seconds;
    double      bytes;   /* of a record */
    double      records; /* to read */
    double      rate;    /* records a second */
    double      producers;
    double      linger;   /* ms */
    double      batch;    /* records of a batch at most; 0: librdkafka's default */
    double      inflight; /* requests under way; 0: an idempotent producer, which has 5 */
    double      queue;    /* records that wait in the client at most, all producers together */
    double backlog; /* paced: read this many from the beginning; 0: read what is produced, as it
                       comes */
};

void   driver_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
double driver_cpu_seconds(void); /* of this process so far */

/* Noise, so that nothing on the way can compress it. */
uint8_t *driver_record(size_t bytes);

void        driver_set(rd_kafka_conf_t *conf, const char *name, const char *value);
void        driver_set_number(rd_kafka_conf_t *conf, const char *name, double value);
rd_kafka_t *driver_client(const struct options *o, rd_kafka_type_t type, rd_kafka_conf_t *conf);

/* A producer that has the topic's metadata and its producer id; on_delivery is called by
 * rd_kafka_poll. */
rd_kafka_t *driver_producer(const struct options *o, rd_kafka_conf_t *conf,
                            rd_kafka_topic_t **topic);

/* Waits for room in the client's queue, serving what is delivered meanwhile. */
void driver_send(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, const void *record,
                 size_t bytes, void *opaque);

/* A consumer of all partitions from the beginning. */
struct reader {
    rd_kafka_t         *rk;
    rd_kafka_queue_t   *queue;
    rd_kafka_message_t *messages[BATCH_MAX];
    size_t              count; /* of them, after reader_take */
};

void reader_open(struct reader *r, const struct options *o);
void reader_take(struct reader *r, int wait_ms);
void reader_give_back(struct reader *r); /* the messages of the last reader_take */
void reader_close(struct reader *r);

/* The commands. Each returns the exit status. */
int create(const struct options *o);
int touch(const struct options *o);
int drop(const struct options *o);
int produce(const struct options *o);
int fetch(const struct options *o);
int paced(const struct options *o);

#endif
