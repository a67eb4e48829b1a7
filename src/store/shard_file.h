/*
 * shard_file.h - a shard on a disk: what its modules share. Only shard_*.c and volume_file.c
 * include it.
 *
 *   shard_file.c    claim, start, append, view, release         the owner's thread
 *   shard_replay.c  reads the journal, cuts its torn end        the owner's thread
 *   shard_commit.c  writes and syncs frames                     the commit thread
 *   shard_keep.c    makes the next file, trims, writes heads    the keeper thread
 *
 *   S1  Frames go to the last of `files` only. It is followed by `next`, which was allocated,
 *       synced and recorded before.
 *   S2  Only the keeper changes the head on disk while the threads run; before and after that, the
 *       owner.
 *   S3  `lock` guards all fields from `changed` on; no disk call is made under it. The current
 *       file's handle and offset belong to the commit thread, those of `next` to the keeper until
 *       it is taken.
 *   S4  `failed` is terminal: set once.
 *
 *     CLAIMED --shard_replay--> REPLAYED --shard_start--> STARTED --shard_release--> gone
 */
#ifndef STORE_SHARD_FILE_H
#define STORE_SHARD_FILE_H

#include "base/list.h"
#include "store/disk.h"
#include "store/head.h"
#include "store/volume_int.h"

#include <pthread.h>
#include <stdatomic.h>

/* One journal file. */
struct jfile {
    uint64_t          epoch;
    uint64_t          number;
    uint64_t          salt;
    uint64_t          start;  /* position of the first frame; POSITION_NONE before there is one */
    uint64_t          seq;    /* of the frame before that, with its crc */
    uint32_t          crc;
    uint64_t          end;    /* after the last synced one */
    uint64_t          offset; /* where the next one goes */
    uint64_t          bytes;  /* its size */
    uint64_t          zeroed; /* zeros were written up to here; the keeper's */
    struct disk_file *file;   /* while it may be written, else NULL */
    struct block     *map;
};

enum shard_stage { SHARD_CLAIMED, SHARD_REPLAYED, SHARD_STARTED };

struct shard_file {
    struct shard     base;
    struct list      in_volume;
    struct disk     *disk;
    bool             is_threaded;
    char             dir[16]; /* "shard/000" */
    struct buf       path;    /* directory() */
    enum shard_stage stage;
    uint64_t         file_bytes;
    uint64_t         start; /* position where this claim's frames begin */
    pthread_t        committer;
    pthread_t        keeper;
    atomic_bool      is_full;

    /* The commit thread's own. */
    uint64_t      seq; /* of the last frame */
    uint32_t      crc;
    struct iovec *iov;
    size_t        iov_cap;

    pthread_mutex_t lock;
    pthread_cond_t  changed; /* wakes the commit thread, and whoever fences */
    pthread_cond_t  keep;    /* wakes the keeper */
    struct jfile  **files;   /* oldest first; once started the last is the current one */
    size_t          count;
    struct jfile   *next; /* NULL: being made */
    struct jfile   *made; /* made or grown by the keeper and not yet next */
    uint64_t        last_number;
    uint64_t        wanted; /* size the next file must have for the frame that waits */
    struct append  *first;
    struct append **last;
    uint64_t        position; /* after the last frame taken from the caller */
    uint64_t        synced; /* end of the last frame on stable storage, and its marks */
    uint64_t        synced_seq;
    uint32_t        synced_crc;
    uint64_t        oldest; /* what lies below was trimmed; the marks of the frame before it */
    uint64_t        oldest_seq;
    uint32_t        oldest_crc;
    uint64_t        trim_to;
    bool            wants_sweep; /* there may be files that no head names */
    bool            was_closed; /* the claim before ended orderly */
    bool            is_closed;  /* this one does */
    bool            is_writing;
    bool            is_keeping;
    bool            is_zeroing;   /* the keeper writes to next: do not take it now */
    bool            is_streaming; /* the last bundle was large: leave the disk to the commits */
    bool            stop_commit;
    bool            stop_keep;
    enum err        failed;
    char            what[DISK_PATH_MAX + 32];
};

static inline struct shard_file *shard_file_of(const struct shard *s)
{
    return (struct shard_file *)(uintptr_t)s;
}

/* ---- shard_file.c ---- */
enum err shard_file_claim(struct shard **out, struct disk *disk, uint32_t id, struct mailbox *box,
                          bool is_threaded);
/* From now on appends fail with ERR_FENCED; returns when none is being written. */
void shard_file_fence(struct shard_file *s);
/* The first failure counts. lock is held. */
void shard_file_fail(struct shard_file *s, enum err err, const char *what, const char *path);
void jfile_free(struct jfile *f);
void jfile_path(char out[DISK_PATH_MAX], const struct shard_file *s, uint64_t epoch,
                uint64_t number);

/* ---- shard_replay.c ---- */
enum err shard_file_replay(struct shard *base, uint64_t from, shard_replay_fn *fn, void *ctx);
/* Removes journal files that are in no head; on the keeper's thread, or before there is one. */
enum err shard_file_sweep(struct shard_file *s);

/* ---- shard_commit.c: true when something was done ---- */
bool shard_commit_turn(struct shard_file *s);
void *shard_commit_main(void *arg);
/* Completes with err what is still queued; no thread runs. */
void shard_commit_drain(struct shard_file *s, enum err err);

/* ---- shard_keep.c ---- */
bool shard_keep_turn(struct shard_file *s);
void *shard_keep_main(void *arg);
/* Makes s->next, with this size. */
enum err shard_keep_make(struct shard_file *s, uint64_t bytes);
/* Makes the current state the head on disk. */
enum err shard_keep_head(struct shard_file *s);

#endif
