/*
 * volume.h - where shards live, behind one small table of functions with written guarantees.
 *
 * A volume holds shards; a shard is owned by exactly one claimant under an epoch that only grows.
 * Here is the part of a shard that must be durable before an answer: its journal, an endless
 * sequence of frames. A frame is what one append hands over: it takes effect whole or not at all.
 * What is inside its body is the business of journal.h. Beside it lie the shard's blobs: large, few,
 * and meaningless without a frame that says what is in them.
 *
 *   V1  When shard_claim returns, no append of an older claim can succeed any more or change what
 *       shard_replay gives; older handles get ERR_FENCED, which means "outcome unknown".
 *   V2  Appends take effect and complete in the order of the calls. Success: the frame, its parts
 *       and all before it are on stable storage. A frame is never there without its parts.
 *   V3  After the first failed append every later one of the handle fails without effect. Nothing
 *       is ever retried.
 *   V4  Replay gives every frame that was acknowledged, once and in order; frames at the very end
 *       that nobody acknowledged may appear, and then count as written for good.
 *   V5  Positions are byte addresses: a frame takes FRAME_HEADER_BYTES + body bytes, the next one
 *       follows at once. They only grow and are never used twice: each claim starts far beyond all
 *       that an earlier one can have handed out.
 *   V6  Names are recorded before they are used, removals are recorded before they are done (what
 *       RADOS needs; files get it free). For the journal's files the volume does that itself, for
 *       blobs the owner does, with frames: made durable before shard_blob_create and before
 *       shard_blob_remove.
 *   V7  A blob grows at its end and only while the claim that made it lasts; it counts as far as a
 *       frame says, and what counts never changes. Bytes that no frame speaks of, and blobs that
 *       none names, may be anything: also what a fenced owner still wrote.
 *
 * Implementations: "file:/path" (volume_file.c), "sim:SEED" (the same on disk_sim.c). Disk layout:
 * docs/journal.md.
 *
 * Thread: open, close and claim from one thread (the node's); a shard's functions from its owner's
 * thread, except shard_is_full, what is called "blocking" below, and slices: any. Completions are
 * mails to the mailbox given to shard_claim.
 */
#ifndef STORE_VOLUME_H
#define STORE_VOLUME_H

#include "base/block.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mail.h"

#include <sys/uio.h>

struct volume;
struct shard;
struct blob;

enum {
    FRAME_HEADER_BYTES = 56,
    FRAME_BODY_MAX = 1 << 30,          /* bytes of one append */
    SHARD_MAX = 1000,                  /* shard ids are below: three digits in a path */
    VOLUME_ID_LEN = 22,                /* base64url of 128 random bits */
    JOURNAL_FILE_BYTES = 64 << 20,     /* default size of a journal file */
    JOURNAL_FILE_BYTES_MIN = 64 << 10,
    DISK_FREE_MIN = 64 << 20, /* default of shard_set_free_min */
};

/*
 * Opens or creates. The errors are for the one sentence a user sees; in every case but ERR_OK
 * nothing was changed. ERR_BUSY: another process has it. ERR_FOREIGN: a directory with other things
 * in it. ERR_NEWER_FORMAT, ERR_OLDER_FORMAT, ERR_ACCESS, ERR_NO_SPACE, ERR_CORRUPT (what names the
 * volume is damaged), ERR_BAD_ARGUMENT (not a URI we know), ERR_IO.
 */
MUST_CHECK enum err volume_open(struct volume **out, const char *uri);
/* All shards have been released. */
void volume_close(struct volume *v);
/* The volume's random name, VOLUME_ID_LEN characters, made once and kept for ever (Kafka's cluster
 * id). */
const char *volume_id(const struct volume *v);

/*
 * Claims a shard under a new epoch, made when it is not there yet. Completions of its appends go to
 * box. The order after it: shard_replay, shard_start, then anything, shard_release.
 */
MUST_CHECK enum err shard_claim(struct shard **out, struct volume *v, uint32_t id,
                                struct mailbox *box);
/* Frees the handle. Appends and work under way are waited for; their completions may still be in the
 * mailbox and must be run or thrown away by the owner before it frees them. What was synced is
 * noted, so that later damage at the very end is seen. Of its blobs only blob_drop may be called
 * from then on. */
void shard_release(struct shard *s);
uint64_t shard_epoch(const struct shard *s);
uint32_t shard_id(const struct shard *s);
/* Directory for files that belong to the shard and can be rebuilt (catalogue.h); NULL: it has none,
 * keep them in memory. */
const char *shard_directory(const struct shard *s);

/*
 * A shard's checkpoint, replaced whole and durable on return: for volumes without a directory.
 * ERR_FENCED. Waits for the disk. is_there: false when there was never one.
 */
MUST_CHECK enum err shard_put_checkpoint(struct shard *s, struct bytes content);
MUST_CHECK enum err shard_get_checkpoint(struct shard *s, struct buf *out, bool *is_there);

