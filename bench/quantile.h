/*
 * quantile.h - latencies of a benchmark run, kept as they are and sorted once at the end.
 *
 * Header only, because each benchmark is one program of one file.
 */
#ifndef BENCH_QUANTILE_H
#define BENCH_QUANTILE_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct quantile {
    float *ms;
    size_t count, room;
};

static inline void quantile_add(struct quantile *q, double ms)
{
    if (q->count == q->room) {
        q->room = q->room ? q->room * 2 : 65536;
        q->ms = realloc(q->ms, q->room * sizeof *q->ms);
        if (!q->ms)
            abort();
    }
    q->ms[q->count++] = (float)ms;
}

static inline int quantile_compare(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;

    return (x > y) - (x < y);
}

static inline void quantile_sort(struct quantile *q)
{
    if (q->count > 0)
        qsort(q->ms, q->count, sizeof *q->ms, quantile_compare);
}

/* Of sorted values; 0 when there is none. */
static inline double quantile_get(const struct quantile *q, double part)
{
    return q->count ? (double)q->ms[(size_t)((double)(q->count - 1) * part)] : 0;
}

static inline double bench_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
