/*
 * head.h - the head of a shard: the small file that is replaced whole, and says which epoch owns
 * the shard and of which files its journal consists. Text, so that `cat` shows it; the last line is
 * the CRC-32C of all before it.
 *
 *     myna shard 1
 *     epoch 3                     of the last claim
 *     start 137438953472          where that claim's frames begin
 *     synced 68719480000          everything below is on stable storage, or was trimmed
 *     oldest 0 0 0                frames below it were trimmed; seq and CRC of the one before it
 *     closed 1                    1: the owner ended at synced, nothing lies behind
 *     file 1-1 0                  epoch-number, start of its first frame; oldest first
 *     file 3-1 -                  "-": it had no frame yet
 *     crc 89abcdef
 *
 * Thread: pure functions over caller's storage.
 */
#ifndef STORE_HEAD_H
#define STORE_HEAD_H

#include "base/buf.h"
#include "base/err.h"

static const uint64_t POSITION_NONE = UINT64_MAX;

struct head_file {
    uint64_t epoch;
    uint64_t number;
    uint64_t start; /* POSITION_NONE: no frame when the head was written */
};

struct head {
    uint64_t          epoch;
    uint64_t          start;
    uint64_t          synced;
    uint64_t          oldest;
    uint64_t          oldest_seq;
    uint64_t          oldest_crc;
    uint64_t          closed;
    size_t            count;
    struct head_file *files; /* owned */
};

void head_init(struct head *h);
void head_fini(struct head *h);
void head_add(struct head *h, uint64_t epoch, uint64_t number, uint64_t start);
void head_format(const struct head *h, struct buf *out);
/* Into an initialised head. ERR_CORRUPT, ERR_NEWER_FORMAT. */
MUST_CHECK enum err head_parse(struct head *h, struct bytes text);

#endif
