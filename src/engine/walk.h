/*
 * walk.h - which extents lie in a segment, found out from the segment itself: their headers follow
 * one another. What the index does not name is among them, too.
 *
 * Thread: the shard's; extents_walk: any.
 */
#ifndef ENGINE_WALK_H
#define ENGINE_WALK_H

#include "engine/log_int.h"

struct walk {
    struct work    work;
    struct engine *engine; /* NULL: it is gone */
    struct list    in_walks;
    struct shard  *shard;
    struct blob_id segment;
    uint64_t       bytes; /* of it */
    void (*done)(struct engine *e, const struct walk *w, void *ctx);
    void *ctx;
    enum err err;
    struct walk_extent {
        uint64_t log, base, end;
        uint64_t at;
    } *found;
    size_t count, cap;
};

/* Reads the headers on the tidy thread, then calls done. */
void walk_start(struct engine *e, const struct segment *s,
                void (*done)(struct engine *e, const struct walk *w, void *ctx), void *ctx);
/* Whether what was found is the extent that the index has. */
bool walk_is_extent(const struct walk *w, size_t i, const struct extent *x);
void walk_fini(struct engine *e);

#endif
