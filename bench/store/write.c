/*
 * write.c - what appending costs: bandwidth of one log, many logs next to one, latency of one
 * writer.
 *
 * The disk's speed changes from second to second, so limit and figure are measured in turns, and
 * what is compared are the medians of the turns.
 */
#include "appender.h"
#include "bench.h"
#include "disk_calls.h"
#include "raw.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- one log ---- */

enum { RECORD_BYTES = 1024, BATCH_RECORDS = 63, STREAM_WINDOW = 512 };

enum { MIB = 1 << 20, RAW_TIMES = 5 };

static const struct raw_write raw_ways[] = {
    { "raw_1_mib", MIB, MIB, false, false },
    { "raw_8_mib_in_steps", 8 * MIB, MIB, false, false },
    { "raw_direct_8_mib", 8 * MIB, 8 * MIB, true, false },
    { "raw_2_mib_in_steps", 2 * MIB, MIB, false, false },
    { "raw_4_mib_in_steps", 4 * MIB, MIB, false, false },
    { "raw_4_mib", 4 * MIB, 4 * MIB, false, false },
    { "raw_8_mib", 8 * MIB, 8 * MIB, false, false },
    { "raw_direct_1_mib", MIB, MIB, true, false },
    { "raw_direct_4_mib", 4 * MIB, 4 * MIB, true, false },
    { "raw_rewritten_8_mib_in_steps", 8 * MIB, MIB, false, true },
    { "raw_rewritten_direct_8_mib", 8 * MIB, 8 * MIB, true, true },
};
enum { RAW_WAYS = sizeof raw_ways / sizeof raw_ways[0], RAW_WAYS_QUICK = 3 };

/* All ways in turns; the best through the page cache is the limit, the others are shown. */
static const struct raw_write *best_raw(struct bench *b)
{
    static struct series    rates[RAW_WAYS];
    const struct raw_write *best = NULL;
    double                  best_rate = 0;
    size_t                  ways = b->is_quick ? RAW_WAYS_QUICK : RAW_WAYS;
    struct raw_stream      *streams[RAW_WAYS];

    for (size_t i = 0; i < ways; i++)
        streams[i] = raw_stream_open(b->dir, &raw_ways[i]);
    for (int turn = 0; turn < RAW_TIMES; turn++)
        for (size_t i = 0; i < ways; i++)
            series_add(&rates[i], raw_stream_rate(streams[i], b->is_quick ? 0.1 : 0.2));
    for (size_t i = 0; i < ways; i++) {
        const struct raw_write *w = &raw_ways[i];
        char                    name[64];

        raw_stream_close(streams[i]);
        snprintf(name, sizeof name, "%s_mb_per_s", w->name);
        bench_figure(b, name, &rates[i]);
        if (!w->is_direct && !w->is_written && series_median(&rates[i]) > best_rate) {
            best = w;
            best_rate = series_median(&rates[i]);
        }
    }
    bench_say("  the limit: %s", best->name);
    return best;
}

struct turns {
    struct raw_stream *stream;
    struct appender   *load;
    struct series      raw, ours, part, amplified;
};

static double measure_ours(struct turns *t, double seconds)
{
    struct disk_calls before = disk_calls_get();
    double            bytes;

    seconds = appender_run(t->load, seconds, 0, NULL);
    bytes = (double)appender_batches(t->load) * (double)appender_batch_bytes(t->load);
    series_add(&t->amplified, (double)disk_calls_since(&before).written_bytes / bytes);
    return bytes / 1e6 / seconds;
}

/* What the disk has to do for others changes from one second to the next, so turns are short, each
 * compares two that are neighbours, and who is first changes. */
static void measure_turns(struct turns *t, int count, double seconds)
{
    for (int turn = 0; turn < count; turn++) {
        double raw = 0, ours;

        if (turn % 2 == 0)
            raw = raw_stream_rate(t->stream, seconds);
        ours = measure_ours(t, seconds);
        if (turn % 2 == 1)
            raw = raw_stream_rate(t->stream, seconds);
        series_add(&t->raw, raw);
        series_add(&t->ours, ours);
        series_add(&t->part, ours / raw);
    }
}

