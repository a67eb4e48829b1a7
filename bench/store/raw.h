/*
 * raw.h - what the machine does with nothing in between: the limits the store is held to.
 *
 * Thread: the caller's; each function opens its own file in dir and removes it.
 */
#ifndef BENCH_STORE_RAW_H
#define BENCH_STORE_RAW_H

#include "../quantile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw_write {
    const char *name;
    size_t      block_bytes; /* written, then synced */
    size_t      step_bytes; /* of one write; the device is told to begin with each (not O_DIRECT) */
    bool        is_direct;  /* O_DIRECT: past the page cache */
    bool is_written; /* the file's blocks were written before, as a recycled journal file's */
};

/*
 * Sequential pwrite + fdatasync of blocks, in files whose space was allocated before. It goes on where
 * it ended, in the next file when one is full. Files are made, forgotten and removed while no time
 * counts, so that the system is not busy with one that went when something else is measured.
 */
struct raw_stream;
struct raw_stream *raw_stream_open(const char *dir, const struct raw_write *how);
double             raw_stream_rate(struct raw_stream *r, double seconds); /* MB/s */
void               raw_stream_close(struct raw_stream *r);

/* One file for pwrite + fdatasync of small blocks, one after the other; latencies in ms. */
struct raw_sync;
struct raw_sync *raw_sync_open(const char *dir, size_t block_bytes, bool is_written);
void             raw_sync_run(struct raw_sync *r, size_t times, struct quantile *out);
void             raw_sync_close(struct raw_sync *r);

/* The pages of a file, or of all files below a directory, leave the system's memory. */
void raw_forget(const char *path);
/* MB/s of reading all files below a directory, 1 MiB at a time; small files do not count. */
double raw_read_rate(const char *dir, bool is_direct);
/* How long the same takes. */
double raw_read_seconds(const char *dir, bool is_direct);
/* GB/s of copying from one large buffer to another. */
double raw_copy_rate(double seconds);

#endif
