/*
 * read.c - reading a log as a door does: CALL_READ, the slices of the answer by writev to a socket,
 * the next call already under way meanwhile.
 *
 * Hot: what was just appended, again and again, by the processor seconds of engine and sender
 * together, next to the same writev from plain memory. Cold: all of it once after it left the
 * system's memory, by the clock, each time right after reading the same files with read(), and right
 * before reading all of it again from the system's memory: what counts is the part of the slower of
 * the two, and of many such parts the median, so that a moment in which the machine is busy with
 * something else spoils one of them.
 */
#include "appender.h"
#include "bench.h"
#include "raw.h"
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_BYTES = 1024, BATCH_RECORDS = 63, FETCH_BYTES = 4 << 20, IOVS_MAX = 4096, TURNS = 5, COLD_TURNS = 7 };

static const struct appender_options content = { BATCH_RECORDS, RECORD_BYTES, 256, 1, 1, NULL };

struct fetch {
    struct read_call read; /* first */
    struct read_item item;
    bool             is_answered;
};

struct scan {
    struct rig  *rig;
    struct sink *sink; /* NULL: slices are dropped as they come */
    struct fetch fetches[2];
    uint64_t     bytes;
};

static double cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_read(struct call *c)
{
    ((struct fetch *)c)->is_answered = true;
}

static void submit(struct scan *s, struct fetch *f, uint64_t offset)
{
    call_fini(&f->read.call);
    memset(f, 0, sizeof *f);
    call_init(&f->read.call, CALL_READ, &s->rig->home, on_read, s);
    f->read.ns = bytes_of_str(NAMESPACE_DEFAULT);
    f->read.bytes_max = FETCH_BYTES;
    f->read.item_count = 1;
    f->read.items = &f->item;
    f->item.name = bytes_of_str("t-000");
    f->item.offset = offset;
    f->item.bytes_max = FETCH_BYTES;
    rig_submit(s->rig, &f->read.call);
    rig_flush(s->rig);
}

static void send_and_drop(struct scan *s, struct fetch *f)
{
    static struct iovec iov[IOVS_MAX];
    size_t              count = f->item.batch_count;

    if (count > IOVS_MAX)
        bench_die("%zu batches in one answer", count);
    for (size_t i = 0; i < count; i++) {
        iov[i] = (struct iovec){ (void *)(uintptr_t)f->item.batches[i].bytes.bytes.at,
                                 f->item.batches[i].bytes.bytes.len };
        s->bytes += iov[i].iov_len;
    }
    if (s->sink)
        sink_send(s->sink, iov, count);
    for (size_t i = 0; i < count; i++)
        slice_drop(&f->item.batches[i].bytes);
}

/* The log from its first record to its last. */
static void scan(struct scan *s)
{
    struct fetch *now = &s->fetches[0];
    struct fetch *next = &s->fetches[1];

    submit(s, now, 0);
    for (;;) {
        struct fetch *swap = now;

        while (!now->is_answered)
            rig_wait(s->rig);
        if (now->item.err)
            bench_die("read: %s", err_text(now->item.err));
        if (now->item.batch_count == 0)
            break;
        submit(s, next, now->item.batches[now->item.batch_count - 1].base_offset + BATCH_RECORDS);
        send_and_drop(s, now);
        now = next;
        next = swap;
    }
}

static void scan_end(struct scan *s)
{
    call_fini(&s->fetches[0].read.call);
    call_fini(&s->fetches[1].read.call);
}

/* ---- hot ---- */

/* GB/s by the processor seconds of this thread and the engine's. */
static double hot_rate(struct rig *r, struct sink *sink, double seconds)
{
    struct scan s = { .rig = r, .sink = sink };
    double      begin = bench_now();
    double      cpu = cpu_seconds() + bench_thread_seconds("worker", 0);

    while (bench_now() - begin < seconds)
        scan(&s);
    scan_end(&s);
    return (double)s.bytes / 1e9 / (cpu_seconds() + bench_thread_seconds("worker", 0) - cpu);
}

/* The same bytes from plain memory: what the socket alone costs. */
static double socket_rate(struct sink *sink, const uint8_t *memory, size_t bytes, double seconds)
{
    static struct iovec iov[FETCH_BYTES >> 16];
    double              begin = bench_now();
    double              cpu = cpu_seconds();
    uint64_t            sent = 0;

    while (bench_now() - begin < seconds)
        for (size_t at = 0; at + FETCH_BYTES <= bytes; at += FETCH_BYTES) {
            for (size_t i = 0; i < FETCH_BYTES >> 16; i++)
                iov[i] = (struct iovec){ (void *)(uintptr_t)(memory + at + (i << 16)), 1 << 16 };
            sink_send(sink, iov, FETCH_BYTES >> 16);
            sent += FETCH_BYTES;
        }
    return (double)sent / 1e9 / (cpu_seconds() - cpu);
}

