/*
 * recovery.c - how fast a start is: the journal replayed from a disk that is not in memory any
 * more.
 *
 * A process writes and ends without a word, as after kill -9. What counts is what is replayed: not
 * what a checkpoint stands for by then. The disk has more to read than that, as the last two files are
 * looked through to their ends for what was lost; so how long it takes to read the files, and do
 * nothing with them, is measured just before.
 * What is in segments is not read: to open a hundred gigabytes of them takes what it takes for one.
 */
#include "appender.h"
#include "bench.h"
#include "disk_calls.h"
#include "raw.h"
#include "traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The last two files of the journal are looked through, whatever lies in segments. */
enum { READ_MB_MAX = 256 };
enum { JOURNAL_BYTES = 112 << 20 }; /* below what makes the engine write a checkpoint */
#define STEP_SECONDS 0.1

static const struct content {
    const char             *name;
    struct appender_options load; /* of 0 records: queue traffic of 16 B */
} contents[] = {
    { "batches_of_64_kib", { 63, 1024, 3, 1, 1, NULL } }, /* so few at once stay in the journal */
    { "batches_of_1_kib", { 1, 1024, 10000, 10, 100, NULL } },
    { "queue_of_16_b", { 0, 16, 0, 0, 0, NULL } },
};

/* Until so much is in the journal; below what makes the engine write a checkpoint. */
static void fill(struct rig *r, const struct content *c, uint64_t bytes)
{
    struct traffic  *t = NULL;
    struct appender *l = NULL;

    if (c->load.record_count == 0) {
        rig_make_queue(r, "q", 0);
        t = traffic_new(r, "q", c->load.record_bytes);
    } else {
        l = appender_new(r, &c->load);
        appender_make_topics(l);
    }
    while (disk_calls_get().commit_written_bytes < bytes)
        if (l)
            appender_run(l, STEP_SECONDS, 0, NULL);
        else
            traffic_run(t, STEP_SECONDS);
}

static void write_journal(const char *dir, const struct content *c, uint64_t bytes)
{
    pid_t pid = bench_fork();
    int   status;

    if (pid == 0) {
        struct rig r;

        rig_open(&r, dir);
        fill(&r, c, bytes);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        bench_die("the writer of the journal failed");
}

struct replay {
    double bytes, seconds, cpu_seconds;
};

/* Of this process: of all its threads, the system's work for them included. */
static double cpu_seconds(void)
{
    struct rusage r;

    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* Opening with a journal to replay, and at once again with none. */
static struct replay replay(const char *dir)
{
    struct replay out;
    struct rig    r;
    double        cpu = cpu_seconds();

    rig_open(&r, dir);
    cpu = cpu_seconds() - cpu;
    rig_close(&r);
    out = (struct replay){ (double)r.replayed_bytes, r.open_seconds, cpu };
    rig_open(&r, dir);
    rig_close(&r);
    out.seconds -= r.open_seconds;
    return out;
}

struct figures {
    struct series replay, disk, part, cpu;
};

/* Each turn writes anew: an orderly end leaves nothing to replay. */
static void measure_turn(const struct content *c, const char *dir, struct figures *out)
{
    double        disk, rate, limit;
    struct replay r;

    bench_make_dir(dir);
    write_journal(dir, c, JOURNAL_BYTES);
    raw_forget(dir);
    disk = raw_read_seconds(dir, false);
    raw_forget(dir);
    r = replay(dir);
    disk = r.bytes / 1e6 / disk;
    rate = r.bytes / 1e6 / r.seconds;
    limit = disk * 0.85 < 1000 ? disk * 0.85 : 1000;
    series_add(&out->disk, disk);
    series_add(&out->replay, rate);
    series_add(&out->part, rate / limit);
    series_add(&out->cpu, r.cpu_seconds / (r.bytes / 1e9));
}

static void measure(struct bench *b, const struct content *c)
{
    struct figures f = { 0 };
    char           dir[PATH_BYTES], name[96];

    snprintf(dir, sizeof dir, "%s/%s", b->dir, c->name);
    for (int i = 0; i < (b->is_quick ? 3 : 7); i++)
        measure_turn(c, dir, &f);
    snprintf(name, sizeof name, "%s_only_read_mb_per_s", c->name);
    bench_figure(b, name, &f.disk);
    snprintf(name, sizeof name, "%s_replay_mb_per_s", c->name);
    bench_figure(b, name, &f.replay);
    snprintf(name, sizeof name, "%s_replay_cpu_s_per_gb", c->name);
    bench_figure(b, name, &f.cpu);
    snprintf(name, sizeof name, "replay of %s, part of 1 GB/s or of the disk", c->name);
    bench_goal(b, name, series_median(&f.part), ">=", 1);
    bench_remove_dir(dir);
}

/* ---- what must not be read ---- */

/* Batches of 1 MiB, which go straight to segments. */
static void write_segments(const char *dir, uint64_t bytes)
{
    struct appender_options o = { 1000, 1024, 32, 1, 1, NULL };
    pid_t                   pid = bench_fork();
    int                     status;

    if (pid == 0) {
        struct rig       r;
        struct appender *a;

        disk_calls_hollow_segments();
        rig_open_hollow(&r, dir);
        a = appender_new(&r, &o);
        appender_make_topics(a);
        appender_run(a, 600, bytes / appender_batch_bytes(a), NULL);
        rig_close(&r);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        bench_die("the writer of the segments failed");
}

static void measure_large(struct bench *b)
{
    uint64_t   gigabytes = b->is_quick ? 10 : 100;
    double     begin = bench_now();
    uint64_t   before;
    char       dir[PATH_BYTES], name[96];
    struct rig r;

    snprintf(dir, sizeof dir, "%s/large", b->dir);
    bench_make_dir(dir);
    write_segments(dir, gigabytes * 1000000000);
    bench_number(b, "large_written_in_s", bench_now() - begin);
    raw_forget(dir);
    before = bench_read_bytes();
    rig_open_hollow(&r, dir);
    bench_number(b, "large_open_s", r.open_seconds);
    snprintf(name, sizeof name, "opening %llu GB of segments, MB read",
             (unsigned long long)gigabytes);
    bench_goal(b, name, (double)(bench_read_bytes() - before) / 1e6, "<=", READ_MB_MAX);
    rig_close(&r);
    bench_remove_dir(dir);
}

void part_recovery(struct bench *b)
{
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++)
        measure(b, &contents[i]);
    measure_large(b);
}
