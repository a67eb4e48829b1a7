/*
 * memory.c - what the large cases hold: each in a process of its own, filled through the engine's
 * calls, then measured.
 *
 * Counted is the process' own memory (RssAnon). Pages of mapped files (RssFile) are the system's to
 * take back and are shown beside it.
 */
#include "appender.h"
#include "bench.h"
#include "traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, TOPIC_PARTITIONS = 1000, DELAY_MS = 3600 * 1000 };

/* 100,000 logs with a record each. */
static void fill_logs(struct rig *r, uint64_t count)
{
    struct appender_options o = {
        1, 1024, 1000, (uint32_t)(count / TOPIC_PARTITIONS), TOPIC_PARTITIONS, NULL
    };
    struct appender *l = appender_new(r, &o);

    appender_make_topics(l);
    appender_run(l, 600, count, NULL);
}

static void on_defined(struct call *c)
{
    uint64_t *under_way = c->ctx;

    if (c->err)
        bench_die("define: %s", err_text(c->err));
    --*under_way;
    call_free(c);
}

static void declare(struct rig *r, uint64_t n, uint64_t *under_way)
{
    struct queue_declare_call *q =
        call_new(sizeof *q, CALL_QUEUE_DECLARE, &r->home, on_defined, under_way);
    char name[32];

    snprintf(name, sizeof name, "queue-%07llu", (unsigned long long)n);
    q->ns = bytes_of_str(NAMESPACE_DEFAULT);
    q->name = call_bytes(q, bytes_of_str(name));
    q->is_durable = true;
    q->door = DOOR_AMQP;
    rig_submit(r, &q->call);
}

static void bind_queue(struct rig *r, uint64_t n, uint64_t *under_way)
{
    struct bind_call *bind = call_new(sizeof *bind, CALL_BIND, &r->home, on_defined, under_way);
    char              name[32], key[48];

    snprintf(name, sizeof name, "queue-%07llu", (unsigned long long)(n / 2));
    snprintf(key, sizeof key, "orders.%llu.%s", (unsigned long long)n, n % 2 ? "*" : "new");
    bind->ns = bytes_of_str(NAMESPACE_DEFAULT);
    bind->source = bytes_of_str("amq.topic");
    bind->destination = call_bytes(bind, bytes_of_str(name));
    bind->key = call_bytes(bind, bytes_of_str(key));
    rig_submit(r, &bind->call);
}

static void define(struct rig *r, uint64_t count,
                   void (*one)(struct rig *r, uint64_t n, uint64_t *under_way))
{
    uint64_t under_way = 0;

    for (uint64_t n = 0; n < count || under_way > 0;) {
        for (; n < count && under_way < 1000; n++) {
            under_way++;
            one(r, n, &under_way);
        }
        rig_flush(r);
        rig_wait(r);
    }
}

/* A quarter topics, a quarter queues over them, a half bindings. */
static void fill_definitions(struct rig *r, uint64_t count)
{
    define(r, count / 4, declare);
    define(r, count / 2, bind_queue);
}

static void fill_delayed(struct rig *r, uint64_t count)
{
    rig_make_queue(r, "later", DELAY_MS);
    traffic_fill(traffic_new(r, "later", 16), count);
}

/* Budgets are for the whole process, what an idle one holds included. */
static const struct large {
    const char *name;
    uint64_t    count;
    uint64_t    budget_bytes;
    void (*fill)(struct rig *r, uint64_t count);
} larges[] = {
    { "logs", 100000, 512ull * MIB, fill_logs },
    { "definitions", 1000000, 1024ull * MIB, fill_definitions },
    { "delayed", 10000000, 512ull * MIB, fill_delayed },
};

struct found {
    struct memory memory, reopened;
    double        fill_s, open_s, close_s;
};

static struct found fill(const char *dir, const struct large *g, uint64_t count)
{
    struct found f = { .fill_s = bench_now() };
    struct rig   r;

    rig_open(&r, dir);
    g->fill(&r, count);
    f.fill_s = bench_now() - f.fill_s;
    f.memory = bench_memory();
    f.close_s = bench_now();
    rig_close(&r);
    f.close_s = bench_now() - f.close_s;
    return f;
}

static struct found reopen(const char *dir)
{
    struct found f = { .fill_s = 0 };
    struct rig   r;

    rig_open(&r, dir);
    f.open_s = r.open_seconds;
    f.memory = bench_memory();
    rig_close(&r);
    return f;
}

/* In a process of its own: memory that was once freed may stay with it. */
static struct found apart(const char *dir, const struct large *g, uint64_t count)
{
    struct found f = { .fill_s = 0 };
    int          ends[2], status;
    pid_t        pid;

    if (pipe(ends) != 0)
        bench_die("no pipe");
    pid = bench_fork();
    if (pid == 0) {
        f = g ? fill(dir, g, count) : reopen(dir);
        _exit(write(ends[1], &f, sizeof f) == (ssize_t)sizeof f ? 0 : 1);
    }
    close(ends[1]);
    if (read(ends[0], &f, sizeof f) != (ssize_t)sizeof f)
        bench_die("the process that was measured died");
    close(ends[0]);
    waitpid(pid, &status, 0);
    return f;
}

static void measure(struct bench *b, const struct large *g)
{
    uint64_t     count = b->is_quick ? g->count / 10 : g->count;
    uint64_t     budget = b->is_quick ? g->budget_bytes / 4 : g->budget_bytes;
    struct found full, again;
    char         dir[PATH_BYTES], text[96];

    snprintf(dir, sizeof dir, "%s/%s", b->dir, g->name);
    bench_make_dir(dir);
    full = apart(dir, g, count);
    again = apart(dir, NULL, 0);
    bench_remove_dir(dir);
    bench_say("  %llu %s: filled in %.1f s, %.1f B each; closed in %.2f s, opened again in %.2f s "
              "with %.1f MB "
              "(mapped files: %.1f MB)",
              (unsigned long long)count, g->name, full.fill_s,
              (double)full.memory.own / (double)count, full.close_s, again.open_s,
              (double)again.memory.own / 1e6, (double)full.memory.files / 1e6);
    bench_json(b, g->name,
               json_pack("{s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:f}", "count", (json_int_t)count,
                         "own_bytes", (json_int_t)full.memory.own, "mapped_bytes",
                         (json_int_t)full.memory.files, "reopened_own_bytes",
                         (json_int_t)again.memory.own, "budget_bytes", (json_int_t)budget, "fill_s",
                         full.fill_s, "close_s", full.close_s, "open_s", again.open_s));
    snprintf(text, sizeof text, "%llu %s, MiB of own memory", (unsigned long long)count, g->name);
    bench_goal(b, text, (double)full.memory.own / MIB, "<=", (double)budget / MIB);
}

void part_memory(struct bench *b)
{
    for (size_t i = 0; i < sizeof larges / sizeof larges[0]; i++)
        measure(b, &larges[i]);
}
