/*
 * appender.h - a writer: keeps a number of appends under way on a number of logs until told to
 * stop.
 *
 * Each append is a call of its own with one batch, as a door would make it. Batches lie in blocks
 * that are used again when the store has dropped them, so that the writer costs the machine as
 * little as possible.
 *
 * Thread: the rig's client; blocks come back from any.
 */
#ifndef BENCH_STORE_APPENDER_H
#define BENCH_STORE_APPENDER_H

#include "../quantile.h"
#include "rig.h"

struct appender_options {
    uint32_t    record_count; /* of a batch */
    size_t      record_bytes; /* of a value */
    uint32_t    window;       /* appends under way at most */
    uint32_t    topic_count;  /* "t-000" ... */
    uint32_t    partition_count;
    const char *queue; /* instead of topics: appends go to this queue */
};

struct appender;

struct appender *appender_new(struct rig *r, const struct appender_options *o);
/* Topics, made before the first run on a new data directory. */
void appender_make_topics(struct appender *l);
/* Appends for that long, or until that many batches are on disk (0: no such bound). Returns
 * seconds; all is answered. */
double appender_run(struct appender *l, double seconds, uint64_t batches, struct quantile *latency);
/* Of the last run. */
uint64_t appender_batches(const struct appender *l);
size_t   appender_batch_bytes(const struct appender *l);
void     appender_free(struct appender *l);

#endif
