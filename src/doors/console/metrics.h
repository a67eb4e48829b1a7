/*
 * metrics.h - numbers in Prometheus' text format 0.0.4: for each a line of help, a line of type, and
 * one of value for each of its labels.
 *
 * Thread: any.
 */
#ifndef DOORS_CONSOLE_METRICS_H
#define DOORS_CONSOLE_METRICS_H

#include "base/buf.h"
#include "engine/tally.h"

/* What the kernel says of this process; 0 where it does not. */
struct process_figures {
    uint64_t resident_bytes;
    double   cpu_seconds;
    uint64_t open_files;
};

void metrics_put_engine(struct buf *out, const struct tally *t);
void metrics_put_process(struct buf *out, const struct process_figures *p);
void metrics_put_node(struct buf *out, const char *version, bool is_ready, bool is_full);

#endif
