/*
 * load_int.h - what loads of extents (load.c) and of batches in the journal (recall.c) share. Thread: the
 * shard's, but for what is said to be the reader thread's.
 */
#ifndef ENGINE_LOAD_INT_H
#define ENGINE_LOAD_INT_H

#include "engine/log_int.h"

/* One load on its way. The reader thread has what lies between the marks; the rest is the engine's. */
struct reading {
    struct work    work;
    struct engine *engine; /* NULL: it is gone, nobody wants this any more */
    struct list    in_flight;
    struct list    waits; /* struct load_wait */
    bool           is_check; /* kept only if somebody waits */
    /* What was read becomes known, or that it cannot be. Takes over r->load. */
    void (*settle)(struct engine *e, struct reading *r);
    /* for the reader thread */
    struct shard      *shard;
    struct blob_id     segment; /* of an extent, as are the next two */
    uint64_t           at;
    struct extent_head want;
    struct load       *load; /* out; of the journal it is there before, with positions in it */
    enum err           err;  /* out */
    /* until here */
};

/* Its entries are not filled in, nor are its bytes. */
struct load *load_new(uint64_t log, uint64_t base, uint64_t end, uint32_t count);
void load_free(struct load *load);
/* It has its bytes and counts from now on. */
void load_keep(struct engine *e, struct load *load);
/* On its way. The caller fills in the rest, then gives it to the shard. */
struct reading *load_reading_new(struct engine *e, void (*run)(struct work *w),
                                 void (*settle)(struct engine *e, struct reading *r));

#endif
