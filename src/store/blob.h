/*
 * blob.h - a shard's blobs: large files that hold what frames refer to. How they and the journal
 * hang together: volume.h, V2, V6, V7.
 *
 *     frame "A will be made"  ->  shard_blob_create  ->  blob_write, parts of appends, blob_reserve
 *       ->  blob_seal  ->  read for years  ->  frame "A is gone"  ->  shard_blob_remove
 *
 * After a crash a blob may be there that no frame names, or be longer than what frames say of it:
 * shard_blob_sweep removes the former, the latter is never looked at.
 *
 * Thread: what is called "blocking" waits for the disk and may be called from any thread, normally
 * in a work (volume.h); the rest does not wait and may be called from any thread, too.
 */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include "store/volume.h"

enum {
    BLOB_MAPPINGS_MAX = 512, /* of blobs that were loaded from; beyond, the longest unused goes */
};

/* The epoch of the claim that made it, and a number its owner never uses twice in that epoch. */
struct blob_id {
    uint64_t epoch;
    uint64_t number;
};

/* One that is being written by this claim; counted. */
struct blob;

/*
 * A new one of this claim's epoch, reading as zeros, with space allocated for `bytes` > 0; its name
 * is durable. ERR_NO_SPACE (nothing is left behind; also when less than half of what is kept free
 * would remain), ERR_FENCED, ERR_DISK_FAILED. Blocking.
 */
MUST_CHECK enum err shard_blob_create(struct shard *s, struct blob_id id, uint64_t bytes,
                                      struct blob **out);
/* Allocates space up to `bytes`, durably. As shard_blob_create; may run beside writes. */
MUST_CHECK enum err blob_reserve(struct blob *b, uint64_t bytes);
/* What was allocated: only there may be written. */
uint64_t blob_reserved(const struct blob *b);
/* Blocking; iov is used up. Writes may run beside one another when their ranges are disjoint. What
 * frames speak of is never written again. After an error nothing is known of the blob: drop it. */
MUST_CHECK enum err blob_write(struct blob *b, uint64_t offset, struct iovec *iov, size_t count);
/* All that was written is on stable storage. Blocking. */
MUST_CHECK enum err blob_sync(struct blob *b);
/* Nothing more will be written: gives back the space behind `end`, durably. Blocking. */
MUST_CHECK enum err blob_seal(struct blob *b, uint64_t end);
/* What was written, without copying and, as long as it is in memory, without waiting. Any thread. */
struct slice blob_view(struct blob *b, uint64_t offset, uint32_t len);
struct blob_id blob_id(const struct blob *b);
struct blob *blob_hold(struct blob *b);
void blob_drop(struct blob *b); /* NULL is allowed */

/*
 * Reads a part of any blob of the shard, with its pages in memory, so that whoever gets the slice
 * does not wait for the disk. Blocking, from any thread. ERR_DISK_FAILED: the medium cannot be
 * read. ERR_CORRUPT: there is no such blob, or it ends before.
 */
MUST_CHECK enum err shard_blob_load(struct shard *s, struct blob_id id, uint64_t offset,
                                    uint32_t len, struct slice *out);
/* Fine when it is not there. Slices stay readable. Blocking. */
MUST_CHECK enum err shard_blob_remove(struct shard *s, struct blob_id id);

typedef void shard_blob_fn(void *ctx, struct blob_id id, uint64_t bytes);
/* All that are there, in no order. Blocking. */
MUST_CHECK enum err shard_blob_list(struct shard *s, shard_blob_fn *fn, void *ctx);
typedef bool shard_blob_keep_fn(void *ctx, struct blob_id id);
/* Removes all that `keep` does not want. For the owner, after recovery and before it makes one.
 * Blocking. */
MUST_CHECK enum err shard_blob_sweep(struct shard *s, shard_blob_keep_fn *keep, void *ctx);

#endif
