/*
 * paced.c - a producer at a fixed rate and a consumer, in one process so that they share a clock.
 *
 * A record carries the time when it was due, not when it was sent: one that had to wait because an
 * earlier one was slow is late, and counts so. Without `backlog` the consumer reads what is
 * produced and measures how long each record takes from end to end; with it, it reads that many
 * older records from the beginning, as fast as it can, while the producer goes on: a consumer that
 * catches up. The topic is new, or holds the backlog alone.
 */
#include "driver.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 10, IDLE_S = 20, FLUSH_MS = 30000 };

struct pace {
    const struct options *o;
    rd_kafka_t           *rk;
    rd_kafka_topic_t     *topic;
    struct quantile       acknowledged;
    uint64_t              sent, failed;
    atomic_bool           is_over; /* stop producing */
    atomic_bool           is_done; /* all is acknowledged */
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct pace *p = opaque;
    double       due;

    (void)rk;
    memcpy(&due, m->payload, sizeof due);
    if (m->err)
        p->failed++;
    else if (due > 0)
        quantile_add(&p->acknowledged, (bench_seconds() - due) * 1e3);
}

static void sleep_until(double at)
{
    struct timespec t = { (time_t)at, (long)((at - (double)(time_t)at) * 1e9) };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

/* Acknowledgements are served by a thread of their own, as soon as they come. */
static void *serve(void *ctx)
{
    struct pace *p = ctx;

    while (!p->is_done)
        rd_kafka_poll(p->rk, WAIT_MS);
    return NULL;
}

static void *run(void *ctx)
{
    struct pace *p = ctx;
    uint8_t     *record = driver_record((size_t)p->o->bytes);
    double       begin = bench_seconds();
    int32_t      partitions = (int32_t)p->o->partitions;
    pthread_t    server;

    pthread_create(&server, NULL, serve, p);
    while (!p->is_over && (p->o->backlog > 0 || (double)p->sent < p->o->rate * p->o->seconds)) {
        double due = begin + (double)p->sent / p->o->rate;

        sleep_until(due);
        memcpy(record, &due, sizeof due);
        driver_send(p->rk, p->topic, (int32_t)(p->sent % (uint64_t)partitions), record,
                    (size_t)p->o->bytes, NULL);
        p->sent++;
    }
    for (int i = 0; rd_kafka_outq_len(p->rk) > 0 && i < FLUSH_MS;
         i++) /* a flush would call on_delivery here, too */
        sleep_until(bench_seconds() + 1e-3);
    p->is_done = true;
    pthread_join(server, NULL);
    free(record);
    return NULL;
}

/* A record due at 0 counts in nothing: it connects, and shows that the consumer reads. */
static void begin_producing(struct pace *p)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    uint8_t         *record = driver_record((size_t)p->o->bytes);

    memset(record, 0, sizeof(double));
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, p);
    p->rk = driver_producer(p->o, conf, &p->topic);
    for (int32_t i = 0; i < (int32_t)p->o->partitions; i++)
        driver_send(p->rk, p->topic, i, record, (size_t)p->o->bytes, NULL);
    if (rd_kafka_flush(p->rk, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        driver_die("the first record was not acknowledged");
    free(record);
}

struct received {
    struct quantile late;
    double          old, old_bytes, first_at, last_at; /* the backlog */
    uint64_t        warm, fresh;
};

static void take(const struct pace *p, struct reader *r, struct received *got)
{
    double now, due;

    reader_take(r, WAIT_MS);
    now = bench_seconds();
    for (size_t i = 0; i < r->count; i++) {
        if (r->messages[i]->err)
            continue;
        if (got->old < p->o->backlog) {
            got->first_at = got->old == 0 ? now : got->first_at;
            got->old++;
            got->old_bytes += (double)r->messages[i]->len;
            got->last_at = now;
            continue;
        }
        memcpy(&due, r->messages[i]->payload, sizeof due);
        if (p->o->backlog == 0 && due > 0) {
            quantile_add(&got->late, (now - due) * 1e3);
            got->fresh++;
        }
        got->warm += due == 0;
    }
    reader_give_back(r);
}

static void print_quantiles(const char *name, struct quantile *q)
{
    quantile_sort(q);
    printf("\"%s\": {\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, \"max_ms\": %.3f}, ",
           name, quantile_get(q, 0.5), quantile_get(q, 0.99), quantile_get(q, 0.999),
           quantile_get(q, 1));
}

static void print(struct pace *p, struct received *got, double cpu_s)
{
    double seconds = got->last_at - got->first_at;

    printf("{\"records\": %llu, \"failed\": %llu, \"bytes\": %.0f, ", (unsigned long long)p->sent,
           (unsigned long long)p->failed, (double)p->sent * p->o->bytes + got->old_bytes);
    print_quantiles("acknowledged", &p->acknowledged);
    if (p->o->backlog > 0)
        printf(
            "\"read_records\": %.0f, \"read_bytes\": %.0f, \"seconds\": %.3f, \"mb_per_s\": %.2f, ",
            got->old, got->old_bytes, seconds, got->old_bytes / 1e6 / seconds);
    else
        print_quantiles("received", &got->late);
    printf("\"client_cpu_s\": %.3f}\n", cpu_s);
}

static bool is_all_received(const struct pace *p, const struct received *got)
{
    if (p->o->backlog > 0)
        return got->old >= p->o->backlog;
    return p->is_done && got->fresh + p->failed >= p->sent;
}

int paced(const struct options *o)
{
    struct pace     p = { .o = o };
    struct received got = { 0 };
    struct reader   r;
    pthread_t       thread;
    double          give_up, cpu_s;

    begin_producing(&p);
    reader_open(&r, o);
    give_up = bench_seconds() + IDLE_S;
    while (o->backlog == 0 && (double)got.warm < o->partitions && bench_seconds() < give_up)
        take(&p, &r, &got);
    cpu_s = driver_cpu_seconds();
    give_up = bench_seconds() + o->seconds + IDLE_S;
    if (pthread_create(&thread, NULL, run, &p) != 0)
        driver_die("no thread");
    while (!is_all_received(&p, &got) && bench_seconds() < give_up)
        take(&p, &r, &got);
    p.is_over = true;
    pthread_join(thread, NULL);
    cpu_s = driver_cpu_seconds() - cpu_s;
    if (!is_all_received(&p, &got))
        driver_die("not all was received: %.0f of the backlog, %llu new", got.old,
                   (unsigned long long)got.fresh);
    print(&p, &got, cpu_s);
    reader_close(&r);
    rd_kafka_topic_destroy(p.topic);
    rd_kafka_destroy(p.rk);
    free(p.acknowledged.ms);
    free(got.late.ms);
    return p.failed ? 1 : 0;
}
