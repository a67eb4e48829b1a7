/* rig.c - see rig.h. */
#include "rig.h"
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MEMORY = 512 << 20 }; /* as the broker's default */

static void wake(void *ctx)
{
    struct rig *r = ctx;

    pthread_mutex_lock(&r->lock);
    r->is_woken = true;
    pthread_cond_signal(&r->cond);
    pthread_mutex_unlock(&r->lock);
}

static void on_failed(enum err err, const char *what)
{
    bench_die("the disk failed: %s: %s", what, err_text(err));
}

static void open_with(struct rig *r, const char *dir, const struct worker_limits *limits)
{
    char     uri[PATH_BYTES + 16];
    double   begin = bench_now();
    enum err err;

    *r = (struct rig){ 0 };
    snprintf(uri, sizeof uri, "file:%s/data", dir);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->cond, NULL);
    mailbox_init(&r->home, wake, r);
    clock_init(&r->clock);
    err = volume_open(&r->volume, uri);
    if (err == ERR_OK)
        err = worker_open(&r->worker, r->volume, 0, limits, &r->clock, &r->recovery, on_failed);
    if (err)
        bench_die("%s: %s", uri, err_text(err));
    r->open_seconds = bench_now() - begin;
    r->replayed_bytes = worker_replayed_bytes(r->worker);
    worker_start(r->worker);
}

void rig_open(struct rig *r, const char *dir)
{
    open_with(r, dir, &(struct worker_limits){ DISK_FREE_MIN, MEMORY, 0 });
}

void rig_open_hollow(struct rig *r, const char *dir)
{
    open_with(r, dir, &(struct worker_limits){ DISK_FREE_MIN, MEMORY, 1 });
}

void rig_close(struct rig *r)
{
    worker_stop(r->worker);
    worker_close(r->worker);
    while (mail_run(&r->home) > 0)
        ;
    volume_close(r->volume);
    mailbox_fini(&r->home);
    pthread_cond_destroy(&r->cond);
    pthread_mutex_destroy(&r->lock);
}

void rig_submit(struct rig *r, struct call *c)
{
    worker_address(r->worker, c);
    if (r->first)
        r->last->next = &c->mail;
    else
        r->first = &c->mail;
    r->last = &c->mail;
}

void rig_flush(struct rig *r)
{
    struct mail *first = r->first;

    r->first = NULL;
    if (first)
        worker_submit(r->worker, first, r->last);
}

void rig_wait(struct rig *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->is_woken)
        pthread_cond_wait(&r->cond, &r->lock);
    r->is_woken = false;
    pthread_mutex_unlock(&r->lock);
    mail_run(&r->home);
}

static void on_answered(struct call *c)
{
    struct rig *r = c->ctx;

    r->is_answered = true;
}

void rig_init(struct rig *r, void *call, size_t size, enum call_kind kind)
{
    memset(call, 0, size);
    call_init(call, kind, &r->home, on_answered, r);
}

enum err rig_call(struct rig *r, struct call *c)
{
    r->is_answered = false;
    rig_submit(r, c);
    rig_flush(r);
    while (!r->is_answered)
        rig_wait(r);
    return c->err;
}

void rig_make_topic(struct rig *r, const char *name, uint32_t partitions)
{
    struct topic_create_call t;
    enum err                 err;

    rig_init(r, &t, sizeof t, CALL_TOPIC_CREATE);
    t.ns = bytes_of_str(NAMESPACE_DEFAULT);
    t.name = bytes_of_str(name);
    t.partition_count = partitions; /* a policy of zeros: kept for ever */
    t.door = DOOR_KAFKA;
    err = rig_call(r, &t.call);
    if (err)
        bench_die("topic %s: %s", name, err_text(err));
    call_fini(&t.call);
}

void rig_make_queue(struct rig *r, const char *name, int64_t delay_ms)
{
    struct queue_declare_call q;
    enum err                  err;

    rig_init(r, &q, sizeof q, CALL_QUEUE_DECLARE);
    q.ns = bytes_of_str(NAMESPACE_DEFAULT);
    q.name = bytes_of_str(name);
    q.is_durable = true;
    q.policy.delay_ms = delay_ms;
    q.door = DOOR_AMQP;
    err = rig_call(r, &q.call);
    if (err)
        bench_die("queue %s: %s", name, err_text(err));
    call_fini(&q.call);
}

void rig_batch(struct buf *out, uint32_t count, size_t bytes)
{
    struct batch_writer w;
    uint8_t            *value = mem_new(bytes);
    const int64_t       now_ms = (int64_t)time(NULL) * 1000;

    memset(value, 'x', bytes);
    buf_init(out);
    batch_begin(&w, out);
    for (uint32_t i = 0; i < count; i++)
        batch_add(&w, now_ms, bytes_of(NULL, 0), bytes_of(value, bytes), NULL, 0);
    batch_end(&w);
    free(value);
}