void part_one_log(struct bench *b)
{
    struct appender_options o = { BATCH_RECORDS, RECORD_BYTES, STREAM_WINDOW, 1, 1, NULL };
    struct turns            t = { .stream = raw_stream_open(b->dir, best_raw(b)) };
    struct rig              r;

    rig_open(&r, b->dir);
    t.load = appender_new(&r, &o);
    appender_make_topics(t.load);
    appender_run(t.load, 0.3, 0, NULL); /* the first, small journal file */
    measure_turns(&t, b->is_quick ? 10 : 20, b->is_quick ? 0.15 : 0.4);
    bench_figure(b, "raw_mb_per_s", &t.raw);
    bench_figure(b, "one_log_mb_per_s", &t.ours);
    bench_figure(b, "one_log_part_of_raw", &t.part);
    bench_figure(b, "written_bytes_per_byte", &t.amplified);
    bench_number(b, "commit_thread_cpu_s", bench_thread_seconds("commit", 0));
    bench_number(b, "engine_thread_cpu_s", bench_thread_seconds("worker", 0));
    bench_goal(b, "one log, part of raw synced bandwidth", series_median(&t.part), ">=", 0.85);
    rig_close(&r);
    appender_free(t.load);
    raw_stream_close(t.stream);
}

/* ---- many logs ---- */

enum { SMALL_WINDOW = 10000 };

struct rate {
    struct series records, syncs, records_per_sync;
};

static void measure_rate(struct appender *l, double seconds, struct rate *out)
{
    struct disk_calls before = disk_calls_get();
    struct disk_calls calls;

    seconds = appender_run(l, seconds, 0, NULL);
    calls = disk_calls_since(&before);
    series_add(&out->records, (double)appender_batches(l) / seconds);
    series_add(&out->syncs, (double)calls.syncs / seconds);
    series_add(&out->records_per_sync,
               (double)appender_batches(l) / (double)(calls.syncs ? calls.syncs : 1));
}

struct writer {
    struct rig       rig;
    struct appender *load;
    char             dir[PATH_BYTES];
};

static void writer_open(struct writer *w, const struct bench *b, uint32_t topics,
                        uint32_t partitions)
{
    struct appender_options o = { 1, RECORD_BYTES, SMALL_WINDOW, topics, partitions, NULL };

    snprintf(w->dir, sizeof w->dir, "%s/%u", b->dir, topics * partitions);
    bench_make_dir(w->dir);
    rig_open(&w->rig, w->dir);
    w->load = appender_new(&w->rig, &o);
    appender_make_topics(w->load);
    appender_run(w->load, 0.5, 0, NULL);
}

static void writer_close(struct writer *w)
{
    rig_close(&w->rig);
    appender_free(w->load);
}

/* The curve: rate and latency against the number of logs. */
static json_t *measure_curve(struct bench *b)
{
    static const uint32_t counts[] = { 1, 10, 100, 1000, 10000, 100000 };
    json_t               *curve = json_array();

    bench_say("  %10s %14s %10s %10s %14s", "logs", "records/s", "p50 ms", "p99 ms",
              "records/sync");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint32_t        topics = counts[i] > 1000 ? counts[i] / 1000 : 1;
        struct writer   w;
        struct quantile q = { 0 };
        struct rate     rate = { 0 };
        double          per_s, seconds;

        writer_open(&w, b, topics, counts[i] / topics);
        measure_rate(w.load, b->is_quick ? 0.4 : 1.5, &rate);
        seconds = appender_run(w.load, b->is_quick ? 0.3 : 1, 0, &q);
        per_s = (double)appender_batches(w.load) / seconds;
        quantile_sort(&q);
        bench_say("  %10u %14.0f %10.2f %10.2f %14.0f", counts[i], per_s, quantile_get(&q, 0.5),
                  quantile_get(&q, 0.99), series_median(&rate.records_per_sync));
        json_array_append_new(curve,
                              json_pack("{s:i,s:f,s:f,s:f,s:f}", "logs", (int)counts[i],
                                        "records_per_s", per_s, "p50_ms", quantile_get(&q, 0.5),
                                        "p99_ms", quantile_get(&q, 0.99), "records_per_sync",
                                        series_median(&rate.records_per_sync)));
        writer_close(&w);
        free(q.ms);
        bench_remove_dir(w.dir);
    }
    return curve;
}

