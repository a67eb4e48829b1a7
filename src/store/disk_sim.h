/*
 * disk_sim.h - a disk in memory that behaves as badly as real ones may, from a seed. It holds for
 * every file what is on the medium and the writes that were not synced, and for every name whether
 * its directory was synced.
 *
 *   - disk_sim_crash: the power fails. Of the writes not synced a random set of sectors survives
 *     (512 or 4096 bytes each), of the names not synced a random set. Open files and all that hangs
 *     on them answer ERR_DISK_FAILED from then on.
 *   - disk_sim_kill: the process ends, not the machine. What was not synced can be read, and a
 *     later crash may still take it. Open files answer ERR_DISK_FAILED.
 *   - disk_sim_cut_after: one or the other happens in the middle of the n-th operation from now on,
 *     and nothing works until disk_sim_crash or disk_sim_kill says which.
 *   - a sync that fails, a write that fails, a disk that is full, a bit that rots.
 *
 * It outlives the volumes that are opened on it one after the other: disk_close on it only counts,
 * disk_sim_free ends it. Thread: any; the faults are set by the test while nothing runs.
 */
#ifndef STORE_DISK_SIM_H
#define STORE_DISK_SIM_H

#include "store/disk.h"

/* A disk that disk_close frees, for volume_open("sim:"). */
struct disk *disk_sim_new(uint64_t seed);
/* The same, but it stays until disk_sim_free. */
struct disk *disk_sim_keep(uint64_t seed);
void disk_sim_free(struct disk *d);
/* Another one with the same files, all synced, to damage. */
struct disk *disk_sim_clone(const struct disk *d);

void disk_sim_crash(struct disk *d);
void disk_sim_kill(struct disk *d);
void disk_sim_cut_after(struct disk *d, uint64_t operations);
bool disk_sim_is_off(const struct disk *d);
/* From now on nothing works, until disk_sim_crash or disk_sim_kill. */
void disk_sim_cut(struct disk *d);
/* The n-th sync or write from now on fails (1: the next); what it covered may be there or not. */
void disk_sim_fail_sync(struct disk *d, uint64_t n);
void disk_sim_fail_write(struct disk *d, uint64_t n);
/* The n-th write from now on that is synced lands in another place of its file, and nobody hears of
 * it: the system still has in memory what it wrote, until a crash. */
void disk_sim_misdirect(struct disk *d, uint64_t n);
/* That has happened. */
bool disk_sim_has_lied(const struct disk *d);
/* It was the last write to a file, and the file's path holds the word. */
bool disk_sim_lie_is_last(const struct disk *d, const char *word);
/* The files that there are; false: no more. */
bool disk_sim_file(const struct disk *d, size_t index, char path[DISK_PATH_MAX], uint64_t *bytes);
/* Bytes that all files have together. */
uint64_t disk_sim_used(const struct disk *d);
/* Bytes that they may have. */
void disk_sim_set_space(struct disk *d, uint64_t bytes);
/* Changes a bit of a file, as the medium holds it and as it reads. False: no such byte. */
bool disk_sim_rot(struct disk *d, const char *path, uint64_t offset);
/* Called at the beginning of each write, on its thread: whoever stays there is frozen in it. */
typedef void disk_sim_fn(void *ctx, const char *path);
void disk_sim_on_write(struct disk *d, disk_sim_fn *fn, void *ctx);
/* From now on this byte cannot be read: disk_load and disk_read_at fail; one at a time. */
void disk_sim_spoil(struct disk *d, const char *path, uint64_t offset);
/* Puts a file there, synced: for tests that begin with bytes of their own. */
void disk_sim_put(struct disk *d, const char *path, struct bytes content);
/* Writes since the disk was made. */
uint64_t disk_sim_written(const struct disk *d);
/* How often somebody waited for it to read: disk_load and disk_read_at. */
uint64_t disk_sim_reads(const struct disk *d);

#endif
