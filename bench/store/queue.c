/*
 * queue.c - what a message costs in a queue: published, leased, delivered, settled, each by calls
 * as the doors make them, 16 B, everything durable.
 *
 * Messages per second of one core: settled messages by the processor seconds of engine thread and
 * commit thread together, as if both had to share one. (The client's do not count; the rate by the
 * clock is shown, too.) The backlog grows from point to point of the curve with single messages.
 */
#include "bench.h"
#include "traffic.h"

#include <stdlib.h>

enum { RECORD_BYTES = 16, TURNS = 5, MIB = 1 << 20, BUDGET_BYTES = 512 * MIB };

struct point {
    uint64_t      backlog;
    struct series per_core, per_s, engine;
    struct memory memory;
    double        fill_s;
};

static void measure(struct traffic *t, struct point *p, double seconds)
{
    for (int i = 0; i < TURNS; i++) {
        double   begin = bench_now();
        double   engine = bench_thread_seconds("worker");
        double   commit = bench_thread_seconds("commit");
        uint64_t settled = traffic_run(t, seconds);

        engine = bench_thread_seconds("worker") - engine;
        commit = bench_thread_seconds("commit") - commit;
        series_add(&p->per_core, (double)settled / (engine + commit));
        series_add(&p->engine, (double)settled / engine);
        series_add(&p->per_s, (double)settled / (bench_now() - begin));
    }
    p->memory = bench_memory();
}

static json_t *point_json(const struct point *p)
{
    return json_pack("{s:I,s:f,s:f,s:f,s:f,s:I,s:I,s:f}", "backlog", (json_int_t)p->backlog,
                     "messages_per_core_s", series_median(&p->per_core), "min",
                     series_min(&p->per_core), "max", series_max(&p->per_core), "messages_per_s",
                     series_median(&p->per_s), "own_bytes", (json_int_t)p->memory.own,
                     "mapped_bytes", (json_int_t)p->memory.files, "fill_s", p->fill_s);
}

static void show(const struct point *p)
{
    bench_say("  %12llu %16.0f %10.0f..%-10.0f %14.0f %16.0f %10.0f %10.0f %8.1f",
              (unsigned long long)p->backlog, series_median(&p->per_core), series_min(&p->per_core),
              series_max(&p->per_core), series_median(&p->per_s), series_median(&p->engine),
              (double)p->memory.own / 1e6, (double)p->memory.files / 1e6, p->fill_s);
}

void part_queue(struct bench *b)
{
    uint64_t        last = b->is_quick ? 1000000 : 100000000;
    struct rig      r;
    struct traffic *t;
    struct point    first = { 0 }, p = { 0 };
    double          slowest = 0;
    uint64_t        there = 0;
    json_t         *curve = json_array();

    rig_open(&r, b->dir);
    rig_make_queue(&r, "q", 0);
    t = traffic_new(&r, "q", RECORD_BYTES);
    traffic_run(t, 0.3);
    bench_say("  %12s %16s %22s %14s %16s %10s %10s %8s", "backlog", "msgs/s of a core", "spread",
              "by the clock", "engine alone", "own MB", "mapped MB", "fill s");
    for (uint64_t backlog = 1000; backlog <= last; backlog *= 10) {
        p = (struct point){ .backlog = backlog, .fill_s = bench_now() };
        traffic_fill(t, backlog - there);
        p.fill_s = bench_now() - p.fill_s;
        there = backlog;
        measure(t, &p, b->is_quick ? 0.3 : 0.5);
        show(&p);
        json_array_append_new(curve, point_json(&p));
        if (backlog == 1000)
            first = p;
        if (slowest == 0 || series_median(&p.per_core) < slowest)
            slowest = series_median(&p.per_core);
    }
    bench_json(b, "backlog_curve", curve);
    bench_figure(b, "queue_messages_per_core_s", &first.per_core);
    bench_goal(b, "messages/s of one core, 1,000 waiting", series_median(&first.per_core),
               ">=", 2e6);
    bench_goal(b, "slowest of all backlogs, part of that with 1,000",
               slowest / series_median(&first.per_core), ">=", 0.8);
    bench_goal(b, "the largest backlog, MiB of own memory", (double)p.memory.own / MIB,
               "<=", BUDGET_BYTES / MIB);
    rig_close(&r);
    traffic_free(t);
}
