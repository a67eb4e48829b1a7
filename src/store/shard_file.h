/*
 * shard_file.h - a shard on a disk: what its modules share. Only shard_*.c and volume_file.c
 * include it.
 *
 *   shard_file.c    claim, start, append, view, release         the owner's thread; load: any
 *   shard_replay.c  reads the journal, cuts its torn end        the owner's thread, and
 *   shard_ahead.c   what is read before it is applied           one that ends with the replay
 *   shard_commit.c  writes and syncs frames                     the commit thread, or the owner's
 *   shard_keep.c    makes the next file, trims, writes heads    the keeper thread
 *   shard_work.c    what the owner has done for it              two work threads
 *   shard_blob.c    blobs                                       any thread
 *
 *   S1  Frames go to the last of `files` only. It is followed by `next`, which was allocated,
 *       synced and recorded before.
 *   S2  Only the keeper changes the head on disk while the threads run; before and after that, the
 *       owner.
 *   S3  `lock` guards all fields from `changed` on; no disk call is made under it. The current
 *       file's handle and offset belong to the commit thread, those of `next` to the keeper until
 *       it is taken.
 *   S4  A file that was trimmed is kept for the next one that is made (`spares`) when nobody looks
 *       at it: renamed, with a header of its own and so another salt, which makes what it held no
 *       frames any more.
 *   S5  `failed` is terminal: set once. Whatever changes the disk looks at it first and counts as
 *       under way (is_writing, is_keeping, blob_changes) until it is done: that is what fencing
 *       waits for.
 *   S6  A file of which something is being read (`readers`) is not trimmed.
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
    struct disk_file *file;
    struct block     *map;     /* of a file of this claim; of others during the replay */
    unsigned          readers; /* lock */
};

/* Blobs that are being written, and mappings of others. */
struct blob_file {
    struct blob        base;
    struct shard_file *shard; /* NULL: it was released */
    struct list        in_shard;
    struct disk_file  *file;
    struct block      *map; /* of all that is allocated; lock */
    uint64_t           bytes;
    bool               is_dirty;  /* the commit thread's: written since it was synced */
    bool               is_sealed; /* lock; it has an end, and loads go through mappings of their own */
};

struct blob_map {
    struct list    in_shard;
    struct blob_id id;
    struct block  *map;
    uint64_t       next; /* behind what was loaded last */
};

/* What is written with one call: shard_commit.c. */
struct bundle {
    struct append *first;
    struct append *last;
    size_t         iov_count;
    uint64_t       bytes;      /* of the frames */
    uint64_t       part_bytes; /* of what goes to blobs */
    uint64_t       synced;     /* end of the last frame before it: what its frames vouch for */
    struct jfile  *file;
    bool           has_parts; /* they are durable */
};

struct lane {
    struct shard_file *shard;
    struct work       *first;
    struct work      **last;
    pthread_cond_t     wake;
    pthread_t          thread;
    bool               is_stopping;
};

enum {
    BLOBS_WARM_MAX = 2,
    SPARE_MAX = 4,              /* journal files that are kept to be used again, */
    FILES_KEPT = 8,             /* while there are fewer than this with those in use and the next */
    SMALL_FILE_BYTES = 1 << 20, /* the first of a claim, and all on a disk that is nearly full */
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
    uint64_t         free_min; /* shard_set_free_min */
    atomic_bool      is_full;
    bool             is_held;    /* the owner's: shard_hold, and nothing large was appended since */
    uint64_t         held_bytes; /* appended since */

    /* Of the thread that commits: of who sees !is_writing and no bundle under lock, and takes one. */
    struct bundle bundle; /* being written */
    uint64_t      seq;    /* of the last frame */
    uint32_t      crc;
    struct iovec *iov;
    size_t        iov_cap;