static void measure_hot(struct bench *b, struct sink *sink)
{
    const size_t     bytes = 128 << 20;
    double           seconds = b->is_quick ? 0.3 : 1;
    uint8_t         *memory = malloc(bytes);
    struct series    tail = { 0 }, bound = { 0 }, slices = { 0 };
    struct rig       r;
    struct appender *l;
    char             dir[PATH_BYTES];
    double           part;

    snprintf(dir, sizeof dir, "%s/hot", b->dir);
    bench_make_dir(dir);
    memset(memory, 'x', bytes);
    rig_open(&r, dir);
    l = appender_new(&r, &content);
    appender_make_topics(l);
    appender_run(l, 60, bytes / appender_batch_bytes(l), NULL);
    for (int i = 0; i < TURNS; i++) {
        series_add(&bound, socket_rate(sink, memory, bytes, seconds));
        series_add(&tail, hot_rate(&r, sink, seconds));
        series_add(&slices, hot_rate(&r, NULL, seconds / 10));
    }
    rig_close(&r);
    appender_free(l);
    free(memory);
    bench_remove_dir(dir);
    bench_number(b, "memory_copy_gb_per_s", raw_copy_rate(seconds));
    bench_figure(b, "socket_alone_gb_per_core_s", &bound);
    bench_figure(b, "tail_read_gb_per_core_s", &tail);
    bench_figure(b, "tail_read_engine_alone_gb_per_core_s", &slices);
    part = series_median(&tail) / series_median(&bound);
    if (series_median(&tail) >= 3)
        bench_goal(b, "tail read, GB/s of a core", series_median(&tail), ">=", 3);
    else
        bench_goal(b, "tail read below 3 GB/s of a core: part of what the socket alone takes", part,
                   ">=", 0.9);
}

/* ---- cold ---- */

/* In a process of its own, so that no mapping keeps the pages. */
static void write_content(const char *dir, uint64_t bytes)
{
    pid_t pid = bench_fork();
    int   status;

    if (pid == 0) {
        struct rig       r;
        struct appender *l;

        rig_open(&r, dir);
        l = appender_new(&r, &content);
        appender_make_topics(l);
        appender_run(l, 600, bytes / appender_batch_bytes(l), NULL);
        rig_close(&r);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        bench_die("the writer of the cold log failed");
}

static double seconds_of(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

/* Processor seconds for each GB. */
struct cost {
    struct series user, all;
};

/* MB/s by the clock, over the socket. */
static double cold_rate(struct sink *sink, const char *dir, struct cost *cost)
{
    struct rig    r;
    struct scan   s = { .rig = &r, .sink = sink };
    struct rusage before, after;
    double        begin, user, system;

    rig_open(&r, dir);
    begin = bench_now();
    getrusage(RUSAGE_SELF, &before);
    scan(&s);
    begin = bench_now() - begin;
    getrusage(RUSAGE_SELF, &after);
    user = seconds_of(&after.ru_utime) - seconds_of(&before.ru_utime);
    system = seconds_of(&after.ru_stime) - seconds_of(&before.ru_stime);
    series_add(&cost->user, user / ((double)s.bytes / 1e9));
    series_add(&cost->all, (user + system) / ((double)s.bytes / 1e9));
    scan_end(&s);
    rig_close(&r);
    return (double)s.bytes / 1e6 / begin;
}

static void measure_cold(struct bench *b, struct sink *sink)
{
    struct series plain = { 0 }, direct = { 0 }, cold = { 0 }, warm = { 0 }, part = { 0 };
    struct cost   cold_cost = { 0 }, warm_cost = { 0 };
    char          dir[PATH_BYTES];

    snprintf(dir, sizeof dir, "%s/cold", b->dir);
    bench_make_dir(dir);
    write_content(dir, b->is_quick ? 512 << 20 : 2u << 30);
    for (int i = 0; i < COLD_TURNS; i++) {
        double limit, rate, again;

        raw_forget(dir);
        limit = raw_read_rate(dir, false);
        raw_forget(dir);
        rate = cold_rate(sink, dir, &cold_cost);
        again = cold_rate(sink, dir, &warm_cost);
        series_add(&plain, limit);
        series_add(&cold, rate);
        series_add(&warm, again);
        series_add(&part, rate / (again < limit ? again : limit));
        raw_forget(dir);
        series_add(&direct, raw_read_rate(dir, true));
    }
    bench_remove_dir(dir);
    bench_figure(b, "raw_cold_read_mb_per_s", &plain);
    bench_figure(b, "raw_cold_read_direct_mb_per_s", &direct);
    bench_figure(b, "cold_read_mb_per_s", &cold);
    bench_figure(b, "page_cache_read_mb_per_s", &warm);
    bench_figure(b, "cold_read_user_cpu_s_per_gb", &cold_cost.user);
    bench_figure(b, "cold_read_cpu_s_per_gb", &cold_cost.all);
    bench_figure(b, "page_cache_read_cpu_s_per_gb", &warm_cost.all);
    bench_figure(b, "cold_read_part", &part);
    bench_goal(b, "cold scan, part of disk or page-cache speed", series_median(&part), ">=", 0.85);
}

void part_read(struct bench *b)
{
    struct sink sink;

    sink_open(&sink);
    measure_hot(b, &sink);
    sink_close(&sink);
    sink_open(&sink);
    measure_cold(b, &sink);
    sink_close(&sink);
}
