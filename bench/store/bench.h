/*
 * bench.h - what the parts of the store's benchmark share: how a figure is kept, what a goal is,
 * and how parts run.
 *
 * A part measures one thing of issue "a store to trust" against a limit measured in the same part.
 * It runs in a process of its own (main.c), so its memory and its threads are its own, and a part
 * that dies only takes its goals with it. It prints what people read; figures and goals go to the
 * first process for store.json.
 *
 *     series   one figure measured several times; its median counts, its spread is printed
 *     goal     a figure that must reach a bound
 */
#ifndef BENCH_STORE_BENCH_H
#define BENCH_STORE_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SERIES_MAX = 64, PATH_BYTES = 4096 };

struct series {
    double at[SERIES_MAX];
    size_t count;
};

struct bench {
    const char *dir; /* of this part; empty when the part begins, removed after it */
    bool        is_quick;
    json_t     *figures;
    json_t     *goals;
};

void   series_add(struct series *s, double value);
double series_median(const struct series *s);
double series_min(const struct series *s);
double series_max(const struct series *s);

/* Both print a line. A figure's name is its key in store.json; its unit is part of the name
 * (x_mb_per_s). */
void bench_figure(struct bench *b, const char *name, const struct series *s);
void bench_number(struct bench *b, const char *name, double value);
/* Any JSON, silently: tables and curves. Takes over value. */
void bench_json(struct bench *b, const char *name, json_t *value);
/* ratio is figure / limit of a rate, limit / figure of a cost: at least `least` is met. */
void bench_goal(struct bench *b, const char *what, double value, const char *relation,
                double bound);
__attribute__((format(printf, 1, 2))) void bench_say(const char *format, ...);
/* Ends the part, which then has met none of its goals still to come. */
__attribute__((format(printf, 1, 2), noreturn)) void bench_die(const char *format, ...);

double bench_now(void); /* seconds of the monotonic clock */

/* fork() whose child ends with its parent. */
pid_t bench_fork(void);

/* Empty afterwards, whatever was there; and gone. */
void bench_make_dir(const char *dir);
void bench_remove_dir(const char *dir);

/* What this process holds, from /proc/self/status, in bytes: its own pages, and those of files it
 * has mapped. */
struct memory {
    uint64_t own, files;
};
struct memory bench_memory(void);
/* Of /proc/self/io: what the process read, or made the disk read when that is more (mappings). */
uint64_t bench_read_bytes(void);
/* Processor seconds of this process' nth oldest thread of that name, from 0; -1: there is none. */
double bench_thread_seconds(const char *name, size_t nth);

/* The parts, main.c's table. */
void part_one_log(struct bench *b);
void part_many_logs(struct bench *b);
void part_latency(struct bench *b);
void part_read(struct bench *b);
void part_recovery(struct bench *b);
void part_queue(struct bench *b);
void part_memory(struct bench *b);

#endif
