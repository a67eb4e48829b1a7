/*
 * queue.c - what a message costs in a queue: published, leased, delivered, settled, each by calls
 * as the doors make them, 16 B, everything durable.
 *
 * Messages per second of one core: settled messages by the processor seconds of engine thread and
 * commit thread together, as if both had to share one. (The client's do not count; the rate by the
 * clock is shown, too.) The backlog grows from point to point of the curve with single messages.
 *
 * Whether the cost is the same with any backlog is told by a second engine with a queue of its own, that
 * keeps the smallest: the two are measured in many short turns, and what counts is the median of the ratios,
 * so that neither a slow moment of the machine nor a slow drift looks like a cost of the backlog. A turn of
 * each comes first that does not count: what is left of filling the queue is done in it.
 */
#include "bench.h"
#include "traffic.h"

#include <stdio.h>
#include <stdlib.h>

enum { RECORD_BYTES = 16, TURNS = 27, QUICK_TURNS = 9, LEAST = 1000, MIB = 1 << 20, BUDGET_BYTES = 512 * MIB };

#define WARM_SECONDS 0.3
#define TURN_SECONDS 0.1

/* An engine with one queue: the nth of the process. */
struct side {
    struct rig      rig;
    struct traffic *traffic;
    size_t          nth;
};

struct point {
    uint64_t      backlog;
    struct series per_core, per_s, engine, part;
    struct memory memory;
    double        fill_s;
};

static void open_side(struct side *s, size_t nth, const char *dir, const char *name)
{
    char path[PATH_BYTES];

    s->nth = nth;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    bench_make_dir(path);
    rig_open(&s->rig, path);
    rig_make_queue(&s->rig, "q", 0);
    s->traffic = traffic_new(&s->rig, "q", RECORD_BYTES);
    traffic_run(s->traffic, 0.3);
}

static void close_side(struct side *s)
{
    rig_close(&s->rig);
    traffic_free(s->traffic);
}

/* Messages per second of a core. p may be NULL. */
static double run_side(struct side *s, double seconds, struct point *p)
{
    double   begin = bench_now();
    double   engine = bench_thread_seconds("worker", s->nth);
    double   commit = bench_thread_seconds("commit", s->nth);
    uint64_t settled = traffic_run(s->traffic, seconds);

    engine = bench_thread_seconds("worker", s->nth) - engine;
    commit = bench_thread_seconds("commit", s->nth) - commit;
    if (p) {
        series_add(&p->per_core, (double)settled / (engine + commit));
        series_add(&p->engine, (double)settled / engine);
        series_add(&p->per_s, (double)settled / (bench_now() - begin));
    }
    return (double)settled / (engine + commit);
}

static void measure(struct side *grown, struct side *least, struct point *p, int turns)
{
    run_side(grown, WARM_SECONDS, NULL);
    run_side(least, WARM_SECONDS, NULL);
    for (int i = 0; i < turns; i++) {
        double before = run_side(least, TURN_SECONDS, NULL);
        double here = run_side(grown, TURN_SECONDS, p);
        double after = run_side(least, TURN_SECONDS, NULL);

        series_add(&p->part, here / ((before + after) / 2));
    }
    p->memory = bench_memory();
}

static json_t *point_json(const struct point *p)
{
    return json_pack("{s:I,s:f,s:f,s:f,s:f,s:f,s:I,s:I,s:f}", "backlog", (json_int_t)p->backlog,
                     "part", series_median(&p->part),
                     "messages_per_core_s", series_median(&p->per_core), "min",
                     series_min(&p->per_core), "max", series_max(&p->per_core), "messages_per_s",
                     series_median(&p->per_s), "own_bytes", (json_int_t)p->memory.own,
                     "mapped_bytes", (json_int_t)p->memory.files, "fill_s", p->fill_s);
}

static void show(const struct point *p)
{
    bench_say("  %12llu %16.0f %10.0f..%-10.0f %8.3f %14.0f %16.0f %10.0f %10.0f %8.1f",
              (unsigned long long)p->backlog, series_median(&p->per_core), series_min(&p->per_core),
              series_max(&p->per_core), series_median(&p->part), series_median(&p->per_s),
              series_median(&p->engine),
              (double)p->memory.own / 1e6, (double)p->memory.files / 1e6, p->fill_s);
}

/* Grows the backlog and measures there. The slowest part so far is kept in *slowest. */
static void measure_at(struct bench *b, struct side sides[2], uint64_t backlog, struct point *p,
                       double *slowest)
{
    uint64_t there = backlog == LEAST ? 0 : backlog / 10;

    *p = (struct point){ .backlog = backlog, .fill_s = bench_now() };
    traffic_fill(sides[0].traffic, backlog - there);
    p->fill_s = bench_now() - p->fill_s;
    measure(&sides[0], &sides[1], p, b->is_quick ? QUICK_TURNS : TURNS);
    show(p);
    if (series_median(&p->part) < *slowest)
        *slowest = series_median(&p->part);
}

void part_queue(struct bench *b)
{
    uint64_t     last = b->is_quick ? 1000000 : 100000000;
    struct side  sides[2]; /* one that grows, and one that does not */
    struct point first = { 0 }, p = { 0 };
    double       slowest = 1;
    json_t      *curve = json_array();

    open_side(&sides[0], 0, b->dir, "grown");
    open_side(&sides[1], 1, b->dir, "least");
    traffic_fill(sides[1].traffic, LEAST);
    bench_say("  %12s %16s %22s %8s %14s %16s %10s %10s %8s", "backlog", "msgs/s of a core",
              "spread", "part", "by the clock", "engine alone", "own MB", "mapped MB", "fill s");
    for (uint64_t backlog = LEAST; backlog <= last; backlog *= 10) {
        measure_at(b, sides, backlog, &p, &slowest);
        json_array_append_new(curve, point_json(&p));
        if (backlog == LEAST)
            first = p;
    }
    bench_json(b, "backlog_curve", curve);
    bench_figure(b, "queue_messages_per_core_s", &first.per_core);
    bench_goal(b, "messages/s of one core, 1,000 waiting", series_median(&first.per_core),
               ">=", 2e6);
    bench_goal(b, "slowest of all backlogs, part of that with 1,000", slowest, ">=", 0.8);
    bench_goal(b, "the largest backlog, MiB of own memory", (double)p.memory.own / MIB,
               "<=", BUDGET_BYTES / MIB);
    close_side(&sides[0]);
    close_side(&sides[1]);
}