/* One frame read back; position is its body's. body is valid during the call. */
typedef enum err shard_replay_fn(void *ctx, struct bytes body, uint64_t position);

/*
 * Every frame that ends after `from` (0: all), checked. Then what lies behind the last good frame
 * is cut off durably when it can only be an append that was never acknowledged; ERR_CORRUPT and one
 * diag line with file and offset when it is damage to what was. Also ERR_CORRUPT: frames at or
 * after `from` are missing. fn's error ends it and is returned.
 */
MUST_CHECK enum err shard_replay(struct shard *s, uint64_t from, shard_replay_fn *fn, void *ctx);
/* For the callback of shard_replay: how many bytes the files have that are walked; more than the
 * frames, as the last one is not full. */
uint64_t shard_replay_bytes(const struct shard *s);
/* Makes ready for appends; files of file_bytes (0: default). position: where the first frame will
 * start. */
MUST_CHECK enum err shard_start(struct shard *s, uint64_t file_bytes, uint64_t *position);

/* Bytes for a blob (blob.h) that must be there when a frame is. */
struct blob_part {
    struct blob        *blob;
    uint64_t            offset;
    const struct iovec *iov;
    size_t              iov_count;
    uint64_t            bytes; /* sum of iov */
    struct blob_part   *next;
};

/*
 * One append. The caller fills in the first part and does not touch it, nor the memory iov leads
 * to, until mail.run is called on its thread; from then on err is the result. Header, sequence
 * number and checksums are added on the way.
 */
struct append {
    struct mail         mail; /* run is the caller's */
    const struct iovec *iov;
    size_t              iov_count;
    uint32_t            bytes;    /* sum of iov: 8 to FRAME_BODY_MAX, a multiple of 8 */
    uint64_t            position; /* of the frame: the end of the one before */
    struct blob_part   *parts;    /* written and synced before the frame is written; may be NULL */
    enum err            err;
    const char         *what; /* with an error: what failed, in words; lives as long as the shard */
    struct append      *next; /* the volume's, as are the following */
    bool                is_ahead;
    uint8_t             header[FRAME_HEADER_BYTES];
};

void shard_append(struct shard *s, struct append *a);
/*
 * A turn of the owner: while the shard is held, small appends wake no thread. shard_let_go does
 * that; or, when the caller has nothing else to do (is_alone), it commits them itself and returns
 * true: the two changes of threads that it saves take about as long as a quick disk does. An owner
 * that never holds is served as well.
 */
void shard_hold(struct shard *s);
bool shard_let_go(struct shard *s, bool is_alone);

/* len bytes at position, which are the inside of a frame that this claim appended and that is
 * completed: without copying, and without waiting as long as it is in the system's memory, so only
 * for what was written lately. The slice stays readable after trim and release. ERR_OUT_OF_RANGE:
 * trimmed, never completed, or of an older claim. */
MUST_CHECK enum err shard_view(struct shard *s, uint64_t position, uint32_t len, struct slice *out);
/*
 * Copies [position, position + len) of the journal, which begins and ends inside of frames that were
 * completed or replayed, one file's. Blocking, from any thread. ERR_DISK_FAILED: the medium does not
 * give it back. ERR_OUT_OF_RANGE: trimmed, never completed, or in two files.
 */
MUST_CHECK enum err shard_load(struct shard *s, uint64_t position, size_t len, void *out);

/* Nothing below position is needed any more: whole files are removed, in the background. */
void shard_trim(struct shard *s, uint64_t position);
/* Start of the oldest frame still held. */
uint64_t shard_oldest(const struct shard *s);
/* Before shard_start: what must stay free on the disk for shard_is_full to be false. */
void shard_set_free_min(struct shard *s, uint64_t bytes);
/*
 * True from when less than that is free, or no further journal file can be made, until there is
 * clearly more: refuse what makes the shard grow (publishes: ERR_NO_SPACE). What is kept back is
 * for that which lets it shrink again: settles go on, which are small and for which there is always
 * one file ready ahead of the one in use, and so do checkpoints, trims and, down to half of it,
 * blobs. Appends that do not fit into the file that is ready wait for space; they do not fail.
 */
bool shard_is_full(const struct shard *s);

/* ---- work ---- */

enum work_lane {
    WORK_READ, /* what a client waits for */
    WORK_TIDY, /* what nobody waits for */
    WORK_LANE_COUNT,
};

/*
 * Something that waits for the disk. run is called on the lane's thread, which does one after the
 * other in order; then mail is posted to the shard's mailbox. After shard_start. Whatever was
 * handed over is done before shard_release returns.
 */
struct work {
    struct mail mail; /* run is the caller's */
    void (*run)(struct work *w);
    struct work *next; /* the volume's */
};

void shard_work(struct shard *s, enum work_lane lane, struct work *w);

#endif
