/*
 * load.h - a writer: keeps a number of appends under way on a number of logs until told to stop.
 *
 * Each append is a call of its own with one batch, as a door would make it. Batches lie in blocks
 * that are used again when the store has dropped them, so that the writer costs the machine as
 * little as possible.
 *
 * Thread: the rig's client; blocks come back from any.
 */
#ifndef BENCH_STORE_LOAD_H
#define BENCH_STORE_LOAD_H

#include "../quantile.h"
#include "rig.h"

struct load_options {
    uint32_t    record_count; /* of a batch */
    size_t      record_bytes; /* of a value */
    uint32_t    window;       /* appends under way at most */
    uint32_t    topic_count;  /* "t-000" ... */
    uint32_t    partition_count;
    const char *queue; /* instead of topics: appends go to this queue */
};

struct load;

struct load *load_new(struct rig *r, const struct load_options *o);
/* Topics, made before the first run on a new data directory. */
void load_make_topics(struct load *l);
/* Appends for that long, or until that many batches are on disk (0: no such bound). Returns
 * seconds; all is answered. */
double load_run(struct load *l, double seconds, uint64_t batches, struct quantile *latency);
/* Of the last run. */
uint64_t load_batches(const struct load *l);
size_t   load_batch_bytes(const struct load *l);
void     load_free(struct load *l);

#endif