void part_many_logs(struct bench *b)
{
    struct writer one, many;
    struct rate   a = { 0 }, z = { 0 };

    writer_open(&one, b, 1, 1);
    writer_open(&many, b, 10, 1000);
    for (int turn = 0; turn < (b->is_quick ? 3 : 9); turn++) {
        double seconds = b->is_quick ? 0.4 : 1;

        measure_rate(one.load, seconds, &a);
        measure_rate(many.load, seconds, &z);
    }
    writer_close(&one);
    writer_close(&many);
    bench_remove_dir(one.dir);
    bench_remove_dir(many.dir);
    bench_figure(b, "one_log_records_per_s", &a.records);
    bench_figure(b, "many_logs_records_per_s", &z.records);
    bench_figure(b, "one_log_syncs_per_s", &a.syncs);
    bench_figure(b, "many_logs_syncs_per_s", &z.syncs);
    bench_figure(b, "one_log_records_per_sync", &a.records_per_sync);
    bench_figure(b, "many_logs_records_per_sync", &z.records_per_sync);
    bench_goal(b, "10,000 logs, part of one log's record rate",
               series_median(&z.records) / series_median(&a.records), ">=", 0.5);
    bench_goal(b, "10,000 logs, records of one sync, part of one log's",
               series_median(&z.records_per_sync) / series_median(&a.records_per_sync), ">=", 0.8);
    bench_json(b, "logs_curve", measure_curve(b));
}

/* ---- one writer ---- */

struct lane {
    struct quantile raw, ours;
};

/* In short turns, so that a slow moment of the disk meets both. */
static void measure_lane(const struct bench *b, struct appender *l, size_t bytes, struct lane *out)
{
    struct raw_sync *raw = raw_sync_open(b->dir, bytes, true);

    for (int turn = 0; turn < (b->is_quick ? 12 : 100); turn++) {
        raw_sync_run(raw, 25, &out->raw);
        appender_run(l, 10, 25, &out->ours);
    }
    raw_sync_close(raw);
    quantile_sort(&out->raw);
    quantile_sort(&out->ours);
}

static void report_lane(struct bench *b, size_t bytes, const struct lane *lane)
{
    static const struct {
        const char *name;
        double      part;
    } rows[] = { { "p50", 0.5 }, { "p99", 0.99 } };

    for (size_t i = 0; i < 2; i++) {
        double raw = quantile_get(&lane->raw, rows[i].part);
        double ours = quantile_get(&lane->ours, rows[i].part);
        char   name[96];

        snprintf(name, sizeof name, "raw_%zu_b_%s_ms", bytes, rows[i].name);
        bench_number(b, name, raw);
        snprintf(name, sizeof name, "append_%zu_b_%s_ms", bytes, rows[i].name);
        bench_number(b, name, ours);
        snprintf(name, sizeof name, "latency of %zu B, %s, times a bare pwrite + fdatasync", bytes,
                 rows[i].name);
        bench_goal(b, name, ours / raw, "<=", 1.5);
    }
}

void part_latency(struct bench *b)
{
    static const size_t sizes[] = { 16, 1024, 64 << 10 };
    struct rig          r;

    rig_open(&r, b->dir);
    rig_make_topic(&r, "t-000", 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct appender_options o = { 1, sizes[i], 1, 1, 1, NULL };
        struct appender        *l = appender_new(&r, &o);
        struct lane             lane = { 0 };

        appender_run(l, 10, 20, NULL);
        measure_lane(b, l, sizes[i], &lane);
        report_lane(b, sizes[i], &lane);
        appender_free(l);
        free(lane.raw.ms);
        free(lane.ours.ms);
    }
    rig_close(&r);
}