    pthread_mutex_t lock;
    pthread_cond_t  changed; /* wakes whoever fences */
    pthread_cond_t  commit;  /* wakes the commit thread */
    pthread_cond_t  keep;    /* wakes the keeper */
    struct jfile  **files;   /* oldest first; once started the last is the current one */
    size_t          count;
    struct jfile   *spares[SPARE_MAX]; /* the keeper's: in no head, to become `next` */
    size_t          spare_count;
    uint64_t        free; /* on the disk when the keeper last looked */
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
    struct lane     lanes[WORK_LANE_COUNT];
    struct list     blobs;        /* that are being written */
    struct list     maps;         /* the last used first */
    struct blob    *warm[BLOBS_WARM_MAX]; /* sealed last, and still in the system's memory */
    size_t          warm_at;              /* the oldest */
    size_t          map_count;    /* at most BLOB_MAPPINGS_MAX */
    uint64_t        removals;     /* of blobs */
    unsigned        blob_changes; /* under way */
    bool            is_stuck;     /* the next file cannot be made for lack of space */
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
/* Is it the name of a file that a claim made: "epoch-number", as we write it? */
bool shard_file_name(const char *name, uint64_t *epoch, uint64_t *number);
void jfile_free(struct jfile *f);
void jfile_path(char out[DISK_PATH_MAX], const struct shard_file *s, uint64_t epoch,
                uint64_t number);

/* ---- shard_replay.c ---- */
enum err shard_file_replay(struct shard *base, uint64_t from, shard_replay_fn *fn, void *ctx);
/* Removes journal files that are in no head; on the keeper's thread, or before there is one. */
enum err shard_file_sweep(struct shard_file *s);

/* ---- shard_ahead.c ---- */
struct ahead;
typedef enum err ahead_find_fn(void *ctx, struct ahead *a);
/* Calls find, on a thread of its own where there are any, and fn here for what it finds. Returns
 * when both are done, with the error that comes first in the journal. */
enum err shard_ahead_run(struct shard_file *s, shard_replay_fn *fn, void *fn_ctx,
                         ahead_find_fn *find, void *find_ctx);
/* For find: a frame's body, in memory; a file of which all was found. */
enum err shard_ahead_frame(struct ahead *a, struct bytes body, uint64_t position);
enum err shard_ahead_leave(struct ahead *a, struct block *map);

/* ---- shard_commit.c: true when something was done ---- */
bool shard_commit_turn(struct shard_file *s);
void *shard_commit_main(void *arg);
/* Completes with err what is still queued; no thread runs. */
void shard_commit_drain(struct shard_file *s, enum err err);
/* Is a, which is now the last that waits, to wait for the owner? lock is held. */
bool shard_commit_is_held(struct shard_file *s, const struct append *a);
void shard_commit_hold(struct shard *base);
bool shard_commit_let_go(struct shard *base, bool is_alone);

/* ---- shard_work.c ---- */
void shard_work_init(struct shard_file *s);
void shard_work_fini(struct shard_file *s);
void shard_work_start(struct shard_file *s);
/* All that was handed over is done when it returns. */
void shard_work_stop(struct shard_file *s);
void shard_work_add(struct shard *base, enum work_lane lane, struct work *w);
/* One work of this lane: true when there was one. */
bool shard_work_turn(struct shard_file *s, enum work_lane lane);

/* ---- shard_blob.c: the functions of blob.h, and ---- */
enum err shard_blob_file_create(struct shard *s, struct blob_id id, uint64_t bytes,
                                struct blob **out);
enum err shard_blob_file_load(struct shard *s, struct blob_id id, uint64_t offset, uint32_t len,
                              struct slice *out);
enum err shard_blob_file_remove(struct shard *s, struct blob_id id);
enum err shard_blob_file_list(struct shard *s, shard_blob_fn *fn, void *ctx);
enum err shard_blob_file_reserve(struct blob *b, uint64_t bytes);
uint64_t shard_blob_file_reserved(const struct blob *b);
enum err shard_blob_file_write(struct blob *b, uint64_t offset, struct iovec *iov, size_t count);
enum err shard_blob_file_sync(struct blob *b);
enum err shard_blob_file_seal(struct blob *b, uint64_t end);
struct slice shard_blob_file_view(struct blob *b, uint64_t offset, uint32_t len);
void shard_blob_file_free(struct blob *b);
void shard_blob_fini(struct shard_file *s);
/* For the commit thread, which counts as writing. */
/* Not yet durable. iov is used up. */
enum err shard_blob_put(struct blob *b, uint64_t offset, struct iovec *iov, size_t count);
/* Makes it so, when there is anything. */
enum err shard_blob_flush(struct blob *b);

/* ---- shard_keep.c ---- */
bool shard_keep_turn(struct shard_file *s);
void *shard_keep_main(void *arg);
/* Notes the orderly end, and removes the files that were kept to be used again. No keeper runs. */
enum err shard_keep_close(struct shard_file *s);
/* Makes s->next, with this size. */
enum err shard_keep_make(struct shard_file *s, uint64_t bytes);
/* Makes the current state the head on disk. */
enum err shard_keep_head(struct shard_file *s);

#endif
