/*
 * disk_calls.h - counts the syncs and writes of this process, and those of the commit thread. The
 * linker leads the store's calls here (--wrap), so the store itself knows nothing of it; SQLite's
 * own, in its library, are not seen.
 *
 * Thread: any.
 */
#ifndef BENCH_STORE_DISK_CALLS_H
#define BENCH_STORE_DISK_CALLS_H

#include <stdint.h>

struct disk_calls {
    uint64_t syncs, written_bytes; /* of all threads */
    uint64_t commit_syncs,
        commit_written_bytes; /* of the commit thread: the journal, and parts of appends */
};

/* Since the process began. */
struct disk_calls disk_calls_get(void);
struct disk_calls disk_calls_since(const struct disk_calls *before);

/* From now on segment files are hollow: they get their size and the beginning of each write, but no
 * space. So a hundred gigabytes of them fit any disk, for what must not read them. */
void disk_calls_hollow_segments(void);

#endif
