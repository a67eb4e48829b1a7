/*
 * chain.h - walks the frames of a shard's journal files, checks that each follows from the one
 * before, and judges what it finds where they end. Used by recovery only; the bytes may be
 * anything.
 *
 *   H1  A frame belongs when its header and body are whole, its epoch is the file's, its seq is the
 *       last one + 1, it names the CRC of the last one, and its position follows (directly within
 *       an epoch, anywhere ahead in the first of a later one). So the walk begins with the seq and
 *       CRC of a frame that may itself be gone.
 *   H2  Where the chain ends and nothing proves otherwise, that is the end: an append was cut
 *       short, or there was none.
 *   H3  Proof of damage is any whole frame further on which says "synced" of a position above the
 *       end of the chain, or a mark kept elsewhere (chain.synced) above it. Then nothing may be
 *       cut: ERR_CORRUPT.
 *
 * Thread: the caller's.
 */
#ifndef STORE_CHAIN_H
#define STORE_CHAIN_H

#include "store/frame.h"

/* One journal file, oldest first. */
struct chain_file {
    const char      *name;
    struct bytes     bytes; /* all of it, header included */
    size_t           data;  /* behind this there are only zeros; bytes.len when not known */
    struct file_head head;  /* in: what it must be; out: with its salt */
    uint64_t         start; /* position of its first frame; POSITION_NONE: none found */
    uint64_t         end;   /* position after its last good frame */
    size_t           used;  /* bytes up to there */
    uint64_t         seq;   /* of the frame before its first one */
    uint32_t         crc;
    size_t           loaded;
};

/* Called before bytes are looked at, with stretches that follow one another. */
typedef enum err chain_load_fn(void *ctx, struct chain_file *file, size_t from, size_t len);

struct chain {
    uint64_t         from;   /* bodies of frames that end at or below are not looked at nor given */
    uint64_t         synced; /* a mark kept elsewhere: the chain must reach it */
    shard_replay_fn *fn;
    void            *ctx;
    chain_load_fn   *load;
    void            *load_ctx;
    bool             is_closed; /* it was closed at synced: nothing can lie behind */
    uint64_t         end; /* these: of the frame before the walk, then of the last good one */
    uint64_t         epoch;
    uint64_t         seq;
    uint32_t         crc;
};

/* Fills in salt, start, end and used of each file. ERR_CORRUPT, with a diag line; ERR_NEWER_FORMAT;
 * the errors of fn and load. */
MUST_CHECK enum err chain_walk(struct chain *c, struct chain_file *files, size_t count);

#endif
