/*
 * inspect.h - looks at one journal file by itself, frame by frame, and says everything that is
 * wrong with it: for `myna dump` and `myna verify`. Recovery judges the chain of all files
 * (chain.h) and stops at the first doubt; this goes on as far as it can and changes nothing.
 *
 *     head -> frame -> records of it -> frame ... -> end
 *
 * Thread: pure functions over the file's bytes, any.
 */
#ifndef STORE_INSPECT_H
#define STORE_INSPECT_H

#include "store/frame.h"
#include "store/journal.h"

/* What is told, in order of the file; members may be NULL. offset: in the file. */
struct inspector {
    void (*head)(void *ctx, const struct file_head *head);
    void (*frame)(void *ctx, const struct frame *frame, size_t offset);
    journal_replay_fn *record; /* an error is a finding, too, and ends the frame */
    /* The last frame ended here; what lies behind is zeros, or was never acknowledged. */
    void (*end)(void *ctx, size_t offset, bool is_zeros);
    void (*finding)(void *ctx, size_t offset, const char *what);
    void *ctx;
};

/* Returns the number of findings. */
size_t inspect_journal(struct bytes file, const struct inspector *in);

#endif
